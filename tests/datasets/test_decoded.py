"""Images that were decoded before are the same images, and take no more room than allowed."""

import os
import pickle
import shutil
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import pytest

from arogya_bench.datasets.cache import root
from arogya_bench.datasets.decoded import with_decoded
from arogya_bench.datasets.image_files import decoded
from arogya_bench.errors import DatasetError
from arogya_bench.types import Case, Dataset


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def dataset(tmp_path, picture):
    """Twelve images of three sizes on disk."""
    names = [f"images/{number}.png" for number in range(12)]
    for number, name in enumerate(names):
        picture(name, size=(30 + number % 3, 20))
    cases = tuple(Case(case_id=str(n), group_id=str(n), target=n % 2) for n in range(12))
    files = {case.case_id: PurePosixPath(name) for case, name in zip(cases, names, strict=True)}
    return Dataset(
        name="drawn",
        task="classification",
        classes=("a", "b"),
        cases=cases,
        grouped=False,
        digest="d" * 32,
        licence="none",
        source="a test",
        version="1",
        read=partial(decoded, tmp_path, files),
        files={case_id: tmp_path / file for case_id, file in files.items()},
    )


def folders():
    return sorted(path for path in (root(None) / "decoded").glob("*") if path.is_dir())


def test_pixels_are_those_of_the_files(dataset):
    fast = with_decoded(dataset, room_gb=1)

    for case in dataset.cases:
        assert (fast.read(case) == dataset.read(case)).all()


def test_files_are_not_read_again(dataset, tmp_path):
    fast = with_decoded(dataset, room_gb=1)
    expected = dataset.read(dataset.cases[3])
    shutil.rmtree(tmp_path / "images")

    again = with_decoded(dataset, room_gb=1)

    assert (fast.read(dataset.cases[3]) == expected).all()
    assert (again.read(dataset.cases[3]) == expected).all()


def test_whoever_changes_an_image_changes_no_other(dataset):
    fast = with_decoded(dataset, room_gb=1)
    image = fast.read(dataset.cases[0])
    before = image.copy()
    image[:] = 0

    assert (fast.read(dataset.cases[0]) == before).all()


def test_it_can_be_handed_to_another_process(dataset):
    fast = with_decoded(dataset, room_gb=1)

    again = pickle.loads(pickle.dumps(fast))

    assert (again.read(dataset.cases[5]) == dataset.read(dataset.cases[5])).all()


@pytest.mark.parametrize("changed", [{"digest": "e" * 32}, {"cases": 11}])
def test_other_content_and_other_cases_lie_elsewhere(dataset, changed):
    with_decoded(dataset, room_gb=1)
    cases = dataset.cases[: changed.get("cases", 12)]

    with_decoded(replace(dataset, cases=cases, digest=changed.get("digest", "d" * 32)), room_gb=1)

    assert len(folders()) == 2


@pytest.mark.parametrize("room_gb", [0, 12 * 30 * 20 * 3 / 1e9])
def test_what_needs_too_much_room_is_read_from_its_files(dataset, room_gb):
    assert with_decoded(dataset, room_gb=room_gb) is dataset
    assert not folders()


def test_arrays_are_left_as_they_are(dataset):
    arrays = replace(dataset, files={})

    assert with_decoded(arrays, room_gb=1) is arrays


def test_what_was_used_longest_ago_makes_room(dataset):
    room = 2.5 * 12 * 31 * 20 * 3 / 1e9
    first, second, third = (replace(dataset, digest=each * 32) for each in "abc")
    with_decoded(first, room_gb=room)
    with_decoded(second, room_gb=room)
    old = folders()
    for folder in old:
        os.utime(folder, (0, 0))
    with_decoded(first, room_gb=room)  # used again

    with_decoded(third, room_gb=room)

    left = folders()
    assert len(left) == 2
    assert len(set(left) & set(old)) == 1
    shutil.rmtree(dataset.files["0"].parent)
    assert with_decoded(first, room_gb=room).read(dataset.cases[0]).shape == (20, 30, 3)


def test_a_damaged_cache_says_what_to_delete(dataset):
    fast = with_decoded(dataset, room_gb=1)
    (folder,) = folders()
    (folder / "index.json").write_text("{")

    with pytest.raises(DatasetError, match="delete the folder"):
        fast.read(dataset.cases[0])


def test_an_image_that_cannot_be_decoded_leaves_nothing_behind(dataset):
    dataset.files["7"].write_bytes(b"no image")

    with pytest.raises(DatasetError, match="cannot be decoded"):
        with_decoded(dataset, room_gb=1)

    assert not folders()
    assert np.array_equal(dataset.read(dataset.cases[0]).shape, (20, 30, 3))
