"""A comparison for print: the sections of the page, set by Typst."""

import json
import tempfile
from importlib.resources import files
from pathlib import Path

from arogya_bench.comparison.comparison import Comparison
from arogya_bench.errors import needs_extra
from arogya_bench.figures import evaluation as figures
from arogya_bench.report.sections import Section, build_dataset_reports, describe_methods


def render_pdf(comparison: Comparison) -> bytes:
    """Set the report as A4 pages.

    Raises:
        MissingExtra: If Typst is not installed.
    """
    with needs_extra("report"):
        import typst
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        content = {
            "about": dict(comparison.about),
            "methods": describe_methods(comparison),
            "parts": [
                {
                    "dataset": part.dataset,
                    "cautions": list(part.caveats),
                    "verdict": dict(part.verdict),
                    "sections": [
                        _section_content(section, folder, f"{place}-{section.name}.svg")
                        for section in part.sections
                    ],
                }
                for place, part in enumerate(build_dataset_reports(comparison))
            ],
        }
        (folder / "content.json").write_text(json.dumps(content), encoding="utf-8")
        template = files("arogya_bench.report").joinpath("document.typ").read_bytes()
        (folder / "document.typ").write_bytes(template)
        document: bytes = typst.compile(str(folder / "document.typ"), root=str(folder))
    return document


def _section_content(section: Section, folder: Path, figure: str) -> dict[str, object]:
    if section.chart is not None:
        (folder / figure).write_text(figures.to_svg(section.chart), encoding="utf-8")
    return {
        "title": section.title,
        "lead": section.introduction,
        "heads": section.headers,
        "rows": section.rows,
        "figure": figure if section.chart is not None else None,
    }
