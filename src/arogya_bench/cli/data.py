"""``arogya-bench data``: fetch, describe, check and curate datasets."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arogya_bench.cli import curate
from arogya_bench.cli.arguments import Subparsers
from arogya_bench.errors import USER_ERROR_EXIT, ConfigError, did_you_mean

if TYPE_CHECKING:
    from arogya_bench.evaluation.job import Job
    from arogya_bench.gate.findings import GateReport
    from arogya_bench.types import Dataset

OUT_FIX = "choose another folder with --out"
JSON_FIX = "name another --json FILE"


def add_parser(commands: Subparsers) -> None:
    """Add the command ``data`` and its subcommands."""
    data = commands.add_parser(
        "data",
        help="fetch, describe, check and curate datasets",
        description="Fetch, describe, check and curate datasets.",
    )
    subcommands = data.add_subparsers(required=True, metavar="COMMAND", title="commands")
    _add_fetch(subcommands)
    _add_describe(subcommands)
    _add_check(subcommands)
    curate.add_parser(subcommands)


def _add_fetch(commands: Subparsers) -> None:
    fetch = commands.add_parser(
        "fetch",
        help="download a public dataset, or print how to get it",
        description="Download a 2-D dataset of MedMNIST and verify its published checksum; an "
        "interrupted download is resumed. For other datasets, print where to get them, which "
        "terms to accept and where to unpack them. Without a name, list all datasets.",
    )
    fetch.add_argument("name", nargs="?", help="dataset, such as pneumoniamnist or ham10000")
    fetch.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="folder to download to")
    fetch.add_argument("--size", type=int, default=28, help="image size in pixels: 28, 64, 128 or 224 (default: 28)")
    fetch.set_defaults(command=_fetch)


def _add_describe(commands: Subparsers) -> None:
    describe = commands.add_parser(
        "describe",
        help="summarise a dataset and draw a contact sheet",
        description="Print licence, citation, classes, counts per split and columns, and write "
        "them as JSON with a contact sheet of images of every class.",
    )
    _add_dataset(describe)
    describe.add_argument(
        "--out", type=Path, default=Path("reports"), metavar="DIR", help="output folder (default: %(default)s)"
    )
    describe.set_defaults(command=_describe)


def _add_check(commands: Subparsers) -> None:
    check = commands.add_parser(
        "check",
        help="find leakage, duplicates, damaged files and label problems",
        description="Run the data gate: read every image and report leakage between splits, "
        "duplicates, damaged files, label problems and shortcuts. Exits with code 2 if there are "
        "errors, which also stop a run. docs/data.md explains every code.",
    )
    _add_dataset(check)
    check.add_argument("--json", type=Path, metavar="FILE", help="also write the findings and every copy as JSON")
    check.add_argument(
        "--out", type=Path, metavar="DIR", help="also write gate.json and, if there are copies, copies.csv to a folder"
    )
    check.set_defaults(command=_check)


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="dataset config, such as medmnist or ham10000")
    help_text = "Hydra overrides, such as dataset.path=FOLDER split.method=group"
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help=help_text)
    parser.add_argument("--config-dir", metavar="DIR", help="folder with additional config groups")


def _fetch(arguments: argparse.Namespace) -> int:
    from arogya_bench.datasets.download import fetch
    from arogya_bench.datasets.download_help import download_instructions, format_downloadable
    from arogya_bench.datasets.medmnist_files import PUBLISHED, UNSUPPORTED

    configs = _dataset_configs()
    if arguments.name is None:
        others = ", ".join(configs)
        _print_line(f"{format_downloadable()}\narogya-bench data fetch NAME prints how to get the others: {others}.")
        return 0
    if arguments.name not in {*PUBLISHED, *UNSUPPORTED}:
        if arguments.name in configs:
            _print_line(download_instructions(configs[arguments.name]))
            return 0
        names = (*PUBLISHED, *configs)
        raise ConfigError(
            f"There is no dataset {arguments.name!r}.{did_you_mean(arguments.name, names)}",
            fix=f"choose one of: {', '.join(names)}",
        )
    file = fetch(arguments.name, arguments.to, size=arguments.size)
    _print_line(f"{file}\nUse it: arogya-bench run dataset=medmnist dataset.path={file}")
    return 0


def _describe(arguments: argparse.Namespace) -> int:
    from arogya_bench.runtime.output_files import check_output_folder, write_file

    check_output_folder(arguments.out, fix=OUT_FIX)
    job, dataset = _load_dataset(arguments)  # a misspelt override is refused before imports that take seconds
    import numpy as np

    from arogya_bench.datasets.description import describe
    from arogya_bench.datasets.description_table import render
    from arogya_bench.datasets.splits import make_split
    from arogya_bench.figures.contact_sheet import draw_contact_sheet
    from arogya_bench.figures.fonts import ADVICE, REPLACEMENT, choose_fonts

    split = make_split(dataset, job.split, limit=job.limit)
    description = describe(split.test.dataset, split)
    _print_line(render(description))
    sheet = arguments.out / f"{dataset.name}.png"
    write_file(sheet, draw_contact_sheet(dataset, rng=np.random.default_rng(job.seed)), fix=OUT_FIX)
    write_file(arguments.out / f"{dataset.name}.json", description.to_json(), fix=OUT_FIX)
    _print_line(f"Contact sheet: {sheet}")
    missing = choose_fonts((dataset.name, *dataset.classes)).missing
    if missing:
        _print_line(f"No font of this machine has {' '.join(missing)}: the sheet shows {REPLACEMENT}. Fix: {ADVICE}.")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from arogya_bench.runtime.output_files import check_output_folder, write_file

    if arguments.out:
        check_output_folder(arguments.out, fix=OUT_FIX)
    if arguments.json and not arguments.json.exists():  # it may be a device, such as /dev/stdout
        check_output_folder(arguments.json.parent, fix=JSON_FIX)
    job, dataset = _load_dataset(arguments)  # a misspelt override is refused before imports that take seconds
    from arogya_bench.cli.gate_table import print_gate_report
    from arogya_bench.datasets.splits import make_split
    from arogya_bench.evaluation.job import gate_report
    from arogya_bench.runtime.progress import show_activity

    with show_activity("reading every image"):
        report = gate_report(job, make_split(dataset, job.split, limit=job.limit))
    print_gate_report(report)
    if arguments.json:
        write_file(arguments.json, report.to_json(with_copies=True), fix=JSON_FIX)
        _print_line(f"Findings: {arguments.json}")
    if arguments.out:
        _write_gate_files(report, arguments.out)
    return USER_ERROR_EXIT if report.errors else 0


def _write_gate_files(report: "GateReport", out: Path) -> None:
    from arogya_bench.gate.copies import COPIES_FILE
    from arogya_bench.runtime.csv_text import to_csv_text
    from arogya_bench.runtime.output_files import write_file

    write_file(out / "gate.json", report.to_json(), fix=OUT_FIX)
    _print_line(f"Findings: {out / 'gate.json'}")
    copies = report.copies()
    if len(copies):
        write_file(out / COPIES_FILE, to_csv_text(copies), fix=OUT_FIX)
        _print_line(f"Every pair of copies ({len(copies):,}): {out / COPIES_FILE}")


def _load_dataset(arguments: argparse.Namespace) -> "tuple[Job, Dataset]":
    from arogya_bench.configuration.compose import RunRequest, compose_jobs
    from arogya_bench.runtime.progress import show_activity

    overrides = ("model=prior", *arguments.overrides, f"dataset={arguments.name}")
    (job,) = compose_jobs(RunRequest(overrides=overrides, sweeps=False, config_dir=arguments.config_dir))
    with show_activity("reading the dataset"):
        return job, job.load_dataset()


def _dataset_configs() -> Mapping[str, Mapping[str, Any]]:
    """The dataset configs of this package by name, without interpolation or composition."""
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
