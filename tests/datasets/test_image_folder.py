"""Class folders and tables are read as they are, or refused with the reason."""

import re
from pathlib import PurePosixPath

import pytest

from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.discovery import image_stem


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


def test_one_part_alone_is_kept(images):
    dataset = loaded(images("test/a/1", "test/b/2"))

    assert dataset.classes == ("a", "b")
    assert [case.split for case in dataset.cases] == ["test", "test"]


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
    with pytest.raises(DatasetError, match=r"1 class folder: data.*data/a, data/b") as error:
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


def test_columns_may_be_written_in_capitals(manifest):
    dataset = listed(manifest("1.jpg,a,p,Train", "2.jpg,b,q,TEST", header="Path,LABEL,Group,Split"))

    assert [(case.group_id, case.split, case.metadata) for case in dataset.cases] == [
        ("p", "train", {}),
        ("q", "test", {}),
    ]
    assert dataset.notes == (
        "Columns of manifest.csv taken in another letter case: 4: Path for path, LABEL for label, Group for group, "
        "Split for split.",
    )


@pytest.mark.parametrize(
    ("name", "cells", "setting"),
    [
        ("patient_id", "pp", "dataset.group_column=patient_id"),
        ("Subject No.", "pp", "'dataset.group_column=\"Subject No.\"'"),
        ("patient_id", "pq", None),
        ("set", ["train", "test"], "dataset.split_column=set"),
        ("set", ["arm", "leg"], None),
    ],
)
def test_a_column_that_may_be_meant_for_patients_or_parts_is_named(manifest, name, cells, setting):
    folder = manifest(f"1.jpg,a,{cells[0]}", f"2.jpg,b,{cells[1]}", header=f"path,label,{name}")

    notes = listed(folder).notes

    assert [note for note in notes if note.startswith(f"The column {name!r}")] == [*notes]
    assert [setting is not None and setting in note for note in notes] == [True] * (setting is not None)
    assert listed(folder, group_column=None, split_column=None).notes == ()


def test_without_the_roles_the_columns_are_metadata(manifest):
    folder = manifest("1.jpg,a,p,train", "2.jpg,b,q,test", header="path,label,group,split")

    dataset = listed(folder, group_column=None, split_column=None)

    assert not dataset.grouped
    assert dataset.cases[0].metadata == {"group": "p", "split": "train"}
    assert dataset.cases[0].split is None


def test_an_empty_split_is_none_and_one_part_alone_is_kept(manifest):
    some = listed(manifest("1.jpg,a,", "2.jpg,b,test", header="path,label,split"))
    one = listed(manifest("1.jpg,a,test", "2.jpg,b,test", header="path,label,split"))

    assert [case.split for case in some.cases] == [None, "test"]
    assert [case.split for case in one.cases] == ["test", "test"]


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


def test_a_broken_link_is_missing_and_like_no_other_file(manifest):
    folder = manifest("1.jpg,a", "2.jpg,b", without=["2.jpg"])
    (folder / "2.jpg").symlink_to(folder / "gone.jpg")

    with pytest.raises(DatasetError, match=r"1 of 2 listed images are not in .*: 2\.jpg\.\n.*fix broken links"):
        listed(folder)


def test_an_image_that_is_listed_twice_is_refused(manifest):
    with pytest.raises(DatasetError, match=r"names '1\.jpg' twice, in lines 2 and 4"):
        listed(manifest("1.jpg,a", "2.jpg,b", "1.jpg,b"))


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("file,label,group", r"has no column 'path'; it has: file, label, group.*\n.*: dataset\.path_column=file$"),
        ("path,labels,group", r"has no column 'label'.* Did you mean 'labels'.*\n.*: dataset\.label_column=labels$"),
        ("path,Diagnosis,group", r"has no column 'label'.*\n.*classes: dataset\.label_column=Diagnosis$"),
    ],
)
def test_a_table_without_a_column_is_refused(manifest, header, problem):
    with pytest.raises(DatasetError, match=problem):
        listed(manifest("1.jpg,a,p", header=header))


@pytest.mark.parametrize("word", ["", "nan", "NULL", "<NA>", "None", "none", "NaT", "#N/A", "unknown", "?", "#VALUE!"])
@pytest.mark.parametrize(("column", "what"), [("label", "label"), ("group", "patient")])
def test_a_missing_label_or_patient_is_refused_in_any_word(manifest, column, what, word):
    cells = {"path": "2.jpg", "label": "b", "group": "q", column: word}
    folder = manifest("1.jpg,a,p", ",".join(cells.values()), header="path,label,group")

    with pytest.raises(DatasetError, match=rf"1 of 2 rows .* no {what}: the column '{column}' is .* for 2\.jpg"):
        listed(folder)


