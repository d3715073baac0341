"""A MedMNIST file is read as it is, or refused with the reason before any work starts."""

import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.datasets.medmnist import MedMNIST
from arogya_bench.errors import ConfigError, DatasetError

REAL = Path(__file__).parents[3] / "shared" / "data" / "pneumoniamnist_derived.npz"


def arrays(**changed):
    """Six small arrays as in pneumoniamnist, some of them replaced; None leaves one out."""
    rng = np.random.default_rng(1)
    content = {}
    for split, n in (("train", 12), ("val", 4), ("test", 6)):
        content[f"{split}_images"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        content[f"{split}_labels"] = (np.arange(n, dtype=np.uint8) % 2)[:, np.newaxis]
    content |= changed
    return {key: value for key, value in content.items() if value is not None}


@pytest.fixture
def save(tmp_path):
    def saved(name="pneumoniamnist.npz", **changed):
        np.savez_compressed(tmp_path / name, **arrays(**changed))
        return str(tmp_path / name)

    return saved


def test_every_image_is_a_case_of_its_official_split(save):
    dataset = MedMNIST(path=save()).load()

    splits = [case.split for case in dataset.cases]
    assert [splits.count(part) for part in ("train", "validation", "test")] == [12, 4, 6]


def test_case_ids_name_the_official_split_and_are_unique(save):
    dataset = MedMNIST(path=save()).load()

    ids = [case.case_id for case in dataset.cases]
    assert len(set(ids)) == 22
    assert {"train-00000", "validation-00003", "test-00005"} <= set(ids)


def test_every_image_is_its_own_group_and_the_dataset_says_so(save):
    dataset = MedMNIST(path=save()).load()

    assert not dataset.grouped
    assert all(case.group_id == case.case_id for case in dataset.cases)


def test_a_grey_image_becomes_rgb_with_the_same_pixels(save):
    content = arrays()

    dataset = MedMNIST(path=save()).load()

    image = dataset.read(dataset.cases[3])
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.stack([content["train_images"][3]] * 3, axis=2))


def test_a_colour_image_keeps_its_pixels(save):
    colour = np.random.default_rng(2).integers(0, 256, (6, 28, 28, 3), dtype=np.uint8)

    dataset = MedMNIST(path=save(test_images=colour)).load()

    (last,) = [case for case in dataset.cases if case.case_id == "test-00005"]
    np.testing.assert_array_equal(dataset.read(last), colour[5])


@pytest.mark.parametrize("shape", [(6, 28, 28), (6, 28, 28, 3)])
def test_changing_an_image_does_not_change_the_dataset(save, shape):
    dataset = MedMNIST(path=save(test_images=np.ones(shape, dtype=np.uint8))).load()

    dataset.read(dataset.cases[-1])[:] = 99

    assert dataset.read(dataset.cases[-1]).max() == 1


def test_a_larger_size_of_a_known_subset_has_its_class_names(save):
    dataset = MedMNIST(path=save("pneumoniamnist_64.npz")).load()

    assert dataset.classes == ("normal", "pneumonia")


def test_an_unknown_subset_gets_numbered_classes(save):
    dataset = MedMNIST(path=save("ward_seven.npz")).load()

    assert dataset.classes == ("class_0", "class_1")


def test_given_class_names_win(save):
    dataset = MedMNIST(path=save(), classes=["clear", "ill", "unused"]).load()

    assert dataset.classes == ("clear", "ill", "unused")


def test_the_name_is_that_of_the_file(save):
    dataset = MedMNIST(path=save("ward_seven.npz")).load()

    assert dataset.name == "ward_seven"


def test_a_given_name_and_licence_win(save):
    dataset = MedMNIST(path=save(), name="chest", licence="ours").load()

    assert (dataset.name, dataset.licence) == ("chest", "ours")


def test_dermamnist_is_not_for_commercial_use(save):
    dataset = MedMNIST(path=save("dermamnist_64.npz")).load()

    assert dataset.licence.startswith("CC BY-NC 4.0")


