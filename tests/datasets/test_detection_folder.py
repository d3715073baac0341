"""The format of a folder of boxes is found, or it is said what was looked for."""

import json

import pytest

from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.detection_folder import DetectionFolder
from arogya_bench.errors import ConfigError, DatasetError

BOX = [6, 4, 12, 8]  # of the 60 x 40 pixels of a picture


@pytest.fixture
def coco(tmp_path, picture):
    """Write images, and a JSON file for them."""

    def write(file, folder, *names):
        images = []
        for number, name in enumerate(names):
            picture(f"{folder}/{name}.png")
            images.append({"id": number, "file_name": f"{name}.png", "width": 60, "height": 40})
        boxes = [
            {"id": n, "image_id": n, "category_id": 1, "bbox": BOX, "area": 96, "iscrowd": 0} for n in range(len(names))
        ]
        content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cell"}]}
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(json.dumps(content))

    return write


@pytest.fixture
def voc(tmp_path, picture):
    """Write an image with its XML file."""

    def write(name, annotations="Annotations", images="JPEGImages"):
        picture(f"{images}/{name}.jpg")
        file = tmp_path / annotations / f"{name}.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"<annotation><filename>{name}.jpg</filename>"
            "<size><width>60</width><height>40</height><depth>3</depth></size>"
            "<object><name>cell</name><difficult>0</difficult><bndbox><xmin>7</xmin>"
            "<ymin>5</ymin><xmax>18</xmax><ymax>12</ymax></bndbox></object></annotation>"
        )

    return write


@pytest.fixture
def yolo(tmp_path, picture):
    """Write an image with its labels, and data.yaml."""

    def write(name, header="data.yaml"):
        picture(f"images/train/{name}.png")
        file = tmp_path / "labels" / "train" / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("0 0.2 0.2 0.2 0.2\n")
        (tmp_path / header).write_text("names: [cell]\ntrain: images/train\n")

    return write


def folder(path, **options):
    return DetectionFolder(path=str(path), licence="CC0-1.0", **options)


def box_of(dataset):
    (box,) = dataset.cases[0].boxes
    return [box.left, box.top, box.width, box.height]


def test_coco_is_found(coco, tmp_path):
    coco("annotations/instances.json", "images", "a")

    dataset = folder(tmp_path).load()

    assert (dataset.task, dataset.classes, box_of(dataset)) == ("detection", ("cell",), BOX)
    assert dataset.notes[0].startswith("Read as COCO: annotations annotations/instances.json")


def test_it_is_read_as_by_the_reader_of_the_format(coco, tmp_path):
    coco("a.json", "images", "a", "b")

    found = folder(tmp_path).load()
    named = COCO(path=str(tmp_path), licence="CC0-1.0", annotations="a.json").load()

    assert (found.cases, found.digest) == (named.cases, named.digest)


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("annotations/instances_{}2017.json", ("train2017", "val2017", "test2017")),
        ("{}/_annotations.coco.json", ("train", "valid", "test")),
    ],
)
def test_files_for_each_part_are_the_official_split(coco, tmp_path, pattern, places):
    for place in places:
        word = place.removesuffix("2017")
        coco(pattern.format(word), place, f"image-{word}")

    dataset = folder(tmp_path).load()

    assert [case.split for case in dataset.cases] == ["test", "train", "validation"]


def test_json_files_of_unclear_parts_are_refused(coco, tmp_path):
    coco("first.json", "images", "a")
    coco("second.json", "images", "b")

    with pytest.raises(DatasetError, match=r"holds 2 JSON files .*: first\.json, second\.json") as no:
        folder(tmp_path).load()

    assert "dataset.train" in no.value.fix


@pytest.mark.parametrize(("annotations", "images"), [("Annotations", "JPEGImages"), ("xml", "images"), (".", ".")])
def test_pascal_voc_is_found(voc, tmp_path, annotations, images):
    voc("a", annotations, images)

    dataset = folder(tmp_path).load()

    assert box_of(dataset) == BOX
    assert dataset.notes == (f"Read as Pascal VOC: annotations {annotations}, images {images}.",)


@pytest.mark.parametrize(
    ("annotations", "images"), [("{}", "{}"), ("{}/Annotations", "{}/JPEGImages"), ("{}/labels", "{}")]
)
def test_pascal_voc_with_a_folder_for_each_part_is_found(voc, tmp_path, annotations, images):
    for part in ("train", "valid", "test"):
        voc("0", annotations.format(part), images.format(part))

    dataset = folder(tmp_path).load()

    assert {case.case_id: case.split for case in dataset.cases} == {
        "test/0": "test",
        "train/0": "train",
        "valid/0": "validation",
    }


def test_xml_files_in_several_folders_are_refused(voc, tmp_path):
    voc("a", "one", "images")
    voc("b", "two", "images")

    with pytest.raises(DatasetError, match=r"lie in several folders .*: one, two"):
        folder(tmp_path).load()


def test_xml_files_without_images_are_refused(voc, tmp_path):
    voc("a")
    (tmp_path / "JPEGImages" / "a.jpg").unlink()

    with pytest.raises(DatasetError, match="No image has the name of 1 XML file in"):
        folder(tmp_path).load()


@pytest.mark.parametrize("header", ["data.yaml", "dataset.yaml", "cells.yml"])
def test_yolo_is_found(yolo, tmp_path, header):
    yolo("a", header)

    dataset = folder(tmp_path).load()

    assert box_of(dataset) == pytest.approx([6, 4, 12, 8])
    assert dataset.notes[0] == f"Read as YOLO: file {header}."


def test_several_yaml_files_are_refused(yolo, tmp_path):
    yolo("a", "a.yaml")
    yolo("a", "b.yaml")

    with pytest.raises(DatasetError, match=r"several YAML files with names: a\.yaml, b\.yaml"):
        folder(tmp_path).load()


def test_several_formats_are_refused_and_one_can_be_chosen(voc, yolo, tmp_path):
    voc("a")
    yolo("b")

    with pytest.raises(DatasetError, match="several formats: Pascal VOC and YOLO") as refusal:
        folder(tmp_path).load()

    assert "dataset.format=voc or yolo" in refusal.value.fix
    assert [case.case_id for case in folder(tmp_path, format="voc").load().cases] == ["a"]
    assert len(folder(tmp_path, format="yolo").load().cases) == 1


@pytest.mark.parametrize("form", ["auto", "coco", "voc", "yolo"])
def test_no_format_is_refused_with_what_was_looked_for(picture, tmp_path, form):
    picture("images/a.png")
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "other.xml").write_text("<project/>")
    (tmp_path / "config.yaml").write_text("train: x\n")

    with pytest.raises(DatasetError, match=r"No boxes were found .*\(COCO\).*\(YOLO\)"):
        folder(tmp_path, format=form).load()


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"dataset\.format='yollo'.*Did you mean 'yolo'"):
        folder(tmp_path, format="yollo").load()


def test_a_missing_folder_says_what_belongs_there(tmp_path):
    with pytest.raises(DatasetError, match="No folder at") as refusal:
        folder(tmp_path / "nowhere").load()

    assert "data.yaml" in refusal.value.fix


def test_the_card_is_that_of_the_config(yolo, tmp_path):
    yolo("p1-a")

    dataset = folder(tmp_path, name="cells", citation="A 2020", version="2", source="there", group="(p[0-9]+)").load()

    assert (dataset.name, dataset.citation, dataset.version) == ("cells", "A 2020", "2")
    assert (dataset.source, dataset.grouped, dataset.cases[0].group_id) == ("there", True, "p1")
