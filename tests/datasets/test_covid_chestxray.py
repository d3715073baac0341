"""The COVID-19 image data collection is read by its table; what is of no class is counted."""

import csv
from dataclasses import fields
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from arogya_bench.datasets.covid_chestxray import CovidChestXray
from arogya_bench.datasets.covid_cxr import COVIDCxr
from arogya_bench.errors import ConfigError, DatasetError

HEADER = ("patientid", "sex", "age", "finding", "view", "modality", "location", "folder", "filename", "license")
ROWS = [
    ("2", "M", "65", "Pneumonia/Viral/COVID-19", "PA", "X-ray", "Hanoi, Vietnam", "images", "a.jpg", ""),
    ("2", "M", "65", "Pneumonia/Viral/COVID-19", "L", "X-ray", "Hanoi, Vietnam", "images", "a.png", ""),
    ("4", "F", "", "Pneumonia/Bacterial/Klebsiella", "AP", "X-ray", "", "images", "b.jpg", ""),
    ("5", "F", "31", "No Finding", "AP", "X-ray", "", "images", "c.jpg", ""),
    ("6", "F", "31", "Tuberculosis", "AP", "X-ray", "", "images", "d.jpg", ""),
    ("7", "M", "40", "Pneumonia/Viral/COVID-19", "Axial", "CT", "", "volumes", "e.nii.gz", ""),
]


@pytest.fixture
def collection(tmp_path, picture):
    def write(rows=ROWS, header=HEADER):
        with (tmp_path / "metadata.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])
        for name in ("a.jpg", "a.png", "b.jpg", "c.jpg", "d.jpg"):
            picture(f"images/{name}", size=(12, 8))
        return tmp_path

    return write


def loaded(folder, **options):
    return CovidChestXray(path=str(folder), licence="of each image", **options).load()


def test_findings_become_three_classes_and_the_rest_is_counted(collection):
    dataset = loaded(collection())

    assert [(case.case_id, case.group_id, dataset.classes[case.target]) for case in dataset.cases] == [
        ("a.jpg", "2", "COVID-19"),
        ("a.png", "2", "COVID-19"),
        ("b.jpg", "4", "pneumonia"),
        ("c.jpg", "5", "normal"),
    ]
    assert dataset.cases[0].metadata == {"view": "PA", "sex": "M", "age": "65", "site": "Hanoi, Vietnam"}
    assert dataset.notes == (
        "Images that are no radiographs, left out: 1.",
        "Radiographs with findings of none of the classes, left out: 1: Tuberculosis 1.",
    )
    assert dataset.read(dataset.cases[0]).shape == (8, 12, 3)


def test_two_classes_can_be_chosen(collection):
    dataset = loaded(collection(), classes=["normal", "COVID-19"])

    assert len(dataset.cases) == 3
    assert "left out: 2: " in dataset.notes[1]
    with pytest.raises(ConfigError, match="is no choice of two or more of the classes"):
        loaded(collection(), classes=["normal", "covid"])


def test_an_early_edition_names_columns_in_capitals_and_no_modality(collection):
    dataset = loaded(collection([("2", "COVID-19, ARDS", "a.jpg"), ("4", "Pneumonia", "b.jpg")],
                                header=("Patientid", "finding", "filename")))  # fmt: skip

    assert [dataset.classes[case.target] for case in dataset.cases] == ["COVID-19", "pneumonia"]


def test_a_row_without_a_patient_is_refused(collection):
    with pytest.raises(DatasetError, match=r"names no patient of a\.jpg"):
        loaded(collection([("nan", *ROWS[0][1:])]))


def test_the_reader_of_covidx_names_the_one_of_this_layout(collection):
    with pytest.raises(DatasetError) as refusal:
        COVIDCxr(path=str(collection()), licence="x").load()

    assert "dataset=covid_chestxray" in refusal.value.fix


def test_the_yaml_has_the_fields_of_the_reader():
    config = OmegaConf.load(Path(__file__).parents[2] / "conf" / "dataset" / "covid_chestxray.yaml")

    keys = {key for key in config if not key.startswith("_")}
    assert keys - {"positive", "thumbnails"} == {field.name for field in fields(CovidChestXray)}
