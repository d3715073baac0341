"""EyePACS is read in the layout of the competition; the eyes of a patient stay together."""

import pytest

from arogya_bench.datasets.eyepacs import EyePACS
from arogya_bench.datasets.splits import split
from arogya_bench.errors import ConfigError, DatasetError

GRADES = ("no_dr", "mild", "moderate", "severe", "proliferative_dr")


@pytest.fixture
def eyes(tmp_path, picture):
    def write(levels, without=(), header="image,level", suffix=".jpeg"):
        for name in levels:
            if name not in without:
                picture(f"train/{name}{suffix}", size=(12, 8))
        rows = [f"{name},{level}" for name, level in levels.items()]
        (tmp_path / "trainLabels.csv").write_text("\n".join([header, *rows]) + "\n")
        return tmp_path

    return write


def loaded(folder, **options):
    return EyePACS(path=str(folder), licence="of the competition", **options).load()


def test_both_eyes_are_one_patient_and_the_grades_are_words(eyes):
    dataset = loaded(eyes({"10_left": 0, "10_right": 4, "13_left": 2}))

    assert (dataset.name, dataset.classes) == ("eyepacs", GRADES)
    assert dataset.grouped
    assert dataset.ordinal
    assert [(c.case_id, c.group_id, c.target, c.metadata["eye"]) for c in dataset.cases] == [
        ("10_left", "10", 0, "left"),
        ("10_right", "10", 4, "right"),
        ("13_left", "13", 2, "left"),
    ]
    assert dataset.notes == ()
    assert dataset.read(dataset.cases[0]).shape == (8, 12, 3)


def test_no_patient_lies_in_two_parts_of_a_split(eyes):
    levels = {f"{patient}_{eye}": patient % 5 for patient in range(40) for eye in ("left", "right")}

    parts = split(loaded(eyes(levels))).parts.values()

    homes = [{case.group_id for case in part.cases} for part in parts]
    assert sum(map(len, homes)) == len(set.union(*homes)) == 40


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_resized_copies_may_have_another_suffix(eyes, suffix):
    assert len(loaded(eyes({"10_left": 0}, suffix=suffix)).cases) == 1


def test_classes_are_names_of_the_grades_in_their_order(eyes):
    folder = eyes({"10_left": 3})

    assert loaded(folder, classes=list("abcde")).cases[0].target == 3
    with pytest.raises(ConfigError, match=r"dataset\.classes has 2 names; the grades are 0 to 4"):
        loaded(folder, classes=["no", "yes"])


@pytest.mark.parametrize("level", ["5", "-1", "1.0", "mild", ""])
def test_another_level_is_a_stray_label(eyes, level):
    dataset = loaded(eyes({"10_left": level, "10_right": 1}))

    expected = {} if level == "mild" else {"10_left": level}
    assert dataset.stray_labels == expected


@pytest.mark.parametrize("name", ["left_10", "10", "10_middle", "a10_left", "10_left_2"])
def test_a_name_that_shows_no_patient_is_refused(eyes, name):
    with pytest.raises(DatasetError, match=f"1 of 2 images .* patients are unknown: {name}"):
        loaded(eyes({name: 0, "10_right": 1}))


def test_what_is_not_used_is_named(eyes, picture):
    folder = eyes({"10_left": "0,x"}, header="image,level,camera")
    picture("train/11_left.jpeg")
    (folder / "test").mkdir()

    assert loaded(folder).notes == (
        "Images not listed in trainLabels.csv, excluded: 1: 11_left.",
        "Columns of trainLabels.csv not read: 1: camera.",
        "The folder test/ was not read: no grades of it are there (retinopathy_solution.csv, or "
        "dataset.test_labels=FILE).",
    )


def test_a_missing_image_is_refused(eyes):
    folder = eyes({"10_left": 0, "10_right": 1}, without=["10_right"])

    with pytest.raises(DatasetError, match=r"1 of 2 listed images .*train/10_right\.jpeg"):
        loaded(folder)


def test_a_table_without_levels_is_refused(eyes):
    with pytest.raises(DatasetError, match="has no column 'level'; it has: image, grade"):
        loaded(eyes({"10_left": 0}, header="image,grade"))


def test_a_missing_table_is_refused(tmp_path):
    (tmp_path / "train").mkdir()

    with pytest.raises(DatasetError, match=r"The table trainLabels\.csv is not in"):
        loaded(tmp_path)


def test_a_part_of_the_copy_is_refused(eyes):
    with pytest.raises(DatasetError, match="lists 1 images instead of 3"):
        loaded(eyes({"10_left": 0}), counts={"no_dr": 1, "mild": 2})


@pytest.mark.parametrize(("table", "options"), [("retinopathy_solution.csv", {}), ("x.csv", {"test_labels": "x.csv"})])
def test_graded_test_images_are_the_test_part_and_counts_are_of_the_others(eyes, picture, table, options):
    folder = eyes({"10_left": 0, "10_right": 4})
    picture("test/1_left.jpeg")
    (folder / table).write_text("image,level,Usage\n1_left,3,Private\n")

    dataset = loaded(folder, counts={"no_dr": 1, "proliferative_dr": 1}, **options)

    assert [(case.case_id, case.split, case.target) for case in dataset.cases] == [
        ("10_left", None, 0),
        ("10_right", None, 4),
        ("1_left", "test", 3),
    ]
    assert dataset.notes == (f"Test part: grades of {table}.",)


def test_grades_without_their_images_leave_the_training_part_alone(eyes):
    folder = eyes({"10_left": 0, "10_right": 4})
    (folder / "retinopathy_solution.csv").write_text("image,level,Usage\n1_left,3,Private\n")

    assert len(loaded(folder).cases) == 2
