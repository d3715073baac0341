"""Class folders and tables are read as they are, or refused with the reason."""

from pathlib import PurePosixPath

import pytest

from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.errors import ConfigError, DatasetError


@pytest.fixture
def images(picture, tmp_path):
    """Write small images; a name without suffix is a JPEG."""

    def write(*names):
        for name in names:
            picture(name if PurePosixPath(name).suffix else f"{name}.jpg", size=(8, 8))
        return tmp_path

    return write


@pytest.fixture
def manifest(images):
    """Write the images of a table, and the table."""

    def write(*lines, header="path,label", name="manifest.csv", without=()):
        paths = [line.split(",")[0] for line in lines]
        folder = images(*(path for path in paths if path not in without))
        (folder / name).write_text("\n".join([header, *lines]) + "\n")
        return folder

    return write


def loaded(folder, **options):
    return ImageFolder(path=str(folder), licence="CC0-1.0", **options).load()


def listed(folder, **options):
    return loaded(folder, manifest="manifest.csv", **options)


def test_classes_are_the_folders_by_name(images):
    dataset = loaded(images("nevus/b", "melanoma/a.png", "melanoma/sub/c"))

    assert dataset.classes == ("melanoma", "nevus")
    assert [(case.case_id, case.target) for case in dataset.cases] == [
        ("melanoma/a", 0),
        ("melanoma/sub/c", 0),
        ("nevus/b", 1),
    ]
    assert not dataset.grouped
    assert dataset.notes == ()
    assert dataset.read(dataset.cases[0]).shape == (8, 8, 3)


def test_classes_come_in_the_order_wanted_and_other_folders_are_stray(images):
    dataset = loaded(images("a/1", "b/2", "c/3"), classes=["b", "a"])

    assert dataset.classes == ("b", "a")
    assert [case.target for case in dataset.cases] == [1, 0, None]
    assert dataset.stray_labels == {"c/3": "c"}


def test_an_empty_folder_is_a_class(images, tmp_path):
    (tmp_path / "c").mkdir()

    assert loaded(images("a/1", "b/2")).classes == ("a", "b", "c")


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_folders_of_a_split_are_the_official_split(images, name):
    dataset = loaded(images("train/a/1", f"{name}/b/2", "test/a/3", "train/b/4"))

    assert dataset.classes == ("a", "b")
    assert {case.case_id: case.split for case in dataset.cases} == {
        "train/a/1": "train",
        f"{name}/b/2": "validation",
        "test/a/3": "test",
        "train/b/4": "train",
    }


def test_one_part_alone_divides_nothing(images):
    dataset = loaded(images("train/a/1", "train/b/2"))

    assert dataset.classes == ("a", "b")
    assert [case.split for case in dataset.cases] == [None, None]


def test_files_that_are_not_used_are_named(images):
    folder = images("a/1", "b/2", "loose", ".hidden/x/3", "__MACOSX/a/4")
    (folder / "a" / "notes.txt").touch()

    dataset = loaded(folder)

    assert dataset.classes == ("a", "b")
    assert dataset.notes == ("Files that are not images in a class folder, excluded: 2: a/notes.txt, loose.jpg.",)


def test_a_readme_beside_the_parts_is_named(images):
    folder = images("train/a/1", "test/b/2", "train/loose")
    (folder / "docs").mkdir()
    (folder / "docs" / "README.txt").touch()

    assert "2: docs/README.txt, train/loose.jpg" in loaded(folder).notes[0]


def test_the_patient_is_found_in_the_path(images):
    dataset = loaded(images("a/p1-1", "a/p1-2", "b/p2-1"), group="/(p[0-9]+)-")

    assert dataset.grouped
    assert [case.group_id for case in dataset.cases] == ["p1", "p1", "p2"]


def test_parts_beside_other_images_are_refused(images):
    with pytest.raises(DatasetError, match=r"split \(test\) beside others with images \(control\)"):
        loaded(images("test/1", "control/2"))


def test_two_folders_of_one_part_are_refused(images):
    with pytest.raises(DatasetError, match="two folders for the same split: val, valid"):
        loaded(images("train/a/1", "val/b/2", "valid/a/3"))


def test_a_path_one_folder_too_high_is_refused_with_what_lies_below(images):
    with pytest.raises(DatasetError, match=r"1 class folders: data.*data/a, data/b") as error:
        loaded(images("data/a/1", "data/b/2"))

    assert "dataset.path" in error.value.fix


def test_images_without_a_class_folder_are_refused(images):
    with pytest.raises(DatasetError, match="holds 0 class folders; at least two") as error:
        loaded(images("1", "2"))

    assert "dataset.manifest" in error.value.fix


def test_two_images_of_one_name_are_refused(images):
    with pytest.raises(DatasetError, match=r"2 images have the name a/1: a/1\.jpg, a/1\.png"):
        loaded(images("a/1.jpg", "a/1.png", "b/2"))


def test_other_counts_than_expected_are_refused(images):
    with pytest.raises(DatasetError, match="incomplete or altered"):
        loaded(images("a/1", "b/2"), counts={"a": 1, "b": 2})


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="No folder at"):
        loaded(tmp_path / "gone")


def test_a_table_says_all_there_is_of_an_image(manifest):
    folder = manifest(
        "x/1.png,nevus,p1,train,arm,50",
        "x/2.jpg,melanoma,p2,val,,60.5",
        "3.jpg,nevus,p1,test,leg,7",
        header="path,label,group,split,site,age",
    )

    dataset = listed(folder)

    assert dataset.classes == ("melanoma", "nevus")
    assert dataset.grouped
    assert [(case.case_id, case.target, case.split) for case in dataset.cases] == [
        ("3", 1, "test"),
        ("x/1", 1, "train"),
        ("x/2", 0, "validation"),
    ]
    assert [case.group_id for case in dataset.cases] == ["p1", "p1", "p2"]
    assert [case.metadata for case in dataset.cases] == [
        {"site": "leg", "age": 7.0},
        {"site": "arm", "age": 50.0},
        {"site": "unknown", "age": 60.5},
    ]


