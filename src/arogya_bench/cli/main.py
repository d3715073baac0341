"""The command line; heavy modules are imported only by the commands that need them."""

import argparse
import gc
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from arogya_bench.cli import compare_arguments, completion, config_help, data, import_predictions, model, verify
from arogya_bench.cli.arguments import CommandParser, ShowVersion, Subparsers
from arogya_bench.cli.startup import experiment_name, silence_logging
from arogya_bench.errors import USER_ERROR_EXIT, ConfigError, UserError
from arogya_bench.runtime.output_files import drop_unwritable_output, system_error_problem
from arogya_bench.runtime.redaction import redact

if TYPE_CHECKING:
    from arogya_bench.configuration.compose import RunRequest

INTERRUPTED_EXIT = 130
OUTPUT_CLOSED_EXIT = 141  # as of programs that SIGPIPE ends

DESCRIPTION = """\
Benchmark image models: evaluate them on clean and degraded images, log everything to MLflow,
and compare them statistically.
"""
RUN_DESCRIPTION = """\
Evaluate models and log everything to MLflow. Finished evaluations are reused.

Overrides follow Hydra's syntax: key=value, and with -m also key=a,b for every combination.

examples:
  arogya-bench run                                           the default config
  arogya-bench run experiment=demo                           a sweep defined in one file
  arogya-bench run -m model=prior,opencv augmentation=all    a sweep of two models
  arogya-bench run dataset=medmnist dataset.path=FILE.npz    your own images
  arogya-bench run experiment=demo --dry-run                 show planned jobs, time and cost
  arogya-bench run -m model=cnn,opencv measure=quick         and measure time and memory afterwards
  arogya-bench run --cfg job                                 print the config and exit
"""
MEASURE_DESCRIPTION = """\
Measure time, memory, energy and size of models that `arogya-bench run` has fitted, alone on this
machine. Takes the overrides of that run; nothing is fitted or evaluated. Finished measurements of
this machine are reused.

examples:
  arogya-bench measure experiment=demo                       every model of the demo, measure=quick
  arogya-bench measure -m model=cnn,opencv measure=standard  a few minutes a model, with p99 and a server
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0; 1 if `require` finds a limit that is not shown to hold, or `verify` a difference; 2 for a
        problem that the user can fix, with nothing half-written; 3 if jobs of a sweep failed; 130 on Ctrl-C.
    """
    arguments = _parse_arguments(argv)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # Threads that busy-wait slow down training where processors are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        code = command(arguments)
        sys.stdout.flush()  # what is left is written here, where an error is told
        return code
    except UserError as error:
        return _print_error(error)
    except OSError as error:
        return _report_system_error(error)
    except KeyboardInterrupt:
        sys.stderr.write("arogya-bench: interrupted; run the same command again to resume.\n")
        return INTERRUPTED_EXIT


def _report_system_error(error: OSError) -> int:
    if drop_unwritable_output() and isinstance(error, BrokenPipeError):  # its reader had enough, as after `| head`
        return OUTPUT_CLOSED_EXIT
    problem = system_error_problem(error)
    if problem is None:
        raise error
    return _print_error(problem)


