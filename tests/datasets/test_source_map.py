"""A table of source files tells which images of an array file are of one patient."""

from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.datasets.medmnist import MedMNIST
from arogya_bench.errors import UserError

SIZES = {"train": 12, "val": 4, "test": 6}


@pytest.fixture
def reader(tmp_path):
    """A file with 22 images."""
    rng = np.random.default_rng(1)
    content = {f"{part}_images": rng.integers(0, 256, (n, 8, 8), dtype=np.uint8) for part, n in SIZES.items()}
    content |= {f"{part}_labels": np.arange(n)[:, None] % 2 for part, n in SIZES.items()}
    np.savez(tmp_path / "pneumoniamnist.npz", **content)
    return MedMNIST(path=str(tmp_path / "pneumoniamnist.npz"))


def rows(name=lambda part, index: f"person{part[0]}{index // 2}_bacteria_{index}.jpeg"):
    return [f"{part},{index},{name(part, index)}" for part, n in SIZES.items() for index in range(n)]


def write(folder, lines, header="split,index,source"):
    (folder / "map.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")


@pytest.mark.parametrize("header", ["split,index,source", "split,index,filename"])
def test_the_source_file_names_the_patient(reader, tmp_path, header):
    write(tmp_path, rows(), header)

    dataset = replace(reader, source_map="map.csv", group="(person[a-z0-9]+)_").load()

    groups = {case.case_id: case.group_id for case in dataset.cases}
    assert dataset.grouped
    assert (groups["train-00004"], groups["train-00005"], groups["validation-00000"]) == (
        *("persont2", "persont2"),
        "personv0",
    )
    assert dataset.digest != reader.load().digest


def test_images_of_one_source_file_are_one_patient(reader, tmp_path):
    write(tmp_path, rows(lambda part, index: f"{part}{index // 3}.png"))

    dataset = replace(reader, source_map=str(tmp_path / "map.csv")).load()

    assert len({case.group_id for case in dataset.cases}) == 4 + 2 + 2


@pytest.mark.parametrize(
    ("lines", "header", "problem"),
    [
        (rows()[1:], "split,index,source", "1 not listed \\(train-00000\\)"),
        ([*rows(), "test,6,x.png"], "split,index,source", "1 listed and not there \\(test-00006\\)"),
        ([*rows(), "test,5,x.png"], "split,index,source", "two source files of test-00005"),
        ([*rows()[:-1], "test,5,"], "split,index,source", "no source file of test-00005"),
        (["other,0,x.png"], "split,index,source", "the split 'other' and the index '0'"),
        (rows(), "split,index,origin", "no column with source files; it has: split, index, origin"),
        (rows(), "split,number,source", "no column 'index'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(reader, tmp_path, lines, header, problem):
    write(tmp_path, lines, header)

    with pytest.raises(UserError, match=problem):
        replace(reader, source_map="map.csv").load()


def test_a_pattern_without_a_table_is_refused(reader):
    with pytest.raises(UserError, match=r"dataset\.source_map is not set"):
        replace(reader, group="(person[0-9]+)").load()
