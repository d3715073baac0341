"""A cached folder appears as a whole or not at all, and damage is named before work starts."""

import hashlib
import json
import os
import time
import tracemalloc

import pytest

from arogya_bench.errors import DatasetError
from arogya_bench.runtime.cache import (
    CACHE_VARIABLE,
    MANIFEST_FILE,
    CacheWriteError,
    build_and_verify,
    build_once,
    cache_root,
    remove_abandoned_builds,
    verify,
)


def build(folder):
    (folder / "images").mkdir()
    for number in range(4):
        (folder / "images" / f"{number}.png").write_bytes(bytes([number]) * 100)
    (folder / "cases.csv").write_text("case_id\n")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "cache" / "lesions-1"
    build_and_verify(place, build)
    return place


def test_a_chosen_folder_wins(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, "/elsewhere")

    assert cache_root(str(tmp_path)) == tmp_path


def test_the_environment_variable_is_next(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))

    assert cache_root(None) == tmp_path


def test_the_cache_of_the_user_comes_last(tmp_path, monkeypatch):
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_root(None).name == "arogya-bench"


def test_everything_that_was_built_is_in_the_manifest(folder):
    verify(folder)

    text = (folder / MANIFEST_FILE).read_text()
    assert all(name in text for name in ("images/0.png", "images/3.png", "cases.csv"))


def test_a_folder_that_is_there_is_not_built_again(folder):
    def never(_):
        raise AssertionError

    build_and_verify(folder, never)

    verify(folder)


def test_nothing_else_is_left_beside_the_folder(folder):
    assert [path.name for path in folder.parent.iterdir()] == ["lesions-1"]


def test_a_build_that_fails_leaves_nothing(tmp_path):
    def full(partial):
        build(partial)
        raise OSError(28, "No space left on device")

    with pytest.raises(DatasetError, match="No space left on device"):
        build_and_verify(tmp_path / "lesions", full)

    assert list(tmp_path.iterdir()) == []


def test_whoever_comes_second_keeps_what_the_first_one_built(tmp_path):
    place = tmp_path / "lesions"

    def overtaken(partial):
        build(partial)
        build_and_verify(place, build)
        (partial / "late.txt").write_text("late")

    build_and_verify(place, overtaken)

    assert not (place / "late.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["lesions"]


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path):
    left = tmp_path / f".lesions-{'0123' * 8}"
    left.mkdir()
    os.utime(left, (time.time() - 25 * 3600,) * 2)

    build_and_verify(tmp_path / "lesions", build)

    assert not left.exists()


def test_what_another_process_is_building_is_left_alone(tmp_path):
    busy = tmp_path / f".lesions-{'0123' * 8}"
    busy.mkdir()

    build_and_verify(tmp_path / "lesions", build)

    assert busy.exists()


def test_builds_of_any_name_that_were_abandoned_are_cleared(tmp_path):
    names = (".one-" + "a" * 32, ".two-" + "b" * 32, ".two-" + "c" * 32, ".git", "three-" + "d" * 32)
    for name in names:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - 25 * 3600,) * 2)
    (tmp_path / names[1] / "growing").write_text("a build of this moment")

    remove_abandoned_builds(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:2] + names[3:])


def test_a_large_file_is_not_held_in_memory(folder):
    with (folder / "large.bin").open("wb") as file:
        file.truncate(2**26)
    manifest = folder / MANIFEST_FILE
    listed = json.loads(manifest.read_text())
    with (folder / "large.bin").open("rb") as file:
        listed["sha256"]["large.bin"] = hashlib.file_digest(file, "sha256").hexdigest()
    manifest.write_text(json.dumps(listed))
    tracemalloc.start()

    verify(folder)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_what_cannot_be_written_has_an_error_of_its_own(tmp_path):
    (tmp_path / "cache").write_text("not a folder")

    with pytest.raises(CacheWriteError, match="cannot be written"):
        build_once(tmp_path / "cache" / "lesions", build)


def test_a_file_in_the_place_of_the_cache_is_explained(tmp_path):
    (tmp_path / "cache").write_text("not a folder")

    with pytest.raises(DatasetError, match="cannot be written") as refusal:
        build_and_verify(tmp_path / "cache" / "lesions", build)

    assert "dataset.cache" in refusal.value.fix
    assert CACHE_VARIABLE in refusal.value.fix


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_without_permission_is_explained(tmp_path):
    tmp_path.chmod(0o500)

    with pytest.raises(DatasetError, match="Permission denied"):
        build_and_verify(tmp_path / "lesions", build)


def truncate(path):
    path.write_bytes(path.read_bytes()[:50])


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def alter(path):
    path.write_bytes(b"\xff" + path.read_bytes()[1:])


@pytest.mark.parametrize("damage", [truncate, empty, remove, alter])
def test_a_damaged_image_is_named_and_counted(folder, damage):
    damage(folder / "images" / "2.png")
    damage(folder / "images" / "3.png")

    with pytest.raises(DatasetError, match=r"2 of 5 files .* first: images/2\.png") as refusal:
        build_and_verify(folder, build)

    assert f"delete the folder {folder}" in refusal.value.fix


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 3}', "\udc00"])
def test_a_damaged_manifest_is_explained(folder, text):
    (folder / MANIFEST_FILE).write_text(text, encoding="utf-8", errors="surrogatepass")

    with pytest.raises(DatasetError, match=r"manifest\.json cannot be read") as refusal:
        build_and_verify(folder, build)

    assert "delete the folder" in refusal.value.fix


def test_an_empty_folder_is_not_taken_for_a_dataset(tmp_path):
    with pytest.raises(DatasetError, match=r"manifest\.json cannot be read"):
        build_and_verify(tmp_path, build)
