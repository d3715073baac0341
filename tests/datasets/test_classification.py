"""Whatever its source, a dataset of labelled images is whole, and its digest is its content."""

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset
from arogya_bench.datasets.group_patterns import note_excluded
from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.files import find_dataset_folder
from arogya_bench.types import Case

CLASSES = ("benign", "malignant")


@dataclass(frozen=True, kw_only=True)
class Stated(PublishedDataset):
    """What a config states, of a test."""

    path: str = "."
    licence: str = "CC0-1.0"


@pytest.fixture
def image(picture):
    """Write an image and say what a source would say of it."""

    def write(name, label="benign", **said):
        picture(f"{name}.png", size=(8, 8))
        return LabelledImage(
            case_id=name, file=PurePosixPath(f"{name}.png"), label=label, group=said.pop("group", name), **said
        )

    return write


@pytest.fixture
def made(tmp_path):
    def build(*images, stated=None, classes=CLASSES, grouped=False, **options):
        return build_classification_dataset(
            tmp_path, images, stated or Stated(), classes=classes, grouped=grouped, **options
        )

    return build


def test_cases_are_what_the_source_says_in_the_order_of_their_ids(image, made):
    said = {"group": "p1", "split": "test", "metadata": {"site": "arm"}}

    dataset = made(image("b", "malignant", **said), image("a", **{**said, "split": None}))

    assert dataset.task == "classification"
    assert dataset.cases == (
        Case(case_id="a", group_id="p1", target=0, metadata={"site": "arm"}),
        Case(case_id="b", group_id="p1", target=1, metadata={"site": "arm"}, split="test"),
    )


def test_what_the_config_states_is_recorded(image, made):
    stated = Stated(
        name="lesions",
        source="a clinic",
        citation="Somebody 2018",
        version="2",
        overlaps=["others"],
        counts={"benign": 1},
    )

    dataset = made(image("a"), stated=stated, grouped=True, ordinal=True, notes=["Note."])

    assert (dataset.name, dataset.licence, dataset.source) == ("lesions", "CC0-1.0", "a clinic")
    assert (dataset.citation, dataset.version) == ("Somebody 2018", "2")
    assert (dataset.overlaps, dataset.notes) == (("others",), ("Note.",))
    assert dataset.grouped
    assert dataset.ordinal


def test_the_name_is_that_of_the_folder_unless_stated(image, made, tmp_path):
    assert made(image("a")).name == tmp_path.name


def test_the_image_of_a_case_is_that_of_its_file(image, made, tmp_path, picture):
    dataset = made(image("a"), image("b"))
    pixels = picture("b.png", size=(8, 8))

    assert dataset.files["b"] == tmp_path / "b.png"
    assert (dataset.read(dataset.cases[1]) == pixels).all()


def test_16_bits_are_seen_through_the_declared_window(image, made, tmp_path):
    image("a")
    values = np.array([[0, 1000], [2000, 3000]], dtype=np.uint16)
    PIL.Image.fromarray(values).save(tmp_path / "a.png")

    dataset = made(image_of("a"), stated=Stated(window=[1000, 2000]))

    assert dataset.read(dataset.cases[0])[..., 0].tolist() == [[0, 0], [255, 255]]


def image_of(name):
    return LabelledImage(case_id=name, file=PurePosixPath(f"{name}.png"), label="benign", group=name)


@pytest.mark.parametrize("window", [[1], [1, 1], [2, 1], [0, float("nan")], [1, 2, 3]])
def test_a_window_that_is_none_is_refused(image, made, window):
    with pytest.raises(ConfigError, match=r"dataset\.window="):
        made(image("a"), stated=Stated(window=window))


def test_a_damaged_image_is_found_when_it_is_read_and_not_before(image, made, tmp_path):
    labelled = image("a")
    (tmp_path / "a.png").write_bytes(b"\x89PNG no more")

    dataset = made(labelled)

    with pytest.raises(DatasetError, match=r"a\.png"):
        dataset.read(dataset.cases[0])


def test_a_case_of_another_dataset_has_no_image(image, made):
    dataset = made(image("a"))

    with pytest.raises(DatasetError, match="No image belongs to case 'z'"):
        dataset.read(Case(case_id="z", group_id="z", target=0))


def test_a_label_outside_the_classes_is_no_target_and_is_named(image, made):
    dataset = made(image("a"), image("b", "Malignant"))

    assert [case.target for case in dataset.cases] == [0, None]
    assert dataset.stray_labels == {"b": "Malignant"}


def test_no_image_is_no_dataset(made):
    with pytest.raises(DatasetError, match="No labelled image in"):
        made()


def test_two_images_of_one_name_are_refused(image, made):
    first = image("a")

    with pytest.raises(DatasetError, match=r"2 images have the name a: a\.png, a\.jpg"):
        made(first, replace(first, file=PurePosixPath("a.jpg")))


