"""``arogya-bench data curate``: turns a folder of images into a de-identified dataset."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arogya_bench.cli.arguments import Subparsers
from arogya_bench.errors import USER_ERROR_EXIT

if TYPE_CHECKING:
    from arogya_bench.curation.curate import CurationOutcome
    from arogya_bench.curation.options import CurationOptions
    from arogya_bench.gate.findings import GateReport
    from arogya_bench.types import Dataset

LAYOUT_NAMES = (
    "class_folders, manifest, coco, pascal_voc, yolo, ham10000, isic2019, eyepacs, covid_cxr, pairs or unlabelled"
)
DESCRIPTION = """\
Organise, clean, de-identify and split a folder of images: class folders, a table (manifest.csv),
images with masks or boxes, DICOM, NIfTI, or the archives of HAM10000, ISIC 2019, EyePACS and
COVIDx.

Images are re-encoded without metadata, file names become keyed pseudonyms, and files that cannot
be cleaned are quarantined. The source is not changed. Running the same command again completes an
interrupted run; after a complete one, it changes nothing.

The secret key of the pseudonyms is read from the variable AROGYA_SECRET or from --secret-file.
"""


def add_parser(commands: Subparsers) -> None:
    """Add the command ``curate``."""
    curate = commands.add_parser(
        "curate",
        help="de-identify, organise and split a folder of images",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    curate.add_argument("source", type=Path, metavar="SRC", help="source folder")
    curate.add_argument("out", type=Path, metavar="OUT", help="output folder: new, or that of an earlier run")
    curate.add_argument("--licence", required=True, help="licence of the images and labels")
    curate.add_argument(
        "--layout", metavar="NAME", help=f"layout of SRC: {LAYOUT_NAMES} (default: detect automatically)"
    )
    curate.add_argument(
        "--keep", default="", metavar="A,B", help="columns of the table to keep; they must not identify anyone"
    )
    curate.add_argument("--secret-file", metavar="FILE", help="file with the secret key, of mode 600")
    curate.add_argument("--key-file", metavar="FILE", help="write the original file name of each case to this file")
    curate.add_argument(
        "--boxes-drawn-on",
        choices=["stored", "upright"],
        help="whether boxes and masks belong to the stored pixels or to the image after its EXIF rotation",
    )
    curate.add_argument("--quality", type=int, default=95, help="JPEG quality (default: %(default)s)")
    curate.add_argument("--no-text-check", action="store_true", help="skip the check for text in images")
    curate.add_argument("--ocr", action="store_true", help="count lines of text with OCR (needs the extra ocr)")
    curate.add_argument("--workers", type=int, metavar="N", help="number of threads (default: one per processor)")
    curate.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="settings, such as dataset.group='(p[0-9]+)' or split.method=group",
    )
    curate.set_defaults(command=_curate)


def _curate(arguments: argparse.Namespace) -> int:
    from arogya_bench.curation.curate import curate

    outcome = curate(arguments.source, arguments.out, options=_build_options(arguments))
    _print_outcome(outcome, arguments.out)
    report = _run_gate(arguments.out)
    if outcome.quarantined or outcome.warnings or (report and report.findings):
        _print_key_hint(arguments.key_file)
    return USER_ERROR_EXIT if report and report.errors else 0


def _build_options(arguments: argparse.Namespace) -> "CurationOptions":
    from arogya_bench.configuration import schema, validation
    from arogya_bench.curation.options import CurationOptions
    from arogya_bench.datasets.splits import SplitPolicy

    settings = schema.parse_settings(arguments.overrides, ("dataset", "split"))
    return CurationOptions(
        licence=arguments.licence,
        layout=arguments.layout,
        dataset=_reader_options(arguments, settings["dataset"]),
        keep=[name for name in arguments.keep.split(",") if name],
        secret_file=arguments.secret_file,
        key_file=arguments.key_file,
        boxes_drawn_on=arguments.boxes_drawn_on,
        quality=arguments.quality,
        text_check=not arguments.no_text_check,
        ocr=arguments.ocr,
        split=validation.validate(SplitPolicy, settings["split"], "split"),
        workers=arguments.workers,
    )


def _reader_options(arguments: argparse.Namespace, node: Any) -> dict[str, object]:
    """Convert the reader options that are set to the types that the reader of the layout declares."""
    from arogya_bench.configuration import validation
    from arogya_bench.curation.layouts import READERS, detect_layout
    from arogya_bench.curation.options import CurationOptions

    given = {"path": str(arguments.source), "licence": arguments.licence}
    names = [str(name) for name in node]
    if not arguments.source.is_dir() or given.keys() & {*names}:
        return dict.fromkeys(names)  # curation reports the error
    options = CurationOptions(licence=arguments.licence, layout=arguments.layout, dataset=dict.fromkeys(names))
    node.update(given)
    layout = detect_layout(arguments.source, options)
    typed = validation.validate(READERS[layout.name], node, "dataset")
    return {name: getattr(typed, name) for name in names}


def _print_outcome(outcome: "CurationOutcome", out: Path) -> None:
    from arogya_bench.runtime.console import plural

    lines = [f"{plural(outcome.cases, 'case')} in {out}, {outcome.written} written now."]
    counts = (
        (outcome.rewritten, f"{plural(outcome.rewritten, 'case')} restored: files had been changed or deleted."),
        (outcome.split, f"Split: {outcome.split}."),
        (outcome.quarantined, f"{plural(outcome.quarantined, 'case')} quarantined: {out / 'quarantine.csv'}"),
        (outcome.removed, f"{plural(outcome.removed, 'file')} deleted: no longer in the source."),
    )
    lines += [line for value, line in counts if value]
    lines += [f"{kind.capitalize()}: {count:,}." for kind, count in outcome.unused.items() if count]
    lines += [f"Note: {note}" for note in outcome.notes]
    for warning in outcome.warnings:
        lines.append(f"{warning.code} {warning.problem}: {warning.count:,}, such as {', '.join(warning.examples)}")
    sys.stdout.write("\n".join([*lines, ""]))


def _print_key_hint(key_file: str | None) -> None:
    """Say how to find the raw file of a pseudonym."""
    where = (
        f"{key_file} holds the original id and file of each"
        if key_file
        else "--key-file FILE writes the original id and file of each, which must not be shared"
    )
    sys.stdout.write(
        f"The names of cases are pseudonyms: {where}. dataset.exclude=FILE leaves out cases by their original ids.\n"
    )


def _run_gate(out: Path) -> "GateReport | None":
    """Run the gate on the result, as a recipient would read it, and write the findings to it; None without labels."""
    from arogya_bench.cli.gate_table import print_gate_report
    from arogya_bench.datasets.splits import SplitPolicy, make_split
    from arogya_bench.gate.gate import inspect_dataset
    from arogya_bench.runtime.output_files import write_file

    dataset = _load_result(out)
    if dataset is None:
        sys.stdout.write("Gate skipped: the images have no labels.\n")
        return None
    split = make_split(dataset, SplitPolicy())
    report = inspect_dataset(split.test.dataset, split, fractions=None)
    print_gate_report(report)
    file, text = out / "gate.json", report.to_json()
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_file(file, text, fix="free some space and run the same command again")
    return report


def _load_result(out: Path) -> "Dataset | None":
    """Read the curated folder with the reader of its layout; None without labels."""
    from arogya_bench.datasets.coco import COCO
    from arogya_bench.datasets.image_folder import ImageFolder
    from arogya_bench.datasets.split_checks import PARTS

    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    terms = {"path": str(out), "name": card["name"], "licence": card["licence"]}
    if card["task"] == "detection":
        reader = COCO(**terms, classes=card["classes"], annotations="boxes.json")
        if card["split"]:
            train, validation, test = (f"boxes-{part}.json" for part in PARTS)
            reader = replace(reader, annotations=None, train=train, validation=validation, test=test)
        return reader.load()
    # The pixels keep their range, so the result needs the same reader options as the source.
    reader_options = {**terms, **card["reading"], "classes": card["classes"]}
    if card["task"] == "segmentation":
        return _load_mask_pairs(out, reader_options)
    labelled = len(card["classes"]) > 1
    return ImageFolder(**reader_options, manifest="manifest.csv").load() if labelled else None


def _load_mask_pairs(out: Path, reader_options: dict[str, Any]) -> "Dataset":
    """Read the curated pairs, and add the groups and splits of the table, which the reader ignores."""
    from arogya_bench.datasets.csv_tables import read_table
    from arogya_bench.datasets.image_mask_pairs import ImageMaskPairs
    from arogya_bench.images.discovery import image_stem

    dataset = ImageMaskPairs(**reader_options).load()
    rows = {
        image_stem(row["path"].removeprefix("images/")): row
        for row in read_table(out / "manifest.csv", required=("path",), key="path")
    }
    cases = tuple(
        replace(case, group_id=row.get("group", case.group_id), split=row.get("split") or None)
        for case in dataset.cases
        for row in [rows[case.case_id.split("#")[0]]]
    )
    grouped = dataset.grouped or any("group" in row for row in rows.values())
    return replace(dataset, cases=cases, grouped=grouped)
