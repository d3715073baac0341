"""A file is replaced as a whole or not at all."""

import pytest

from arogya_bench.runtime.atomic_write import atomic_write


def test_the_file_appears_when_the_block_succeeds(tmp_path):
    file = tmp_path / "new" / "file.txt"

    with atomic_write(file) as partial:
        partial.write_text("new")
        assert not file.exists()

    assert file.read_text() == "new"
    assert list(file.parent.iterdir()) == [file]


def test_an_error_leaves_the_old_file_alone(tmp_path):
    file = tmp_path / "file.txt"
    file.write_text("old")

    with pytest.raises(IsADirectoryError), atomic_write(file) as partial:
        _write_half_and_fail(partial)

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def _write_half_and_fail(partial):
    partial.write_text("half")
    partial.parent.write_text("a folder is no file")


def test_the_temporary_name_begins_with_the_prefix_of_the_caller(tmp_path):
    with atomic_write(tmp_path / "file.txt", prefix=".partial-") as partial:
        partial.write_text("new")

    assert partial.name.startswith(".partial-")
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]
