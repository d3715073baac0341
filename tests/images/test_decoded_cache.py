"""Images that were decoded before are the same images, and take no more room than allowed."""

import os
import pickle
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoded_cache import with_decoded_cache
from arogya_bench.images.files import decode_case
from arogya_bench.runtime.cache import cache_root
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
        read=partial(decode_case, tmp_path, files),
        files={case_id: tmp_path / file for case_id, file in files.items()},
    )


def folders():
    found = (cache_root(None) / "decoded").glob("[!.]*")
    return sorted(path for path in found if path.is_dir())


def of_the_user(tmp_path):
    """Four images below folders of their classes, read as the user's own."""
    for number in range(4):
        file = tmp_path / "photographs" / ("benign", "malignant")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (8, 8), (number, 0, 0)).save(file)
    return ImageFolder(path=str(tmp_path / "photographs"), licence="CC0-1.0").load()


def test_pixels_are_those_of_the_files(dataset):
    fast = with_decoded_cache(dataset, limit_gb=1)

    for case in dataset.cases:
        assert (fast.read(case) == dataset.read(case)).all()


def test_files_are_not_read_again(dataset, tmp_path):
    fast = with_decoded_cache(dataset, limit_gb=1)
    expected = dataset.read(dataset.cases[3])
    shutil.rmtree(tmp_path / "images")

    again = with_decoded_cache(dataset, limit_gb=1)

    assert (fast.read(dataset.cases[3]) == expected).all()
    assert (again.read(dataset.cases[3]) == expected).all()


def test_whoever_changes_an_image_changes_no_other(dataset):
    fast = with_decoded_cache(dataset, limit_gb=1)
    image = fast.read(dataset.cases[0])
    before = image.copy()
    image[:] = 0

    assert (fast.read(dataset.cases[0]) == before).all()


def test_it_can_be_handed_to_another_process(dataset):
    fast = with_decoded_cache(dataset, limit_gb=1)

    again = pickle.loads(pickle.dumps(fast))

    assert (again.read(dataset.cases[5]) == dataset.read(dataset.cases[5])).all()


@pytest.mark.parametrize("changed", [{"digest": "e" * 32}, {"cases": 11}])
def test_other_content_and_other_cases_lie_elsewhere(dataset, changed):
    with_decoded_cache(dataset, limit_gb=1)
    cases = dataset.cases[: changed.get("cases", 12)]

    with_decoded_cache(replace(dataset, cases=cases, digest=changed.get("digest", "d" * 32)), limit_gb=1)

    assert len(folders()) == 2


@pytest.mark.parametrize("room_gb", [0, 12 * 30 * 20 * 3 / 1e9])
def test_what_needs_too_much_room_is_read_from_its_files(dataset, room_gb):
    assert with_decoded_cache(dataset, limit_gb=room_gb) is dataset
    assert not folders()


def test_arrays_are_left_as_they_are(dataset):
    arrays = replace(dataset, files={})

    assert with_decoded_cache(arrays, limit_gb=1) is arrays


def test_what_was_used_longest_ago_makes_room(dataset):
    room = 2.5 * 12 * 31 * 20 * 3 / 1e9
    first, second, third = (replace(dataset, digest=each * 32) for each in "abc")
    with_decoded_cache(first, limit_gb=room)
    with_decoded_cache(second, limit_gb=room)
    old = folders()
    for folder in old:
        os.utime(folder, (0, 0))
    with_decoded_cache(first, limit_gb=room)  # used again

    with_decoded_cache(third, limit_gb=room)

    left = folders()
    assert len(left) == 2
    assert len(set(left) & set(old)) == 1
    shutil.rmtree(dataset.files["0"].parent)
    assert with_decoded_cache(first, limit_gb=room).read(dataset.cases[0]).shape == (20, 30, 3)


def test_a_damaged_cache_says_what_to_delete(dataset):
    fast = with_decoded_cache(dataset, limit_gb=1)
    (folder,) = folders()
    (folder / "index.json").write_text("{")

    with pytest.raises(DatasetError, match="delete the folder"):
        fast.read(dataset.cases[0])


@pytest.mark.parametrize("change", [-1, 1, -(12 * 20 * 30)])
def test_pixels_of_another_length_are_told_before_anything_is_read(dataset, change):
    with_decoded_cache(dataset, limit_gb=1)
    (folder,) = folders()
    os.truncate(folder / "pixels.bin", (folder / "pixels.bin").stat().st_size + change)

    with pytest.raises(DatasetError, match=r"pixels\.bin has \d+ bytes, not \d+") as refusal:
        with_decoded_cache(dataset, limit_gb=1)

    assert refusal.value.fix == f"delete the folder {folder} and run again"


