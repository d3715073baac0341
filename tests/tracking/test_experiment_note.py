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
    assert "opencv is ahead. Open its [report](#/experiments/1/runs/" in note
    assert f"/{run_id}/artifacts/report.html?workflowType=machine_learning)." in note
    assert "compare again" not in note


def test_evaluations_after_the_comparison_are_said(store, logged):
    tags = {"arogya.kind": "comparison", "arogya.verdict": "Undecided.", "arogya.compared_at": "1000"}
    finish_run(store, start_run(store, "comparison", tags))
    logged("prior")

    update_note(store)

    assert note_of(store).count("Evaluations were added since; compare again.") == 1


@pytest.mark.parametrize(
    ("room", "views", "verdict"), [(2500, True, "whole"), (1600, True, "cut"), (700, True, "none"), (10, False, "none")]
)
def test_a_long_description_is_never_cut(store, room, views, verdict):
    theirs = "x" * (MAX_LENGTH - room)
    tag_experiment(store, {NOTE: theirs})
    tags = {"arogya.kind": "comparison", "arogya.verdict": f"{'y ' * 700}at its end."}
    finish_run(store, start_run(store, "comparison", tags))

    update_note(store)

    note = note_of(store)
    assert note.startswith(theirs)
    assert len(note) <= MAX_LENGTH
    assert ("leaderboard" in note) is views
    assert ("[report](" in note, "at its end." in note, "(cut)" in note) == {
        "whole": (True, True, False),
        "cut": (True, False, True),
        "none": (False, False, False),
    }[verdict]
