"""A comparison as one HTML page that needs no network and runs no script."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from arogya_bench.comparison.comparison import Comparison
from arogya_bench.figures import evaluation as figures
from arogya_bench.report.sections import (
    DatasetReport,
    Section,
    build_dataset_reports,
    describe_methods,
)


def render_html(comparison: Comparison) -> str:
    """Render the page; the same comparison gives the same bytes."""
    return _load_template().render(
        about=comparison.about,
        parts=[_dataset_content(each) for each in build_dataset_reports(comparison)],
        methods=describe_methods(comparison),
    )


def _dataset_content(dataset_report: DatasetReport) -> dict[str, object]:
    return {
        "dataset": dataset_report.dataset,
        "cautions": dataset_report.caveats,
        "verdict": dataset_report.verdict,
        "sections": [_section_content(each) for each in dataset_report.sections],
    }


def _section_content(section: Section) -> dict[str, object]:
    return {
        "title": section.title,
        "lead": section.introduction,
        "heads": section.headers,
        "rows": section.rows,
        "figure": figures.to_svg(section.chart) if section.chart is not None else None,
    }


@cache
def _load_template() -> Template:
    source = files("arogya_bench.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