@pytest.mark.parametrize("place", [0, 17, -1])
def test_a_flipped_bit_is_told_when_its_image_is_read(dataset, place):
    fast = with_decoded_cache(dataset, limit_gb=1)
    (folder,) = folders()
    content = bytearray((folder / "pixels.bin").read_bytes())
    content[place] ^= 4
    (folder / "pixels.bin").write_bytes(content)
    damaged, sound = dataset.cases[0 if place >= 0 else -1], dataset.cases[5]

    with pytest.raises(DatasetError, match="pixels are not those that were written"):
        fast.read(damaged)
    assert (fast.read(sound) == dataset.read(sound)).all()


def test_a_set_that_was_removed_meanwhile_is_read_from_its_files(dataset):
    fast = with_decoded_cache(dataset, limit_gb=1)
    (folder,) = folders()
    shutil.rmtree(folder)

    assert (fast.read(dataset.cases[0]) == dataset.read(dataset.cases[0])).all()


def test_a_job_goes_on_when_another_one_takes_its_room(dataset):
    room = 1.5 * 12 * 31 * 20 * 3 / 1e9
    first = with_decoded_cache(dataset, limit_gb=room)
    first.read(dataset.cases[0])

    with_decoded_cache(replace(dataset, digest="e" * 32), limit_gb=room)

    assert len(folders()) == 1
    for case in dataset.cases:
        assert (first.read(case) == dataset.read(case)).all()


def test_a_file_that_changed_after_it_was_loaded_is_refused(tmp_path):
    loaded = of_the_user(tmp_path)
    file = loaded.files[loaded.cases[2].case_id]
    PIL.Image.new("RGB", (8, 8), "white").save(file)

    with pytest.raises(DatasetError, match=f"changed .* first: {file.name}") as refusal:
        with_decoded_cache(loaded, limit_gb=1)

    assert "run again" in refusal.value.fix
    assert not folders()


def test_a_file_that_changes_while_others_are_decoded_is_refused(dataset, tmp_path):
    def read(case):
        PIL.Image.new("RGB", (9, 9)).save(dataset.files["3"])
        return dataset.read(case)

    with pytest.raises(DatasetError, match=r"1 file of drawn .* first: 3\.png"):
        with_decoded_cache(replace(dataset, read=read), limit_gb=1)

    assert not folders()


def test_another_window_is_another_set(dataset):
    def windowed(window, case):
        return dataset.read(case)

    for window in ((0, 10), (0, 20), (0, 20)):
        with_decoded_cache(replace(dataset, read=partial(windowed, window)), limit_gb=1)

    assert len(folders()) == 2


def test_a_cache_that_cannot_be_written_is_done_without_and_told_once(dataset, tmp_path, capsys):
    (tmp_path / "cache").write_text("not a folder")

    assert with_decoded_cache(dataset, limit_gb=1) is dataset
    assert with_decoded_cache(dataset, limit_gb=1) is dataset

    said = capsys.readouterr().err
    assert said.count("cannot be written") == 1
    assert "AROGYA_CACHE" in said


def test_too_little_room_is_told_with_what_is_needed(dataset, capsys):
    with_decoded_cache(dataset, limit_gb=1e-6)

    said = capsys.readouterr().err
    assert "image_cache_gb=1e-06" in said
    assert "about 2.2e-05 GB" in said


def test_what_a_killed_build_left_is_removed_after_a_day(dataset):
    home = cache_root(None) / "decoded"
    old, fresh = (home / f".{'0' * 32}-{letter * 32}" for letter in "ab")
    for left in (old, fresh):
        left.mkdir(parents=True)
        (left / "pixels.bin").write_bytes(b"0")
    for path in (old / "pixels.bin", old):
        os.utime(path, (time.time() - 25 * 3600,) * 2)

    with_decoded_cache(dataset, limit_gb=1)

    assert (old.exists(), fresh.exists()) == (False, True)


def test_what_others_are_building_counts_as_taken(dataset):
    size = 12 * 31 * 20 * 3
    with_decoded_cache(dataset, limit_gb=2.5 * size / 1e9)
    building = cache_root(None) / "decoded" / f".{'0' * 32}-{'a' * 32}"
    building.mkdir()
    (building / "pixels.bin").write_bytes(bytes(size))

    with_decoded_cache(replace(dataset, digest="e" * 32), limit_gb=2.5 * size / 1e9)

    assert len(folders()) == 1
    assert building.exists()


def test_an_image_that_cannot_be_decoded_leaves_nothing_behind(dataset):
    dataset.files["7"].write_bytes(b"no image")

    with pytest.raises(DatasetError, match="cannot be decoded"):
        with_decoded_cache(dataset, limit_gb=1)

    assert not folders()
    assert np.array_equal(dataset.read(dataset.cases[0]).shape, (20, 30, 3))
