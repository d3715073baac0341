"""A file is hashed once, and again only after it changed; the memory of it may fail."""

import hashlib
import json
import os
from pathlib import PurePosixPath

import pytest

from arogya_bench.errors import DatasetError
from arogya_bench.images.file_hashes import fingerprints, hash_files, index_path, modified_files

A, B = PurePosixPath("a.png"), PurePosixPath("sub/b.png")
LONG_AGO = 1_500_000_000


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two old files, and a cache of this test alone."""
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / "cache"))
    images = tmp_path / "images"
    (images / "sub").mkdir(parents=True)
    for file in (A, B):
        (images / file).write_bytes(str(file).encode())
        os.utime(images / file, (LONG_AGO, LONG_AGO))
    return images


def sha(content):
    return hashlib.sha256(content).hexdigest()


def planted(folder, content):
    """Let the index say that every file hashes to ``content``."""
    index = index_path(folder)
    _, _, text = index.read_text().partition("\n")
    text = json.dumps({key: [*entry[:3], content] for key, entry in json.loads(text).items()})
    index.write_text(f"{sha(text.encode())}\n{text}")


def test_every_file_has_the_hash_of_its_content(folder):
    assert hash_files(folder, [A, B]) == {A: sha(b"a.png"), B: sha(b"sub/b.png")}


def test_no_file_is_no_hash(folder):
    assert hash_files(folder, []) == {}
    assert not index_path(folder).exists()


def test_a_file_that_did_not_change_is_not_read_again(folder):
    hash_files(folder, [A, B])
    planted(folder, "remembered")

    assert hash_files(folder, [A, B]) == {A: "remembered", B: "remembered"}


@pytest.mark.parametrize("content", [b"other", b"longer than before"])
def test_a_changed_file_is_read_again_even_of_the_same_size_and_date(folder, content):
    hash_files(folder, [A, B])
    planted(folder, "remembered")
    (folder / A).write_bytes(content)
    os.utime(folder / A, (LONG_AGO, LONG_AGO))

    assert hash_files(folder, [A, B]) == {A: sha(content), B: "remembered"}


def test_a_file_of_this_moment_is_not_trusted(folder):
    (folder / A).write_bytes(b"fresh")
    hash_files(folder, [A])
    planted(folder, "remembered")

    assert hash_files(folder, [A])[A] == sha(b"fresh")


def test_what_was_remembered_of_other_files_stays(folder):
    hash_files(folder, [A])
    hash_files(folder, [B])
    planted(folder, "remembered")

    assert hash_files(folder, [A, B]) == {A: "remembered", B: "remembered"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"a", b"b"),
        lambda content: b"\xff\xfe" + content,
        lambda content: sha(b"[1, 2]").encode() + b"\n[1, 2]",
        lambda content: sha(b'{"a": 3}').encode() + b'\n{"a": 3}',
    ],
)
def test_a_damaged_index_is_no_error(folder, damage):
    hash_files(folder, [A, B])
    index = index_path(folder)
    index.write_bytes(damage(index.read_bytes()))

    assert hash_files(folder, [A, B]) == {A: sha(b"a.png"), B: sha(b"sub/b.png")}


def test_a_cache_that_cannot_be_written_is_no_error(folder, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")

    assert hash_files(folder, [A])[A] == sha(b"a.png")


def test_the_index_names_no_file(folder):
    hash_files(folder, [A, B])

    assert "png" not in index_path(folder).read_text()
    assert not list(index_path(folder).parent.glob(".*"))


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_kept(folder):
    hash_files(folder, [B])

    with pytest.raises(DatasetError, match=r"gone\.png cannot be read: No such file"):
        hash_files(folder, [A, PurePosixPath("gone.png")])

    planted(folder, "remembered")
    assert hash_files(folder, [A, B]) == {A: "remembered", B: "remembered"}


def test_files_that_stay_as_they_were_hashed_did_not_change(folder):
    hash_files(folder, [A, B])

    assert modified_files(fingerprints([folder / A, folder / B])) == []


@pytest.mark.parametrize("content", [b"other", b"longer than before", None])
def test_a_file_that_changed_since_it_was_hashed_is_told(folder, content):
    hash_files(folder, [A, B])
    (folder / A).unlink()
    if content:
        (folder / A).write_bytes(content)
        os.utime(folder / A, (LONG_AGO, LONG_AGO))

    assert modified_files(fingerprints([folder / A, folder / B])) == [folder / A]


def test_a_file_that_nobody_hashed_is_compared_with_what_it_was_before(folder):
    before = fingerprints([folder / A, folder / B])
    (folder / B).write_bytes(b"other")

    assert modified_files(before) == [folder / B]
