"""Save the charts of a comparison as PNG and SVG files."""

from pathlib import Path

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.figures.evaluation import to_png, to_svg
from arogya_bench.report.content import build_report


def save_figures(comparison: ComparisonTables, folder: Path) -> None:
    """Write every chart of the report to a folder, as PNG and as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for dataset in build_report(comparison).datasets:
        for section in dataset.sections:
            chart = section.chart
            if chart is not None:
                name = f"{dataset.dataset}-{section.name}".replace("/", "_")
                (folder / f"{name}.png").write_bytes(to_png(chart))
                (folder / f"{name}.svg").write_text(to_svg(chart), encoding="utf-8")
