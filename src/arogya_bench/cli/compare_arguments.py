"""The parsers of the commands that read evaluations: compare, report, require and promote."""

import argparse
from pathlib import Path
from typing import Any

from arogya_bench.cli.arguments import REPORT_FORMATS, Subparsers, add_tracking_uri
from arogya_bench.cli.startup import experiment_name, silence_logging

REQUIRE_DESCRIPTION = """\
Check that one model is shown to meet every limit of a file, on every dataset of the experiment.
Exits with 0 if it is, with 1 if a limit is missed or undecided, with 2 for a problem of the command.

example:
  arogya-bench require EXPERIMENT --model cnn --limits limits.yaml --junit limits.xml
"""
PROMOTE_DESCRIPTION = """\
Register the recommended model in MLflow's registry and give it an alias; verdict, limits and the run of
the comparison are written to the version. Refused while the verdict names no model, unless you name one
and say why.

examples:
  arogya-bench promote EXPERIMENT --limits limits.yaml
  arogya-bench promote EXPERIMENT --model cnn --force "the only one that the clinic may host"
"""


def add_parsers(commands: Subparsers) -> None:
    """Add the parsers of the four commands."""
    _add_compare(commands)
    _add_report(commands)
    _add_require(commands)
    _add_promote(commands)


def _add_compare(commands: Subparsers) -> None:
    compare = commands.add_parser(
        "compare",
        help="compare the models of an MLflow experiment",
        description="Compare the models of an MLflow experiment: leaderboard with confidence intervals, paired tests "
        "of every pair, robustness, limits, a recommendation that may be withheld, and missing evaluations. Only "
        "MLflow is read; no data or models are needed.",
    )
    _add_experiment_arguments(compare, several=True)
    _add_choice_arguments(compare)
    compare.add_argument(
        "--logged",
        action="store_true",
        help="only list the values and bounds that finished evaluations logged, as CSV; computes and logs nothing",
    )
    _add_wording_argument(compare)
    _add_out_argument(compare)
    compare.set_defaults(command=_compare)


def _add_report(commands: Subparsers) -> None:
    report = commands.add_parser(
        "report",
        help="export a logged comparison",
        description="Export a comparison that `arogya-bench compare` logged to MLflow, without computing anything.",
    )
    _add_experiment_arguments(report)
    report.add_argument("--run-id", metavar="ID", help="run of the comparison (default: the newest without --where)")
    report.add_argument(
        "--format",
        default="html",
        metavar="LIST",
        help=f"comma-separated formats out of {', '.join(REPORT_FORMATS)} (default: %(default)s)",
    )
    _add_wording_argument(report)
    _add_out_argument(report)
    report.set_defaults(command=_report)


