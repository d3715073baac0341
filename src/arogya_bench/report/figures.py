"""The charts of a comparison as PNG and SVG files."""

from pathlib import Path

from arogya_bench.comparison.comparison import Comparison
from arogya_bench.figures.evaluation import to_png, to_svg
from arogya_bench.report.sections import build_dataset_reports


def save_figures(comparison: Comparison, folder: Path) -> None:
    """Write every chart of the report, each as PNG and SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in build_dataset_reports(comparison):
        for section in part.sections:
            if section.chart is not None:
                name = f"{part.dataset}-{section.name}".replace("/", "_")
                (folder / f"{name}.png").write_bytes(to_png(section.chart))
                (folder / f"{name}.svg").write_text(to_svg(section.chart), encoding="utf-8")