def _print_error(error: UserError) -> int:
    sys.stderr.write(f"arogya-bench: {redact(str(error))}\n")
    return USER_ERROR_EXIT


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments; overrides may also follow options."""
    parser = _build_parser()
    arguments, extra = parser.parse_known_args(argv)
    unknown = [word for word in extra if word.startswith("-")] or (extra if not hasattr(arguments, "overrides") else [])
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if extra:
        arguments.overrides += extra
    return arguments


def _build_parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="arogya-bench", description=DESCRIPTION)
    parser.add_argument("--version", action=ShowVersion)
    commands = cast("Subparsers", parser.add_subparsers(required=True, metavar="COMMAND", title="commands"))
    parsers = (compare_arguments.add_parsers, verify.add_parser, data.add_parser, model.add_parser)
    for add in (_add_run, _add_measure, _add_import, *parsers):
        add(commands)
    doctor = commands.add_parser(
        "doctor",
        help="check the installation",
        description="Check Python, installed extras, devices, the cache folder and the MLflow "
        "store. Exits with code 2 if something is wrong.",
    )
    doctor.set_defaults(command=_doctor)
    completion.add_parser(commands).set_defaults(command=partial(completion.print_completion, parser=parser))
    return parser


def _add_run(commands: Subparsers) -> None:
    run = commands.add_parser(
        "run",
        help="evaluate models and log everything to MLflow",
        description=RUN_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_override_arguments(run)
    run.add_argument("--dry-run", action="store_true", help="show planned jobs, time and cost, and exit")
    run.add_argument("--cfg", choices=["job", "hydra"], help="print the config of the job, or Hydra's own, and exit")
    run.set_defaults(command=_run)


def _add_measure(commands: Subparsers) -> None:
    measure = commands.add_parser(
        "measure",
        help="measure time, memory and energy of models that MLflow holds",
        description=MEASURE_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_override_arguments(measure)
    measure.set_defaults(command=_measure)


def _add_override_arguments(parser: argparse.ArgumentParser) -> None:
    cast("CommandParser", parser).make_epilog = config_help.config_summary
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="Hydra overrides: groups and keys below")
    parser.add_argument("-m", "--multirun", action="store_true", help="run every combination of comma-separated values")
    parser.add_argument("--config-dir", metavar="DIR", help="folder with additional config groups, such as model/")
    parser.add_argument("--config-path", metavar="DIR", help="folder of your own primary config")
    parser.add_argument(
        "--config-name", metavar="NAME", default="config", help="name of the primary config (default: %(default)s)"
    )
    parser.add_argument(
        "--overrides",
        dest="quoted_overrides",
        metavar="TEXT",
        default="",
        help="overrides in one string, as mlflow run passes them",
    )


def _add_import(commands: Subparsers) -> None:
    import_predictions.add_parser(commands).set_defaults(command=_import)


def _run(arguments: argparse.Namespace) -> int:
    from arogya_bench.runtime.gc_pause import gc_paused

    with gc_paused():
        from arogya_bench.configuration.compose import check_overrides, render_config

    request = _run_request(arguments)
    if arguments.cfg:
        sys.stdout.write(render_config(request, arguments.cfg))
        return 0
    check_overrides(request)  # before imports that take seconds
    silence_logging()
    # Schedulers send SIGTERM before they kill: runs are then closed as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    first_import = "arogya_bench.sweeps.sweep" not in sys.modules
    with gc_paused():
        from arogya_bench.sweeps.dry_run import dry_run
        from arogya_bench.sweeps.sweep import run_sweep
    if first_import:
        gc.freeze()  # otherwise the collector scans all imported modules again and again
    return dry_run(request) if arguments.dry_run else run_sweep(request)


def _measure(arguments: argparse.Namespace) -> int:
    from arogya_bench.configuration.compose import check_overrides

    request = _run_request(arguments)
    if not any(override.startswith("measure=") for override in request.overrides):
        request = replace(request, overrides=(*request.overrides, "measure=quick"))
    check_overrides(request)  # before imports that take seconds
    silence_logging()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from arogya_bench.sweeps.sweep import run_measure

    return run_measure(request)


def _run_request(arguments: argparse.Namespace) -> "RunRequest":
    from arogya_bench.configuration.compose import RunRequest

    return RunRequest(
        overrides=(*arguments.overrides, *_split_overrides(arguments.quoted_overrides)),
        multirun=arguments.multirun,
        config_dir=arguments.config_dir,
        config_path=arguments.config_path,
        config_name=arguments.config_name,
    )


def _split_overrides(text: str) -> list[str]:
    """Split as a shell does; words that cannot be overrides continue the path before them."""
    from arogya_bench.configuration.path_values import is_path_override

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"--overrides {text}: {error}.",
            fix='close the quotation; an apostrophe needs double quotes: dataset.path="Ann\'s set".',
        ) from error
    overrides: list[str] = []
    for word in words:
        if overrides and "=" not in word and word[0] not in "~+" and is_path_override(overrides[-1]):
            overrides[-1] += f" {word}"
        else:
            overrides.append(word)
    return overrides


def _import(arguments: argparse.Namespace) -> int:
    silence_logging()
    return import_predictions.run_import(arguments, experiment=experiment_name(arguments.experiment))


def _doctor(_: argparse.Namespace) -> int:
    silence_logging()
    from arogya_bench.cli.doctor import print_report

    return print_report()


if __name__ == "__main__":
    sys.exit(main())
