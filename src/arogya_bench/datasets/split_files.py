"""A split as a file: every case and its part, for people, for MLflow, and to be read back."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.datasets.split_methods import Parts
from arogya_bench.errors import DatasetError
from arogya_bench.types import Dataset, Subset

EXCLUDED = "none"  # a case of the dataset that the split does not use
COLUMNS = ("case_id", "group_id", "label", "split")


def split_to_csv(dataset: Dataset, parts: Mapping[str, Subset]) -> str:
    """Write down where every case of the dataset is, with its group and its label."""
    homes = {case.case_id: part for part, own in parts.items() for case in own.cases}
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for case in sorted(dataset.cases, key=lambda case: case.case_id):
        label = " ".join(dataset.classes[each] for each in case.present_classes)
        writer.writerow((case.case_id, case.group_id, label, homes.get(case.case_id, EXCLUDED)))
    return text.getvalue()


def read_split_file(dataset: Dataset, file: Path) -> Parts:
    """Divide a dataset as a file says.

    Raises:
        DatasetError: If the file is not one of this dataset.
    """
    homes = _read_assignment(file.expanduser())
    listed = {case.case_id for case in dataset.cases}
    strange = sorted(set(homes) - listed)
    lacking = sorted(listed - set(homes))
    if strange or lacking:
        one = (
            f"{strange[0]!r} is not in the dataset" if strange else f"{lacking[0]!r} is not listed"
        )
        raise DatasetError(
            f"The split of {file.name} is not one of {dataset.name}: {len(strange)} of its cases "
            f"are unknown, {len(lacking)} of the dataset are missing; {one}.",
            fix="use the split.csv of a run on this dataset; write none as the split of a case "
            "that is left out",
        )
    parts: Parts = {part: [] for part in PARTS}
    for case in dataset.cases:
        if homes[case.case_id] != EXCLUDED:
            parts[homes[case.case_id]].append(case)
    return parts


def _read_assignment(file: Path) -> dict[str, str]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = [(row["case_id"], row["split"]) for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise DatasetError(
            f"The split file {file} cannot be read: {error!r}.",
            fix="set split.file to a CSV with the columns case_id and split, as runs leave it",
        ) from error
    wrong = [row for row in rows if row[1] not in (*PARTS, EXCLUDED)]
    if wrong or len(dict(rows)) < len(rows):
        what = f"gives {wrong[0][0]} the split {wrong[0][1]!r}" if wrong else "lists a case twice"
        raise DatasetError(
            f"{file.name} {what}.",
            fix=f"list every case once, with one of {', '.join(PARTS)}, {EXCLUDED}",
        )
    return dict(rows)
