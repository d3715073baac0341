"""The words of a language in the titles of a chart."""

from collections.abc import Callable
from textwrap import wrap
from typing import Any

from arogya_bench.figures.prepared import Drawable, PreparedChart

NOTE_LETTERS = 84  # of a line
DATA = ("data", "datasets", "transform")  # hold names and numbers, which no wording changes


def translate_chart(
    chart: Drawable | None, say: Callable[[str], str], say_notes: Callable[[str], str]
) -> PreparedChart | None:
    """Return the chart with other words in its titles, notes, and those of its axes and keys.

    Args:
        chart: None stays None.
        say: Puts a title into the words of the language.
        say_notes: The same for sentences.
    """
    if chart is None:
        return None
    spec: dict[str, Any] = _translate(chart.to_dict(validate=False), say, say_notes)
    return PreparedChart(spec=spec)


def _translate(part: Any, say: Callable[[str], str], say_notes: Callable[[str], str]) -> Any:
    if isinstance(part, list):
        return [_translate(item, say, say_notes) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: value
        if key in DATA
        else _say_title(value, say, say_notes)
        if key == "title"
        else _translate(value, say, say_notes)
        for key, value in part.items()
    }


def _say_title(title: Any, say: Callable[[str], str], say_notes: Callable[[str], str]) -> Any:
    """A title is a text, or a text with notes and its looks."""
    if isinstance(title, str):
        return say(title)
    if not isinstance(title, dict) or "text" not in title:  # the looks of all titles
        return title
    lines = title.get("subtitle")
    notes = {"subtitle": _say_lines(lines, say_notes)} if isinstance(lines, list) else {}
    return {**title, "text": say(title["text"]), **notes}


def _say_lines(lines: list[str], say_notes: Callable[[str], str]) -> list[str]:
    """Notes in lines, which end where the room does and not where a sentence does."""
    text = " ".join(lines)
    said = say_notes(text)
    return lines if said == text else wrap(said, NOTE_LETTERS)