def test_a_word_for_missing_is_a_class_if_the_config_lists_it(manifest, images):
    folder = manifest("1.jpg,none", "2.jpg,mild")

    with pytest.raises(DatasetError) as error:
        listed(folder)

    assert "if 'none' is a class, list all classes: dataset.classes=[mild,none]" in error.value.fix
    assert listed(folder, classes=["mild", "none"]).classes == ("mild", "none")


def test_a_row_without_a_label_can_be_left_out(manifest):
    folder = manifest("1.jpg,a,p", "2.jpg,b,q", "3.jpg,nan,nan", header="path,label,group")
    (folder / "out.txt").write_text("3")

    dataset = listed(folder, exclude="out.txt")

    assert (dataset.classes, dataset.excluded, dataset.stray_labels) == (("a", "b"), 1, {})


def test_a_word_for_missing_is_an_empty_split(manifest):
    dataset = listed(manifest("1.jpg,a,nan", "2.jpg,b,test", header="path,label,split"))

    assert [case.split for case in dataset.cases] == [None, "test"]


def test_a_folder_that_a_program_named_for_missing_labels_is_no_class(images):
    folder = images("nan/1", "b/2")

    with pytest.raises(DatasetError, match="class folder 'nan', a word for a missing label") as error:
        loaded(folder)

    assert """'dataset.classes=["b","nan"]'""" in error.value.fix
    assert loaded(folder, classes=["b", "nan"]).classes == ("b", "nan")


def test_masks_and_thumbnails_beside_images_are_no_cases(images):
    folder = images(
        "a/a (1)", "a/a (1)_mask.png", "a/a (1)_mask_1.png", "a/@eaDir/a (1).jpg/THUMB", "b/images/2", "b/masks/2.png"
    )

    dataset = loaded(folder)

    assert [case.case_id for case in dataset.cases] == ["a/a (1)", "b/images/2"]
    assert (
        "dataset.manifest=FILE), excluded: 3: a/a (1)_mask.png, a/a (1)_mask_1.png, b/masks/2.png." in dataset.notes[0]
    )


@pytest.mark.parametrize(
    "names",
    [
        ("images/1", "mask/1.png"),
        ("photos/image_1", "masks/mask_1"),
        ("a/1", "b/2", "masks/1.png"),
        ("a/1", "thumbs/1", "b/2"),
    ],
)
def test_a_folder_of_masks_or_thumbnails_is_no_class(images, names):
    with pytest.raises(DatasetError, match=r"holds \w+, whose files are masks or the like of the images") as error:
        loaded(images(*names))

    assert "dataset=image_mask_pairs" in error.value.fix


@pytest.mark.parametrize("listed", [(), ("benign", "benign_masks")])
def test_a_folder_named_after_another_is_a_class_if_it_is_listed(images, listed):
    folder = images("benign/1", "benign_masks/1_mask")

    if listed:
        assert loaded(folder, classes=listed).classes == listed
    else:
        with pytest.raises(DatasetError, match="holds benign_masks, whose files are masks"):
            loaded(folder)


def test_mask_may_be_a_class(images):
    assert loaded(images("mask/1", "no_mask/1")).classes == ("mask", "no_mask")


@pytest.mark.parametrize(
    ("listed_as", "there"),
    [
        ("im/ISIC_0", "im/ISIC_0.jpg"),
        ("im/ISIC_0.JPG", "im/ISIC_0.jpg"),
        ("im/ISIC_0.jpeg", "im/isic_0.jpg"),
        ("im/s\u00e9b.png", "im/se\u0301b.png"),
        ("CheXpert-v1.0/im/1.jpg", "im/1.jpg"),
        ("ISIC_0", "part 1/im/ISIC_0.png"),
    ],
)
def test_a_file_under_another_spelling_is_found_and_noted(manifest, images, listed_as, there):
    folder = manifest("1.png,a", f"{listed_as},b", without=[listed_as])
    images(there)

    dataset = listed(folder)

    assert dataset.files[image_stem(listed_as)] == folder / there
    what = "in another Unicode form" if "b.png" in there else f"is {there}"
    assert f"spelling, suffix or folder: 1: {listed_as} {what}." in dataset.notes[0]
    assert len(dataset.notes) == 1


