"""``arogya-bench import``: predictions of any tool become evaluation runs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arogya_bench.cli.arguments import Subparsers, add_tracking_uri
from arogya_bench.errors import ConfigError

if TYPE_CHECKING:
    from arogya_bench.datasets.splits import DatasetSplit
    from arogya_bench.importing.columns import ColumnOptions
    from arogya_bench.importing.runs import ImportedRun, ImportPlan, ImportResult

RESAMPLES = 10_000
COLUMN_ROLES = ("case", "label", "predicted", "group", "model", "seed", "condition", "severity", "split", "score")
DESCRIPTION = """\
Make evaluation runs of predictions that another tool wrote, so that `arogya-bench compare` gives
intervals, tests, a verdict and a report. Reads CSV and Parquet (a row per case, with a true label
and a probability per class or a predicted label), COCO results, and tables that
mlflow.models.evaluate logged. Columns are matched by obvious names, else named by an option;
docs/importing.md lists them. Nothing is written unless all of it is sound.

Without overrides the file is a dataset of its own; files with the same cases, labels and groups
share one table. With overrides such as dataset=ham10000, the cases must be the test cases of that
dataset, and the rows stand in one table with those of `arogya-bench run`.

examples:
  arogya-bench import predictions.csv --model resnet --dataset clinic
  arogya-bench import results.json --annotations test.json --model yolo --dataset cells
  arogya-bench import --mlflow-run 0a1b2c --dataset clinic
  arogya-bench import copy.csv --model copy dataset=medmnist dataset.path=FILE.npz
"""


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command ``import``; return its parser."""
    parser = commands.add_parser(
        "import",
        help="make evaluation runs of predictions that another tool wrote",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="FILE KEY=VALUE", help="the file, and overrides such as dataset=…"
    )
    parser.add_argument("--model", default="", metavar="NAME", help="leaderboard row (default: the column model)")
    parser.add_argument("--dataset", default="", metavar="NAME", help="name of the cases as a dataset of its own")
    parser.add_argument("--seed", default="", metavar="SEED", help="seed of the training, if the file has no column")
    parser.add_argument("--experiment", default="", metavar="NAME", help="MLflow experiment (default: arogya-bench)")
    add_tracking_uri(parser)
    parser.add_argument("--format", choices=["csv", "parquet", "coco"], help="of the file (default: by its name)")
    parser.add_argument(
        "--resamples",
        type=int,
        default=RESAMPLES,
        metavar="N",
        help="resamples for the intervals; 0 for none (default: %(default)s)",
    )
    parser.add_argument("--config-dir", metavar="DIR", help="folder with additional config groups, such as dataset/")
    _add_column_options(parser)
    _add_other_sources(parser)
    return parser


def _add_column_options(parser: argparse.ArgumentParser) -> None:
    columns = parser.add_argument_group("columns, where their names are not obvious")
    for role in COLUMN_ROLES:
        columns.add_argument(f"--{role}-column", metavar="COLUMN")
    columns.add_argument(
        "--probability-columns", default="", metavar="CLASS=COLUMN,…", help="the probability of each class"
    )
    columns.add_argument("--classes", default="", metavar="NAME,…", help="all classes, in their order")
    columns.add_argument("--positive-class", default="", metavar="NAME", help="of two classes, that of a single score")
    columns.add_argument(
        "--score-is", choices=["positive", "predicted"], default="", help="the class that a single score is of"
    )
    columns.add_argument("--number-cases", action="store_true", help="rows have no ids: number them in their order")


def _add_other_sources(parser: argparse.ArgumentParser) -> None:
    boxes = parser.add_argument_group("boxes: COCO results")
    boxes.add_argument("--annotations", type=Path, metavar="FILE", help="COCO annotations with the true boxes")
    boxes.add_argument("--group-field", default="", metavar="FIELD", help="field of the image records with the patient")
    boxes.add_argument(
        "--score-threshold",
        type=float,
        default=0.5,
        metavar="T",
        help="for precision and recall (default: %(default)s)",
    )
    runs = parser.add_argument_group("a table that MLflow holds")
    runs.add_argument("--mlflow-run", metavar="ID", help="run that mlflow.models.evaluate logged a table to")
    runs.add_argument("--artifact", metavar="PATH", help="the table (default: that of mlflow.models.evaluate)")


def run_import(arguments: argparse.Namespace, *, experiment: str) -> int:
    """Check what is to be imported, then log it."""
    from arogya_bench.importing.runs import log_cells
    from arogya_bench.runtime.progress import report_progress, show_activity
    from arogya_bench.tracking.store import open_store

    if arguments.resamples < 0:
        raise ConfigError(f"--resamples {arguments.resamples} is negative.", fix="give 10000, or 0 for no intervals.")
    plan = _plan(arguments)
    store = open_store(arguments.tracking_uri, experiment, create=True)
    with show_activity(""):
        result = log_cells(plan, store, progress=report_progress)
    _print_result(plan, result, store.experiment)
    return 0


def _plan(arguments: argparse.Namespace) -> "ImportPlan":
    files = [word for word in arguments.overrides if "=" not in word or Path(word).is_file()]
    overrides = [word for word in arguments.overrides if word not in files]
    split = _known_split(overrides, arguments.config_dir) if overrides else None
    if arguments.mlflow_run:
        if files:
            raise ConfigError(f"Both the file {files[0]} and --mlflow-run are given.", fix="import one at a time.")
        return _plan_mlflow_table(arguments, split)
    if len(files) != 1:
        raise ConfigError(
            "No file is given." if not files else f"{len(files)} files are given: {', '.join(files)}.",
            fix="give one file of predictions: arogya-bench import predictions.csv --model NAME --dataset NAME",
        )
    return _plan_file(arguments, Path(files[0]), split)


