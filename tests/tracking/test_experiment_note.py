"""The description of an experiment belongs to its users; ours is a marked block in it."""

import pytest

from arogya_bench.tracking.experiment_note import END, MAX_LENGTH, NOTE, update_note, with_block
from arogya_bench.tracking.runs import experiment_tags, finish_run, start_run, tag_experiment

THEIRS = "Study 12, **ethics vote** 7/26. Do not delete.\n\n- ward A"
EARLIER = "Created by arogya-bench. Open the [leaderboard](#/experiments/1/runs) table; `arogya-bench compare` tests."


def note_of(store):
    return experiment_tags(store)[NOTE]


@pytest.mark.parametrize("before", ["", EARLIER, f"{EARLIER}\n"])
def test_an_empty_description_and_ours_of_earlier_versions_become_the_block(before):
    assert with_block(before, "ours") == with_block("", "ours")


def test_the_block_is_replaced_where_it_stands_and_what_is_written_around_it_stays():
    once = with_block(THEIRS, "first")

    again = with_block(f"{once}\n\nWritten below it.", r"second \1")

    assert once.startswith(THEIRS)
    assert again == once.replace("first", r"second \1") + "\n\nWritten below it."


def test_what_is_written_behind_a_block_without_its_end_stays():
    broken = with_block(THEIRS, "first").removesuffix(END)

    twice = with_block(f"{broken}Their tail.", "second")
    again = with_block(twice, "third")

    assert again == twice.replace("second", "third")
    assert "Their tail." in again


@pytest.mark.parametrize("start", ["Created by arogya-bench. Open the lid.", f"{THEIRS}\n\n{EARLIER}"])
def test_a_text_that_only_begins_like_ours_stays(start):
    assert with_block(start, "ours").startswith(start)


def test_the_newest_comparison_is_linked_with_its_verdict(store):
    tag_experiment(store, {NOTE: THEIRS})
    run_id = start_run(store, "comparison", {"arogya.kind": "comparison", "arogya.verdict": "opencv is ahead."})
    finish_run(store, run_id)

    update_note(store)

    note = note_of(store)
    assert note.startswith(THEIRS)
    assert f"opencv is ahead. Open its [report](#/experiments/1/runs/{run_id}/artifacts/report.html)." in note
    assert "compare again" not in note


def test_evaluations_after_the_comparison_are_said(store, logged):
    tags = {"arogya.kind": "comparison", "arogya.verdict": "Undecided.", "arogya.compared_at": "1000"}
    finish_run(store, start_run(store, "comparison", tags))
    logged("prior")

    update_note(store)

    assert note_of(store).count("Evaluations were added since; compare again.") == 1


@pytest.mark.parametrize(("room", "written"), [(900, True), (10, False)])
def test_a_long_description_is_never_cut(store, room, written):
    theirs = "x" * (MAX_LENGTH - room)
    tag_experiment(store, {NOTE: theirs})
    verdict = {"arogya.kind": "comparison", "arogya.verdict": "y" * 900}
    finish_run(store, start_run(store, "comparison", verdict))

    update_note(store)

    assert note_of(store).startswith(theirs)
    assert ("leaderboard" in note_of(store)) is written
    assert "yyy" not in note_of(store)
