"""The chart of mean ranks over datasets."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.figures import theme
from arogya_bench.report.wording import is_undefined

if TYPE_CHECKING:
    import altair as alt

_WIDTH = 420


def plot_critical_difference(rows: Sequence[Mapping[str, Any]]) -> "alt.TopLevelMixin | None":
    """Plot the mean rank of each model, and from it the critical difference towards worse ranks.

    Returns:
        None without a critical difference, which needs enough datasets; the first metric if there are several.
    """
    import altair as alt

    ranked = [row for row in rows if not is_undefined(row["critical_difference"])]
    if not ranked:
        return None
    short = theme.shorten_names(str(row["model"]) for row in ranked)
    points = [
        {
            "model": short[str(row["model"])],
            "rank": row["mean_rank"],
            "reach": row["mean_rank"] + row["critical_difference"],
            "label": f"{row['mean_rank']:.2f}",
        }
        for row in ranked
        if row["metric"] == ranked[0]["metric"]
    ]
    axis = alt.Axis(ticks=False, domain=False, labelLimit=0, labelPadding=8)
    order = [point["model"] for point in points]
    base = alt.Chart(alt.Data(values=points)).encode(y=alt.Y("model:N", sort=order, title=None, axis=axis))
    scale = alt.Scale(zero=False, nice=False, padding=14)
    title = f"mean rank over {ranked[0]['datasets']} datasets (1 is the best)"
    chart = alt.layer(
        base.mark_rule(color=theme.FAINT, strokeWidth=5).encode(
            x=alt.X("rank:Q", title=title, scale=scale), x2="reach:Q"
        ),
        base.mark_point(size=80, opacity=1, filled=True, color=theme.ACCENT).encode(x="rank:Q"),
        base.mark_text(align="left").encode(x=alt.value(_WIDTH + 14), text="label:N"),
    )
    return theme.apply_theme(
        chart.properties(width=_WIDTH, height=alt.Step(30)),
        f"Mean ranks by {ranked[0]['metric']}, with the critical difference",
        f"Each bar is {ranked[0]['critical_difference']:.2f} long, the critical difference of Nemenyi's test. A model "
        "whose point lies beyond the end of the bar of another is shown to be worse than it.",
    )
