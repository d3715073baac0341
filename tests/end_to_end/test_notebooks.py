"""Notebooks run from top to bottom in an empty folder, and are stored without output."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LEFT = {
    "1_first_sweep.ipynb": "report.html",
    "2_your_data.ipynb": "clean/card.json",
    "3_results_of_another_tool.ipynb": "decision.html",
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_is_stored_without_output(path):
    cells = nbformat.read(path, as_version=4).cells

    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_runs_in_an_empty_folder(path, tmp_path, monkeypatch):
    """At the size of the demo but with fewer epochs and images: the cells are the same."""
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AROGYA_NOTEBOOK_OVERRIDES", "dataset.cases=200 training.epochs=1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()

    assert (tmp_path / LEFT[path.name]).stat().st_size > 10_000
