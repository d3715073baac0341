"""Render a comparison as one HTML page that needs no network, and works without its scripts."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.figures import theme
from arogya_bench.report import anchors
from arogya_bench.report.content import build_report
from arogya_bench.report.embedded import embed
from arogya_bench.report.page_view import (
    PageView,
    bounds,
    cell_attributes,
    estimate,
    header_attributes,
    header_parts,
    row_header,
)
from arogya_bench.report.policy import content_policy
from arogya_bench.report.words import load_words

PAGE = "page.html.j2"
ANCHORS = (
    anchors.term_anchor, anchors.dataset_anchor, anchors.chapter_anchor, anchors.group_anchor, anchors.section_anchor,
)  # fmt: skip
FILTERS = (bounds, cell_attributes, estimate, header_attributes, header_parts, row_header)


def render_html(comparison: ComparisonTables, *, server: str = "") -> str:
    """Render the page; identical comparisons give identical text.

    Args:
        comparison: What to show.
        server: Address of the pages of MLflow, to which runs are linked; without it they are linked to their row in
            the table of runs.
    """
    view = view_report(comparison, server=server)
    return render_template(PAGE, report=view.report, view=view, embedded=embed(comparison))


def view_report(comparison: ComparisonTables, *, server: str) -> PageView:
    """Arrange a comparison for the templates of pages."""
    words = load_words(comparison.about.get("wording"))
    return PageView(report=build_report(comparison), experiments=experiments_of(comparison), server=server, words=words)


def experiments_of(comparison: ComparisonTables) -> dict[str, str]:
    """The experiment of each run that a comparison names; empty for one of an earlier version."""
    runs = getattr(comparison, "runs", None)
    rows = [] if runs is None else to_records(runs)
    return {str(row["run_id"]): str(row["experiment_id"]) for row in rows if row.get("experiment_id") is not None}


def render_template(name: str, **content: object) -> str:
    """Render a template of this package with the style and the script of the page."""
    style, script = page_style(), read_file("page.js") + read_file("page_in_mlflow.js")
    return (
        load_template_environment()
        .get_template(name)
        .render(style=style, script=script, policy=content_policy(style, script), **content)
    )


def page_style() -> str:
    """The style sheet: light colours, and dark ones where the system or the reader wants them; paper is light."""
    light = "".join(f"--chart-{name}: {colour};" for name, colour, _ in theme.VARIABLES)
    dark = read_file("page_dark.css") + "".join(f"--chart-{name}: {colour};" for name, _, colour in theme.VARIABLES)
    return (
        f"{read_file('page.css')}\n:root {{ {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{\n:root:not([data-theme=light]) {{\n{dark}\n}}\n}}\n"
        f"@media screen {{\n:root[data-theme=dark] {{\n{dark}\n}}\n}}\n"
    )


@cache
def read_file(name: str) -> str:
    """A file of this package."""
    return files("arogya_bench.report").joinpath(name).read_text(encoding="utf-8")


@cache
def load_template_environment() -> Environment:
    """The templates of this package, which escape what they are given."""
    environment = Environment(
        loader=FunctionLoader(read_file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update({function.__name__: function for function in ANCHORS})
    environment.globals.update(APPENDIX=anchors.APPENDIX, BEYOND=anchors.BEYOND)
    environment.filters.update({function.__name__: function for function in (*ANCHORS, *FILTERS)})
    return environment
