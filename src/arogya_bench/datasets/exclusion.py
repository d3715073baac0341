"""Cases that a user leaves out of a dataset: a file names their ids."""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from arogya_bench.datasets.csv_tables import parse_rows, read_text
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.errors import DatasetError, did_you_mean
from arogya_bench.images.discovery import image_stem
from arogya_bench.runtime.console import plural
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.types import Dataset

T = TypeVar("T")

ID_COLUMNS = ("case_id", "case", "id", "path", "file", "image", "image_id", "filename", "name")
TABLE_SUFFIXES = (".csv", ".tsv", ".tab")


def find_excluded(exclude: str | None, folder: Path, known: Collection[str]) -> frozenset[str]:
    """Read which cases ``dataset.exclude`` leaves out; none without a file.

    A text file holds one id per line. A CSV table has a column ``case_id``, or one column only. The suffix of an image
    may follow an id.

    Args:
        exclude: Path of the file, relative to the working folder or else to that of the dataset.
        folder: Folder of the dataset.
        known: Ids of all cases.

    Raises:
        DatasetError: If the file cannot be read, names an unknown case, or leaves no case.
    """
    if not exclude:
        return frozenset()
    file = _find_file(exclude, folder)
    names = _read_ids(file)
    ids = _match_ids(names, known)
    unknown = [name for name, case_id in ids.items() if not case_id]
    if unknown:
        raise DatasetError(
            f"{file.name} names {plural(len(unknown), 'case')} that the dataset does not have: {shorten_list(unknown)}."
            f"{did_you_mean(image_stem(unknown[0]), known)}",
            fix="write the ids of cases as findings and split.csv name them, one per line, and remove the others",
        )
    if len(set(ids.values())) == len(known):
        raise DatasetError(f"{file.name} leaves out all {len(known)} cases.", fix="keep some of them")
    return frozenset(ids.values())


def _match_ids(names: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """The case of each name, which may have a suffix, quotes, leading folders or another Unicode form; "" for none."""
    by_form: defaultdict[str, list[str]] = defaultdict(list)
    for case_id in known:
        form = _form_of(case_id)
        for key in {form, f"*/{form.rpartition('/')[2]}"}:
            by_form[key].append(case_id)
    ids = {}
    for name in names:
        parts = [part for part in _form_of(name).split("/") if part not in ("", ".")]
        tails = ["/".join(parts[start:]) for start in range(len(parts))]
        tails += [f"*/{part}" for part in parts if len(parts) == 1]  # a bare name, in any folder
        found = [by_form[form] for tail in tails for form in (tail, image_stem(tail)) if form in by_form]
        ids[name] = name if name in known else next((cases[0] for cases in found if len(cases) == 1), "")
    return ids


def _form_of(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip("\"'").replace("\\", "/"))


def note_left_out(excluded: Collection[str]) -> tuple[str, ...]:
    """Note how many cases were left out, and the first of them."""
    if not excluded:
        return ()
    return (f"Cases left out by dataset.exclude: {len(excluded)}: {shorten_list(sorted(excluded))}.",)


def leave_out(dataset: Dataset, exclude: str | None, folder: Path) -> Dataset:
    """Remove the cases that ``dataset.exclude`` names from a dataset, whose digest then changes."""
    excluded = find_excluded(exclude, folder, {case.case_id for case in dataset.cases})
    if not excluded:
        return dataset
    rest = replace(
        dataset,
        cases=tuple(case for case in dataset.cases if case.case_id not in excluded),
        digest=digest_of({"digest": dataset.digest, "excluded": sorted(excluded)}),
        files=_without(dataset.files, excluded),
        stray_labels=_without(dataset.stray_labels, excluded),
    )
    return count_left_out(rest, excluded)


def count_left_out(dataset: Dataset, excluded: Collection[str]) -> Dataset:
    """Note in a dataset that was read without some cases how many they are."""
    return replace(dataset, excluded=len(excluded), notes=(*dataset.notes, *note_left_out(excluded)))


def _without(by_case: Mapping[str, T], excluded: Collection[str]) -> dict[str, T]:
    return {case_id: value for case_id, value in by_case.items() if case_id not in excluded}


def _find_file(exclude: str, folder: Path) -> Path:
    path = expand_home(exclude)
    for file in (path.absolute(), folder / path):
        if file.is_file():
            return file
    raise DatasetError(
        f"dataset.exclude={exclude}: there is no such file in the working folder, nor in {folder}.",
        fix="name a text file with the id of one case per line, or a CSV table with the column case_id",
    )


def _read_ids(file: Path) -> list[str]:
    text = read_text(file, fix="save it as plain text in UTF-8, with the id of one case per line")
    ids = _table_ids(file, text) if file.suffix.lower() in TABLE_SUFFIXES else _listed_ids(text)
    if not ids:
        raise DatasetError(
            f"{file.name} names no case.", fix="write the id of one case per line, or leave dataset.exclude out"
        )
    return list(dict.fromkeys(ids))


def _listed_ids(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("# ")]
    return lines[1:] if lines and _column_of(lines[0]) in ID_COLUMNS else lines


def _column_of(cell: str) -> str:
    return cell.lower().replace(" ", "_").replace("-", "_")


def _table_ids(file: Path, text: str) -> Sequence[str]:
    rows = [cells for _, cells in parse_rows(file, text)]
    header = [_column_of(cell) for cell in rows[0]] if rows else []
    column = next((header.index(name) for name in ID_COLUMNS if name in header), None)
    if column is None and any(len(cells) != 1 for cells in rows):
        raise DatasetError(
            f"{file.name} has no column case_id; it has: {', '.join(rows[0])}.",
            fix="name the column with the ids of the cases case_id",
        )
    listed = rows if column is None else rows[1:]
    return [cells[column or 0] for cells in listed if len(cells) > (column or 0) and cells[column or 0]]
