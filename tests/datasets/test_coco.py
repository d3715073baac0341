"""Images in the format of COCO are found, divided as the files say, and never guessed."""

import json

import pytest

from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.errors import ConfigError, DatasetError

CATEGORIES = [{"id": 1, "name": "cell"}, {"id": 2, "name": "clot"}]


def record(number, file, **changed):
    return {"id": number, "file_name": file, "width": 60, "height": 40, **changed}


def box(image, category=1, edges=(2, 3, 10, 5), **changed):
    return {"image_id": image, "category_id": category, "bbox": list(edges), **changed}


@pytest.fixture
def write(tmp_path, picture):
    """Write a JSON file of some records, and an image for each of them."""

    def written(name, *records, boxes=None, categories=CATEGORIES, images="images"):
        for each in records:
            picture(f"{images}/{each['file_name']}")
        content = {
            "images": records,
            "annotations": [box(each["id"]) for each in records] if boxes is None else boxes,
            "categories": categories,
        }
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))

    return written


def coco(folder, **options):
    return COCO(path=str(folder), licence="CC0-1.0", **options)


def test_one_file_without_splits(write, tmp_path):
    write("all.json", record(1, "a.png"), record(2, "x/b.png"))

    dataset = coco(tmp_path, annotations="all.json").load()

    assert [case.case_id for case in dataset.cases] == ["images/a", "images/x/b"]
    assert [case.split for case in dataset.cases] == [None, None]
    assert dataset.read(dataset.cases[1]).shape == (40, 60, 3)


@pytest.mark.parametrize("listed", ["a", "A.PNG", "a.jpg"])
def test_an_image_of_another_spelling_is_named(write, tmp_path, listed):
    write("all.json", record(1, "a.png"))
    file = tmp_path / "all.json"
    file.write_text(file.read_text().replace("a.png", listed))

    with pytest.raises(DatasetError, match=rf"files of that name: {listed} is images/a\.png"):
        coco(tmp_path, annotations="all.json").load()


def test_a_file_for_each_split(write, tmp_path):
    write("train.json", record(1, "a.png"), images="one")
    write("val.json", record(1, "b.png"), images="two")
    write("test.json", record(1, "c.png"), images="two")

    dataset = coco(tmp_path, train="train.json", validation="val.json", test="test.json", images=["one", "two"]).load()

    assert {case.case_id: case.split for case in dataset.cases} == {
        "one/a": "train",
        "two/b": "validation",
        "two/c": "test",
    }


def test_classes_follow_the_categories_or_the_user(write, tmp_path):
    write("all.json", record(1, "a.png"), boxes=[box(1, category=2)])

    listed = coco(tmp_path, annotations="all.json").load()
    chosen = coco(tmp_path, annotations="all.json", classes=["clot"]).load()

    assert (listed.classes, listed.cases[0].boxes[0].label) == (("cell", "clot"), 1)
    assert (chosen.classes, chosen.cases[0].boxes[0].label) == (("clot",), 0)


def test_a_category_that_is_not_chosen_must_be_unused(write, tmp_path):
    write("all.json", record(1, "a.png"))

    with pytest.raises(DatasetError, match="Boxes have the class 'cell'"):
        coco(tmp_path, annotations="all.json", classes=["clot"]).load()


@pytest.mark.parametrize("options", [{}, {"annotations": "a.json", "train": "b.json"}])
def test_it_must_be_clear_which_files_to_read(tmp_path, options):
    with pytest.raises(ConfigError) as refusal:
        coco(tmp_path, **options).load()

    assert "dataset.annotations" in refusal.value.fix


def test_files_with_other_categories_are_refused(write, tmp_path):
    write("a/train.json", record(1, "a.png"))
    write("b/test.json", record(1, "b.png"), categories=CATEGORIES[:1])

    with pytest.raises(DatasetError, match=r"b/test\.json \(cell\) are not those of a/train\.json"):
        coco(tmp_path, train="a/train.json", test="b/test.json").load()


def test_an_image_in_two_files_is_refused(write, tmp_path):
    write("train.json", record(1, "a.png"), record(2, "b.png"))
    write("test.json", record(9, "b.png"))

    with pytest.raises(DatasetError, match=r"images/b\.png is listed twice: in train and in test"):
        coco(tmp_path, train="train.json", test="test.json").load()


def test_two_entries_of_one_image_are_refused(write, tmp_path):
    write("all.json", record(1, "a.png"), record(2, "a.png"))

    with pytest.raises(DatasetError, match=r"images/a\.png is listed twice"):
        coco(tmp_path, annotations="all.json").load()


def test_a_missing_image_is_named_with_the_places_that_were_looked_at(write, tmp_path):
    write("all.json", record(1, "a.png"))
    (tmp_path / "images" / "a.png").unlink()

    with pytest.raises(DatasetError, match=r"not found: images/a\.png, more/a\.png"):
        coco(tmp_path, annotations="all.json", images=["images", "more"]).load()


