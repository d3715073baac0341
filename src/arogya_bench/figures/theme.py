"""Common style of all figures: colours, fonts, titles and notes."""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import altair as alt

INK = "#1f2933"
MUTED = "#52606d"
FAINT = "#9aa5b1"
EMPTY = "#eceff2"
ACCENT = "#0072b2"
GRID = "#e4e7eb"
PAPER = "white"  # the background
TILE_INK, TILE_PAPER = "#10171e", "#ffffff"  # texts on tiles, whose colours are the same in dark surroundings
# Near those of Okabe and Ito; moved until each has a contrast of 3 on white, and any two differ also for people who
# do not see all colours (tests/figures/test_colour_blindness.py).
COLOURS = ("#02518e", "#b24300", "#00864c", "#e06d9d", "#c28b00", "#0a9ceb", "#682051", "#181f12")
# The same on a dark page.
DARK_COLOURS = ("#8d99f6", "#bc4b10", "#28bb6d", "#b092a3", "#ffb138", "#b6f3ff", "#a4419b", "#f3edc7")
RAMP = ("#f4f7fa", "#9ecae1", "#08519c")  # of shares
MAX_LISTED = 10  # names in a note
MAX_LINES = len(COLOURS)  # that one can follow in a panel; others are drawn faintly
MAX_NAME = 44  # letters of a name on an axis
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES = ((1, 0), (6, 2), (2, 2), (8, 2, 2, 2))
# The colours of a chart that depend on the page around it: name of the CSS variable, on white, on dark.
VARIABLES = (
    ("ink", INK, "#e6ebf0"),
    ("muted", MUTED, "#a9b4bf"),
    ("faint", FAINT, "#76828e"),
    ("empty", EMPTY, "#28313a"),
    ("grid", GRID, "#2c363f"),
    ("paper", PAPER, "#14191f"),
    ("accent", ACCENT, "#5aa9e6"),
    *((f"series-{place}", light, DARK_COLOURS[place - 1]) for place, light in enumerate(COLOURS, start=1)),
)

_LABELS = {
    "labelColor": INK,
    "titleColor": MUTED,
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
}
# Metric-compatible, so that text measured with the first also fits with the others.
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def apply_theme(chart: "alt.TopLevelMixin", title: str, *notes: str) -> "alt.TopLevelMixin":
    """Add title, notes as subtitle, and the common style to a finished chart.

    The style is part of the chart, since an Altair theme would leak into the notebook of a user.
    Altair therefore refuses to concatenate styled charts.
    """
    import altair as alt

    heading = alt.TitleParams(title, subtitle=[line for note in notes for line in wrap(note, 84)])
    return chart.properties(title=heading, background=PAPER, padding=12).configure(
        font=_FONT,
        title=_title_style(16, subtitleColor=MUTED, subtitleFontSize=12, subtitleLineHeight=16),
        axis=alt.AxisConfig(
            **_LABELS,
            titlePadding=8,
            labelLimit=0,  # a limit doubles the time of measuring; charts shorten long names themselves
            labelFlush=False,
            gridColor=GRID,
            domainColor=FAINT,
            tickColor=FAINT,
        ),
        legend=alt.LegendConfig(**_LABELS, labelLimit=280, symbolStrokeWidth=2.5, symbolSize=90, symbolOpacity=1),
        view=alt.ViewConfig(stroke=None),
        text=alt.MarkConfig(color=INK, fontSize=12),
    )


def panel_title(text: str) -> "alt.TitleParams":
    """Title of one of several panels, smaller than that of the figure."""
    import altair as alt

    return alt.TitleParams(text, **_title_style(13))


def cycle(names: Iterable[str], values: Sequence[str]) -> "alt.Scale":
    """Colours or symbols in the order of ``names``; they repeat if there are more names."""
    import altair as alt

    domain = list(names)
    return alt.Scale(domain=domain, range=[values[i % len(values)] for i in range(len(domain))])


def dash_numbers(names: Iterable[str]) -> dict[str, int]:
    """Which dash the line of each name has: another one where symbols repeat."""
    return {name: place // len(SHAPES) % len(DASHES) for place, name in enumerate(names)}


def dash_encoding() -> "alt.StrokeDash":
    """The dash of a line whose rows have a ``dash_numbers`` as ``dash``; the key shows symbols and colours only."""
    import altair as alt

    numbers = list(range(len(DASHES)))
    scale = alt.Scale(domain=numbers, range=[list(dash) for dash in DASHES])
    return alt.StrokeDash("dash:N", legend=None, scale=scale)


def shorten_names(names: Iterable[str], most: int = MAX_NAME) -> dict[str, str]:
    """What to write for each name: long ones without their middle, and no two alike."""
    short: dict[str, str] = {}
    for name in dict.fromkeys(names):
        text = name if len(name) <= most else f"{name[: most * 2 // 3]}\u2026{name[-(most // 3 - 1) :]}"
        same = sum(other.split(" \N{NUMBER SIGN}")[0] == text for other in short.values())
        short[name] = f"{text} \N{NUMBER SIGN}{same + 1}" if same else text
    return short


def css_variables() -> str:
    """The declarations of the colours that ``to_svg(..., theme_variables=True)`` names, on white and on dark."""
    return "\n".join(
        f"{selector} {{ {' '.join(f'--chart-{row[0]}: {row[column]};' for row in VARIABLES)} }}"
        for selector, column in ((":root", 1), (":root[data-theme=dark]", 2))
    )


def format_list(label: str, names: Iterable[str]) -> str:
    """Format a note such as ``Undefined: a, b.``, with at most ten names; empty without names."""
    listed = list(names)
    more = f" and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return f"{label}: {', '.join(listed[:MAX_LISTED])}{more}." if listed else ""


def _title_style(size: int, **more: object) -> dict[str, object]:
    return {"anchor": "start", "color": INK, "fontSize": size, "fontWeight": "bold", "offset": 10, **more}
