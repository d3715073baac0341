from pathlib import Path

import numpy as np
import pandas as pd

from arogya_bench import compare
from arogya_bench.api import Comparison
from arogya_bench.comparison import thumbnails
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.comparison.tables import BlockTables
from arogya_bench.comparison.thumbnails import case_picture_rows
from arogya_bench.images.thumbnails import THUMBNAIL_COLUMNS, to_data_uri, to_jpeg
from arogya_bench.tracking.items import Tags
from arogya_bench.tracking.runs import search_runs, write_items

CLEAN = "tags.`arogya.kind` = 'evaluation' and tags.`arogya.condition` = 'clean'"


def picture(case_id):
    """A grey picture that differs from case to case."""
    return to_jpeg(np.full((64, 64, 3), sum(case_id.encode()) % 256, dtype=np.uint8))


def keep_pictures(store, case_ids, *, model="opencv"):
    """Let the clean evaluation of a model keep pictures of cases, as if its data had allowed it."""
    (run,) = search_runs(store, f"{CLEAN} and tags.`arogya.model` = '{model}'")
    rows = [(case_id, "", picture(case_id)) for case_id in case_ids]
    # MLflow remembers where a run keeps its files, and copies of a store have runs of the same ids.
    pd.DataFrame(rows, columns=list(THUMBNAIL_COLUMNS)).to_parquet(Path(run.artifact_uri) / "thumbnails.parquet")
    write_items(store, run.run_id, [Tags(values={"arogya.thumbnails": "allowed"})])


def shown_cases(comparison):
    errors = comparison.errors
    return {*errors[errors["position"] <= 5]["case_id"], *comparison.missed_by_all["case_id"]}


def pictures(store, comparison):
    """The rows of pictures that the runs of a store give for the tables of a comparison."""
    blocks = load_evaluations(store, resamples=100).blocks
    analyses = {name: to_records(getattr(comparison, name)) for name in ("errors", "missed_by_all")}
    tables = BlockTables(verdict=[], leaderboard=[], pairwise=[], robustness=[], missing=[], analyses=analyses)
    return case_picture_rows(blocks, [tables])


def test_exactly_the_cases_that_a_report_shows_have_pictures(study, comparison):
    keep_pictures(study, sorted({*comparison.errors["case_id"], *comparison.missed_by_all["case_id"], "another"}))

    pictured = compare("study", tracking_uri=study.uri)

    table = pictured.thumbnails
    assert set(table["case_id"]) == shown_cases(pictured)
    assert table["case_id"].is_unique
    assert all(row.image == to_data_uri(picture(row.case_id)) for row in table.itertuples())
    assert pictured.about["datasets"][0]["thumbnails"] == {"runs": 2, "allowed": 1}
    pd.testing.assert_frame_equal(Comparison.from_json(pictured.to_json()).thumbnails, table)


def test_pictures_that_were_not_allowed_are_not_read(study, comparison):
    keep_pictures(study, shown_cases(comparison))
    (run,) = search_runs(study, f"{CLEAN} and tags.`arogya.model` = 'opencv'")
    write_items(study, run.run_id, [Tags(values={"arogya.thumbnails": "denied"})])

    assert pictures(study, comparison) == []


def test_a_run_without_its_file_leaves_cases_without_pictures(study, comparison):
    (run,) = search_runs(study, f"{CLEAN} and tags.`arogya.model` = 'opencv'")
    write_items(study, run.run_id, [Tags(values={"arogya.thumbnails": "allowed"})])

    assert pictures(study, comparison) == []


def test_what_one_run_lacks_another_run_gives(study, comparison):
    first, *others = sorted(shown_cases(comparison))
    keep_pictures(study, [first])
    keep_pictures(study, others, model="prior")

    assert {row["case_id"] for row in pictures(study, comparison)} == {first, *others}


def test_pictures_take_at_most_their_share_of_a_file(monkeypatch, study, comparison):
    keep_pictures(study, shown_cases(comparison))
    size = len(to_data_uri(picture("x")))
    monkeypatch.setattr(thumbnails, "MAX_BYTES", 3 * size + size // 2)

    limited = pictures(study, comparison)

    firsts = comparison.errors[comparison.errors["position"] == 1]["case_id"]
    assert len(limited) == 3
    assert set(firsts) <= {row["case_id"] for row in limited}


def test_a_file_of_an_earlier_version_has_no_pictures(comparison):
    text = comparison.to_json().replace('"thumbnails": []', '"unknown": []')

    assert Comparison.from_json(text).thumbnails.empty
