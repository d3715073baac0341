"""Group the images of an array file by the files that they were made from, so that patients are known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from arogya_bench.datasets.csv_tables import CsvRow, read_table
from arogya_bench.datasets.group_patterns import extract_groups, shorten_list
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.types import Dataset

SOURCE_COLUMNS = ("source", "source_file", "filename", "file", "image", "path")
LAYOUT = f"columns split, index (from 0 in each split) and source, also called {', '.join(SOURCE_COLUMNS[1:])}"


def group_by_source(dataset: Dataset, source_map: str | None, group: str | None, folder: Path) -> Dataset:
    """Give cases the patients of their source files; the dataset as it is without a table.

    Images of one source file are of one patient in any case.

    Args:
        dataset: Cases with ids such as ``train-00012``, each a group of its own.
        source_map: Table with the source file of each image, relative to the working folder or else to ``folder``.
        group: Regular expression with one group that captures the patient in the name of a source file; None takes
            the file as the patient.
        folder: Folder of the dataset.

    Raises:
        ConfigError: If the expression is invalid, does not match a name, or has no table to search.
        DatasetError: If the table cannot be read, or lacks a case.
    """
    if source_map is None:
        if group is not None:
            raise ConfigError(
                "dataset.group finds patients in the names of source files, and dataset.source_map is not set.",
                fix=f"set dataset.source_map to a CSV with the {LAYOUT}; or leave out dataset.group",
            )
        return dataset
    file = expand_home(source_map)
    file = file if file.is_file() else folder / file
    sources = _read_sources(file)
    _check_same_cases(file.name, sources, [case.case_id for case in dataset.cases])
    patients = extract_groups(list(dict.fromkeys(sources.values())), group)
    cases = tuple(replace(case, group_id=patients[sources[case.case_id]]) for case in dataset.cases)
    groups = {case.case_id: case.group_id for case in cases}
    return replace(dataset, cases=cases, grouped=True, digest=digest_of({"dataset": dataset.digest, "groups": groups}))


def _read_sources(file: Path) -> dict[str, str]:
    """Map case ids to source files."""
    rows = read_table(file, required=("split", "index"), key=None)
    column = next((name for name in SOURCE_COLUMNS if name in rows[0]), None)
    if column is None:
        raise DatasetError(
            f"{file.name} has no column with source files; it has: {', '.join(rows[0])}.", fix=f"write the {LAYOUT}"
        )
    sources: dict[str, str] = {}
    for row in rows:
        case_id = _case_id(row, file.name)
        if not row[column]:
            raise DatasetError(f"{file.name} names no source file of {case_id}.", fix="name one in every line")
        if sources.setdefault(case_id, row[column]) != row[column]:
            raise DatasetError(f"{file.name} names two source files of {case_id}.", fix="name one for each image")
    return sources


def _case_id(row: CsvRow, table: str) -> str:
    part, index = SPLIT_NAMES.get(row["split"].lower()), row["index"].removesuffix(".0")
    if part is None or not index.isascii() or not index.isdigit():
        raise DatasetError(
            f"{table} has the split {row['split']!r} and the index {row['index']!r} in one line.",
            fix=f"write {', '.join(SPLIT_NAMES)} as split, and whole numbers from 0 as index",
        )
    return f"{part}-{int(index):05d}"


def _check_same_cases(table: str, sources: Mapping[str, str], case_ids: Sequence[str]) -> None:
    missing = [name for name in case_ids if name not in sources]
    unknown = sorted(set(sources) - set(case_ids))
    if missing or unknown:
        found = [f"{len(missing)} not listed ({shorten_list(missing)})"] if missing else []
        found += [f"{len(unknown)} listed and not there ({shorten_list(unknown)})"] if unknown else []
        raise DatasetError(
            f"{table} does not fit the {len(case_ids)} images of the file: {', '.join(found)}.",
            fix="use the table of this file; the index counts from 0 in each split",
        )
