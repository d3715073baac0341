import numpy as np
import pytest

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.array_files import read_arrays, save_arrays


def test_arrays_come_back_as_they_were(tmp_path):
    file = tmp_path / "numbers.npz"
    kept = {"a": np.eye(3, dtype=np.float32), "b": np.arange(4)}

    save_arrays(file, kept)

    found = read_arrays(file, "b", "a")
    assert list(found) == ["b", "a"]
    for name, array in kept.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"numbers\.npz does not exist"):
        read_arrays(tmp_path / "numbers.npz", "a")


def test_a_missing_array_is_named(tmp_path):
    save_arrays(tmp_path / "numbers.npz", {"a": np.eye(3)})

    with pytest.raises(ModelError, match="damaged: 'b is not a file"):
        read_arrays(tmp_path / "numbers.npz", "b")


def test_python_objects_are_not_unpickled(tmp_path):
    save_arrays(tmp_path / "numbers.npz", {"a": np.array([print], dtype=object)})

    with pytest.raises(ModelError, match="allow_pickle=False"):
        read_arrays(tmp_path / "numbers.npz", "a")


@pytest.mark.parametrize("content", [b"", b"numbers", b"PK\x03\x04 cut short"])
def test_another_kind_of_file_is_refused(tmp_path, content):
    (tmp_path / "numbers.npz").write_bytes(content)

    with pytest.raises(ModelError, match="damaged"):
        read_arrays(tmp_path / "numbers.npz", "a")


def test_a_single_array_is_refused(tmp_path):
    with (tmp_path / "numbers.npz").open("wb") as file:
        np.save(file, np.eye(3))

    with pytest.raises(ModelError, match="damaged"):
        read_arrays(tmp_path / "numbers.npz", "a")
