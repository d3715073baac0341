"""A JSON file is COCO or it is refused, whatever stands in it."""

import json
from pathlib import PurePosixPath

import pytest

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.datasets.coco_json import read_coco_json
from arogya_bench.errors import DatasetError

IMAGE = {"id": 7, "file_name": "a.png", "width": 60, "height": 40}
BOX = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [2, 3, 10, 5.5], "iscrowd": 0}
CELL, CLOT = {"id": 3, "name": "cell"}, {"id": 1, "name": "clot"}


@pytest.fixture
def read(tmp_path):
    def written(content):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "a.json").write_text(text)
        return read_coco_json(tmp_path, PurePosixPath("a.json"))

    return written


def coco(*boxes, images=(IMAGE,), categories=(CELL, CLOT)):
    return {"images": list(images), "annotations": list(boxes or [BOX]), "categories": list(categories)}


def test_a_box_is_left_top_width_and_height(read):
    result = read(coco())

    expected = RawBox(name="cell", left=2, top=3, right=12, bottom=8.5)
    assert result.raw_boxes == {7: (expected,)}


def test_categories_are_in_the_order_of_their_ids(read):
    assert read(coco()).categories == ("clot", "cell")


@pytest.mark.parametrize(
    ("first", "classes"),
    [
        ({"name": "cells"}, ("clot", "cell")),
        ({"name": "cell"}, ("clot", "cell")),
        ({"name": "__background__"}, ("clot", "cell")),
        ({"name": "other"}, ("other", "clot", "cell")),
    ],
)
def test_a_category_that_only_groups_others_is_no_class(read, first, classes):
    parent = "cell" if first["name"] == "cell" else "cells"
    children = [{**category, "supercategory": parent} for category in (CELL, CLOT)]

    result = read(coco(categories=[{"id": 0, "supercategory": "none", **first}, *children]))

    assert result.classes == classes


def test_an_image_that_a_mac_leaves_is_left_out(read):
    assert read(coco(images=[IMAGE, {**IMAGE, "id": 8, "file_name": "x/._a.png"}])).images == (IMAGE,)


def test_a_grouping_category_with_a_box_is_a_class(read):
    result = read(coco(BOX, {**BOX, "id": 2, "category_id": 1}, categories=[CELL | {"supercategory": "clot"}, CLOT]))

    assert result.classes == ("clot", "cell")


def test_an_image_without_annotation_shows_nothing(read):
    other = {**IMAGE, "id": "eight", "file_name": "b.png"}

    assert read(coco(images=[IMAGE, other])).raw_boxes["eight"] == ()


@pytest.mark.parametrize("flag", ["iscrowd", "ignore"])
def test_a_crowd_or_a_box_to_be_ignored_is_a_crowd(read, flag):
    (box,) = read(coco({**BOX, flag: 1})).raw_boxes[7]

    assert box.crowd


@pytest.mark.parametrize(("value", "crowd"), [("1", True), ("true", True), ("0", False), ("no", False), (None, False)])
def test_a_flag_may_be_a_word(read, value, crowd):
    (box,) = read(coco({**BOX, "iscrowd": value})).raw_boxes[7]

    assert box.crowd == crowd


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ({"image_id": 8}, "belongs to an image that is not listed: 8"),
        ({"category_id": 9}, "has the category 9; there are: 3 cell, 1 clot"),
        ({"bbox": [1, 2, 3]}, "has no bbox of four numbers"),
        ({"bbox": None}, "has no bbox of four numbers"),
        ({"bbox": [1, 2, 3, "4"]}, "not a number"),
        ({"bbox": [1, 2, 3, True]}, "not a number"),
        ({"bbox": [1, 2, 3, float("nan")]}, "not a number"),
        ({"bbox": [1, 2, 3, 10**400]}, "not a number"),
        ({"iscrowd": 2}, "a.json, annotation 1, gives iscrowd as 2, not 0 or 1"),
        ({"iscrowd": "maybe"}, "a.json, annotation 1, gives iscrowd as 'maybe', not 0 or 1"),
        ({"image_id": None}, "a.json, entry 0 of annotations, gives image_id as None"),
        ({"category_id": "cell"}, "entry 0 of annotations, gives category_id as 'cell'"),
    ],
)
def test_a_box_that_cannot_be_understood_is_refused(read, box, problem):
    with pytest.raises(DatasetError) as refusal:
        read(coco({**BOX, **box}))

    assert problem in refusal.value.problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (coco(BOX, {**BOX, "bbox": [0, 0, 1, 1]}), "a.json has two annotations with the id 1"),
        (coco(images=[IMAGE, IMAGE]), "a.json has two images with the id 7"),
        (coco(categories=[CELL, CELL]), "a.json has two categories with the id 3"),
        (coco(images=[{"id": 7}]), "entry 0 of images, gives file_name as None"),
        (coco(categories=[{"id": True, "name": "x"}]), "entry 0 of categories, gives id as True"),
        ({"images": [], "categories": []}, "a.json has no list of annotations"),
        ({"images": [1], "annotations": {}}, "no list of images"),
        ([BOX], "no list of images"),
        ("", "a.json cannot be read"),
        ("{", "a.json cannot be read"),
        ("[" * 100_000, "a.json cannot be read"),
    ],
)
def test_a_file_of_another_kind_is_refused(read, content, problem):
    with pytest.raises(DatasetError) as refusal:
        read(content)

    assert problem in refusal.value.problem
    assert "cocodataset.org" in refusal.value.fix


def test_a_missing_file_is_named_with_the_options_that_name_one(tmp_path):
    with pytest.raises(DatasetError, match=r"No annotations at .*a\.json") as refusal:
        read_coco_json(tmp_path, PurePosixPath("a.json"))

    assert "dataset.annotations" in refusal.value.fix