def _plan_file(arguments: argparse.Namespace, path: Path, split: "DatasetSplit | None") -> "ImportPlan":
    from arogya_bench.importing.coco_import import BoxRequest, plan_boxes
    from arogya_bench.importing.rows import ImportRequest
    from arogya_bench.importing.table_files import choose_format, read_table
    from arogya_bench.importing.table_import import plan_table

    file_format = choose_format(path, arguments.format)
    if file_format != "coco":
        request = ImportRequest(model=arguments.model, seed=arguments.seed, columns=_column_options(arguments))
        table = read_table(path, file_format=file_format)
        return plan_table(table, request, dataset=arguments.dataset, split=split, resamples=arguments.resamples)
    if arguments.annotations is None or not arguments.model:
        missing = "--model" if arguments.annotations else "--annotations"
        raise ConfigError(
            f"COCO results need {missing}.",
            fix="give --annotations FILE with the true boxes, and --model NAME for the leaderboard row.",
        )
    boxes = BoxRequest(
        model=arguments.model,
        dataset=arguments.dataset,
        annotations=arguments.annotations,
        seed=arguments.seed,
        group_field=arguments.group_field,
        threshold=arguments.score_threshold,
    )
    return plan_boxes(path, boxes, split=split, resamples=arguments.resamples)


def _plan_mlflow_table(arguments: argparse.Namespace, split: "DatasetSplit | None") -> "ImportPlan":
    from arogya_bench.importing.rows import ImportRequest
    from arogya_bench.importing.table_files import table_of_frame
    from arogya_bench.importing.table_import import number_if_unnamed, plan_table
    from arogya_bench.tracking.evaluation_tables import fetch_table
    from arogya_bench.tracking.store import absolute_uri, default_uri

    uri = absolute_uri(arguments.tracking_uri or default_uri())
    logged = fetch_table(uri, arguments.mlflow_run, arguments.artifact)
    table = table_of_frame(f"{logged.artifact} of run {logged.run.run_id}", logged.rows)
    columns = number_if_unnamed(table, _column_options(arguments))
    request = ImportRequest(model=arguments.model or logged.run.name, seed=arguments.seed, columns=columns)
    dataset = arguments.dataset or logged.dataset
    return plan_table(table, request, dataset=dataset, split=split, resamples=arguments.resamples)


def _column_options(arguments: argparse.Namespace) -> "ColumnOptions":
    from arogya_bench.importing.columns import ColumnOptions

    named = {role: getattr(arguments, f"{role}_column") for role in COLUMN_ROLES}
    pairs = [pair.rpartition("=") for pair in _split_list(arguments.probability_columns)]
    if any(not name for name, _, _ in pairs):
        raise ConfigError(
            f"--probability-columns {arguments.probability_columns} does not name a class for each column.",
            fix="write CLASS=COLUMN,CLASS=COLUMN, such as benign=score0,malignant=score1",
        )
    return ColumnOptions(
        named={role: column for role, column in named.items() if column},
        probabilities={name: column for name, _, column in pairs},
        classes=_split_list(arguments.classes),
        positive_class=arguments.positive_class,
        score_is=arguments.score_is,
        number_cases=arguments.number_cases,
    )


def _split_list(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _known_split(overrides: list[str], config_dir: str | None) -> "DatasetSplit":
    """The split of the dataset that overrides describe, as a sweep with them would make it."""
    from arogya_bench.configuration.compose import RunRequest, compose_jobs
    from arogya_bench.datasets.splits import exclude_cases, make_split
    from arogya_bench.evaluation.job import gate_report
    from arogya_bench.runtime.progress import show_activity

    if not any(override.startswith("dataset=") for override in overrides):
        raise ConfigError(
            f"The overrides {' '.join(overrides)} name no dataset.", fix="add dataset=NAME, such as dataset=ham10000."
        )
    (job,) = compose_jobs(RunRequest(overrides=("model=prior", *overrides), sweeps=False, config_dir=config_dir))
    with show_activity("reading the dataset"):
        split = make_split(job.load_dataset(), job.split, limit=job.limit)
        if job.gate == "warn":  # a sweep leaves out the unusable cases too
            split = exclude_cases(split, gate_report(job, split).unusable)
    return split


def _print_result(plan: "ImportPlan", result: "ImportResult", experiment: str) -> None:
    from arogya_bench.runtime.console import echo, plural

    for note in result.notes:
        echo(note)
    for run in result.runs:
        echo(_describe(run))
    skipped = sum(not run.is_new for run in result.runs)
    new = len(result.runs) - skipped
    already = f"; {skipped} already in the experiment" if skipped else ""
    cases = len(result.runs[0].cell.predictions.case_ids)
    echo(f"Imported {plural(new, 'evaluation')} of {plural(cases, 'case')} on {plan.on.name}{already}.")
    echo(f"Next: arogya-bench compare {experiment}")


def _describe(run: "ImportedRun") -> str:
    from arogya_bench.scoring.tasks import get_task

    if run.scores is None:
        return f"{run.cell.words}: the same predictions are in run {run.run_id}; skipped."
    metric = get_task(run.cell.predictions).default_metric
    value = run.scores.values.get(metric)
    bounds = run.scores.intervals.get(metric)
    text = f"{metric} undefined" if value is None else f"{metric} {value:.3f}"
    if bounds is not None and bounds.low is not None and bounds.high is not None:
        text += f" ({bounds.low:.3f} to {bounds.high:.3f})"
    replaced = "; it replaces an earlier import, which stays in MLflow" if run.replaces else ""
    return f"{run.cell.words}: {text}, run {run.run_id}{replaced}"
