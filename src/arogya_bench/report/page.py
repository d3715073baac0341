"""Render a comparison as one HTML page without scripts or network access."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.content import build_report


def render_html(comparison: ComparisonTables) -> str:
    """Render the page; identical comparisons give identical text."""
    return _load_template().render(report=build_report(comparison))


@cache
def _load_template() -> Template:
    source = files("arogya_bench.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["svg"] = to_svg
    return environment.from_string(source)
