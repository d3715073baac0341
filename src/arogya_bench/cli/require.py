"""The command ``arogya-bench require``: a gate for continuous integration."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from arogya_bench.api import Comparison, compare
from arogya_bench.comparison.limit_outcomes import ELIGIBLE
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.configuration.limit_files import load_limits
from arogya_bench.errors import ConfigError, TrackingError, did_you_mean
from arogya_bench.runtime.console import plural
from arogya_bench.runtime.output_files import write_file
from arogya_bench.runtime.progress import show_activity
from arogya_bench.runtime.redaction import redact

NOT_SHOWN_EXIT = 1
Row = dict[str, Any]


def run_require(
    experiment: str, *, model: str, dataset: str | None = None, junit: Path | None = None, **choices: Any
) -> int:
    """Check the limits of one model, print one line for each, and write them as JUnit XML.

    Args:
        experiment: Name of the experiment.
        model: A row of the leaderboard.
        dataset: Only this one; None for every dataset of the comparison.
        junit: File to write.
        choices: Further arguments of ``compare``.

    Returns:
        0 if every limit is shown to hold, else 1.
    """
    _check_limits(choices.get("limits"))
    with show_activity("Reading evaluations from MLflow and resampling"):
        comparison = compare(experiment, **choices)
    datasets = _datasets(comparison, dataset)
    rows = find_limits(comparison, model, datasets)
    lines = [_line(row, several=len(datasets) > 1) for row in rows]
    failed = sum(row["verdict"] != ELIGIBLE for row in rows)
    outcome = (
        "every limit is shown to hold" if not failed else f"{failed} of {plural(len(rows), 'limit')} not shown to hold"
    )
    sys.stdout.write(redact("\n".join([*lines, f"{model}: {outcome}.", ""])))
    if junit is not None:
        _write_junit(rows, experiment, model, junit)
    return NOT_SHOWN_EXIT if failed else 0


def _check_limits(source: str | None) -> None:
    if source is None or not load_limits(source).limits:
        raise ConfigError(
            f"{source or 'The limits file'} states no limit, so that nothing can be shown to hold.",
            fix="write at least one, such as limits: {accuracy: {at_least: 0.9}}.",
        )


def find_limits(comparison: Comparison, model: str, datasets: Sequence[str]) -> list[Row]:
    """The limits of a model on some datasets; one on which it is not evaluated is a limit that is not shown to hold.

    Raises:
        TrackingError: If no dataset has the model.
    """
    records = [row for row in to_records(comparison.limits) if row["dataset"] in datasets]
    known = list(dict.fromkeys(str(row["model"]) for row in records))
    if model not in known:
        raise TrackingError(
            f"No finished evaluation of the model {model!r}.{did_you_mean(model, known)}",
            fix=f"choose one of: {', '.join(known)}.",
        )
    rows = [row for row in records if row["model"] == model]
    absent = [name for name in datasets if name not in {row["dataset"] for row in rows}]
    return [*rows, *(_absent(name, model) for name in absent)]


def _datasets(comparison: Comparison, dataset: str | None) -> list[str]:
    failed = comparison.about.get("datasets_without_result", ())
    names = [str(facts["dataset"]) for facts in (*comparison.about["datasets"], *failed)]
    if dataset is None:
        return names
    if dataset not in names:
        raise ConfigError(
            f"There is no dataset {dataset!r}.{did_you_mean(dataset, names)}", fix=f"choose one of: {', '.join(names)}."
        )
    return [dataset]


def _absent(dataset: str, model: str) -> Row:
    reason = "it has no finished evaluation on clean images"
    return {"dataset": dataset, "model": model, "limit": "is evaluated", "verdict": "undecided", "reason": reason}


def _line(row: Row, *, several: bool) -> str:
    where = f"{row['dataset']}: " if several else ""
    word = "ok" if row["verdict"] == ELIGIBLE else str(row["verdict"])
    return f"{word:<9} {where}{row['limit']}: {row['reason']}"


def _write_junit(rows: Sequence[Row], experiment: str, model: str, path: Path) -> None:
    failed = [row for row in rows if row["verdict"] != ELIGIBLE]
    counts = {"tests": str(len(rows)), "failures": str(len(failed)), "errors": "0", "skipped": "0", "time": "0"}
    suites = ET.Element("testsuites", {"name": "arogya-bench require", **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": f"{experiment}: {model}", **counts})
    for row in rows:
        case = ET.SubElement(suite, "testcase", classname=f"{row['dataset']}.{model}", name=str(row["limit"]), time="0")
        if row["verdict"] != ELIGIBLE:
            failure = ET.SubElement(case, "failure", type=str(row["verdict"]), message=str(row["reason"]))
            failure.text = f"{row['limit']}: {row['verdict']}, {row['reason']}"
    content = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    write_file(path, content, fix="name another --junit FILE.")
