"""``arogya-bench data``: fetch a dataset, describe it, check it, curate a folder of files."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arogya_bench.cli import curate as curate_command
from arogya_bench.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from arogya_bench.evaluation.job import Job
    from arogya_bench.types import Dataset

ERRORS_EXIT = 2

NAME_HELP = "an option of conf/dataset, such as medmnist or ham10000"
SETTINGS_HELP = "settings, such as dataset.path=FOLDER split.method=group"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command ``data`` and its own commands."""
    data = commands.add_parser("data", help="fetch, describe, check and curate datasets")
    own = data.add_subparsers(required=True, metavar="COMMAND")
    _add_fetch(own)
    _add_describe(own)
    _add_check(own)
    curate_command.add_parser(own)


def _add_fetch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fetch = commands.add_parser(
        "fetch",
        help="download what needs no account, or say where the others are",
        description="Downloads a 2-D set of MedMNIST and compares its published checksum; an "
        "interrupted download goes on. For other sets: where they are, what to accept, where to "
        "unpack them. Without a name: what there is.",
    )
    fetch.add_argument("name", nargs="?", help="such as pneumoniamnist, or ham10000")
    fetch.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="folder of the file")
    fetch.add_argument("--size", type=int, default=28, help="pixels of a side: 28, 64, 128 or 224")
    fetch.set_defaults(command=_fetch)


def _add_describe(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    describe = commands.add_parser(
        "describe",
        help="the card of a dataset, its counts, and a contact sheet",
        description="Prints licence, citation, classes, counts per split and columns, and writes "
        "a picture with some images of every class.",
    )
    _add_dataset(describe)
    describe.add_argument("--out", type=Path, default=Path("reports"), help="folder of the files")
    describe.set_defaults(command=_describe)


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = commands.add_parser(
        "check",
        help="the gate: leaks, copies, damaged files, labels, shortcuts",
        description="Looks at every image once and prints what is wrong, with codes; exit code 2 "
        "if there are errors, which stop a run too. docs/data.md explains every code.",
    )
    _add_dataset(check)
    check.add_argument("--json", type=Path, metavar="FILE", help="write the findings there, too")
    check.set_defaults(command=_check)


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help=NAME_HELP)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help=SETTINGS_HELP)
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with options of your own")


def _fetch(arguments: argparse.Namespace) -> int:
    from arogya_bench.datasets import download as fetching
    from arogya_bench.datasets import download_help as obtaining
    from arogya_bench.datasets.medmnist_files import PUBLISHED, UNSUPPORTED

    if arguments.name is None:
        _print_line(obtaining.format_downloadable())
        _print_line("For the others, arogya-bench data fetch NAME says where they are: "
             f"{', '.join(_dataset_configs())}.")  # fmt: skip
        return 0
    known = _dataset_configs()
    if arguments.name in known and arguments.name not in {*PUBLISHED, *UNSUPPORTED}:
        _print_line(obtaining.download_instructions(known[arguments.name]))
        return 0
    if arguments.name not in {*PUBLISHED, *UNSUPPORTED}:
        names = (*PUBLISHED, *known)
        raise ConfigError(
            f"There is no dataset {arguments.name!r}.{did_you_mean(arguments.name, names)}",
            fix=f"choose one of: {', '.join(names)}",
        )
    file = fetching.fetch(arguments.name, arguments.to, size=arguments.size)
    _print_line(f"{file}\nUse it: arogya-bench run dataset=medmnist dataset.path={file}")
    return 0


def _describe(arguments: argparse.Namespace) -> int:
    import numpy as np

    from arogya_bench.datasets.description import describe
    from arogya_bench.datasets.description_table import render
    from arogya_bench.datasets.splits import make_split
    from arogya_bench.figures.contact_sheet import draw_contact_sheet

    job, dataset = _load_dataset(arguments)
    about = describe(dataset, make_split(dataset, job.split, limit=job.limit))
    _print_line(render(about))
    arguments.out.mkdir(parents=True, exist_ok=True)
    sheet = arguments.out / f"{dataset.name}.png"
    sheet.write_bytes(draw_contact_sheet(dataset, rng=np.random.default_rng(job.seed)))
    sheet.with_suffix(".json").write_text(about.to_json(), encoding="utf-8")
    _print_line(f"Some images of every class: {sheet}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from arogya_bench.cli.gate_table import print_gate_report
    from arogya_bench.datasets.splits import make_split
    from arogya_bench.evaluation.job import gate_report
    from arogya_bench.runtime.console import spinner

    job, dataset = _load_dataset(arguments)
    with spinner("looking at every image"):
        report = gate_report(job, dataset, make_split(dataset, job.split, limit=job.limit))
    print_gate_report(report)
    if arguments.json:
        arguments.json.write_text(report.to_json(), encoding="utf-8")
        _print_line(f"Everything: {arguments.json}")
    return ERRORS_EXIT if report.errors else 0


def _load_dataset(arguments: argparse.Namespace) -> "tuple[Job, Dataset]":
    from arogya_bench.configuration.compose import RunRequest, compose_jobs
    from arogya_bench.runtime.console import spinner

    words = ("model=prior", *arguments.overrides, f"dataset={arguments.name}")
    (job,) = compose_jobs(RunRequest(overrides=words, config_dir=arguments.config_dir))
    with spinner("reading the dataset"):
        return job, job.source.load()


def _dataset_configs() -> Mapping[str, Mapping[str, Any]]:
    """Every option of conf/dataset in the package, as its YAML stands."""
    from importlib.resources import files

    import yaml

    folder = files("arogya_bench.conf") / "dataset"
    return {
        file.name.removesuffix(".yaml"): yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".yaml")
    }


def _print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