def test_labels_without_a_second_axis_are_read_too(save):
    flat = np.array([0, 1, 0, 1], dtype=np.int64)

    dataset = MedMNIST(path=save(val_labels=flat)).load()

    assert [c.target for c in dataset.cases if c.split == "validation"] == [0, 1, 0, 1]


def test_the_digest_depends_neither_on_the_path_nor_on_the_compression(save, tmp_path):
    plain = tmp_path / "elsewhere" / "pneumoniamnist.npz"
    plain.parent.mkdir()
    np.savez(plain, **arrays())

    first, second = MedMNIST(path=save()).load(), MedMNIST(path=str(plain)).load()

    assert first.digest == second.digest
    assert len(first.digest) == 32


@pytest.mark.parametrize("key", ["test_images", "val_labels"])
def test_one_changed_value_changes_the_digest(save, key):
    before = MedMNIST(path=save()).load().digest
    content = arrays()[key]
    content.flat[0] ^= 1

    after = MedMNIST(path=save(**{key: content})).load().digest

    assert before != after


def test_nothing_of_the_path_is_recorded(save, tmp_path):
    dataset = MedMNIST(path=save()).load()

    recorded = f"{dataset.name} {dataset.source} {dataset.version} {dataset.licence}"
    assert tmp_path.name not in recorded
    assert str(Path.home()) not in recorded


def test_a_relative_path_is_looked_up_in_the_working_folder(save, monkeypatch):
    monkeypatch.chdir(Path(save()).parent)

    dataset = MedMNIST(path="pneumoniamnist.npz").load()

    assert len(dataset.cases) == 22


def test_a_missing_file_is_named_with_its_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DatasetError, match=f"{tmp_path}/nothing.npz") as refusal:
        MedMNIST(path="nothing.npz").load()

    assert "dataset.path" in refusal.value.fix


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(DatasetError, match="No MedMNIST file"):
        MedMNIST(path=str(tmp_path)).load()


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive at all", b"\x93NUMPY"])
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)

    with pytest.raises(DatasetError, match=r"cannot be read as an \.npz file"):
        MedMNIST(path=str(tmp_path / "x.npz")).load()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(save, share):
    file = Path(save())
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])

    with pytest.raises(DatasetError, match=r"cannot be read as an \.npz file"):
        MedMNIST(path=str(file)).load()


@pytest.mark.parametrize("seed", range(10))
def test_a_damaged_archive_is_refused(save, seed):
    file = Path(save())
    content = bytearray(file.read_bytes())
    start = np.random.default_rng(seed).integers(60, 9000)
    content[start : start + 200] = bytes(200)
    file.write_bytes(content)

    with pytest.raises(DatasetError, match=r"cannot be read as an \.npz file"):
        MedMNIST(path=str(file)).load()


@pytest.mark.parametrize("seed", range(60))
def test_random_bytes_in_the_headers_are_never_a_traceback(save, seed):
    """Flips in names and sizes may be harmless; what is harmful has a problem and a fix."""
    file, rng = Path(save()), np.random.default_rng(seed)
    content = bytearray(file.read_bytes())
    for place in [rng.integers(0, 120), *rng.integers(len(content) - 600, len(content), 2)]:
        content[place] = rng.integers(256)
    file.write_bytes(content)

    with suppress(DatasetError):
        MedMNIST(path=str(file)).load()


def test_an_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for split in ("train", "val", "test"):
            archive.writestr(f"{split}_images.npy", "no array")
            archive.writestr(f"{split}_labels.npy", "no array")

    with pytest.raises(DatasetError, match=r"cannot be read as an \.npz file"):
        MedMNIST(path=str(tmp_path / "x.npz")).load()


def test_pickled_objects_are_never_loaded(save):
    path = save(train_labels=np.array([{"a": 1}] * 12, dtype=object))

    with pytest.raises(DatasetError, match="cannot be read"):
        MedMNIST(path=path).load()