def test_a_table_needs_paths_and_labels_only(manifest):
    dataset = listed(manifest("1.jpg,a", "2.jpg,b"))

    assert not dataset.grouped
    assert [(case.group_id, case.split, case.metadata) for case in dataset.cases] == [("1", None, {}), ("2", None, {})]


def test_columns_may_have_other_names(manifest):
    folder = manifest("1.jpg,a,p,t", "2.jpg,b,q,t", header="file,dx,patient,kind")

    dataset = listed(folder, path_column="file", label_column="dx", group_column="patient")

    assert [case.group_id for case in dataset.cases] == ["p", "q"]
    assert dataset.cases[0].metadata == {"kind": "t"}


def test_without_the_roles_the_columns_are_metadata(manifest):
    folder = manifest("1.jpg,a,p,train", "2.jpg,b,q,test", header="path,label,group,split")

    dataset = listed(folder, group_column=None, split_column=None)

    assert not dataset.grouped
    assert dataset.cases[0].metadata == {"group": "p", "split": "train"}
    assert dataset.cases[0].split is None


def test_an_empty_split_is_none_and_one_part_divides_nothing(manifest):
    some = listed(manifest("1.jpg,a,", "2.jpg,b,test", header="path,label,split"))
    one = listed(manifest("1.jpg,a,train", "2.jpg,b,train", header="path,label,split"))

    assert [case.split for case in some.cases] == [None, "test"]
    assert [case.split for case in one.cases] == [None, None]


def test_the_expression_finds_patients_in_the_paths_of_a_table(manifest):
    dataset = listed(manifest("p1-1.jpg,a", "p1-2.jpg,b"), group="^(p[0-9]+)-")

    assert dataset.grouped
    assert [case.group_id for case in dataset.cases] == ["p1", "p1"]


def test_images_that_the_table_does_not_list_are_named(manifest, images):
    folder = manifest("1.jpg,a", "2.jpg,b")
    images("more/3")

    assert listed(folder).notes == ("Images not listed in manifest.csv, excluded: 1: more/3.jpg.",)


@pytest.mark.parametrize("path", ["../x.jpg", "/etc/x.jpg", "C:\\x.jpg", "a\\x.jpg"])
def test_a_path_that_leaves_the_folder_is_refused(manifest, path):
    folder = manifest("1.jpg,a", f"{path},b", without=[path])

    with pytest.raises(DatasetError, match=r"manifest\.csv names .* not a path inside"):
        listed(folder)


def test_a_manifest_outside_the_folder_is_refused(images):
    with pytest.raises(DatasetError, match=r"dataset\.manifest names '\.\./x\.csv'"):
        loaded(images("1"), manifest="../x.csv")


def test_a_listed_image_that_is_missing_is_refused(manifest):
    folder = manifest("1.jpg,a", "2.jpg,b", without=["2.jpg"])

    with pytest.raises(DatasetError, match=r"1 of 2 listed images are not in .*: 2\.jpg"):
        listed(folder)


def test_an_image_that_is_listed_twice_is_refused(manifest):
    with pytest.raises(DatasetError, match=r"names '1\.jpg' twice, in lines 2 and 4"):
        listed(manifest("1.jpg,a", "2.jpg,b", "1.jpg,b"))


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("file,label,group", "has no column 'path'; it has: file, label, group"),
        ("path,labels,group", r"has no column 'label'.* Did you mean 'labels'"),
    ],
)
def test_a_table_without_a_column_is_refused(manifest, header, problem):
    with pytest.raises(DatasetError, match=problem):
        listed(manifest("1.jpg,a,p", header=header))


@pytest.mark.parametrize("column", ["label", "group"])
def test_an_empty_cell_is_refused(manifest, column):
    cells = {"path": "2.jpg", "label": "b", "group": "q", column: ""}
    folder = manifest("1.jpg,a,p", ",".join(cells.values()), header="path,label,group")

    with pytest.raises(DatasetError, match=rf"an empty cell in the column '{column}' of 2\.jpg"):
        listed(folder)


def test_an_unknown_part_is_refused(manifest):
    folder = manifest("1.jpg,a,train", "2.jpg,b,dev", header="path,label,split")

    with pytest.raises(DatasetError, match="unknown splits: dev"):
        listed(folder)


@pytest.mark.parametrize("role", ["group", "split"])
def test_a_column_that_was_named_must_be_there(manifest, role):
    with pytest.raises(ConfigError, match=rf"dataset\.{role}_column='patient': .* path, label"):
        listed(manifest("1.jpg,a", "2.jpg,b"), **{f"{role}_column": "patient"})


def test_two_ways_to_find_the_patient_are_refused(manifest):
    folder = manifest("1.jpg,a,p", "2.jpg,b,q", header="path,label,group")

    with pytest.raises(ConfigError, match=r"given twice: by dataset\.group and by the column"):
        listed(folder, group="(.)")


def test_metadata_named_as_a_column_of_the_predictions_are_refused(manifest):
    with pytest.raises(DatasetError, match="metadata column name 'target'"):
        listed(manifest("1.jpg,a,3", "2.jpg,b,4", header="path,label,target"))


def test_grades_are_ordinal_if_the_config_says_so(images):
    folder = images("0/1", "1/2")

    assert loaded(folder, ordinal=True).ordinal
    assert not loaded(folder).ordinal
