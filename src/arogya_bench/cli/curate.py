"""``arogya-bench data curate``: a folder as somebody has it becomes one that may be given away."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arogya_bench.curation.curate import CurationOptions, CurationOutcome
    from arogya_bench.types import Dataset

ERRORS_EXIT = 2
DESCRIPTION = """\
Organises, cleans, de-identifies and divides a folder of images: class folders, a table
(manifest.csv), images with masks or with boxes, DICOM, NIfTI, and the archives of HAM10000,
ISIC 2019, EyePACS and COVIDx. Pixels are written anew without
metadata, names become keyed pseudonyms, and what cannot be cleaned is quarantined. The source is
not changed; the same command again finishes a run that was killed, and changes nothing after one
that ended.

The secret for the pseudonyms comes from the variable AROGYA_SECRET, or from --secret-file.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command ``curate``."""
    curate = commands.add_parser(
        "curate",
        help="organise, check, de-identify and split a folder of images",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    curate.add_argument("source", type=Path, metavar="SRC", help="the folder as it is")
    curate.add_argument(
        "out", type=Path, metavar="OUT", help="a new folder, or that of a run before"
    )
    curate.add_argument("--licence", required=True, help="of the images and labels")
    curate.add_argument("--layout", help="what SRC is; default: look what is there")
    curate.add_argument("--keep", default="", metavar="A,B", help="columns that identify nobody")
    curate.add_argument("--secret-file", metavar="FILE", help="of mode 600; default: AROGYA_SECRET")
    curate.add_argument("--key-file", metavar="FILE", help="write there which case was which file")
    curate.add_argument("--boxes-drawn-on", choices=["stored", "upright"],
                        help="where EXIF turns images that have boxes or masks")  # fmt: skip
    curate.add_argument("--quality", type=int, default=95, help="of JPEG (default: %(default)s)")
    curate.add_argument("--no-text-check", action="store_true", help="look for no text in pixels")
    curate.add_argument("--ocr", action="store_true", help="count lines of text; extra ocr")
    curate.add_argument("--workers", type=int, help="threads (default: one per processor)")
    curate.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="dataset.group='(p[0-9]+)', dataset.manifest=table.csv, split.method=group ...",
    )
    curate.set_defaults(command=_curate)


def _curate(arguments: argparse.Namespace) -> int:
    from arogya_bench.curation.curate import curate

    outcome = curate(arguments.source, arguments.out, options=_build_options(arguments))
    _print_outcome(outcome, arguments.out)
    return _run_gate(arguments.out)


def _build_options(arguments: argparse.Namespace) -> "CurationOptions":
    from arogya_bench.configuration import schema
    from arogya_bench.curation.curate import CurationOptions
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
        split=schema.validate(SplitPolicy, settings["split"], "split"),
        workers=arguments.workers,
    )


def _reader_options(arguments: argparse.Namespace, node: Any) -> dict[str, object]:
    """The options of the reader that are set, each of the type that its layout gives it."""
    from arogya_bench.configuration import schema
    from arogya_bench.curation.layouts import READERS, SourceLayout, detect_layout

    own = {"path": str(arguments.source), "licence": arguments.licence}
    names = [str(name) for name in node]
    if not arguments.source.is_dir() or own.keys() & {*names}:
        return dict.fromkeys(names)  # refused where the source is read
    asked = SourceLayout(
        licence=arguments.licence, layout=arguments.layout, dataset=dict.fromkeys(names)
    )
    node.update(own)
    typed = schema.validate(READERS[detect_layout(arguments.source, asked).name], node, "dataset")
    return {name: getattr(typed, name) for name in names}


def _print_outcome(outcome: "CurationOutcome", out: Path) -> None:
    from arogya_bench.runtime.console import plural

    lines = [f"{plural(outcome.cases, 'case')} in {out}, {outcome.written} written now."]
    if outcome.rewritten:
        lines.append(
            f"{plural(outcome.rewritten, 'case')} mended: files had been changed or deleted."
        )
    if outcome.split:
        lines.append(f"Divided: {outcome.split}.")
    if outcome.quarantined:
        lines.append(f"{plural(outcome.quarantined, 'case')} quarantined: {out / 'quarantine.csv'}")
    if outcome.removed:
        lines.append(f"{plural(outcome.removed, 'file')} deleted: the source has them no more.")
    lines += [f"{what.capitalize()}: {count:,}." for what, count in outcome.unused.items() if count]
    lines += [f"Note: {note}" for note in outcome.notes]
    for notice in outcome.warnings:
        shown = ", ".join(notice.examples)
        lines.append(f"{notice.code} {notice.problem}: {notice.count:,}, such as {shown}")
    sys.stdout.write("\n".join([*lines, ""]))


def _run_gate(out: Path) -> int:
    """Look at the result as whoever gets it will, and leave the findings beside it."""
    from arogya_bench.cli.gate_table import print_gate_report
    from arogya_bench.datasets.splits import SplitPolicy, make_split
    from arogya_bench.gate.gate import inspect_dataset

    dataset = _load_result(out)
    if dataset is None:
        sys.stdout.write("Without labels the gate has nothing to look at.\n")
        return 0
    report = inspect_dataset(dataset, make_split(dataset, SplitPolicy()), fractions=None)
    print_gate_report(report)
    file, text = out / "gate.json", report.to_json()
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    return ERRORS_EXIT if report.errors else 0


def _load_result(out: Path) -> "Dataset | None":
    """The curated folder, read back by the reader of its layout; None without labels."""
    from arogya_bench.datasets.coco import COCO
    from arogya_bench.datasets.image_folder import ImageFolder
    from arogya_bench.datasets.split_checks import PARTS

    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    terms = {"path": str(out), "name": card["name"], "licence": card["licence"]}
    if card["task"] == "detection":
        whole = COCO(**terms, classes=card["classes"], annotations="boxes.json")
        if card["split"]:
            train, validation, test = (f"boxes-{part}.json" for part in PARTS)
            whole = replace(whole, annotations=None, train=train, validation=validation, test=test)
        return whole.load()
    # What the source needed to be read, the result needs too: the pixels have the same range.
    told = {**terms, **card["reading"], "classes": card["classes"]}
    if card["task"] == "segmentation":
        return _load_mask_pairs(out, told)
    labelled = len(card["classes"]) > 1
    return ImageFolder(**told, manifest="manifest.csv").load() if labelled else None


def _load_mask_pairs(out: Path, reader_options: dict[str, Any]) -> "Dataset":
    """The curated pairs, with the groups and parts of the table: the reader goes by files alone."""
    from arogya_bench.datasets.csv_tables import read_table
    from arogya_bench.datasets.image_mask_pairs import ImageMaskPairs
    from arogya_bench.images.discovery import image_stem

    dataset = ImageMaskPairs(**reader_options).load()
    rows = {
        image_stem(row["path"].removeprefix("images/")): row
        for row in read_table(out / "manifest.csv", required=("path",), key="path")
    }
    cases = tuple(
        replace(
            case,
            group_id=row.get("group", case.group_id),
            split=row.get("split") or None,
        )
        for case in dataset.cases
        for row in [rows[case.case_id.split("#")[0]]]
    )
    grouped = dataset.grouped or any("group" in row for row in rows.values())
    return replace(dataset, cases=cases, grouped=grouped)
