"""What a process is doing, on one line."""

import io

import pytest
from rich.console import Console

from arogya_bench.runtime import progress
from arogya_bench.runtime.progress import report_progress, send_activities_to, show_activity, track


@pytest.fixture
def shown():
    lines = []
    with send_activities_to(lines.append):
        yield lines


def test_the_text_belongs_to_the_innermost_activity(shown):
    with show_activity("job 3 of 8"):
        with show_activity("fitting cnn"):
            report_progress("epoch 1 of 2")
            report_progress("epoch 2 of 2")
        report_progress("about 4 min left")

    assert shown == [
        "job 3 of 8",
        "job 3 of 8 · fitting cnn",
        "job 3 of 8 · fitting cnn: epoch 1 of 2",
        "job 3 of 8 · fitting cnn: epoch 2 of 2",
        "job 3 of 8",
        "job 3 of 8: about 4 min left",
        "",
    ]


def test_an_activity_ends_with_an_error_too(shown):
    with pytest.raises(ValueError, match="no"), show_activity("fitting cnn"):
        raise ValueError("no")

    report_progress("epoch 1 of 2")

    assert shown == ["fitting cnn", ""]


def test_progress_through_items_is_counted_where_activities_are_sent_elsewhere(shown):
    taken = list(track("ab", "decoding", 2))

    assert taken == ["a", "b"]
    assert shown == ["decoding", "decoding: 1 of 2", "decoding: 2 of 2", ""]


@pytest.mark.parametrize("terminal", [True, False])
def test_activities_are_drawn_on_a_terminal_only(monkeypatch, terminal):
    written = io.StringIO()
    monkeypatch.setattr(progress, "stderr_console", Console(file=written, force_terminal=terminal, width=80))

    with show_activity("fitting [cnn]"), show_activity("epoch"):
        report_progress("2 of 10")

    assert ("fitting [cnn]" in written.getvalue()) is terminal
    assert bool(written.getvalue()) is terminal
