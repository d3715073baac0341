"""A report as a folder of static pages, which any web server shows, and a browser without one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.report.figures import save_figures
from arogya_bench.report.page import render_template, view_report
from arogya_bench.report.page_view import INDEX

DATA, TABLES, FIGURES = "comparison.json", "tables", "figures"


def write_site(comparison: ComparisonTables, folder: Path, *, server: str = "") -> None:
    """Write the answers as ``index.html``, one page for each dataset, the data, and the figures.

    Args:
        comparison: What to show.
        folder: Is created; pages of datasets that are not in this comparison are removed from it.
        server: Address of the pages of MLflow, to which runs are linked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    comparison.to_json(folder / DATA)
    comparison.to_csv(folder / TABLES)
    save_figures(comparison, folder / FIGURES)
    pages = render_pages(comparison, files=_data_files(folder), server=server)
    for stale in set(folder.glob("dataset-*.html")) - {folder / name for name in pages}:
        stale.unlink()
    for name, page in pages.items():
        (folder / name).write_text(page, encoding="utf-8")


def render_pages(comparison: ComparisonTables, *, files: tuple[str, ...] = (), server: str = "") -> Mapping[str, str]:
    """Render the pages of a site by their file names.

    Args:
        comparison: What to show.
        files: Paths within the folder, which the first page lists.
        server: Address of the pages of MLflow.
    """
    view = replace(view_report(comparison, server=server), split=True)
    pages = {INDEX: render_template("site_index.html.j2", report=view.report, view=view, files=files)}
    for dataset in view.report.datasets:
        own = replace(view, shows=dataset.dataset)
        pages[view.dataset_file(dataset.dataset)] = render_template(
            "site_dataset.html.j2", report=view.report, view=own, dataset=dataset
        )
    return pages


def _data_files(folder: Path) -> tuple[str, ...]:
    found = [folder / DATA, *sorted((folder / TABLES).glob("*.csv")), *sorted((folder / FIGURES).iterdir())]
    return tuple(path.relative_to(folder).as_posix() for path in found)
