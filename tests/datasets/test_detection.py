"""Whatever the format, a dataset says what it left out, and its digest follows from its content."""

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.datasets.detection import BoxedImage, build_detection_dataset, check_image_size, split_by_file
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.files import ImageFileInfo

CARD = GroupedDatasetOptions(path=".", name="cells", licence="CC0-1.0", source="a test", version="1", group=None)
CELL = RawBox(name="cell", left=1, top=2, right=11, bottom=12)


def image(name, *drawn, content=None, split=None, **changed):
    return BoxedImage(
        case_id=name,
        file=PurePosixPath(f"{name}.png"),
        facts=ImageFileInfo(60, 40, content or name),
        raw_boxes=drawn or (CELL,),
        split=split,
        **changed,
    )


def made(tmp_path, *images, card=CARD, listed=("cell", "clot"), **changed):
    return build_detection_dataset(tmp_path, images, card, source_classes=listed, default_source="a test", **changed)


def test_it_is_a_dataset_of_boxes_without_targets(tmp_path):
    dataset = made(tmp_path, image("b"), image("a"))

    assert dataset.task == "detection"
    assert [case.case_id for case in dataset.cases] == ["a", "b"]
    assert all(case.target is None and len(case.boxes) == 1 for case in dataset.cases)


def test_an_image_may_show_nothing(tmp_path):
    empty = replace(image("b"), raw_boxes=())

    dataset = made(tmp_path, image("a"), empty)

    assert dataset.cases[1].boxes == ()


def test_a_dataset_without_any_box_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="There is no box on 1 image in"):
        made(tmp_path, replace(image("b"), raw_boxes=()))


def test_two_images_of_one_name_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"2 images have the name a: a\.png, a\.png"):
        made(tmp_path, image("a"), image("b"), image("a"))


def test_without_a_group_every_image_is_its_own(tmp_path):
    dataset = made(tmp_path, image("p1-a"), image("p1-b"))

    assert not dataset.grouped
    assert all(case.group_id == case.case_id for case in dataset.cases)


def test_a_regular_expression_finds_the_patient(tmp_path):
    card = replace(CARD, group="^(p[0-9]+)-")

    dataset = made(tmp_path, image("p1-a"), image("p1-b"), image("p22-a"), card=card)

    assert dataset.grouped
    assert [case.group_id for case in dataset.cases] == ["p1", "p1", "p22"]


def test_a_group_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"does not match 2 names: p1-a, p1-b"):
        made(tmp_path, image("p1-a"), image("p1-b"), card=replace(CARD, group="^(q[0-9]+)"))


def test_every_image_has_its_file_and_the_citation_is_kept(tmp_path):
    dataset = made(tmp_path, image("a"), image("b"), card=replace(CARD, citation="Somebody 2018"))

    assert dataset.files == {"a": tmp_path / "a.png", "b": tmp_path / "b.png"}
    assert dataset.citation == "Somebody 2018"


def test_the_digest_depends_neither_on_the_folder_nor_on_the_order(tmp_path):
    first = made(tmp_path, image("a"), image("b"))
    second = made(tmp_path / "moved", image("b"), image("a"))

    assert first.digest == second.digest
    assert len(first.digest) == 32


@pytest.mark.parametrize(
    "changed",
    [
        image("a", replace(CELL, right=11.5)),
        image("a", replace(CELL, name="clot")),
        image("a", replace(CELL, crowd=True)),
        image("a", CELL, CELL),
        image("a", content="other pixels"),
        image("a", metadata={"site": "north"}),
        image("c"),
    ],
)
def test_what_changes_the_content_changes_the_digest(tmp_path, changed):
    before = made(tmp_path, image("a"), image("b")).digest

    assert made(tmp_path, changed, image("b")).digest != before


def test_groups_and_classes_are_part_of_the_digest(tmp_path):
    images = image("p-a"), image("p-b")
    before = made(tmp_path, *images).digest

    grouped = made(tmp_path, *images, card=replace(CARD, group="^(p)"))
    renamed = made(tmp_path, *images, listed=("cell", "other"))

    assert len({before, grouped.digest, renamed.digest}) == 3


def test_the_split_is_not_part_of_the_digest(tmp_path):
    assert made(tmp_path, image("a", split="test")).digest == made(tmp_path, image("a")).digest


def test_nothing_to_say_is_no_note(tmp_path):
    assert made(tmp_path, image("a"), image("b")).notes == ()


def test_boxes_without_area_are_named(tmp_path):
    click = RawBox(name="clot", left=9, top=7, right=9, bottom=7)

    dataset = made(tmp_path, image("a", CELL, click), image("b"))

    assert dataset.notes == ("Boxes without area, excluded: 1: a (clot at 9, 7).",)


def test_the_largest_overshoot_is_said(tmp_path):
    near, far = replace(CELL, right=61), replace(CELL, bottom=44.5)

    dataset = made(tmp_path, image("a", near), image("b"), image("c", far))

    assert dataset.notes == ("Boxes clipped at the edge of their image: 2, by up to 4.5 pixels: a, c.",)


def test_crowds_and_repeated_boxes_are_counted(tmp_path):
    dataset = made(tmp_path, image("a", CELL, CELL, replace(CELL, crowd=True)))

    assert dataset.notes[0] == "Duplicate boxes, kept: 1: a."
    assert dataset.notes[1].startswith("Boxes marked as difficult or as a crowd: 1;")


def test_the_same_file_under_two_names_is_said(tmp_path):
    twins = [image(name, content="same", split=part) for name, part in (("a", "train"), ("b", "test"))]

    dataset = made(tmp_path, *twins, image("c", split="test"))

    assert dataset.notes == ("Files with several copies: 1, of which 1 in several splits: a = b.",)


def test_notes_of_the_reader_come_first(tmp_path):
    dataset = made(tmp_path, image("a", CELL, CELL), notes=("First.",))

    assert (dataset.notes[0], len(dataset.notes)) == ("First.", 2)


def test_each_image_has_a_home():
    assert split_by_file({"train": ["a", "b"], "test": ["c"]}) == {"a": "train", "b": "train", "c": "test"}


def test_a_part_alone_is_kept_and_a_file_of_no_part_has_none():
    assert split_by_file({"test": ["a", "b"]}) == {"a": "test", "b": "test"}
    assert split_by_file({"annotations": ["a"]}) == {"a": None}


@pytest.mark.parametrize("second", ["train", "test"])
def test_an_image_listed_twice_is_refused(second):
    with pytest.raises(DatasetError, match=f"a is listed twice: in train and in {second}"):
        split_by_file({"train": ["a", "a"] if second == "train" else ["a"], "test": ["a"]})


def test_another_size_than_the_stated_one_is_refused():
    with pytest.raises(DatasetError, match=r"a\.xml states an image of 40 x 60 .* has 60 x 40"):
        check_image_size(ImageFileInfo(60, 40, ""), 40, 60, "a.xml")
