"""A folder in the layout of YOLO is read as it is, or refused with the reason."""

import pytest
import yaml

from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import DatasetError
from arogya_bench.types import Box

ROW = "0 0.5 0.5 0.2 0.2\n"


@pytest.fixture
def write(tmp_path, picture):
    """Write images of 60 x 40 pixels with their labels, and data.yaml."""

    def written(header=(), **parts):
        for part, labels in parts.items():
            for name, rows in labels.items():
                picture(f"images/{part}/{name}.png")
                if rows is not None:
                    file = tmp_path / "labels" / part / f"{name}.txt"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(rows)
        content = {"names": ["cell", "clot"], **{part: f"images/{part}" for part in parts}, **dict(header)}
        (tmp_path / "data.yaml").write_text(yaml.safe_dump(content))

    return written


def yolo(folder, **options):
    return YOLO(path=str(folder), licence="CC0-1.0", **options)


def test_masks_among_the_images_are_no_images_without_objects(write, tmp_path):
    write(train={"a": ROW, "a_mask": None, "b": None}, val={"c": ROW, "c_mask": ROW})

    dataset = yolo(tmp_path).load()

    assert [case.case_id for case in dataset.cases] == [
        *("images/train/a", "images/train/b", "images/val/c", "images/val/c_mask")
    ]
    assert "Files that belong to another image, such as masks, excluded: 1: images/train/a_mask.png." in dataset.notes


def test_the_parts_of_the_header_are_the_official_split(write, tmp_path):
    write(train={"a": ROW}, val={"b": ROW}, test={"c": ROW})

    dataset = yolo(tmp_path).load()

    assert {case.case_id: case.split for case in dataset.cases} == {
        "images/train/a": "train",
        "images/val/b": "validation",
        "images/test/c": "test",
    }
    assert dataset.read(dataset.cases[0]).shape == (40, 60, 3)
    assert dataset.notes == ()


def test_boxes_are_in_pixels(write, tmp_path):
    write(train={"a": "1 0.5 0.5 0.2 0.5\n"})

    dataset = yolo(tmp_path).load()

    (box,) = dataset.cases[0].boxes
    assert dataset.classes == ("cell", "clot")
    assert box == Box(left=24, top=10, width=12, height=20, label=1)


def test_edges_that_six_decimals_put_outside_are_clipped_without_a_note(write, tmp_path):
    write(train={"a": "0 0.500000 0.500000 1.000001 1.000001\n"})

    dataset = yolo(tmp_path).load()

    assert (dataset.cases[0].boxes[0].width, dataset.notes) == (60, ())


def test_an_image_without_labels_shows_no_object_and_is_said(write, tmp_path):
    write(train={"a": ROW, "b": None, "c": ""})

    dataset = yolo(tmp_path).load()

    assert [len(case.boxes) for case in dataset.cases] == [1, 0, 0]
    assert dataset.notes == ("Images without a label file, treated as images without objects: 1: images/train/b.png.",)


def test_labels_without_an_image_are_refused(write, tmp_path):
    write(train={"a": ROW, "b": ROW})
    (tmp_path / "images" / "train" / "b.png").unlink()

    with pytest.raises(DatasetError, match=r"There is no image for 1 label file: labels/train/b\.txt"):
        yolo(tmp_path).load()


def test_labels_of_an_image_that_no_list_names_are_left_alone(write, tmp_path):
    write({"train": "list.txt"}, train={"a": ROW, "b": ROW})
    (tmp_path / "list.txt").write_text("images/train/a.png\n")

    dataset = yolo(tmp_path).load()

    assert [case.case_id for case in dataset.cases] == ["images/train/a"]
    assert "not in the dataset: 1: b.png" in dataset.notes[0]


def test_the_class_list_of_labelimg_is_no_label(write, tmp_path):
    write(train={"a": ROW})
    (tmp_path / "labels" / "train" / "classes.txt").write_text("cell\nclot\n")

    assert yolo(tmp_path).load().notes == ()


@pytest.mark.parametrize("listed", [False, True])
def test_files_that_a_mac_leaves_are_neither_images_nor_labels(write, tmp_path, listed):
    write(train={"a": ROW}, val={"b": ROW})
    for name in ("images/train/._a.png", "labels/train/._a.txt", "labels/train/._z.txt", "images/train/__MACOSX/c.png"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"\0\5\x16\7")
    if listed:
        (tmp_path / "train.txt").write_text("./images/train/._a.png\n./images/train/a.png\n")
        write({"train": "train.txt", "val": "images/val"})

    dataset = yolo(tmp_path).load()

    assert [case.case_id for case in dataset.cases] == ["images/train/a", "images/val/b"]
    assert dataset.notes == ()


def test_other_files_among_the_images_are_said(write, tmp_path):
    write(train={"a": ROW})
    (tmp_path / "images" / "train" / "b.dcm").touch()
    (tmp_path / "images" / "train" / ".hidden").touch()

    dataset = yolo(tmp_path).load()

    assert dataset.notes == ("Files among the images that are not in the dataset: 1: b.dcm.",)


def test_an_image_in_two_parts_is_refused(write, tmp_path):
    write({"val": "images/train"}, train={"a": ROW})

    with pytest.raises(DatasetError, match="listed twice: in train and in validation"):
        yolo(tmp_path).load()


def test_a_listed_image_that_is_missing_is_refused(write, tmp_path):
    write({"test": "list.txt"}, train={"a": ROW})
    (tmp_path / "list.txt").write_text("images/test/z.png\n")

    with pytest.raises(DatasetError, match=r"images/test/z\.png is not in"):
        yolo(tmp_path).load()


def test_an_unused_name_may_be_left_out_of_the_classes(write, tmp_path):
    write(train={"a": ROW})

    assert yolo(tmp_path, classes=["cell"]).load().classes == ("cell",)


def test_a_patient_may_be_read_from_the_path(write, tmp_path):
    write(train={"p1-a": ROW, "p1-b": ROW, "p2-a": ROW})

    dataset = yolo(tmp_path, group="/(p[0-9]+)-").load()

    assert [case.group_id for case in dataset.cases] == ["p1", "p1", "p2"]


def test_another_header_can_be_named(write, tmp_path):
    write(train={"a": ROW})
    (tmp_path / "data.yaml").rename(tmp_path / "cells.yaml")

    assert len(yolo(tmp_path, file="cells.yaml").load().cases) == 1