def test_missing_arrays_are_named_beside_those_that_are_there(save):
    path = save(val_images=None, test_labels=None)

    with pytest.raises(DatasetError, match="lacks val_images, test_labels; it holds: test_images"):
        MedMNIST(path=path).load()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((6, 28, 28), dtype=np.float32),
        np.zeros((6, 28, 28), dtype=np.uint16),
        np.zeros((6, 784), dtype=np.uint8),
        np.zeros((6, 28, 28, 28), dtype=np.uint8),
        np.zeros((6, 28, 28, 4), dtype=np.uint8),
    ],
)
def test_images_of_another_type_or_shape_are_refused(save, images):
    with pytest.raises(DatasetError, match=r"test_images of .* not 8-bit grey"):
        MedMNIST(path=save(test_images=images)).load()


@pytest.mark.parametrize("shape", [(0, 28, 28), (6, 0, 28), (6, 28, 0)])
def test_empty_images_are_refused(save, shape):
    labels = np.zeros((shape[0], 1), dtype=np.uint8)

    with pytest.raises(DatasetError, match=r"test_images of .* is empty"):
        MedMNIST(path=save(test_images=np.zeros(shape, dtype=np.uint8), test_labels=labels)).load()


def test_fewer_labels_than_images_are_refused(save):
    with pytest.raises(DatasetError, match="holds 6 images, but there are 5 labels"):
        MedMNIST(path=save(test_labels=np.zeros((5, 1), dtype=np.uint8))).load()


def test_several_labels_per_image_are_not_a_task_yet(save):
    with pytest.raises(DatasetError, match="14 labels to each image"):
        MedMNIST(path=save(test_labels=np.zeros((6, 14), dtype=np.uint8))).load()


@pytest.mark.parametrize("labels", [np.zeros((6, 1)), np.array([["a"]] * 6), np.zeros((6, 1, 1), dtype=np.uint8)])
def test_labels_that_are_no_class_indices_are_refused(save, labels):
    with pytest.raises(DatasetError, match=r"test_labels of .* not whole numbers"):
        MedMNIST(path=save(test_labels=labels)).load()


@pytest.mark.parametrize("label", [-1, 2, 250])
def test_a_label_outside_the_classes_is_named(save, label):
    labels = np.array([[0], [1], [0], [1], [0], [label]])

    with pytest.raises(DatasetError, match=f"holds the label {label}, but has 2 classes"):
        MedMNIST(path=save(test_labels=labels)).load()


def test_a_gap_in_the_labels_of_an_unknown_subset_needs_names(save):
    labels = np.array([[0], [1], [0], [1], [0], [7]])

    with pytest.raises(DatasetError, match="label 7") as refusal:
        MedMNIST(path=save("ward_seven.npz", test_labels=labels)).load()

    assert "dataset.classes" in refusal.value.fix


def test_one_class_alone_is_refused(save):
    zeros = {f"{s}_labels": np.zeros((n, 1)) for s, n in (("train", 12), ("val", 4), ("test", 6))}
    path = save(**{key: value.astype(np.uint8) for key, value in zeros.items()})

    with pytest.raises(DatasetError, match="at least two classes are needed"):
        MedMNIST(path=path).load()


def test_a_repeated_class_name_is_refused(save):
    with pytest.raises(ConfigError, match="repeats a name"):
        MedMNIST(path=save(), classes=["ill", "ill"]).load()


def test_a_case_of_another_dataset_has_no_image(save):
    dataset = MedMNIST(path=save()).load()
    stranger = dataset.cases[0].__class__(case_id="test-00999", group_id="x", target=0)

    with pytest.raises(DatasetError, match="test-00999"):
        dataset.read(stranger)


@pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL.name} is not on this machine")
def test_the_real_chest_x_rays_have_their_known_counts():
    dataset = MedMNIST(path=str(REAL)).load()

    counts = {
        part: np.bincount([c.target for c in dataset.cases if c.split == part]).tolist()
        for part in ("train", "validation", "test")
    }
    assert dataset.classes == ("normal", "pneumonia")
    assert counts == {"train": [388, 3494], "validation": [135, 389], "test": [234, 390]}
