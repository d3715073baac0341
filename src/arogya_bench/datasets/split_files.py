"""Write a split to a CSV file and read it back."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.split_methods import Parts
from arogya_bench.errors import DatasetError
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.types import Dataset, Subset

EXCLUDED = "none"  # part of a case that is in no part of the split
COLUMNS = ("case_id", "group_id", "label", "split")


def split_to_csv(dataset: Dataset, parts: Mapping[str, Subset]) -> str:
    """Format the part, group and label of every case as CSV."""
    part_of_case = {case.case_id: part for part, subset in parts.items() for case in subset.cases}
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for case in sorted(dataset.cases, key=lambda case: case.case_id):
        label = " ".join(dataset.classes[target] for target in case.present_classes)
        writer.writerow((case.case_id, case.group_id, label, part_of_case.get(case.case_id, EXCLUDED)))
    return text.getvalue()


def read_split_file(dataset: Dataset, file: Path) -> Parts:
    """Split a dataset as in a file."""
    part_of_case = _read_assignment(expand_home(file))
    case_ids = {case.case_id for case in dataset.cases}
    unknown = sorted(set(part_of_case) - case_ids)
    missing = sorted(case_ids - set(part_of_case))
    if unknown or missing:
        example = f"{unknown[0]!r} is not in the dataset" if unknown else f"{missing[0]!r} is not listed"
        raise DatasetError(
            f"The split of {file.name} does not belong to {dataset.name}: {len(unknown)} of its "
            f"cases are unknown, {len(missing)} of the dataset are missing; {example}.",
            fix="use the split.csv of a run on this dataset; the split of an excluded case is none",
        )
    parts: Parts = {part: [] for part in PARTS}
    for case in dataset.cases:
        if part_of_case[case.case_id] != EXCLUDED:
            parts[part_of_case[case.case_id]].append(case)
    return parts


def _read_assignment(file: Path) -> dict[str, str]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = [(row["case_id"], row["split"]) for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise DatasetError(
            f"The split file {file} cannot be read: {error!r}.",
            fix="set split.file to a CSV with the columns case_id and split, as written by a run",
        ) from error
    invalid = [row for row in rows if row[1] not in (*PARTS, EXCLUDED)]
    if invalid or len(dict(rows)) < len(rows):
        case_id, part = invalid[0] if invalid else ("", "")
        problem = f"gives {case_id} the split {part!r}" if invalid else "lists a case twice"
        raise DatasetError(
            f"{file.name} {problem}.", fix=f"list every case once, with one of {', '.join(PARTS)}, {EXCLUDED}"
        )
    return dict(rows)