def test_a_name_in_two_folders_is_refused_with_the_option_that_chooses(write, picture, tmp_path):
    write("all.json", record(1, "a.png"))
    picture("more/a.png")

    with pytest.raises(DatasetError, match=r"a\.png of all\.json was found in 2 folders: images/a\.png, more") as no:
        coco(tmp_path, annotations="all.json", images=["images", "more"]).load()

    assert "dataset.images=[images]" in no.value.fix


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("{}/a.json", "{}"),
        ("{}/annotations/a.json", "{}/images"),
        ("annotations/{}.json", "images/{}"),
        ("annotations/instances_{}2017.json", "{}2017"),
    ],
)
def test_equal_names_in_each_part_are_told_apart_by_their_folders(write, tmp_path, annotations, images):
    parts = {"train": "train", "validation": "val", "test": "test"}
    for word in parts.values():
        write(annotations.format(word), record(1, "0.png"), images=images.format(word))
    folders = [images.format(word) for word in parts.values()]

    dataset = coco(tmp_path, images=folders, **{part: annotations.format(word) for part, word in parts.items()}).load()

    found = {case.split: case.case_id for case in dataset.cases}
    assert found == {part: f"{images.format(word)}/0" for part, word in parts.items()}


def test_images_beside_their_json_file_need_no_option(write, tmp_path):
    for part in ("train", "test"):
        write(f"{part}/a.json", record(1, "0.png"), images=part)

    dataset = coco(tmp_path, train="train/a.json", test="test/a.json").load()

    assert {case.split: case.case_id for case in dataset.cases} == {"train": "train/0", "test": "test/0"}


def test_folders_of_each_part_can_be_named(write, tmp_path):
    write("one.json", record(1, "0.png"), images="a")
    write("two.json", record(1, "0.png"), images="b")
    options = {"train": "one.json", "test": "two.json"}

    with pytest.raises(DatasetError, match="found in 2 folders") as no:
        coco(tmp_path, images=["a", "b"], **options).load()
    dataset = coco(tmp_path, train_images=["a"], test_images=["b"], **options).load()

    assert "dataset.train_images=[a]" in no.value.fix
    assert {case.split: case.case_id for case in dataset.cases} == {"train": "a/0", "test": "b/0"}


def test_a_category_that_only_groups_others_is_left_out_and_said(write, tmp_path):
    root = [{"id": 0, "name": "cell"}, *({**category, "supercategory": "cell"} for category in CATEGORIES)]
    write("train.json", record(1, "a.png"), categories=root)
    write("test.json", record(1, "b.png"), categories=root)

    dataset = coco(tmp_path, train="train.json", test="test.json").load()

    assert dataset.classes == ("cell", "clot")
    assert dataset.notes == ("Categories without a box that group others or name the background, excluded: 1: cell.",)


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png"])
def test_a_name_that_leaves_the_folder_is_refused(write, tmp_path, name):
    write("all.json", record(1, "a.png"))
    text = (tmp_path / "all.json").read_text().replace("a.png", name)
    (tmp_path / "all.json").write_text(text)

    with pytest.raises(DatasetError, match=r"all\.json names .* not a path inside"):
        coco(tmp_path, annotations="all.json").load()


def test_an_annotation_file_outside_the_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"dataset\.train names '\.\./a\.json'"):
        coco(tmp_path, train="../a.json").load()


@pytest.mark.parametrize("width", [61, None, "60"])
def test_another_width_than_that_of_the_image_is_refused(write, tmp_path, width):
    write("all.json", record(1, "a.png", width=width))

    with pytest.raises(DatasetError, match=r"all\.json, image 1"):
        coco(tmp_path, annotations="all.json").load()


def test_a_crowd_stays_in_the_truth_as_one(write, tmp_path):
    write("all.json", record(1, "a.png"), boxes=[box(1), box(1, iscrowd=1)])

    dataset = coco(tmp_path, annotations="all.json").load()

    assert [each.crowd for each in dataset.cases[0].boxes] == [False, True]
    assert "as a crowd: 1" in dataset.notes[0]


def test_fields_of_an_image_become_columns(write, tmp_path):
    write("all.json", record(1, "a.png", site="north", age=61), record(2, "b.png", site="", age=4))

    dataset = coco(tmp_path, annotations="all.json", metadata=["site", "age"]).load()

    assert [dict(case.metadata) for case in dataset.cases] == [{"site": "north", "age": 61}, {"site": "", "age": 4}]


def test_a_column_that_an_image_lacks_is_refused(write, tmp_path):
    write("all.json", record(1, "a.png", site="north"), record(2, "b.png", site=None))

    with pytest.raises(DatasetError, match="image 2, has no text or number in its field 'site'"):
        coco(tmp_path, annotations="all.json", metadata=["site"]).load()


def test_the_export_of_the_drawn_lesions_is_read_with_the_same_boxes(tmp_path):
    drawn = Synthetic(cases=12, classes=3, image_size=32, cache=str(tmp_path))
    truth = {case.case_id: case.boxes for case in drawn.load().cases}

    dataset = coco(drawn.folder(), annotations="boxes.json").load()

    found = {case.case_id.removeprefix("images/"): case.boxes for case in dataset.cases}
    assert found == truth
    assert dataset.notes == ()