def _add_require(commands: Subparsers) -> None:
    require = commands.add_parser(
        "require",
        help="exit with 1 unless a model is shown to meet every limit",
        description=REQUIRE_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_experiment_arguments(require)
    require.add_argument("--model", required=True, metavar="NAME", help="row of the leaderboard")
    _add_choice_arguments(require, limits_required=True)
    require.add_argument("--dataset", metavar="NAME", help="only this dataset (default: all of the experiment)")
    require.add_argument("--junit", type=Path, metavar="FILE", help="also write the outcome as JUnit XML")
    require.set_defaults(command=_require)


def _add_promote(commands: Subparsers) -> None:
    promote = commands.add_parser(
        "promote",
        help="register the recommended model in MLflow's registry",
        description=PROMOTE_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_experiment_arguments(promote)
    _add_choice_arguments(promote)
    promote.add_argument("--dataset", metavar="NAME", help="whose verdict counts, if there are several datasets")
    promote.add_argument(
        "--name", metavar="NAME", help="of the registered model (default: the experiment, or that of the pyfunc)"
    )
    promote.add_argument("--alias", default="champion", metavar="ALIAS", help="of the version (default: %(default)s)")
    promote.add_argument("--model", metavar="NAME", help="register this row, which the verdict need not name")
    promote.add_argument("--force", metavar="REASON", default="", help="why, with --model; stored with the version")
    promote.set_defaults(command=_promote)


def _add_experiment_arguments(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    parser.add_argument(
        "experiment",
        nargs="*" if several else "?",
        default="",
        help=f"name of the MLflow experiment{', or names of several' if several else ''} "
        "(default: MLFLOW_EXPERIMENT_NAME, else arogya-bench)",
    )
    add_tracking_uri(parser)


def _add_choice_arguments(parser: argparse.ArgumentParser, *, limits_required: bool = False) -> None:
    """Add what decides which evaluations are compared, and how."""
    parser.add_argument("--where", metavar="FILTER", help="compare only runs that match this MLflow filter")
    parser.add_argument("--sweep", metavar="ID", help="compare only evaluations of the sweep with this run id")
    parser.add_argument(
        "--run-id", action="append", default=[], metavar="ID", help="compare only this evaluation; may be repeated"
    )
    parser.add_argument(
        "--variants",
        choices=["chosen", "all"],
        default="chosen",
        help="of rows that differ in hyperparameters only, compare the one that is best on the validation split, or "
        "all (default: %(default)s)",
    )
    parser.add_argument("--metric", help="primary metric (default: that of the limits, else f1_macro)")
    parser.add_argument(
        "--limits",
        metavar="FILE",
        required=limits_required,
        help="YAML file with what a model must be shown to meet (docs/deciding.md)",
    )
    parser.add_argument(
        "--prices",
        metavar="LIST",
        help="price list for the costs, computed from what was measured: a YAML file, or an option of the config "
        "group prices (default: default)",
    )
    parser.add_argument(
        "--margin",
        type=float,
        help="loss of the primary metric that counts as none, so that cost decides (default: that of the limits, "
        "else 0.02)",
    )
    parser.add_argument(
        "--literature",
        metavar="FILE",
        default=(),
        help="YAML file with numbers of publications, shown beside ours and never tested against them",
    )
    parser.add_argument(
        "--test",
        metavar="NAME",
        help="test of the pairs: group_t, bootstrap, paired_t, wilcoxon, mcnemar or delong (default: group_t)",
    )
    parser.add_argument(
        "--correction",
        metavar="NAME",
        help="of the p-values of all pairs: max_t, romano_wolf, holm, bonferroni or bh (default: max_t; holm for "
        "another test)",
    )


def _add_wording_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wording",
        metavar="NAME",
        help="words of the report: en, de, or a YAML file with words of your own (default: en, or those of the logged "
        "comparison)",
    )


def _add_out_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path("reports"), metavar="DIR", help="output folder (default: %(default)s)"
    )


def _choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``api.compare``; an empty text, as `mlflow run` passes it, is none."""
    names = ("variants", "metric", "limits", "prices", "margin", "test", "correction", "literature")
    given = {name: getattr(arguments, name) for name in names}
    return {**_selected(arguments), **{name: None if value == "" else value for name, value in given.items()}}


def _selected(arguments: argparse.Namespace) -> dict[str, Any]:
    """Which evaluations are read."""
    names = ("tracking_uri", "where", "sweep")
    return {**{name: getattr(arguments, name) for name in names}, "run_ids": tuple(arguments.run_id)}


def _compare(arguments: argparse.Namespace) -> int:
    silence_logging()
    from arogya_bench.cli.compare import run_compare, write_logged_values

    experiments = [name for name in arguments.experiment if name] or [experiment_name("")]
    if arguments.logged:
        return write_logged_values(experiments, out=arguments.out, **_selected(arguments))
    return run_compare(experiments, out=arguments.out, wording=arguments.wording, **_choices(arguments))


def _report(arguments: argparse.Namespace) -> int:
    silence_logging()
    from arogya_bench.cli.compare import run_report

    formats = [name.strip() for name in arguments.format.split(",")]
    return run_report(
        experiment_name(arguments.experiment),
        tracking_uri=arguments.tracking_uri,
        run_id=arguments.run_id,
        formats=tuple(name for name in formats if name),
        out=arguments.out,
        wording=arguments.wording,
    )


def _require(arguments: argparse.Namespace) -> int:
    silence_logging()
    from arogya_bench.cli.require import run_require

    return run_require(
        experiment_name(arguments.experiment),
        model=arguments.model,
        dataset=arguments.dataset,
        junit=arguments.junit,
        **_choices(arguments),
    )


def _promote(arguments: argparse.Namespace) -> int:
    silence_logging()
    from arogya_bench.cli.promote import PromotionRequest, run_promote

    request = PromotionRequest(
        alias=arguments.alias,
        name=arguments.name,
        dataset=arguments.dataset,
        model=arguments.model,
        reason=arguments.force.strip(),
    )
    return run_promote(experiment_name(arguments.experiment), request, **_choices(arguments))
