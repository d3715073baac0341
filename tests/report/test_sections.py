import pytest

from arogya_bench.comparison.caveats import UNGROUPED_CAVEAT
from arogya_bench.report.sections import (
    build_dataset_reports,
    describe_methods,
    rows_for_dataset,
    to_records,
)
from arogya_bench.report.wording import UNDEFINED


def section(comparison, name):
    (part, *_) = build_dataset_reports(comparison)
    (found,) = [each for each in part.sections if each.name == name]
    return found


def test_a_part_has_its_sections_in_order(incomplete):
    (part,) = build_dataset_reports(incomplete)

    names = [each.name for each in part.sections]
    assert names == ["leaderboard", "pairwise", "robustness", "missing"]


def test_what_is_complete_has_no_section_of_missing_cells(comparison):
    (part,) = build_dataset_reports(comparison)

    assert "missing" not in [each.name for each in part.sections]


def test_every_dataset_is_a_part(twofold):
    first, second = build_dataset_reports(twofold)

    assert (first.dataset, first.caveats) == ("synthetic-60x3", ())
    assert (second.dataset, second.caveats) == ("clinic", (UNGROUPED_CAVEAT,))
    assert len(second.sections[0].rows) == 2


@pytest.mark.parametrize("name", ["leaderboard", "pairwise", "robustness", "missing"])
def test_a_row_has_a_cell_for_each_head(incomplete, name):
    found = section(incomplete, name)

    assert found.rows
    assert all(len(row) == len(found.headers) for row in found.rows)
    assert all(isinstance(cell, str) for row in found.rows for cell in row)


def test_the_deciding_metric_is_not_shown_twice(comparison):
    from dataclasses import replace

    (dataset,) = comparison.about["datasets"]
    by_mcc = replace(
        comparison, about={**comparison.about, "datasets": [{**dataset, "metric": "mcc"}]}
    )

    assert section(by_mcc, "leaderboard").headers.count("mcc [95 %]") == 1


def test_what_is_undefined_reads_as_a_dash(undefined):
    assert section(undefined, "leaderboard").rows[1][2] == UNDEFINED
    assert section(undefined, "pairwise").rows[0][1] == UNDEFINED


def test_latency_that_nobody_measured_is_said(comparison):
    assert section(comparison, "leaderboard").rows[0][-2:] == ["not measured", "not measured"]


def test_a_missing_cell_tells_its_cause(incomplete):
    (row,) = section(incomplete, "missing").rows

    assert row == ["resnet50", "clean", "42", "FAILED", "MemoryError", "no room for the kernel"]


def test_tables_lead_with_a_chart_but_for_what_is_missing(incomplete):
    (part,) = build_dataset_reports(incomplete)

    assert [each.chart is not None for each in part.sections] == [True, True, True, False]


def test_a_condition_without_severity_is_in_the_table_and_in_no_chart(ungraded):
    found = section(ungraded, "robustness")

    assert {row[1] for row in found.rows} == {"mirrored"}
    assert found.chart is None


def test_the_methods_name_what_a_reader_must_trust(comparison):
    told = dict(describe_methods(comparison))

    assert comparison.about["key"] in told["evidence"]
    assert "10,000 resamples" in told["intervals"]
    assert told["metric"].startswith("f1_macro: ")
    assert comparison.about["datasets"][0]["split_digest"] in told["splits"]


def test_records_have_none_where_a_number_does_not_exist(undefined):
    assert to_records(undefined.leaderboard)[1]["f1_macro"] is None


def test_rows_are_those_of_one_dataset(twofold):
    rows = rows_for_dataset(twofold.leaderboard, "clinic")

    assert [row["dataset"] for row in rows] == ["clinic", "clinic"]
