"""A split that was written down is the same split when it is read back."""

import numpy as np
import pytest

from arogya_bench.datasets.split_files import split_to_csv
from arogya_bench.datasets.splits import SplitPolicy, split
from arogya_bench.errors import DatasetError
from arogya_bench.types import Case, Dataset


def dataset(cases):
    return Dataset(
        name="invented",
        task="classification",
        classes=("a", "b"),
        cases=tuple(cases),
        grouped=True,
        digest="0" * 32,
        licence="none",
        source="a test",
        version="1",
        read=lambda case: np.zeros((4, 4, 3), dtype=np.uint8),
    )


def patients(count=120):
    return [
        Case(case_id=f"{patient}-{number}", group_id=f"p{patient}", target=patient % 2)
        for patient in range(count)
        for number in range(1 + patient % 3)
    ]


def whole(divided):
    return {case.case_id: part for part, own in divided.parts.items() for case in own.cases}


def written(cases):
    made = split(dataset(cases))
    return split_to_csv(made.test.dataset, made.parts)


@pytest.mark.parametrize("limit", [None, 30])
def test_a_split_that_was_written_down_is_read_back(tmp_path, limit):
    cases = patients()
    made = split(dataset(cases), limit=limit)
    file = tmp_path / "split.csv"
    file.write_text(split_to_csv(made.test.dataset, made.parts))

    again = split(dataset(cases), SplitPolicy(method="file", file=str(file)))

    assert whole(again) == whole(made)
    assert again.digest == made.digest
    assert file.read_text().splitlines()[0] == "case_id,group_id,label,split"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: text.replace("0-0,", "zero,", 1), "1 of its cases are unknown, 1 of the"),
        (lambda text: text.rpartition("\n9")[0], "are missing; '9.*' is not listed"),
        (lambda text: text.replace(",train", ",training", 1), "the split 'training'"),
        (lambda text: text + text.splitlines()[1], "lists a case twice"),
        (lambda text: text.replace("case_id", "id"), "cannot be read: KeyError"),
    ],
)
def test_a_split_file_that_is_not_of_this_dataset_is_refused(tmp_path, change, problem):
    cases = patients()
    file = tmp_path / "split.csv"
    file.write_text(change(written(cases)))

    with pytest.raises(DatasetError, match=problem):
        split(dataset(cases), SplitPolicy(method="file", file=str(file)))


def test_a_split_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        split(dataset(patients()), SplitPolicy(method="file", file=str(tmp_path / "no.csv")))
