import re
from dataclasses import replace

import pytest

from arogya_bench.report.columns import Column
from arogya_bench.report.content import build_report
from arogya_bench.report.section import Section
from arogya_bench.report.terminal import BRACKETS, print_comparison
from arogya_bench.report.terminal_table import build_tables
from arogya_bench.report.wording import UNDEFINED


@pytest.fixture
def shown(capsys):
    def text(comparison):
        print_comparison(comparison)
        return capsys.readouterr().out

    return text


def test_the_verdict_and_the_tables_are_printed(shown, comparison):
    text = shown(comparison)

    assert "synthetic-60x3" in text
    for title in ("Leaderboard on clean images", "Pairwise comparison (paired)", "Methods"):
        assert title in text
    assert "Missing cells" not in text


def test_the_first_screen_is_that_of_the_page(shown, comparison):
    text = " ".join(shown(comparison).split())
    (dataset,) = build_report(comparison).datasets
    summary = dataset.summary

    before, _ = text.split(" Leaderboard on clean images", 1)
    assert summary.numbers
    for said in (summary.question, summary.answer, summary.reason, *summary.not_shown):
        assert said in before
    for number in summary.numbers:
        assert f"- {number.label}: {number.value}" in before
    for name, value in summary.rests_on:
        assert f"{name}: {value}" in before
    for warning in summary.warnings:
        assert warning.text in before


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_number_is_broken(capsys, monkeypatch, measured, width):
    monkeypatch.setattr("arogya_bench.report.terminal.DEFAULT_WIDTH", width)
    print_comparison(measured)
    text = capsys.readouterr().out

    assert max(map(len, text.splitlines())) <= width
    shown = [section.brief() for dataset in build_report(measured).datasets for section in dataset.sections]
    numbers = [
        cell.text
        for section in shown
        if not section.detail
        for row in section.cells
        for cell, column in zip(row, section.columns, strict=True)
        if column.numeric
    ]
    assert any("[" in number for number in numbers)
    for number in numbers:
        assert number in text


def test_a_table_wider_than_the_terminal_goes_on_below_with_the_names_of_its_rows():
    rows = [{"model": name} for name in ("opencv", "prior")]
    columns = tuple(
        Column(header=f"score {place}", format_cell=lambda row: "0.545 [0.483, 0.616]", numeric=True)
        for place in range(5)
    )
    first = Column(header="model", format_cell=lambda row: row["model"])
    section = Section(name="wide", title="Wide", note="", columns=(first, *columns), records=rows)

    headers = [[str(column.header).split("\n")[0] for column in table.columns] for table in build_tables(section, 60)]

    assert headers == [["model", "score 0", "score 1"], ["model", "score 2", "score 3"], ["model", "score 4"]]


def test_captions_speak_of_what_the_terminal_shows(shown, measured):
    text = " ".join(shown(measured).split())

    assert "median with its 95 % interval" not in text
    assert "grey" not in text
    assert re.search(r"\(\S+ D\)", text)
    assert BRACKETS in text


def test_missing_cells_are_printed(shown, incomplete):
    assert "MemoryError" in shown(incomplete)


def test_markup_in_a_name_is_text(shown, renamed):
    assert "[bold]m[/]" in shown(renamed("opencv", "[bold]m[/]"))


def test_long_names_that_differ_at_their_end_can_be_told_apart(shown, renamed):
    text = shown(renamed("opencv", "x models:/a_name_of_more_letters_than_a_column_has_room_for"))

    assert "…" not in text.replace("=…", "")


def test_no_line_is_wider_than_a_log(shown, comparison):
    assert max(map(len, shown(comparison).splitlines())) <= 100


def test_undefined_numbers_are_dashes(shown, undefined):
    assert UNDEFINED in shown(undefined)


def test_two_datasets_have_tables_of_their_own(shown, twofold):
    text = shown(twofold)

    first, second = text.split("clinic\n")
    assert first.count("Leaderboard") == second.count("Leaderboard") == 1
    assert "0.111" not in first
    assert "0.111" in second


def test_a_missing_cell_is_marked(shown, comparison):
    rows = comparison.robustness.drop(index=0)

    assert "missing" in shown(replace(comparison, robustness=rows))


def test_a_filter_is_stated_before_the_verdict(shown, filtered, comparison):
    text = shown(filtered)

    before, _ = text.split("Which of these models", 1)
    assert "Only evaluations that match the filter: tags.`arogya.seed` = '42'." in " ".join(before.split())
    assert "filter" not in shown(comparison)


def test_every_other_choice_of_evaluations_is_stated_too(shown, comparison):
    chosen = {"sweep": "0a1b", "run_ids": ["1", "2"], "variants": "all"}

    text = " ".join(shown(replace(comparison, about={**comparison.about, **chosen})).split())

    assert "Only evaluations of the sweep 0a1b. Only 2 evaluations named by run id. All variants of every" in text
