from dataclasses import replace

import pytest
from rendered import rows, text_of

from arogya_bench.analysis.literature import NO_SUCH_DATASET
from arogya_bench.comparison.table_frames import to_table
from arogya_bench.report.combining_charts import plot_critical_difference
from arogya_bench.report.combining_sections import across_datasets_section, ensembles_section, literature_section
from arogya_bench.report.content import build_report
from arogya_bench.report.document import render_pdf
from arogya_bench.report.page import render_html
from arogya_bench.report.terminal import print_comparison
from arogya_bench.report.wording import UNDEFINED

DATASET = "synthetic-60x3"


def ensemble(number):
    return {
        "dataset": DATASET, "metric": "mcc", "ensemble": f"a + b{number}", "members": 2, "rule": "mean",
        "value": 0.8, "value.ci_low": 0.7, "value.ci_high": 0.9, "best_member": "a", "best_member_value": 0.75,
        "difference": 0.05, "difference.ci_low": -0.01, "difference.ci_high": 0.11, "p_value": 0.09,
        "p_adjusted": 0.9, "family": 12, "conclusion": "no difference shown", "note": "never recommended",
    }  # fmt: skip


def published(dataset=DATASET, note="", **changes):
    entry = {
        "dataset": dataset, "model": "net", "metric": "mcc", "value": 0.91, "value.ci_low": None,
        "value.ci_high": None, "cases": 7180, "year": None, "source": "Roe 2023", "caveat": "another split",
        "note": note,
    }  # fmt: skip
    return {**entry, **changes}


def ranked(model, mean, critical=None):
    return {
        "dataset": "all", "metric": "mcc", "model": model, "mean_rank": mean, "mean_rank.ci_low": mean - 0.5,
        "mean_rank.ci_high": mean + 0.5, "datasets": 12, "friedman_p": 0.0004, "kendall_w": 0.4,
        "critical_difference": critical, "not_separated_from": "", "note": "few",
    }  # fmt: skip


@pytest.fixture(scope="module")
def combined(comparison):
    """A comparison with something in every table of this page."""
    return replace(
        comparison,
        ensembles=to_table("ensembles", [ensemble(1)]),
        across_datasets=to_table("across_datasets", [ranked("a", 1.25), ranked("b", 1.75)]),
        literature=to_table("literature", [published(), published("moon", NO_SUCH_DATASET)]),
    )


def test_literature_is_under_the_leaderboard_and_what_has_no_dataset_is_apart(combined):
    report = build_report(combined)

    (dataset,) = report.datasets
    assert [section.name for section in dataset.sections[:2]] == ["leaderboard", "literature"]
    assert [section.name for section in report.sections] == ["across-datasets", "literature-elsewhere"]
    assert report.sections[1].rows[0][:2] == ["moon", "net"]


def test_a_comparison_without_any_has_no_such_heading(comparison):
    assert build_report(comparison).sections == ()
    assert "Beyond one dataset" not in render_html(comparison)


@pytest.mark.slow
def test_page_document_and_terminal_have_the_sections(combined, capsys):
    print_comparison(combined)

    for text in (render_html(combined), text_of(render_pdf(combined)), capsys.readouterr().out):
        assert "Beyond one dataset" in text
        assert "Mean ranks over datasets" in text
        assert "Roe 2023" in text


def test_the_numbers_of_a_publication_are_as_it_gives_them():
    with_interval = published(**{"value.ci_low": 0.9, "value.ci_high": 0.92, "year": 2023})

    section = literature_section([published(), with_interval])

    assert [row[2:5] for row in section.rows] == [
        ["0.910", "7180", UNDEFINED],
        ["0.910 [0.900, 0.920]", "7180", "2023"],
    ]


def test_the_first_ensembles_are_shown_and_the_others_counted():
    section = ensembles_section([ensemble(number) for number in range(12)], "mcc")

    assert len(section.rows) == 10
    assert "the first 10 of 12" in section.note
    assert section.footnotes == ("All: never recommended.",)


def test_a_model_without_a_mean_rank_says_so():
    row = {**ranked("c", 0.0), "mean_rank": None, "note": "not ranked: not evaluated on y"}

    section = across_datasets_section([ranked("a", 1.25), row])

    assert [cells[1] for cells in section.rows] == ["1.25 [0.75, 1.75]", "not ranked"]
    assert "mcc: p < 0.001" in section.note


def test_the_chart_needs_a_critical_difference():
    assert plot_critical_difference([ranked("a", 1.25)]) is None

    drawn = rows(plot_critical_difference([ranked("a", 1.25, 0.5), ranked("b", 1.75, 0.5)]), "reach")
    assert [(row["rank"], row["reach"]) for row in drawn] == [(1.25, 1.75), (1.75, 2.25)]


def test_what_can_be_planned_is_a_section_with_the_test_of_all_models(comparison):
    test = {"dataset": DATASET, "metric": "accuracy", "test": "Cochran's Q", "models": 3, "groups": 60,
            "statistic": 20.0, "p_value": 0.0001, "note": ""}  # fmt: skip
    report = build_report(replace(comparison, overall_tests=to_table("overall_tests", [test])))

    (section,) = [section for section in report.datasets[0].sections if section.name == "planning"]
    assert "All 3 models together, by accuracy: p < 0.001 (Cochran's Q)." in section.note
    assert [len(row) for row in section.rows] == [len(section.headers)]
