import pytest

from arogya_bench.report.terminal import print_comparison
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
    from dataclasses import replace

    rows = comparison.robustness.drop(index=0)

    assert "missing" in shown(replace(comparison, robustness=rows))


def test_a_filter_is_stated_before_the_verdict(shown, filtered, comparison):
    text = shown(filtered)

    before, _ = text.split(comparison.verdict["verdict"].iloc[0].capitalize(), 1)
    assert "Only evaluations that match the filter: tags.`arogya.seed` = '42'." in " ".join(before.split())
    assert "filter" not in shown(comparison)


def test_every_other_choice_of_evaluations_is_stated_too(shown, comparison):
    from dataclasses import replace

    chosen = {"sweep": "0a1b", "run_ids": ["1", "2"], "variants": "all"}

    text = " ".join(shown(replace(comparison, about={**comparison.about, **chosen})).split())

    assert "Only evaluations of the sweep 0a1b. Only 2 evaluations named by run id. All variants of every" in text
