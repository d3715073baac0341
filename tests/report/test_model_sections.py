"""Each model in detail: what it is, its classes, confusion, curves and decisions, each with its finding."""

from dataclasses import replace

import pytest

from arogya_bench.report.content import build_report
from arogya_bench.report.model_facts import fact_rows, format_duration
from arogya_bench.report.model_sections import SIDE_BY_SIDE, confusion_section

CELLS = [
    {"true": "a", "predicted": "a", "count": 9.0, "share": 0.9},
    {"true": "a", "predicted": "b", "count": 1.0, "share": 0.1},
    {"true": "b", "predicted": "a", "count": 1.5, "share": 0.3},
    {"true": "b", "predicted": "b", "count": 3.5, "share": 0.7},
]


@pytest.fixture(scope="module")
def chapter(comparison):
    (dataset,) = build_report(comparison).datasets
    return next(chapter for chapter in dataset.chapters if chapter.name == "models")


def test_each_model_has_a_group_in_the_order_of_the_leaderboard(chapter, comparison):
    assert [group.title for group in chapter.groups] == [SIDE_BY_SIDE, *comparison.leaderboard["model"]]
    names = {section.name for section in chapter.groups[1].sections}
    assert names == {"facts", "classes", "confusion", "roc", "reliability", "operating-points"}


def test_sentences_say_what_the_model_is_and_whether_it_beats_guessing(chapter, comparison):
    for group, row in zip(chapter.groups[1:], comparison.models.to_dict("records"), strict=True):
        assert group.sentences[0] == row["description"]
        assert any(sentence.startswith(row["chance"].partition(" (")[0]) for sentence in group.sentences)


def test_charts_of_a_model_state_their_findings(chapter):
    for section in chapter.groups[1].sections:
        if section.plot:
            assert section.chart is not None
            assert section.finding().endswith(".")


def test_facts_name_the_runs_and_why_others_are_missing(comparison):
    row = comparison.models.to_dict("records")[0]

    facts = {fact["fact"]: fact for fact in fact_rows(row)}

    links = facts["evaluations on clean images"]["links"]
    assert [link.run_id for link in links] == row["run_ids"]
    assert facts["licence"]["value"] == "\N{EN DASH} (its adapter declares none)"
    assert "prompt" not in facts


def test_cells_of_a_confusion_matrix_are_shaded_by_their_share():
    section = confusion_section(CELLS)

    assert section.headers == ["true class", "a", "b"]
    assert section.rows == [["a", "9 (90 %)", "1 (10 %)"], ["b", "1.5 (30 %)", "3.5 (70 %)"]]
    assert [[cell.tone for cell in row[1:]] for row in section.cells] == [
        ["shade-4", "shade-1"],
        ["shade-2", "shade-3"],
    ]


@pytest.mark.parametrize(("seconds", "text"), [(2.718, "2.72 s"), (119, "119 s"), (600, "10.0 min"), (9000, "2.50 h")])
def test_durations_have_a_unit_that_fits(seconds, text):
    assert format_duration(seconds) == text


def test_a_comparison_of_an_earlier_version_has_no_details(comparison):
    (dataset,) = build_report(replace(comparison, models=comparison.models.iloc[:0])).datasets

    chapter = next(chapter for chapter in dataset.chapters if chapter.name == "models")

    assert [group.title for group in chapter.groups] == [""]
