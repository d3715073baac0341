"""The demo as a user runs it: the commands of the Makefile, in an empty folder, smaller."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).parent / "arogya-bench")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]  # one demo for all tests
SMALLER = ("dataset.cases=200", "dataset.classes=3", "training.epochs=1", "image_size=32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    for words in (
        ("run", "experiment=demo", *SMALLER),
        ("compare", "demo", "--out", "reports"),
        ("report", "demo", "--format", "pdf,png,csv", "--out", "again"),
    ):
        done = subprocess.run([COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


def test_report_names_the_five_models_and_thirteen_conditions(folder):
    comparison = json.loads((folder / "reports/comparison.json").read_text())

    models = {row["model"] for row in comparison["leaderboard"]}
    conditions = {row["condition"] for row in comparison["robustness"]}

    assert models == {"prior", "opencv", "opencv_soft", "pytorch", "cnn"}
    assert len(conditions) == 13
    assert comparison["missing"] == []


def test_report_written_again_has_the_same_tables(folder):
    first = (folder / "reports/tables/leaderboard.csv").read_bytes()

    again = (folder / "again/tables/leaderboard.csv").read_bytes()

    assert again == first


def test_pdf_and_pictures_are_written(folder):
    assert (folder / "again/report.pdf").read_bytes().startswith(b"%PDF")
    names = {path.stem.partition("-")[2].partition("-")[2] for path in (folder / "again/figures").glob("*.png")}
    assert names >= {"leaderboard", "pairwise", "robustness", "throughput", "cost"}


def test_the_same_command_again_runs_nothing(folder):
    again = subprocess.run(
        [COMMAND, "run", "experiment=demo", *SMALLER], cwd=folder, capture_output=True, text=True, check=True
    )

    assert "0 cells to evaluate, 70 already in MLflow" in again.stderr
