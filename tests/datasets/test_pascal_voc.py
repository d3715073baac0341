"""A folder in the layout of Pascal VOC is read as it is, or refused with the reason."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.splits import split
from arogya_bench.errors import ConfigError, DatasetError

BCCD = Path(__file__).parents[3] / "shared" / "data" / "bccd"
real = pytest.mark.skipif(not BCCD.is_dir(), reason="shared/data/bccd is not on this machine")


def obj(name, xmin, ymin, xmax, ymax, difficult=0):
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{xmin}</xmin>"
        f"<ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
    )


@pytest.fixture
def annotate(tmp_path, picture):
    """Write an image of 60 x 40 pixels and its XML file."""

    def write(name, *objects, filename=None, size=(60, 40), image=True, **options):
        if image:
            picture(f"JPEGImages/{name}.jpg", **options)
        stated = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
        sheet = tmp_path / "Annotations" / f"{name}.xml"
        sheet.parent.mkdir(exist_ok=True)
        sheet.write_text(
            f"<annotation><filename>{filename or f'{name}.jpg'}</filename>"
            f"<path>/home/stranger/{name}.jpg</path>{stated}{''.join(objects)}</annotation>"
        )

    return write


@pytest.fixture
def lists(tmp_path):
    def write(**parts):
        folder = tmp_path / "ImageSets" / "Main"
        folder.mkdir(parents=True)
        for part, names in parts.items():
            (folder / f"{part}.txt").write_text("\n".join(names) + "\n")

    return write


def voc(folder, **options):
    return PascalVOC(path=str(folder), licence="CC0-1.0", **options)


def test_pixels_counted_from_1_become_edges_counted_from_0(annotate, tmp_path):
    annotate("a", obj("cell", 1, 1, 60, 40), obj("cell", 3, 5, 12, 9))

    whole, inner = voc(tmp_path).load().cases[0].boxes

    assert (whole.left, whole.top, whole.width, whole.height) == (0, 0, 60, 40)
    assert (inner.left, inner.top, inner.width, inner.height) == (2, 4, 10, 5)


def test_edges_counted_from_0_stay(annotate, tmp_path):
    annotate("a", obj("cell", 0, 0, 60, 40), obj("cell", 3, 5, 12, 9))

    whole, inner = voc(tmp_path, first_pixel=0).load().cases[0].boxes

    assert (whole.left, whole.top, whole.width, whole.height) == (0, 0, 60, 40)
    assert (inner.left, inner.top, inner.width, inner.height) == (3, 5, 9, 4)


@pytest.mark.parametrize("first_pixel", [0, 1])
def test_a_click_without_a_drag_is_no_object(annotate, tmp_path, first_pixel):
    annotate("a", obj("cell", 5, 6, 5, 6), obj("cell", 3, 5, 12, 9))

    dataset = voc(tmp_path, first_pixel=first_pixel).load()

    assert len(dataset.cases[0].boxes) == 1
    assert dataset.notes == ("Boxes without area, excluded: 1: a (cell at 5, 6).",)


@pytest.mark.parametrize("first_pixel", [0, 1])
def test_edges_in_the_wrong_order_are_refused(annotate, tmp_path, first_pixel):
    annotate("a", obj("cell", 6, 6, 5, 9))

    with pytest.raises(DatasetError, match="ends before it starts"):
        voc(tmp_path, first_pixel=first_pixel).load()


def test_counting_from_the_wrong_number_shows_as_clipped_boxes(annotate, tmp_path):
    annotate("a", obj("cell", 0, 3, 12, 9))

    dataset = voc(tmp_path, first_pixel=1).load()

    assert "clipped at the edge of their image: 1, by up to 1.0 pixels" in dataset.notes[0]


def test_classes_are_those_of_the_boxes_by_name(annotate, tmp_path):
    annotate("a", obj("clot", 3, 5, 12, 9), obj("cell", 3, 5, 12, 9))

    dataset = voc(tmp_path).load()

    assert dataset.classes == ("cell", "clot")
    assert [box.label for box in dataset.cases[0].boxes] == [1, 0]


def test_an_unknown_class_is_refused_with_the_nearest(annotate, tmp_path):
    annotate("a", obj("Cels", 3, 5, 12, 9))

    with pytest.raises(DatasetError, match=r"'Cels'.* mean 'Cells'"):
        voc(tmp_path, classes=["Cells", "clot"]).load()


def test_a_difficult_object_counts_neither_way_unless_asked(annotate, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9, difficult=1), obj("cell", 1, 1, 9, 9))

    ignored, counted = voc(tmp_path).load(), voc(tmp_path, difficult="count").load()

    assert [box.crowd for box in ignored.cases[0].boxes] == [True, False]
    assert "difficult or as a crowd: 1" in ignored.notes[0]
    assert [box.crowd for box in counted.cases[0].boxes] == [False, False]


@pytest.mark.parametrize("options", [{"first_pixel": 2}, {"difficult": "drop"}])
def test_an_option_out_of_range_is_refused_before_any_file_is_read(tmp_path, options):
    (name,) = options

    with pytest.raises(ConfigError, match=rf"dataset\.{name}"):
        voc(tmp_path / "nowhere", **options).load()


def test_the_official_split_is_that_of_the_lists(annotate, lists, tmp_path):
    for name in "abcd":
        annotate(name, obj("cell", 3, 5, 12, 9))
    lists(train=["b", "a"], val=["c"], trainval=["a", "b", "c"], test=["d"])

    cases = voc(tmp_path).load().cases

    assert [case.split for case in cases] == ["train", "train", "validation", "test"]


def test_without_lists_there_is_no_split_and_no_note(annotate, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9))

    dataset = voc(tmp_path).load()

    assert dataset.cases[0].split is None
    assert dataset.notes == ()


def test_lists_may_hold_the_suffix_of_the_images(annotate, lists, tmp_path):
    for name in "ab":
        annotate(name, obj("cell", 3, 5, 12, 9))
    lists(train=["a.jpg"], test=["b.jpg"])

    assert [case.split for case in voc(tmp_path).load().cases] == ["train", "test"]


def test_an_image_in_no_list_is_kept_and_said(annotate, lists, tmp_path):
    for name in "abc":
        annotate(name, obj("cell", 3, 5, 12, 9))
    lists(train=["a"], test=["c"])

    dataset = voc(tmp_path).load()

    assert [case.split for case in dataset.cases] == ["train", None, "test"]
    assert dataset.notes == ("Images not listed in ImageSets/Main: 1: b.",)


def test_an_image_in_two_lists_is_refused(annotate, lists, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9))
    lists(train=["a"], test=["a"])

    with pytest.raises(DatasetError, match="a is listed twice: in train and in test"):
        voc(tmp_path).load()


def test_a_listed_name_without_annotation_is_refused(annotate, lists, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9))
    lists(train=["a", "../../b"], test=["c"])

    with pytest.raises(DatasetError, match=r"lists 2 names without an XML file: \.\./\.\./b, c"):
        voc(tmp_path).load()


def test_an_annotation_without_image_is_refused(annotate, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9))
    annotate("b", obj("cell", 3, 5, 12, 9), image=False)

    with pytest.raises(DatasetError, match="There is no image for 1 of 2 XML files: b"):
        voc(tmp_path).load()


def test_an_image_without_annotation_is_left_out_and_said(annotate, picture, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9))
    picture("JPEGImages/b.jpg")

    dataset = voc(tmp_path).load()

    assert [case.case_id for case in dataset.cases] == ["a"]
    assert dataset.notes == ("Images without an XML file, excluded: 1: b.",)


def test_two_images_of_one_name_are_refused(annotate, picture, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9))
    picture("JPEGImages/a.png")

    with pytest.raises(DatasetError, match=r"a\.jpg and JPEGImages/a\.png have the same name"):
        voc(tmp_path).load()


def test_another_size_than_that_of_the_image_is_refused(annotate, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9), size=(120, 80))

    with pytest.raises(DatasetError, match=r"a\.xml states an image of 120 x 80 .* has 60 x 40"):
        voc(tmp_path).load()


@pytest.mark.parametrize("size", [None, (0, 0)])
def test_a_size_that_is_not_stated_is_said(annotate, tmp_path, size):
    annotate("a", obj("cell", 3, 5, 12, 9), size=size)

    dataset = voc(tmp_path).load()

    assert "without the image size, which was not checked: 1: a" in dataset.notes[0]


def test_a_stale_file_name_is_said(annotate, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9), filename="IMG_0042.JPG")

    dataset = voc(tmp_path).load()

    assert dataset.notes == ("XML files that name another, missing image: 1: a.",)


def test_a_file_name_without_suffix_is_the_same_name(annotate, tmp_path):
    annotate("a.1", obj("cell", 3, 5, 12, 9), filename="a.1")

    assert voc(tmp_path).load().notes == ()


def test_a_file_name_of_another_image_that_is_there_is_refused(annotate, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9), filename="b.jpg")
    annotate("b", obj("cell", 3, 5, 12, 9))

    with pytest.raises(DatasetError, match=r"named in 1 XML file: a\.xml names b\.jpg"):
        voc(tmp_path).load()


@pytest.mark.parametrize("filename", ["../b.jpg", "/etc/passwd", "C:\\b.jpg"])
def test_a_file_name_that_leaves_the_folder_is_refused(annotate, tmp_path, filename):
    annotate("a", obj("cell", 3, 5, 12, 9), filename=filename)

    with pytest.raises(DatasetError, match=r"a\.xml names .* not a path inside its folder"):
        voc(tmp_path).load()


def test_a_flag_that_states_nothing_is_said(annotate, tmp_path):
    annotate("a", obj("cell", 1, 1, 60, 40, difficult="Unspecified"))

    dataset = voc(tmp_path).load()

    assert not dataset.cases[0].boxes[0].crowd
    assert dataset.notes == ("XML files whose <difficult> states nothing, read as not difficult: 1: a (Unspecified).",)


def test_files_that_a_mac_leaves_are_no_annotations(annotate, lists, tmp_path):
    annotate("a", obj("cell", 1, 1, 60, 40))
    annotate("b", obj("cell", 1, 1, 60, 40))
    lists(train=["a", "._a"], val=["b"])
    (tmp_path / "Annotations" / "._a.xml").write_bytes(b"\0\5\x16\7")
    (tmp_path / "JPEGImages" / "._a.jpg").write_bytes(b"\0\5\x16\7")

    dataset = voc(tmp_path).load()

    assert [case.case_id for case in dataset.cases] == ["a", "b"]
    assert dataset.notes == ()


def test_parts_in_folders_of_their_own_may_have_equal_names(annotate, tmp_path):
    for part in ("valid", "test"):
        annotate("0", obj("cell", 3, 5, 12, 9))
        (tmp_path / part).mkdir()
        for folder in ("JPEGImages", "Annotations"):
            (tmp_path / folder).rename(tmp_path / part / folder)

    dataset = voc(tmp_path, validation="valid", test="test").load()

    assert {case.case_id: case.split for case in dataset.cases} == {"test/0": "test", "valid/0": "validation"}
    assert dataset.read(dataset.cases[0]).shape == (40, 60, 3)


def test_one_folder_for_two_parts_is_refused(annotate, tmp_path):
    annotate("0", obj("cell", 3, 5, 12, 9))

    with pytest.raises(ConfigError, match=r"Several parts of the split have one folder: \., \."):
        voc(tmp_path, train=".", test=".").load()


def test_images_and_annotations_may_lie_in_one_folder(annotate, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9))
    for file in [*tmp_path.glob("*/a.jpg"), *tmp_path.glob("*/a.xml")]:
        file.rename(tmp_path / file.name)

    dataset = voc(tmp_path, images=".", annotations=".").load()

    assert dataset.read(dataset.cases[0]).shape == (40, 60, 3)


@pytest.mark.parametrize("option", ["images", "annotations"])
def test_the_folders_lie_below_that_of_the_dataset(annotate, tmp_path, option):
    annotate("a", obj("cell", 3, 5, 12, 9))

    with pytest.raises(DatasetError, match=rf"dataset\.{option} names '\.\./x'"):
        voc(tmp_path, **{option: "../x"}).load()


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=rf"No XML file in {tmp_path}/Annotations"):
        voc(tmp_path).load()


def test_the_digest_stays_when_the_folder_moves(annotate, tmp_path):
    annotate("a", obj("cell", 3, 5, 12, 9))
    before = voc(tmp_path).load().digest
    shutil.copytree(tmp_path, tmp_path / "moved", ignore=shutil.ignore_patterns("moved"))

    after = voc(tmp_path / "moved").load()

    assert after.digest == before
    assert (after.name, after.licence) == ("moved", "CC0-1.0")


def test_nothing_of_the_path_is_recorded(annotate, tmp_path):
    annotate("a", obj("cell", 5, 6, 5, 6), obj("cell", 3, 5, 12, 9), filename="gone.jpg")

    dataset = voc(tmp_path, name="cells").load()

    recorded = f"{dataset.name} {dataset.source} {dataset.version} {dataset.notes}"
    assert tmp_path.name not in recorded
    assert "stranger" not in recorded


@pytest.fixture(scope="module")
def bccd():
    return voc(BCCD, classes=["RBC", "WBC", "Platelets"]).load()


@real
def test_the_real_blood_cells_have_their_known_counts(bccd):
    counts = Counter(bccd.classes[box.label] for case in bccd.cases for box in case.boxes)

    # 4155 red cells are drawn, two of them without area.
    assert counts == {"RBC": 4155 - 2, "WBC": 372, "Platelets": 361}


@real
def test_the_real_blood_cells_name_the_two_boxes_that_are_left_out(bccd):
    assert bccd.notes == (
        "Boxes without area, excluded: 2: BloodImage_00338 (RBC at 504, 337), BloodImage_00343 (RBC at 181, 329).",
    )


@real
def test_the_real_blood_cells_have_their_official_split(bccd):
    divided = split(bccd)

    assert divided.name == "official"
    assert [len(part) for part in (divided.train, divided.validation, divided.test)] == [205, 87, 72]


@real
def test_the_numbers_of_the_real_blood_cells_count_pixels_from_1(bccd):
    """Many boxes start in column 1 or row 1 and end in 640 or 480, and none starts at 0."""
    boxes = [box for case in bccd.cases for box in case.boxes]
    lefts = Counter(box.left for box in boxes)
    rights = Counter(box.left + box.width for box in boxes)

    assert (min(lefts), lefts[0], max(rights), rights[640]) == (0, 237, 640, 237)


@real
def test_the_real_images_are_those_of_the_files(bccd):
    image = bccd.read(bccd.cases[0])

    assert (image.shape, image.dtype) == ((480, 640, 3), np.uint8)
    assert not bccd.grouped
