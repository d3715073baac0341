"""Render a comparison as PDF with Typst."""

import json
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.errors import needs_extra
from arogya_bench.report.document_content import describe_document
from arogya_bench.report.page import view_report
from arogya_bench.report.page_view import PageView


def render_pdf(comparison: ComparisonTables, *, server: str = "") -> bytes:
    """Render the report on A4 pages; identical comparisons give identical files.

    Args:
        comparison: What to show.
        server: Address of the pages of MLflow, to which runs are linked; without it they are linked to their row in
            the table of runs.

    Raises:
        MissingExtra: If Typst is not installed.
    """
    document: bytes = compile_document(view_report(comparison, server=server))
    return document


def compile_document(view: PageView, **options: Any) -> Any:
    """Let Typst lay out a report: as PDF, or with its other options, such as one PNG per page.

    Args:
        view: What to show.
        options: Of ``typst.compile``.

    Raises:
        MissingExtra: If Typst is not installed.
    """
    with needs_extra("report"):
        import typst
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        content = describe_document(view, folder)
        (folder / "content.json").write_text(json.dumps(content), encoding="utf-8")
        template = files("arogya_bench.report").joinpath("document.typ").read_bytes()
        (folder / "document.typ").write_bytes(template)
        return typst.compile(str(folder / "document.typ"), root=str(folder), font_paths=[_fallback_fonts()], **options)


def _fallback_fonts() -> str:
    """A folder with a sans-serif font of many scripts, which is on every machine, since Matplotlib brings it."""
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")
