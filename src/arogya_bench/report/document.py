"""Render a comparison as PDF with Typst."""

import json
import tempfile
from importlib.resources import files
from pathlib import Path

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.errors import needs_extra
from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.content import DatasetReport, build_report
from arogya_bench.report.section import Section


def render_pdf(comparison: ComparisonTables) -> bytes:
    """Render the report on A4 pages.

    Raises:
        MissingExtra: If Typst is not installed.
    """
    with needs_extra("report"):
        import typst
    report = build_report(comparison)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        datasets = [_dataset_content(dataset, folder, number) for number, dataset in enumerate(report.datasets)]
        sections = [_section_content(section, folder, f"all-{section.name}.svg") for section in report.sections]
        content = {**vars(report), "datasets": datasets, "sections": sections}
        (folder / "content.json").write_text(json.dumps(content), encoding="utf-8")
        template = files("arogya_bench.report").joinpath("document.typ").read_bytes()
        (folder / "document.typ").write_bytes(template)
        document: bytes = typst.compile(str(folder / "document.typ"), root=str(folder))
    return document


def _dataset_content(dataset: DatasetReport, folder: Path, number: int) -> dict[str, object]:
    sections = [_section_content(section, folder, f"{number}-{section.name}.svg") for section in dataset.sections]
    return {**vars(dataset), "sections": sections}


def _section_content(section: Section, folder: Path, figure: str) -> dict[str, object]:
    chart = section.chart
    wraps = [[cell.wraps for cell in row] for row in section.cells]
    if chart is not None:
        (folder / figure).write_text(to_svg(chart), encoding="utf-8")
    return {
        "title": section.title,
        "note": section.note,
        "headers": section.headers,
        "cells": [[vars(cell) for cell in row] for row in section.cells],
        "widths": [any(column) for column in zip(*wraps, strict=True)],
        "footnotes": section.footnotes,
        "figure": None if chart is None else figure,
    }
