"""The text files of YOLO are read as Ultralytics means them, or refused."""

from pathlib import PurePosixPath

import pytest

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.datasets.yolo_files import label_file, list_images, parse_classes, read_boxes, read_header
from arogya_bench.errors import DatasetError
from arogya_bench.images.files import ImageFileInfo

FACTS = ImageFileInfo(60, 40, "")
CLASSES = ("cell", "clot")


@pytest.fixture
def read(tmp_path):
    def written(text):
        (tmp_path / "a.txt").write_text(text)
        return list(read_boxes(tmp_path, PurePosixPath("a.txt"), FACTS, CLASSES))

    return written


@pytest.mark.parametrize("names", [["cell", "clot"], {0: "cell", 1: "clot"}, {"1": "clot", "0": "cell"}])
def test_names_are_a_list_or_a_mapping(names):
    assert parse_classes({"names": names, "nc": 2}, "data.yaml") == CLASSES


@pytest.mark.parametrize("content", [{}, {"names": []}, {"names": "cell"}, {"names": ["a", ["b"]]}])
def test_names_with_gaps_or_of_another_kind_are_refused(content):
    with pytest.raises(DatasetError, match=r"data\.yaml has no names"):
        parse_classes(content, "data.yaml")


@pytest.mark.parametrize(
    ("names", "problem"), [({1: "cell", 2: "clot"}, "numbers its names 1, 2, and not 0, 1, 2"), (["a", ""], "class 1")]
)
def test_names_that_are_numbered_otherwise_or_empty_are_named(names, problem):
    with pytest.raises(DatasetError, match=problem):
        parse_classes({"names": names}, "data.yaml")


@pytest.mark.parametrize("written", ["[yes, 01, 1e3, 1.0, null]", "{0: yes, 1: 01, 2: 1e3, 3: 1.0, 4: null}"])
def test_names_are_read_as_they_are_written(tmp_path, written):
    (tmp_path / "data.yaml").write_text(f"names: {written}\nnc: '5'\n")

    names = parse_classes(read_header(tmp_path / "data.yaml"), "data.yaml")

    assert names == ("yes", "01", "1e3", "1.0", "null")


def test_another_number_of_classes_than_stated_is_refused():
    with pytest.raises(DatasetError, match="gives nc as 3, but 2 names"):
        parse_classes({"names": ["cell", "clot"], "nc": 3}, "data.yaml")


@pytest.mark.parametrize("text", ["", "- a\n", "names: [", "a: !!python/object/apply:os.getcwd []"])
def test_a_header_that_is_no_mapping_is_refused_and_nothing_in_it_is_run(tmp_path, text):
    (tmp_path / "data.yaml").write_text(text)

    with pytest.raises(DatasetError, match=r"data\.yaml"):
        read_header(tmp_path / "data.yaml")


def test_a_missing_header_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"No data\.yaml in"):
        read_header(tmp_path / "data.yaml")


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("images/a.png", "labels/a.txt"),
        ("images/train/a.b.jpg", "labels/train/a.b.txt"),
        ("train/images/a.png", "train/labels/a.txt"),
        ("images/images/a.png", "images/labels/a.txt"),
        ("images.png", "images.txt"),
        ("a.png", "a.txt"),
    ],
)
def test_labels_lie_beside_the_images(image, labels):
    assert label_file(PurePosixPath(image)) == PurePosixPath(labels)


def test_a_row_is_class_centre_and_size_as_shares(read):
    (box,) = read("\n1 0.5 0.25 0.2 0.5\n\n")

    assert box == RawBox(name="clot", left=24, top=0, right=36, bottom=20)


def test_an_empty_file_shows_no_object(read):
    assert read("\n") == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("0 0.5 0.5 0.2", "4 columns, not 5"),
        ("0 0.5 0.5 0.2 0.2 0.9", "6 columns, not 5"),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "polygons are not read"),
        ("cell 0.5 0.5 0.2 0.2", "not a row of numbers"),
        ("2 0.5 0.5 0.2 0.2", "has the class 2; there are 2"),
        ("-1 0.5 0.5 0.2 0.2", "has the class -1"),
        ("0.5 0.5 0.5 0.2 0.2", "has the class 0.5"),
        ("nan 0.5 0.5 0.2 0.2", "has the class nan"),
        ("0 30 20 10 10", "not fractions of the image"),
    ],
)
def test_a_row_that_cannot_be_understood_is_refused(read, row, problem):
    with pytest.raises(DatasetError) as refusal:
        read(f"0 0.5 0.5 0.2 0.2\n{row}\n")

    assert "a.txt, line 2," in refusal.value.problem
    assert problem in refusal.value.problem


@pytest.fixture
def images(picture, tmp_path):
    for part in ("train", "val"):
        for name in "ab":
            picture(f"images/{part}/{part}-{name}.png")

    def found(**content):
        return list_images(content, tmp_path, "data.yaml")

    return found


def test_folders_are_searched(images):
    assert images(train="images/train", val="images/val") == {
        "train": ["images/train/train-a.png", "images/train/train-b.png"],
        "validation": ["images/val/val-a.png", "images/val/val-b.png"],
    }


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        (None, "./images/val"),
        ("images", "val"),
        ("/home/stranger/data", "images/val"),
        ("../datasets/cells", "images/val"),
        (None, "../images/val"),
    ],
)
def test_a_place_on_the_disk_of_a_stranger_is_not_followed(images, path, entry):
    found = images(path=path, test=entry)

    assert found == {"test": ["images/val/val-a.png", "images/val/val-b.png"]}


def test_several_folders_and_lists_may_make_one_part(images, tmp_path):
    (tmp_path / "more.txt").write_text("images/val/val-b.png\n\n./images/val/val-a.png\n")

    found = images(train=["images/train", "more.txt"])

    assert found["train"][2:] == ["images/val/val-b.png", "images/val/val-a.png"]


def test_a_line_that_starts_with_a_dot_is_beside_its_list(images, tmp_path):
    (tmp_path / "images" / "list.txt").write_text("./val/val-b.png\n")

    assert images(test="images/list.txt") == {"test": ["images/val/val-b.png"]}


@pytest.mark.parametrize("line", ["/home/stranger/a.png", "../a.png"])
def test_a_line_that_leaves_the_folder_is_refused(images, tmp_path, line):
    (tmp_path / "list.txt").write_text(f"{line}\n")

    with pytest.raises(DatasetError, match=r"list\.txt names .* not a path inside"):
        images(test="list.txt")


@pytest.mark.parametrize("entry", ["/home/stranger/images", "../../images"])
def test_a_part_that_leaves_the_folder_is_refused(images, entry):
    with pytest.raises(DatasetError, match=r"test in data\.yaml names .* not a path inside"):
        images(test=entry)


def test_a_list_that_is_no_text_is_refused(images, tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\xff")

    with pytest.raises(DatasetError, match=r"The list list\.txt cannot be read"):
        images(test="list.txt")


def test_labels_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")

    with pytest.raises(DatasetError, match=r"a\.txt cannot be read"):
        list(read_boxes(tmp_path, PurePosixPath("a.txt"), FACTS, CLASSES))


def test_a_missing_part_is_named(images):
    with pytest.raises(DatasetError, match=r"val in data\.yaml names 'images/valid'"):
        images(val="images/valid")


def test_a_part_without_images_is_refused(images, tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(DatasetError, match="empty holds no image"):
        images(test="empty")


def test_no_part_at_all_is_refused(images):
    with pytest.raises(DatasetError, match="names none of train, val and test"):
        images(train=None)
