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
# Okabe and Ito without yellow, which is hard to see on white; two of Paul Tol's; grey; black.
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#999933", "#4d4d4d", "#000000",
)  # fmt: skip
MAX_LISTED = 10  # names in a note
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")

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
    return chart.properties(title=heading, background="white", padding=12).configure(
        font=_FONT,
        title=_title_style(16, subtitleColor=MUTED, subtitleFontSize=12, subtitleLineHeight=16),
        axis=alt.AxisConfig(
            **_LABELS,
            titlePadding=8,
            labelLimit=240,
            labelFlush=False,
            gridColor="#e4e7eb",
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


def format_list(label: str, names: Iterable[str]) -> str:
    """Format a note such as ``Undefined: a, b.``, with at most ten names; empty without names."""
    listed = list(names)
    more = f" and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return f"{label}: {', '.join(listed[:MAX_LISTED])}{more}." if listed else ""


def _title_style(size: int, **more: object) -> dict[str, object]:
    return {"anchor": "start", "color": INK, "fontSize": size, "fontWeight": "bold", "offset": 10, **more}
