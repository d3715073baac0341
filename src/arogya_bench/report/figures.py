"""Save the charts of a comparison as PNG and SVG files."""

from pathlib import Path

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.figures.evaluation import to_png, to_svg
from arogya_bench.report.anchors import ALL
from arogya_bench.report.content import build_report
from arogya_bench.report.section import Section


def save_figures(comparison: ComparisonTables, folder: Path) -> None:
    """Write every chart of the report to a folder, as PNG and as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    report = build_report(comparison)
    for dataset in report.datasets:
        for group in (group for chapter in dataset.chapters for group in chapter.groups):
            own = "" if group.name == ALL else f"{group.name}-"
            for section in group.sections:
                _save_chart(section, f"{dataset.dataset}-{own}{section.name}", folder)
    for section in report.sections:
        _save_chart(section, section.name, folder)


def _save_chart(section: Section, name: str, folder: Path) -> None:
    chart = section.chart
    if chart is not None:
        path = folder / name.replace("/", "_")
        Path(f"{path}.png").write_bytes(to_png(chart))
        finding = section.finding() if section.finding else ""
        Path(f"{path}.svg").write_text(to_svg(chart, alternative=finding), encoding="utf-8")
