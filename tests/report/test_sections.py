from dataclasses import replace

from arogya_bench.comparison.caveats import UNGROUPED_CAVEAT
from arogya_bench.report.content import arrange_report, build_report
from arogya_bench.report.sections import missing_section
from arogya_bench.report.wording import UNDEFINED


def section(comparison, name, build=arrange_report):
    (dataset, *_) = build(comparison).datasets
    (found,) = [section for section in dataset.sections if section.name == name]
    return found


def test_the_sections_of_a_dataset_are_in_order(incomplete):
    (dataset,) = arrange_report(incomplete).datasets

    names = [section.name for section in dataset.sections]
    assert names == [
        "leaderboard", "missing", "pairwise", "margins", "ranks", "rank-stability", "agreement", "planning",
        "robustness", "robustness-detail", "degradation", "per-class", "calibration", "operating-points", "net-benefit",
        *2 * ["facts", "classes", "confusion", "roc", "reliability", "operating-points"], "errors", "errors",
        "missed-by-all", "data-card", "split", "gate", "runs",
    ]  # fmt: skip


def test_a_complete_comparison_has_no_section_of_missing_cells(comparison):
    (dataset,) = arrange_report(comparison).datasets

    assert "missing" not in [section.name for section in dataset.sections]


def test_each_dataset_has_its_own_rows_and_caveats(twofold):
    first, second = arrange_report(twofold).datasets

    assert (first.dataset, first.caveats) == ("synthetic-60x3", ())
    assert (second.dataset, second.caveats) == ("clinic", (UNGROUPED_CAVEAT,))
    assert len(second.sections[0].rows) == 2


def test_every_row_has_a_text_for_each_column(incomplete):
    (dataset,) = arrange_report(incomplete).datasets

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


def test_a_column_without_any_number_is_left_out_with_its_reason(undefined):
    pairs = section(undefined, "pairwise", build_report)

    assert "difference [95 % CI]" not in pairs.headers
    assert any(note.startswith("Not shown: difference [95 % CI]") for note in pairs.footnotes)


def test_latency_and_cost_without_a_measurement_are_not_measured(comparison):
    board = section(comparison, "leaderboard", build_report)

    assert not any("time for one image" in header or "cost" in header for header in board.headers)
    (reason,) = [note for note in board.footnotes if "not measured" in note and note.startswith("Not shown")]
    assert reason == "Not shown: time for one image (median, ms), cost of 1,000 images (USD): not measured."


def test_a_missing_cell_has_its_cause(incomplete):
    (row,) = section(incomplete, "missing").rows

    assert row == ["resnet50", "clean", "42", "FAILED", "MemoryError", "no room for the kernel"]


def test_the_methods_explain_metric_intervals_splits_and_evidence(comparison):
    methods = dict(arrange_report(comparison).methods)

    assert comparison.about["key"] in methods["Inputs"]
    assert "10,000 resamples" in methods["Intervals"]
    assert methods["Primary metric"].startswith("f1_macro: ")
    assert comparison.about["datasets"][0]["split_digest"] in methods["Splits"]


def test_the_subtitle_names_the_primary_metric_of_each_dataset(comparison, twofold):
    (dataset, other) = twofold.about["datasets"]
    other = {**other, "metric": "nll", "direction": "low"}
    mixed = replace(twofold, about={**twofold.about, "datasets": [dataset, other]})

    assert "Primary metric: f1_macro (higher is better). 6" in arrange_report(comparison).subtitle
    assert "f1_macro (higher is better), nll (lower is better)." in arrange_report(mixed).subtitle


def test_conditions_that_are_missing_for_one_reason_are_one_row():
    cell = {"model": "gemini", "seed": "42", "status": "SKIPPED", "cause": "RequirementMissing", "message": "no key"}
    rows = [{**cell, "condition": f"noise_{level}"} for level in range(4)]

    found = missing_section([*rows, {**rows[0], "model": "cnn"}])

    assert [(row["model"], row["condition"]) for row in found.records] == [
        ("gemini", "4 conditions"),
        ("cnn", "noise_0"),
    ]
