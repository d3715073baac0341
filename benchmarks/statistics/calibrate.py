"""Simulate how often the verdict errs, and how often each test and interval does, and write the page of both.

Run as ``python -m benchmarks.statistics.calibrate --out docs/calibration.md``. An interrupted run goes on where it
stopped.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from benchmarks.statistics import method_calibration, verdict_calibration
from benchmarks.statistics.method_calibration import CalibrationTable, calibrate_methods
from benchmarks.statistics.method_page import render_methods
from benchmarks.statistics.stored_results import StoredResults
from benchmarks.statistics.verdict_calibration import RESAMPLES, STUDIES, calibrate_verdict
from benchmarks.statistics.verdict_page import LINE_WIDTH, SettingResults, render_verdict
from benchmarks.statistics.verdict_results import SettingResult, unmet_goals
from benchmarks.statistics.verdict_settings import SETTINGS, Setting

STATE = Path("build/calibration.json")
HEAD = (
    "Simulation study, written by `make calibrate`; do not edit. First the verdict as a whole, then every test and "
    f"interval alone. Seed {verdict_calibration.SEED}."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; return 1 if there is a violation."""
    arguments = parse_arguments(argv)
    stored = StoredResults(file=arguments.state)
    chosen = [setting for setting in SETTINGS if arguments.only in setting.name_in_full]
    results: list[tuple[Setting, SettingResult]] = []
    table: CalibrationTable = {}
    for setting, result in calibrate_verdict(
        chosen,
        studies=arguments.studies or STUDIES,
        resamples=arguments.resamples,
        workers=arguments.workers,
        stored=stored,
    ):
        results.append((setting, result))
        print(f"{setting.name_in_full}: {'; '.join(unmet_goals(setting, result)) or 'as required'}", flush=True)
    for part in calibrate_methods(
        studies=arguments.studies, workers=arguments.workers, stored=stored, only=arguments.only
    ):
        table |= part
    arguments.out.write_text(render_page(results, table), encoding="utf-8")
    return 1 if verdict_calibration.violations(results) or method_calibration.violations(table) else 0


def render_page(results: SettingResults, table: CalibrationTable) -> str:
    """Render the verdict first, and then the methods that were simulated alone, if any."""
    parts = ["# Calibration of the statistics\n", fill(HEAD, LINE_WIDTH) + "\n"]
    parts += [render_verdict(results)] if results else []
    parts += [render_methods(table)] if table else []
    return "\n".join(parts)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--state", type=Path, default=STATE, help="where finished settings are kept")
    parser.add_argument("--studies", type=int, help="studies per setting, instead of the published thousands")
    parser.add_argument("--resamples", type=int, default=RESAMPLES, help="per study of the verdict")
    parser.add_argument("--only", default="", help="only settings whose name contains this")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
