from dataclasses import replace

import pandas as pd
import pytest

from arogya_bench.comparison.thumbnails import CASE_PICTURE_COLUMNS
from arogya_bench.report.content import build_report

IMAGE = "data:image/jpeg;base64,/9j/"


def with_pictures(comparison, rows):
    """The comparison with pictures, as if its data had allowed them."""
    (dataset,) = comparison.about["datasets"]
    rows = [{"dataset": dataset["dataset"], "model": None, "caption": "", "image": IMAGE, **row} for row in rows]
    table = pd.DataFrame(rows, columns=list(CASE_PICTURE_COLUMNS)).astype({"model": object})
    allowed = {**dataset, "thumbnails": {"runs": 2, "allowed": 2}}
    return replace(comparison, thumbnails=table, about={**comparison.about, "datasets": [allowed]})


def error_chapter(comparison):
    (dataset,) = build_report(comparison).datasets
    return next(chapter for chapter in dataset.chapters if chapter.name == "errors")


@pytest.fixture(scope="session")
def pictured(comparison):
    cases = [*comparison.errors["case_id"], *comparison.missed_by_all["case_id"]]
    return with_pictures(comparison, [{"case_id": case} for case in dict.fromkeys(cases)])


def test_each_model_has_its_mistakes_under_its_name_the_best_first(comparison):
    groups = error_chapter(comparison).groups

    assert [group.title for group in groups] == [*comparison.leaderboard["model"], "Every model"]
    assert len({group.name for group in groups}) == len(groups)
    for group in groups[:-1]:
        table = comparison.errors
        expected = table[(table["model"] == group.title) & (table["position"] <= 5)]
        assert [row["case_id"] for row in group.sections[0].records] == list(expected["case_id"])


def test_a_case_is_shown_with_its_picture(pictured):
    chapter = error_chapter(pictured)

    cells = [row[section.headers.index("case")] for section in chapter.sections for row in section.cells]
    assert {cell.image for cell in cells} == {IMAGE}
    assert all(cell.text for cell in cells)
    assert not any("No pictures" in section.note or "without a picture" in section.note for section in chapter.sections)


def test_without_consent_the_report_says_why_there_are_no_pictures(comparison):
    chapter = error_chapter(comparison)

    for section in chapter.sections:
        assert section.note.endswith("No pictures: dataset.thumbnails was not allowed when these runs were evaluated.")
        assert not any(cell.image for row in section.cells for cell in row)


def test_a_case_without_its_picture_is_explained(comparison):
    first = comparison.errors["case_id"].iloc[0]

    chapter = error_chapter(with_pictures(comparison, [{"case_id": first}]))

    assert all("A case without a picture is not among" in section.note for section in chapter.sections)


def test_the_worst_images_of_a_detector_are_shown_with_what_is_wrong(comparison):
    rows = [{"model": "opencv", "case_id": "c7", "caption": "1 of 2 objects missed, 0 false detections"}]
    boxes = replace(with_pictures(comparison, rows), errors=comparison.errors.head(0))

    (first, *_) = error_chapter(boxes).groups

    (section,) = first.sections
    assert (first.title, section.name) == ("opencv", "box-errors")
    assert section.rows[0][:2] == ["c7", "1 of 2 objects missed, 0 false detections"]
    assert section.cells[0][0].image == IMAGE
