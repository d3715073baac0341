"""The command line: run, compare, report, data, doctor; heavy imports only when needed."""

import argparse
import gc
import logging
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from arogya_bench.cli import data as data_commands
from arogya_bench.errors import ConfigError, UserError
from arogya_bench.runtime.redaction import redact

USER_ERROR_EXIT = 2
INTERRUPTED_EXIT = 130
FORMATS = ("html", "csv", "json", "pdf", "png")

RUN_HELP = """\
Overrides are Hydra's: key=value, and with -m also key=a,b for every combination.

  arogya-bench run                                           the small default
  arogya-bench run experiment=demo                           a whole study in one file
  arogya-bench run -m model=prior,opencv augmentation=all    a sweep
  arogya-bench run dataset=medmnist dataset.path=FILE.npz    your images
  arogya-bench run -m ... --dry-run                          what it would do, and what it takes
  arogya-bench run --cfg job                                 print the config, run nothing
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0; 2 for a problem that the user can fix, with nothing half-written;
        3 if jobs of a sweep failed; 130 on Ctrl-C.
    """
    arguments = _parse(argv)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # Threads that spin while they wait make training crawl where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except UserError as error:
        sys.stderr.write(f"arogya-bench: {redact(str(error))}\n")
        return USER_ERROR_EXIT
    except KeyboardInterrupt:
        sys.stderr.write("arogya-bench: interrupted; run the same command again to resume.\n")
        return INTERRUPTED_EXIT


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command; settings may stand between its options, too."""
    parser = _build_parser()
    arguments, rest = parser.parse_known_args(argv)
    takes = hasattr(arguments, "overrides")
    if rest and (not takes or any(each.startswith("-") for each in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.overrides += rest
    return arguments


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="arogya-bench",
        description="Which image model should we deploy? Runs sweeps, logs them to MLflow, "
        "and compares models with evidence.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_compare(commands)
    _add_report(commands)
    data_commands.add_parser(commands)
    doctor = commands.add_parser("doctor", help="say what is installed and what is wrong")
    doctor.set_defaults(command=_doctor)
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser(
        "run",
        help="evaluate models and log everything to MLflow",
        description=RUN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="Hydra overrides")
    run.add_argument("-m", "--multirun", action="store_true", help="commas mean a sweep")
    run.add_argument("--config-dir", metavar="DIR", help="a folder with options of your own")
    run.add_argument("--config-path", metavar="DIR", help="a folder with a root config of your own")
    run.add_argument("--config-name", metavar="NAME", default="config", help="the root config")
    run.add_argument(
        "--dry-run", action="store_true", help="say what would be done and what it takes"
    )
    run.add_argument(
        "--cfg", choices=["job", "hydra"], help="print the config, or Hydra's own; run nothing"
    )
    run.add_argument(
        "--overrides", dest="quoted", metavar="TEXT", default="", help="overrides in one string"
    )
    run.set_defaults(command=_run)


def _add_compare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    compare = commands.add_parser(
        "compare",
        help="compare the models of an experiment, from MLflow alone",
        description="Reads MLflow only: leaderboard with intervals, paired tests with "
        "correction, robustness, and what is missing.",
    )
    _add_experiment_arguments(compare)
    compare.add_argument("--where", metavar="FILTER", help="an MLflow filter, added to ours")
    compare.add_argument("--metric", default="f1_macro", help="the metric that decides")
    compare.add_argument("--out", type=Path, default=Path("reports"), help="folder of the files")
    compare.set_defaults(command=_compare)


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = commands.add_parser(
        "report",
        help="write a logged comparison down again",
        description="Takes the newest comparison of an experiment, or the one named, from "
        "MLflow and writes it as files. Nothing is computed again.",
    )
    _add_experiment_arguments(report)
    report.add_argument("--run-id", metavar="ID", help="the comparison run; default: the newest")
    report.add_argument(
        "--format", default="html", metavar="LIST", help=f"of {', '.join(FORMATS)}; comma between"
    )
    report.add_argument("--out", type=Path, default=Path("reports"), help="folder of the files")
    report.set_defaults(command=_report)


def _add_experiment_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "experiment",
        nargs="?",
        default="",
        help="name of the MLflow experiment (default: MLFLOW_EXPERIMENT_NAME, else arogya-bench)",
    )
    parser.add_argument(
        "--tracking-uri", default=os.environ.get("MLFLOW_TRACKING_URI"), metavar="URI"
    )


def _run(arguments: argparse.Namespace) -> int:
    from arogya_bench.runtime.gc_pause import gc_paused

    with gc_paused():
        from arogya_bench.configuration.compose import RunRequest, render_config

    request = RunRequest(
        overrides=(*arguments.overrides, *_split_overrides(arguments.quoted)),
        multirun=arguments.multirun,
        config_dir=arguments.config_dir,
        config_path=arguments.config_path,
        config_name=arguments.config_name,
    )
    if arguments.cfg:
        sys.stdout.write(render_config(request, arguments.cfg))
        return 0
    _silence_logging()
    # A scheduler that ends us asks first: runs are closed as they are on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    known = "arogya_bench.sweeps.sweep" in sys.modules
    with gc_paused():
        from arogya_bench.sweeps.dry_run import dry_run
        from arogya_bench.sweeps.sweep import run_sweep
    if not known:
        gc.freeze()  # what was imported stays: to look at it again and again takes seconds
    return dry_run(request) if arguments.dry_run else run_sweep(request)


def _split_overrides(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"--overrides {text}: {error}.", fix="close the quotation.") from error


def _compare(arguments: argparse.Namespace) -> int:
    _silence_logging()
    from arogya_bench.cli import compare as command

    return command.run_compare(
        _experiment_name(arguments.experiment),
        tracking_uri=arguments.tracking_uri,
        where=arguments.where,
        metric=arguments.metric,
        out=arguments.out,
    )


def _report(arguments: argparse.Namespace) -> int:
    _silence_logging()
    from arogya_bench.cli import compare as command

    return command.run_report(
        _experiment_name(arguments.experiment),
        tracking_uri=arguments.tracking_uri,
        run_id=arguments.run_id,
        formats=tuple(each.strip() for each in arguments.format.split(",") if each.strip()),
        out=arguments.out,
    )


def _experiment_name(name: str) -> str:
    """The experiment that was named, else the one that ``mlflow run`` or a variable chose."""
    from arogya_bench.tracking.store import use_mlflow_run_experiment

    use_mlflow_run_experiment()
    return name or os.environ.get("MLFLOW_EXPERIMENT_NAME", "arogya-bench")


def _doctor(_: argparse.Namespace) -> int:
    _silence_logging()
    from arogya_bench.cli import doctor

    return doctor.print_report()


def _silence_logging() -> None:
    """Keep MLflow's notes on database upgrades and the like off the screen."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


if __name__ == "__main__":
    sys.exit(main())
