"""A short simulation study; ``make calibrate`` runs the whole one."""

from pathlib import Path

import pytest

from arogya_bench.statistics import wilson
from benchmarks.statistics.calibrate import main
from benchmarks.statistics.checks import CHECKS
from benchmarks.statistics.method_calibration import ErrorRate, StudySetting, calibrate, violations
from benchmarks.statistics.method_page import render_methods
from benchmarks.statistics.simulation import true_metrics
from benchmarks.statistics.trials import SimulatedStudy

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
SETTINGS = (StudySetting(groups=50, clustered=False), StudySetting(groups=50, clustered=True))
STUDIES, QUICK = 60, 120
BY_CHANCE = 0.20  # of 60 studies: far above 5 %, and far below what a broken test does


@pytest.fixture(scope="module")
def table():
    return calibrate(SETTINGS, studies=STUDIES, quick_studies=QUICK)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_no_test_and_no_interval_is_wrong_often(table, check):
    for setting in SETTINGS:
        if check.supports_clusters or not setting.clustered:
            rate = table[check.name, setting]
            assert rate.answers >= 0.9 * rate.studies
            assert rate.error_share <= BY_CHANCE


def test_methods_for_single_cases_are_not_run_on_clusters(table):
    assert ("DeLong", SETTINGS[0]) in table
    assert ("DeLong", SETTINGS[1]) not in table


def test_number_of_workers_changes_nothing():
    one, two = (calibrate(SETTINGS[:1], studies=2, quick_studies=60, workers=workers) for workers in (1, 2))

    assert one == two


def test_intervals_that_ignore_patients_miss_the_truth_too_often():
    """The checks exist to detect this error."""
    missed = 0
    for number in range(300):
        right = SimulatedStudy(seed=(1, number), groups=60, clustered=True).predictions.is_correct()[0]
        found = wilson(int(right.sum()), right.size)
        missed += not found.low <= true_metrics()["accuracy"] <= found.high

    assert missed / 300 > 0.10


def test_violations_are_named():
    large = StudySetting(groups=200, clustered=True)
    table = {
        ("paired t, loss", large): ErrorRate(answers=1_000, errors=90, studies=1_000),
        ("bootstrap bca, accuracy", large): ErrorRate(answers=1_000, errors=90, studies=1_000),
        ("bootstrap bca, brier", SETTINGS[0]): ErrorRate(answers=1_000, errors=90, studies=1_000),
        ("Wilcoxon, loss", large): ErrorRate(answers=0, errors=0, studies=1_000),
    }

    assert violations(table) == [
        "paired t, loss, 200 patients, several cases each: 9.0 %",
        "bootstrap bca, accuracy, 200 patients, several cases each: 91.0 %",
    ]


def test_the_page_says_how_many_studies_were_simulated(table):
    text = render_methods(table)

    assert f"run on {STUDIES} studies per setting" in text
    assert "| 50 | 50 clustered | note |" in text
    assert "| DeLong | " in text


def test_the_page_in_the_docs_shows_every_method():
    page = PAGE.read_text(encoding="utf-8")

    assert [check.name for check in CHECKS if f"\n| {check.name} |" not in page] == []


def test_the_command_writes_a_page(tmp_path):
    out = tmp_path / "table.md"

    few = ["--studies", "1", "--resamples", "200", "--workers", "1", "--only", "50 patients"]
    code = main(["--out", str(out), "--state", str(tmp_path / "state.json"), *few])

    assert code in (0, 1)
    assert out.read_text().startswith("# Calibration of the statistics")
