"""ISIC 2019 is read in the layout of its archives; its two tables say the same of every image."""

import pytest

from arogya_bench.datasets.isic2019 import ISIC2019
from arogya_bench.errors import DatasetError

IMAGES = "ISIC_2019_Training_Input"
LABELS = "ISIC_2019_Training_GroundTruth.csv"
FACTS = "ISIC_2019_Training_Metadata.csv"
COLUMNS = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
FACTS_HEADER = "image,age_approx,anatom_site_general,lesion_id,sex"


@pytest.fixture
def archive(tmp_path, picture):
    """Write the images and both tables; the second can be other lines than the first needs."""

    def write(labels, facts=None, place=IMAGES, without=(), header=FACTS_HEADER):
        for name in labels:
            if name not in without:
                picture(f"{place}/{name}.jpg", size=(12, 8))
        rows = [
            ",".join([name, *(f"{float(column in label):.1f}" for column in COLUMNS)]) for name, label in labels.items()
        ]
        (tmp_path / LABELS).write_text("\n".join([f"image,{','.join(COLUMNS)}", *rows]) + "\n")
        lines = facts or [f"{name},55.0,anterior torso,MSK_1,female" for name in labels]
        (tmp_path / FACTS).write_text("\n".join([header, *lines]) + "\n")
        return tmp_path

    return write


def loaded(folder, **options):
    return ISIC2019(path=str(folder), licence="CC BY-NC 4.0", **options).load()


def test_labels_and_lesions_come_from_the_two_tables(archive):
    folder = archive(
        {"ISIC_0": ["NV"], "ISIC_2_downsampled": ["MEL"], "ISIC_1": ["NV"]},
        [
            "ISIC_1,55.0,anterior torso,HAM_1,female",
            "ISIC_0,,,HAM_1,",
            "ISIC_2_downsampled,30.0,palms/soles,BCN_1,male",
        ],
    )

    dataset = loaded(folder)

    assert (dataset.name, dataset.grouped) == ("isic2019", True)
    assert dataset.classes == COLUMNS[:-1]
    assert [(case.case_id, case.group_id, case.target) for case in dataset.cases] == [
        ("ISIC_0", "HAM_1", 1),
        ("ISIC_1", "HAM_1", 1),
        ("ISIC_2_downsampled", "BCN_1", 0),
    ]
    assert dataset.cases[0].metadata == {"age_approx": "unknown", "anatom_site_general": "unknown", "sex": "unknown"}
    assert dataset.notes == ()
    assert dataset.read(dataset.cases[0]).shape == (8, 12, 3)


def test_the_images_may_lie_in_a_folder_twice(archive):
    folder = archive({"ISIC_0": ["NV"], "ISIC_1": ["MEL"]}, place=f"{IMAGES}/{IMAGES}")

    assert [case.case_id for case in loaded(folder).cases] == ["ISIC_0", "ISIC_1"]


@pytest.mark.parametrize("lesion", ["", "nan", "<NA>"])
def test_an_image_without_a_lesion_is_its_own_group_and_is_counted(archive, lesion):
    folder = archive(
        {"ISIC_0": ["NV"], "ISIC_1": ["MEL"]}, [f"ISIC_0,55.0,torso,{lesion},female", "ISIC_1,55.0,torso,BCN_1,female"]
    )

    dataset = loaded(folder)

    assert [case.group_id for case in dataset.cases] == ["ISIC_0", "BCN_1"]
    assert dataset.notes == ("Images without a lesion id, each its own group: 1: ISIC_0.",)


def test_unk_is_no_class(archive):
    dataset = loaded(archive({"ISIC_0": ["UNK"], "ISIC_1": ["MEL"]}))

    assert [case.target for case in dataset.cases] == [None, 0]
    assert dataset.stray_labels == {"ISIC_0": "UNK"}


@pytest.mark.parametrize("label", [[], ["MEL", "NV"]])
def test_an_image_without_one_class_is_refused(archive, label):
    folder = archive({"ISIC_0": label, "ISIC_1": ["MEL"]})

    with pytest.raises(DatasetError, match=r"1 of 2 images .* no class or several: ISIC_0"):
        loaded(folder)


def test_words_where_a_number_belongs_are_no_class(archive):
    folder = archive({"ISIC_0": ["NV"], "ISIC_1": ["MEL"]})
    text = (folder / LABELS).read_text().replace("ISIC_0,0.0,1.0", "ISIC_0,0.0,yes")
    (folder / LABELS).write_text(text)

    with pytest.raises(DatasetError, match="no class or several: ISIC_0"):
        loaded(folder)


def test_an_image_without_facts_is_refused(archive):
    folder = archive({"ISIC_0": ["NV"], "ISIC_1": ["MEL"]}, ["ISIC_1,55.0,torso,HAM_1,female"])

    with pytest.raises(DatasetError, match=r"1 of 2 images of .* are not in .*: ISIC_0") as error:
        loaded(folder)

    assert "identifies images of the same lesion" in error.value.fix


def test_what_is_not_used_is_named(archive, picture):
    folder = archive(
        {"ISIC_0": ["NV"]},
        ["ISIC_0,55.0,torso,HAM_1,female,x", "ISIC_9,55.0,torso,HAM_9,female,x"],
        header=f"{FACTS_HEADER},attribution",
    )
    picture(f"{IMAGES}/ISIC_8.jpg")

    assert loaded(folder).notes == (
        f"Images not listed in {LABELS}, excluded: 1: ISIC_8.",
        f"Lines of {FACTS} without a label, excluded: 1: ISIC_9.",
        f"Columns of {FACTS} not read: 1: attribution.",
    )


@pytest.mark.parametrize("name", [LABELS, FACTS])
def test_a_missing_table_is_refused(archive, name):
    folder = archive({"ISIC_0": ["NV"]})
    (folder / name).unlink()

    with pytest.raises(DatasetError, match=f"The table {name} is not in"):
        loaded(folder)


def test_a_table_without_lesions_is_refused(archive):
    folder = archive({"ISIC_0": ["NV"]}, ["ISIC_0,55.0,torso,female"], header=FACTS_HEADER.replace("lesion_id,", ""))

    with pytest.raises(DatasetError, match="has no column 'lesion_id'"):
        loaded(folder)


def test_a_missing_image_is_refused(archive):
    folder = archive({"ISIC_0": ["NV"], "ISIC_1": ["MEL"]}, without=["ISIC_1"])

    with pytest.raises(DatasetError, match=r"1 of 2 listed images .*ISIC_1\.jpg"):
        loaded(folder)


@pytest.mark.parametrize("name", ["../../secret", "/etc/secret"])
def test_an_image_that_is_no_name_is_refused(archive, name):
    with pytest.raises(DatasetError, match=f"{LABELS} names .* not a path inside"):
        loaded(archive({name: ["NV"]}, without=[name]))


def test_a_part_of_the_copy_is_refused(archive):
    with pytest.raises(DatasetError, match="lists 1 images instead of 2"):
        loaded(archive({"ISIC_0": ["NV"]}), counts={"NV": 1, "MEL": 1})
