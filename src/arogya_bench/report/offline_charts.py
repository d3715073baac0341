"""Charts of Altair that show themselves in a notebook without scripts from the network."""

from typing import TYPE_CHECKING, Any

from arogya_bench.report.notebook import chart_html

if TYPE_CHECKING:
    import altair as alt


class _OfflineDisplay:
    """What a notebook shows of a chart: the finished picture, unless the user has chosen a renderer of Altair."""

    def _repr_mimebundle_(self, *args: Any, **options: Any) -> Any:
        import altair as alt

        if alt.renderers.active != "default":
            return super()._repr_mimebundle_(*args, **options)  # type: ignore[misc]  # of the chart's own class
        return {"text/html": chart_html(self), "text/plain": f"{type(self).__name__} of Altair"}  # type: ignore[arg-type]


def show_offline(chart: "alt.TopLevelMixin") -> "alt.TopLevelMixin":
    """Return the chart as one that a notebook shows offline, also after ``.properties(…)`` and the like.

    Altair's own display loads its scripts from elsewhere, so that a chart would be blank without network.
    """
    shown = chart.copy(deep=False)
    kind = type(chart)
    offline = type(kind.__name__, (_OfflineDisplay, kind), {})
    object.__setattr__(shown, "__class__", offline)  # Altair's own would set a field of the chart
    return shown
