"""A comparison as one HTML page that needs no network and runs no script."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from arogya_bench.comparison.comparison import Comparison
from arogya_bench.figures import evaluation as figures
from arogya_bench.report.sections import Part, Section, methods, parts


def html(comparison: Comparison) -> str:
    """Render the page; the same comparison gives the same bytes."""
    return _template().render(
        about=comparison.about,
        parts=[_part(each) for each in parts(comparison)],
        methods=methods(comparison),
    )


def _part(part: Part) -> dict[str, object]:
    return {
        "dataset": part.dataset,
        "cautions": part.cautions,
        "verdict": part.verdict,
        "sections": [_section(each) for each in part.sections],
    }


def _section(section: Section) -> dict[str, object]:
    return {
        "title": section.title,
        "lead": section.lead,
        "heads": section.heads,
        "rows": section.rows,
        "figure": figures.svg(section.chart) if section.chart is not None else None,
    }


@cache
def _template() -> Template:
    source = files("arogya_bench.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
