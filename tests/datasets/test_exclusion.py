"""Cases that a file names are left out of any dataset, counted, and in its digest."""

import re

import pytest

from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.datasets.image_mask_pairs import ImageMaskPairs
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import DatasetError


@pytest.fixture
def folder(picture, tmp_path):
    for name in ("a/1.jpg", "a/2.jpg", "b/3.jpg"):
        picture(name, size=(8, 8))
    return tmp_path


def without(folder, exclude, **options):
    return ImageFolder(path=str(folder), licence="CC0-1.0", exclude=exclude, **options).load()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.txt", "a/2\n\n"),
        ("list.txt", "case_id\na/2.jpg\na/2\n"),
        ("list.csv", "code,case_id\nAB201,a/2\n"),
        ("list.csv", "a/2\n"),
        ("list.txt", "# blurred\nCase ID\n'a/2.jpg'\n"),
        ("list.txt", "./a/2.jpg\n/data/clinic/a/2.jpg\na\\2.jpg\n2\n"),
        ("list.tsv", "path\twhy\na/2.jpg\tblurred\n"),
    ],
)
def test_a_text_or_a_table_names_the_cases(folder, name, text):
    (folder / name).write_text(text)

    dataset = without(folder, name)

    assert [case.case_id for case in dataset.cases] == ["a/1", "b/3"]
    assert dataset.excluded == 1
    assert "Cases left out by dataset.exclude: 1: a/2." in dataset.notes
    assert dataset.digest != without(folder, None).digest


def test_another_unicode_form_names_the_same_case(picture, tmp_path):
    for name in ("a/se\u0301b.jpg", "a/2.jpg", "b/3.jpg"):
        picture(name, size=(8, 8))
    (tmp_path / "list.txt").write_text("a/s\u00e9b")

    assert len(without(tmp_path, "list.txt").cases) == 2


def test_a_missing_image_can_be_left_out(folder):
    (folder / "m.csv").write_text("path,label\na/1.jpg,a\nb/3.jpg,b\nb/gone.jpg,b\n")
    (folder / "list.txt").write_text("b/gone")

    assert len(without(folder, str(folder / "list.txt"), manifest="m.csv").cases) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a/22", "names 1 case that the dataset does not have: a/22. Did you mean 'a/2'?"),
        ("b/2", "names 1 case that the dataset does not have: b/2"),
        ("a/1\na/2\nb/3", "leaves out all 3 cases"),
        ("\n", "names no case"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(folder, text, problem):
    (folder / "list.txt").write_text(text)

    with pytest.raises(DatasetError, match=re.escape(problem)):
        without(folder, "list.txt")


def test_a_table_without_ids_and_a_missing_file_are_refused(folder):
    (folder / "list.csv").write_text("code,reason\nx,y\n")

    with pytest.raises(DatasetError, match="no column case_id; it has: code, reason"):
        without(folder, "list.csv")
    with pytest.raises(DatasetError, match=r"dataset\.exclude=gone\.txt: there is no such file"):
        without(folder, "gone.txt")


def test_boxes_masks_and_drawn_images_are_left_out_alike(picture, tmp_path):
    """Also where the image cannot be read, which the readers of boxes find out at once."""
    for name in ("images/1.png", "images/2.png"):
        picture(name, size=(8, 8))
        (tmp_path / name.replace("images", "labels")).with_suffix(".txt").parent.mkdir(exist_ok=True)
        (tmp_path / name.replace("images", "labels")).with_suffix(".txt").write_text("0 0.5 0.5 0.2 0.2")
        picture(name.replace("images", "masks"), size=(8, 8))
    (tmp_path / "data.yaml").write_text("train: images\nnames: [rbc]\n")
    (tmp_path / "images/2.png").write_bytes(b"no image")
    (tmp_path / "list.txt").write_text("2")
    (tmp_path / "boxes.txt").write_text("images/2.png")
    (tmp_path / "drawn.txt").write_text("case-00002")
    terms = {"path": str(tmp_path), "licence": "CC0-1.0"}

    boxes = YOLO(**terms, exclude="boxes.txt").load()
    masks = ImageMaskPairs(**terms, exclude="list.txt").load()
    drawn = Synthetic(
        cases=6, classes=2, image_size=32, cache=str(tmp_path), exclude=str(tmp_path / "drawn.txt")
    ).load()

    assert [[case.case_id for case in dataset.cases] for dataset in (boxes, masks)] == [["images/1"], ["1"]]
    assert (len(drawn.cases), boxes.excluded, masks.excluded, drawn.excluded) == (5, 1, 1, 1)
