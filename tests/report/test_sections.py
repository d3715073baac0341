from dataclasses import replace

from arogya_bench.comparison.caveats import UNGROUPED_CAVEAT
from arogya_bench.report.content import build_report
from arogya_bench.report.sections import missing_section
from arogya_bench.report.wording import UNDEFINED


def section(comparison, name):
    (dataset, *_) = build_report(comparison).datasets
    (found,) = [section for section in dataset.sections if section.name == name]
    return found


def test_the_sections_of_a_dataset_are_in_order(incomplete):
    (dataset,) = build_report(incomplete).datasets

    names = [section.name for section in dataset.sections]
    assert names == [
        "leaderboard", "missing", "pairwise", "margins", "ranks", "rank-stability", "agreement", "planning",
        "robustness", "robustness-detail", "degradation", "per-class", "calibration", "operating-points", "net-benefit",
        "errors", "missed-by-all",
    ]  # fmt: skip


def test_a_complete_comparison_has_no_section_of_missing_cells(comparison):
    (dataset,) = build_report(comparison).datasets

    assert "missing" not in [section.name for section in dataset.sections]


def test_each_dataset_has_its_own_rows_and_caveats(twofold):
    first, second = build_report(twofold).datasets

    assert (first.dataset, first.caveats) == ("synthetic-60x3", ())
    assert (second.dataset, second.caveats) == ("clinic", (UNGROUPED_CAVEAT,))
    assert len(second.sections[0].rows) == 2


def test_every_row_has_a_text_for_each_column(incomplete):
    (dataset,) = build_report(incomplete).datasets

    for found in dataset.sections:
        assert found.rows
        assert all(len(row) == len(found.headers) for row in found.rows)
        assert all(isinstance(cell, str) for row in found.rows for cell in row)


def test_the_primary_metric_is_shown_once(comparison):
    (dataset,) = comparison.about["datasets"]
    by_mcc = replace(comparison, about={**comparison.about, "datasets": [{**dataset, "metric": "mcc"}]})

    assert section(by_mcc, "leaderboard").headers.count("mcc [95 % CI]") == 1


def test_undefined_numbers_are_dashes(undefined):
    assert section(undefined, "leaderboard").rows[1][2] == UNDEFINED
    assert section(undefined, "pairwise").rows[0][1] == UNDEFINED


def test_latency_and_cost_without_a_measurement_are_not_measured(comparison):
    assert section(comparison, "leaderboard").rows[0][-2:] == ["not measured", "not measured"]


def test_a_missing_cell_has_its_cause(incomplete):
    (row,) = section(incomplete, "missing").rows

    assert row == ["resnet50", "clean", "42", "FAILED", "MemoryError", "no room for the kernel"]


def test_the_overview_and_the_detail_of_robustness_agree(comparison):
    overview, detail = section(comparison, "robustness"), section(comparison, "robustness-detail")

    cells = {(row[1], row[0]): row for row in detail.rows}
    for condition, *values in overview.rows:
        for model, value in zip(overview.headers[1:], values, strict=True):
            row = cells[condition, model]
            assert value == f"{row[2].split()[0]} ({row[4]})"


def test_a_condition_without_severity_is_in_the_tables_and_in_no_chart(ungraded):
    overview, detail = section(ungraded, "robustness"), section(ungraded, "robustness-detail")

    assert {row[1] for row in detail.rows} == {row[0] for row in overview.rows} == {"mirrored"}
    assert overview.chart is None


def test_the_methods_explain_metric_intervals_splits_and_evidence(comparison):
    methods = dict(build_report(comparison).methods)

    assert comparison.about["key"] in methods["Inputs"]
    assert "10,000 resamples" in methods["Intervals"]
    assert methods["Primary metric"].startswith("f1_macro: ")
    assert comparison.about["datasets"][0]["split_digest"] in methods["Splits"]


def test_the_subtitle_names_the_primary_metric_of_each_dataset(comparison, twofold):
    (dataset, other) = twofold.about["datasets"]
    other = {**other, "metric": "nll", "direction": "low"}
    mixed = replace(twofold, about={**twofold.about, "datasets": [dataset, other]})

    assert "Primary metric: f1_macro (higher is better). 6" in build_report(comparison).subtitle
    assert "f1_macro (higher is better), nll (lower is better)." in build_report(mixed).subtitle


def test_conditions_that_are_missing_for_one_reason_are_one_row():
    cell = {"model": "gemini", "seed": "42", "status": "SKIPPED", "cause": "RequirementMissing", "message": "no key"}
    rows = [{**cell, "condition": f"noise_{level}"} for level in range(4)]

    found = missing_section([*rows, {**rows[0], "model": "cnn"}])

    assert [(row["model"], row["condition"]) for row in found.records] == [
        ("gemini", "4 conditions"),
        ("cnn", "noise_0"),
    ]