@pytest.mark.parametrize("there", [["2.png"], ["a/2.jpg", "b/2.jpg"], ["2.JPG", "2.Jpeg"]])
def test_a_file_that_may_be_another_image_is_named(manifest, images, there):
    folder = manifest("1.png,a", "2.jpg,b", without=["2.jpg"])
    images(*there)

    with pytest.raises(DatasetError, match=rf"Instead of 2\.jpg there is {', '.join(map(re.escape, there))}") as error:
        listed(folder)

    assert error.value.fix.startswith("write the names of the files that are there")


def test_an_unknown_part_is_refused(manifest):
    folder = manifest("1.jpg,a,train", "2.jpg,b,dev", header="path,label,split")

    with pytest.raises(DatasetError, match=r"values that name no part of a split: dev"):
        listed(folder)


@pytest.mark.parametrize("role", ["group", "split"])
def test_a_column_that_was_named_must_be_there(manifest, role):
    with pytest.raises(ConfigError, match=rf"dataset\.{role}_column='patient': .* path, label"):
        listed(manifest("1.jpg,a", "2.jpg,b"), **{f"{role}_column": "patient"})


def test_two_ways_to_find_the_patient_are_refused(manifest):
    folder = manifest("1.jpg,a,p", "2.jpg,b,q", header="path,label,group")

    with pytest.raises(ConfigError, match=r"given twice: by dataset\.group and by the column"):
        listed(folder, group="(.)")


def test_metadata_named_as_a_column_of_the_predictions_are_kept_under_another_name(manifest):
    dataset = listed(manifest("1.jpg,a,3,x", "2.jpg,b,4,y", header="path,label,target,p_b"))

    assert dataset.cases[0].metadata == {"source_target": 3.0, "source_p_b": "x"}


@pytest.mark.parametrize("labels", [("1", "1.0", "2"), ("01", "1", "2"), ("grade 1", "grade 01", "grade 2")])
def test_one_number_written_in_two_ways_is_not_two_classes(manifest, labels):
    folder = manifest(*(f"{n}.jpg,{label}" for n, label in enumerate(labels)))

    with pytest.raises(DatasetError, match="are the same number, written in several ways"):
        listed(folder)

    assert len(listed(folder, classes=labels).classes) == 3


def test_grades_are_ordinal_if_the_config_says_so(images):
    folder = images("0/1", "1/2")

    assert loaded(folder, ordinal=True).ordinal
    assert not loaded(folder).ordinal


@pytest.mark.parametrize("ordinal", [True, False])
@pytest.mark.parametrize("labels", [("6", "9", "10"), ("G2", "G9", "G11"), ("-1", "0", "2.5")])
def test_grades_that_are_numbers_are_sorted_by_value(images, labels, ordinal):
    folder = images(*(f"{label}/1" for label in labels))

    assert loaded(folder, ordinal=ordinal).classes == labels


def test_grades_in_words_need_their_order(images):
    folder = images("none/1", "mild/2", "moderate/3")

    with pytest.raises(ConfigError, match="needs the order of the grades, and mild, moderate, none are") as error:
        loaded(folder, ordinal=True)

    assert "dataset.classes=[LOWEST,...,HIGHEST]" in error.value.fix
    with pytest.raises(ConfigError) as error:
        loaded(folder, ordinal=True, classes=["None", "mild", "moderate"])
    assert "dataset.classes=[LOWEST,...,HIGHEST]" in error.value.fix
    assert loaded(folder, ordinal=True, classes=["none", "mild", "moderate"]).classes[0] == "none"


@pytest.mark.parametrize(
    ("labels", "listed_as"),
    [(("yes", "no"), ["True", "False"]), (("01", "02"), ["1", "2"]), (("1.0", "0.0"), ["1", "0"])],
)
def test_class_names_that_yaml_reads_as_something_else_are_told_back(images, labels, listed_as):
    folder = images(*(f"{label}/{n}" for n, label in enumerate(labels)))

    dataset = loaded(folder, classes=listed_as, counts=dict.fromkeys(listed_as, 1))

    assert dataset.classes == labels
    assert not dataset.stray_labels


def test_a_wrong_class_list_is_refused_with_the_labels_that_are_there(images):
    with pytest.raises(ConfigError, match=r"names .norml., and the labels are normal, pneumonia\. Did you") as error:
        loaded(images("normal/1", "pneumonia/2"), classes=["norml", "pneumonia"])

    assert "dataset.classes=[normal,pneumonia]" in error.value.fix


def test_folders_of_training_and_testing_are_a_split_and_no_classes(images):
    dataset = loaded(images("Training/a/1", "Training/b/2", "Testing/a/3", "Testing/b/4"))

    assert dataset.classes == ("a", "b")
    assert [case.split for case in dataset.cases] == ["test", "test", "train", "train"]
