"""Save the charts of a comparison as PNG and SVG files."""

from pathlib import Path

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.figures.evaluation import to_png, to_svg
from arogya_bench.report.content import build_report
from arogya_bench.report.section import Section


def save_figures(comparison: ComparisonTables, folder: Path) -> None:
    """Write every chart of the report to a folder, as PNG and as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    report = build_report(comparison)
    for dataset in report.datasets:
        for section in dataset.sections:
            _save_chart(section, f"{dataset.dataset}-{section.name}", folder)
    for section in report.sections:
        _save_chart(section, section.name, folder)


def _save_chart(section: Section, name: str, folder: Path) -> None:
    chart = section.chart
    if chart is not None:
        path = folder / name.replace("/", "_")
        Path(f"{path}.png").write_bytes(to_png(chart))
        Path(f"{path}.svg").write_text(to_svg(chart), encoding="utf-8")
