"""Charts that differ in their data only: built by Altair once, drawn many times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import altair as alt

PANEL_PARTS = ("layer", "width", "height", "datasets")  # that each of several panels has by itself
PANEL_TITLE_SIZE = 13


class Drawable(Protocol):
    """What can be rendered: a chart of Altair, or a prepared one."""

    def to_dict(self, validate: bool = True) -> dict[str, Any]:
        """Return the specification in the grammar of Vega-Lite."""


@dataclass(frozen=True, kw_only=True)
class PreparedChart:
    """A chart whose specification stands already, so that Altair neither builds nor checks it.

    Attributes:
        spec: In the grammar of Vega-Lite.
    """

    spec: Mapping[str, Any]

    def with_data(self, title: str, notes: Sequence[str], **datasets: Sequence[Mapping[str, Any]]) -> "PreparedChart":
        """Return the chart of other data, with its title and notes."""
        heading = {**self.spec["title"], "text": title, "subtitle": [note for note in notes if note]}
        return PreparedChart(spec={**self.spec, "title": heading, "datasets": {**datasets}})

    def in_panels(
        self, panels: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]], *, columns: int, side: int
    ) -> "PreparedChart":
        """Return one picture of several panels of this chart, each with data and a title of its own.

        Args:
            panels: The datasets of each panel, by its title.
            columns: Panels beside each other.
            side: Of a panel, in pixels.
        """
        around = {key: value for key, value in self.spec.items() if key not in PANEL_PARTS}
        heading = {**self.spec["title"], "fontSize": PANEL_TITLE_SIZE}
        heading.pop("subtitle", None)
        drawn = [
            {"title": {**heading, "text": title}, "width": side, "height": side, **_with_names(self.spec, place)}
            for place, title in enumerate(panels)
        ]
        datasets = {
            _numbered(name, place): rows for place, own in enumerate(panels.values()) for name, rows in own.items()
        }
        return PreparedChart(spec={**around, "concat": drawn, "columns": columns, "spacing": 24, "datasets": datasets})

    def to_dict(self, validate: bool = True) -> dict[str, Any]:  # noqa: ARG002 - as charts of Altair have it
        """Return the specification, which stands and is not checked again."""
        return dict(self.spec)

    def to_altair(self) -> "alt.Chart":
        """Return a chart of Altair, which shows itself in a notebook and can be changed."""
        import altair as alt

        return alt.Chart.from_dict(dict(self.spec))


def title_of(spec: Mapping[str, Any]) -> str:
    """Title and notes of a chart as one text."""
    title = spec.get("title") or ""
    if isinstance(title, str):
        return title
    notes = title.get("subtitle") or ()
    return ". ".join([str(title["text"]), *([notes] if isinstance(notes, str) else notes)])


def _with_names(spec: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The layers of a chart, which take their data by names with a number."""
    layers = [
        {**layer, "data": {"name": _numbered(layer["data"]["name"], place)}} if "name" in layer["data"] else layer
        for layer in spec["layer"]
    ]
    return {"layer": layers}


def _numbered(name: str, place: int) -> str:
    return f"{name}-{place}"