@pytest.mark.parametrize("name", ["a\nb", "a\udce9"])
def test_a_name_that_cannot_be_printed_is_refused(image, made, name):
    with pytest.raises(DatasetError, match="1 of 1 images have names that cannot be printed: 'a"):
        made(replace(image("a"), case_id=name))


def test_a_class_that_is_named_twice_is_refused(image, made):
    with pytest.raises(ConfigError, match=r"dataset\.classes repeats a name: benign, benign"):
        made(image("a"), classes=("benign", "benign"))


@pytest.mark.parametrize("name", ["case_id", "predicted", "correct", "answer_usd", "p_malignant"])
def test_a_column_of_the_predictions_does_not_hide_metadata(image, made, name):
    dataset = made(image("a", metadata={name: "x", "seed": 3.0}))

    assert dataset.cases[0].metadata == {f"source_{name}": "x", "seed": 3.0}
    assert f": {name} is source_{name}." in dataset.notes[0]


def test_a_missing_image_is_named_with_the_way_to_get_it(image, made, tmp_path):
    images = image("a"), image("b"), image("c")
    (tmp_path / "a.png").unlink()
    (tmp_path / "c.png").unlink()

    with pytest.raises(DatasetError, match=r"2 of 3 listed images .*: a\.png, c\.png") as refusal:
        made(*images, stated=Stated(obtain="Ask the clinic."))

    assert "Ask the clinic." in refusal.value.fix


def test_a_part_of_a_copy_is_refused_with_a_table_of_counts(image, made):
    stated = Stated(counts={"benign": 2, "malignant": 1, "other": 3}, obtain="Ask the clinic.")

    with pytest.raises(DatasetError) as refusal:
        made(image("a"), image("b"), image("c", "odd"), stated=stated)

    assert refusal.value.problem.splitlines() == [
        "The copy is incomplete or altered: it lists 3 images instead of 6.",
        "  class      expected  found",
        "  benign            2      2",
        "  malignant         1      0  <",
        "  other             3      0  <",
        "  odd               0      1  <",
    ]
    assert "dataset.counts=null" in refusal.value.fix
    assert "Ask the clinic." in refusal.value.fix


@pytest.mark.parametrize("counts", [None, {}, {"benign": 1}])
def test_a_whole_copy_and_one_that_nobody_counted_are_taken(image, made, counts):
    assert len(made(image("a"), stated=Stated(counts=counts)).cases) == 1


def test_a_folder_that_is_not_there_is_refused_with_the_way_to_get_it(tmp_path):
    stated = Stated(path=str(tmp_path / "gone"), obtain="Ask the clinic.")

    with pytest.raises(DatasetError, match=r"No folder at .*gone") as refusal:
        find_dataset_folder(stated.path, "images and a table", stated.obtain)

    assert "dataset.path to the folder that holds images and a table" in refusal.value.fix
    assert "Ask the clinic." in refusal.value.fix


def test_the_digest_depends_neither_on_the_folder_nor_on_the_order(image, made, tmp_path):
    images = image("a"), image("b")
    first = made(*images).digest
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / name).rename(moved / name)

    second = build_classification_dataset(moved, images[::-1], Stated(), classes=CLASSES, grouped=False).digest

    assert first == second
    assert len(first) == 32


def test_what_changes_the_content_changes_the_digest(image, made, tmp_path):
    a, b = image("a"), image("b")
    digests = [
        made(a, b).digest,
        made(a).digest,
        made(a, b, classes=CLASSES[::-1]).digest,
        made(replace(a, label="malignant"), b).digest,
        made(replace(a, group="b"), b).digest,
        made(replace(a, metadata={"site": "arm"}), b).digest,
        made(replace(a, case_id="A"), b).digest,
    ]
    Path(tmp_path / "a.png").write_bytes((tmp_path / "b.png").read_bytes())
    digests.append(made(a, b).digest)

    assert len(set(digests)) == len(digests)


def test_neither_split_nor_card_is_part_of_the_digest(image, made):
    a, b = image("a"), image("b")

    others = made(replace(a, split="test"), b, stated=Stated(licence="other", version="2"))

    assert made(a, b).digest == others.digest


def test_nothing_left_out_is_no_note():
    assert list(note_excluded("Images left out", [])) == []
    assert list(note_excluded("Images left out", ["a", "b"])) == ["Images left out: 2: a, b."]


def test_another_window_is_another_content(tmp_path, picture):
    for number in range(4):
        picture(f"{'ab'[number % 2]}/{number}.png")

    digests = {
        ImageFolder(path=str(tmp_path), licence="CC0-1.0", window=window).load().digest
        for window in (None, [0, 255], [0, 100])
    }

    assert len(digests) == 3
