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
    "3_compare_models.ipynb": "decision.html",
    "4_add_your_model.ipynb": "models.html",
}
SHOWN = {  # in the outputs: a verdict or what was found, in a few words
    "1_first_sweep.ipynb": ("opencv is better than prior on 60 patients", "taken for"),
    "2_your_data.ipynb": ("AB102", "taken for"),
    "3_compare_models.ipynb": ("Take any of large and small", "excluded"),
    "4_add_your_model.ipynb": ("thumbnails/1", "NearestMean", "missed by all"),
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_is_stored_without_output(path):
    cells = nbformat.read(path, as_version=4).cells

    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_runs_in_an_empty_folder_and_shows_figures_and_cases(path, tmp_path, monkeypatch):
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()

    shown = [output["data"] for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    texts = " ".join(str(data.get("text/html", data.get("text/plain", ""))) for data in shown)
    assert (tmp_path / LEFT[path.name]).stat().st_size > 10_000
    assert [words for words in SHOWN[path.name] if words not in texts] == []
    assert any("image/png" in data or "<svg" in data.get("text/html", "") for data in shown)
    assert not any("<script" in data.get("text/html", "") for data in shown)  # would be blank without network
