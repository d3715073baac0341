"""The chapter on data: card, split, findings of the gate, and every run with its digest."""

from dataclasses import replace

import pytest

from arogya_bench.comparison.split_table import ONLY_TESTED
from arogya_bench.report.columns import Link
from arogya_bench.report.content import build_report
from arogya_bench.report.data_sections import split_section
from arogya_bench.report.run_links import MOST_LINKS, find_run_links, run_links


def chapter_of(comparison, name):
    (dataset,) = build_report(comparison).datasets
    return next(chapter for chapter in dataset.chapters if chapter.name == name)


@pytest.fixture(scope="module")
def sections(comparison):
    return {section.name: section for section in chapter_of(comparison, "data").sections}


def test_the_card_says_what_is_known_and_what_is_not_stated(sections, comparison):
    card = {row["fact"]: str(row["value"]) for row in sections["data-card"].records}

    (facts,) = comparison.about["datasets"]
    assert card["patients"] == str(facts["patients"])
    assert card["citation"] == "not stated"
    assert card["split"] == facts["split"]


def test_the_split_has_a_column_for_each_part(sections):
    split = sections["split"]

    assert split.headers == ["class", "train", "validation", "test"]
    assert split.rows[0][0] == "(all)"
    assert "patients)" in split.rows[0][1]


def test_a_clean_gate_is_said_and_findings_are_listed(comparison):
    (facts,) = comparison.about["datasets"]
    read = {**facts, "card": {**facts["card"], "reader": "Synthetic"}}

    def with_findings(*findings):
        return replace(comparison, about={**comparison.about, "datasets": [{**read, "gate_findings": list(findings)}]})

    found = {"severity": "warning", "code": "AB302", "title": "Small", "count": 1200, "detail": "cedar", "fix": "add"}
    (clean,), (listed,) = (chapter_of(each, "data").groups for each in (with_findings(), with_findings(found)))

    assert clean.sentences == ("The data gate found no error and no warning in these data.",)
    gate = next(section for section in listed.sections if section.name == "gate")
    assert gate.rows == [["warning", "AB302", "Small", "1,200", "cedar", "add"]]


def test_every_run_is_listed_with_its_digest(sections, comparison):
    runs = sections["runs"]

    linked = [row[runs.headers.index("run")].links[0].run_id for row in runs.cells]
    assert linked == list(comparison.runs["run_id"])
    digests = [row[runs.headers.index("digest (SHA-256)")] for row in runs.rows]
    assert digests == [digest[:16] for digest in comparison.runs["digest"]]


def test_rows_about_one_model_end_with_links_to_its_runs(comparison):
    (board,) = (s for s in chapter_of(comparison, "overview").sections if s.name == "leaderboard")

    linked = [[link.run_id for link in row[-1].links] for row in board.cells]

    assert board.headers[-1] == "runs"
    assert linked == list(comparison.leaderboard["run_ids"])
    assert "runs" not in board.brief().headers


def test_rows_of_a_condition_link_to_the_runs_under_it(comparison):
    expected = comparison.runs[comparison.runs["condition"] == "gaussian_noise_0.1"]["run_id"]
    (grid,) = (s for s in chapter_of(comparison, "robustness").sections if s.name == "robustness")

    linked = {link.run_id for link in grid.cells[0][-1].links}

    assert grid.rows[0][0].endswith("0.1")
    assert linked == set(expected)


def test_a_pair_links_to_the_runs_of_both(comparison):
    (pairs,) = (s for s in chapter_of(comparison, "comparison").sections if s.name == "pairwise")

    linked = {link.run_id for link in pairs.cells[0][-1].links}

    assert linked == {run for runs in comparison.leaderboard["run_ids"] for run in runs}


def test_of_many_runs_the_first_are_named_and_the_table_has_the_others():
    links = run_links([f"{number:032x}" for number in range(20)])

    assert len(links) == MOST_LINKS + 1
    assert links[-1] == Link(text="+15", anchor="runs")


def test_a_row_about_many_models_leads_to_the_table_of_runs():
    rows = [{"model": name, "condition": "noise", "run_id": name * 32, "digest": "1"} for name in "abc"]

    assert find_run_links(rows, []).of_row({"condition": "noise"}) == (Link(text="3", anchor="runs"),)


@pytest.mark.parametrize(
    ("split", "note", "said"),
    [
        ("group-80-10-10-s42", "", "No patient is in two parts, since the split is by group."),
        ("image_level-80-10-10", "", "A patient may be in several parts, since the split is by image."),
        ("official", "", "The data gate reports patients that are in several parts."),
        ("imported", ONLY_TESTED, "Cases, and the patients that they are of."),
    ],
)
def test_the_split_says_whether_patients_are_apart(split, note, said):
    row = {"split": split, "class": "(all)", "part": "test", "cases": 120, "groups": 60, "note": note}

    section = split_section([row])

    assert section.note.endswith(said)
    assert section.footnotes == ((f"imported: {ONLY_TESTED}.",) if note else ())
