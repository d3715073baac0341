"""Whatever a folder holds is found out, and read by the reader of its layout."""

import csv
import json

import numpy as np
import pytest

from arogya_bench.curation.curating import Options, curate
from arogya_bench.curation.sources import Description, source_of
from arogya_bench.errors import ConfigError, DatasetError


def source(folder, **options):
    return source_of(folder, Description(**{"licence": "CC0-1.0", **options}))


def rows(file):
    with file.open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def voc(folder, made):
    (folder / "JPEGImages").mkdir(parents=True)
    (folder / "Annotations").mkdir()
    for number in range(3):
        content = made.jpeg(made.smooth(seed=number), orientation=6)
        (folder / "JPEGImages" / f"{number}.jpg").write_bytes(content)
        box = "<xmin>21</xmin><ymin>6</ymin><xmax>50</xmax><ymax>12</ymax>"
        (folder / "Annotations" / f"{number}.xml").write_text(
            f"<annotation><filename>{number}.jpg</filename>"
            "<size><width>60</width><height>40</height></size>"
            f"<object><name>cell</name><bndbox>{box}</bndbox></object></annotation>"
        )
    return folder


def yolo(folder, made):
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text("path: .\ntrain: images\nval: images\nnames: [cell]\n")
    for number in range(3):
        (folder / "images" / f"{number}.jpg").write_bytes(made.jpeg(made.smooth(seed=number)))
        (folder / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    return folder


def dicoms(folder, patients=("A", "A", "B")):
    pydicom = pytest.importorskip("pydicom")
    folder.mkdir()
    for number, patient in enumerate(patients):
        header = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
        header.PatientID = patient
        header.SOPInstanceUID = f"1.2.3.{number}"
        header.save_as(folder / f"{number}.dcm")
    return folder


def test_boxes_of_pascal_voc_on_turned_images_are_those_of_the_stored_ones(tmp_path, made):
    found = source(voc(tmp_path / "voc", made), boxes_drawn_on="stored")

    (box,) = found.dataset.cases[0].boxes
    assert (box.left, box.top, box.width, box.height) == (20, 5, 30, 7)
    assert {file.parent.name for file in found.dataset.files.values()} == {"JPEGImages"}
    assert all(file.is_file() for file in found.dataset.files.values())


def test_a_size_that_contradicts_the_option_is_refused(tmp_path, made):
    with pytest.raises(DatasetError, match="states an image of 60 x 40 pixels"):
        source(voc(tmp_path / "voc", made), boxes_drawn_on="upright")


def test_yolo_is_found_by_its_file(tmp_path, made):
    folder = yolo(tmp_path / "yolo", made)
    (folder / "data.yaml").write_text("path: .\ntrain: images\nnames: [cell]\n")

    found = source(folder)

    assert (found.dataset.task, len(found.dataset.cases)) == ("detection", 3)


def test_dicom_files_are_grouped_by_the_patient_that_they_name(tmp_path):
    found = source(dicoms(tmp_path / "dicom"), layout="unlabelled")

    groups = [case.group_id for case in found.dataset.cases]
    assert found.dataset.grouped
    assert groups[0] == groups[1] != groups[2]


def test_a_folder_of_dicom_files_needs_no_labels(tmp_path):
    source_folder, out = dicoms(tmp_path / "dicom"), tmp_path / "out"
    options = Options(licence="CC0-1.0", layout="unlabelled")

    outcome = curate(source_folder, out, options=options)

    listed = rows(out / "manifest.csv")
    assert (outcome.cases, outcome.split, list(listed[0])) == (3, None, ["path", "group"])
    assert len({row["group"] for row in listed}) == 2
    assert all(row["path"].endswith(".dcm") for row in listed)
    assert not any(b"1CT1" in file.read_bytes() for file in (out / "images").iterdir())


def test_a_folder_of_volumes_keeps_their_voxels(tmp_path, name):
    nibabel = pytest.importorskip("nibabel")
    (tmp_path / "source" / "images").mkdir(parents=True)
    (tmp_path / "source" / "masks").mkdir()
    for folder, top in (("images", 900), ("masks", 2)):
        values = np.random.default_rng(0).integers(0, top, (4, 5, 6)).astype(np.int16)
        volume = nibabel.Nifti1Image(values, np.eye(4))
        volume.header["descrip"] = name.encode()
        nibabel.save(volume, tmp_path / "source" / folder / f"{name}.nii.gz")

    curate(tmp_path / "source", tmp_path / "out", options=Options(licence="CC0-1.0"))

    (row,) = rows(tmp_path / "out" / "manifest.csv")
    for kind, folder in (("path", "images"), ("mask", "masks")):
        before = nibabel.load(tmp_path / "source" / folder / f"{name}.nii.gz")
        after = nibabel.load(tmp_path / "out" / row[kind])
        np.testing.assert_array_equal(after.get_fdata(), before.get_fdata())
        assert after.header["descrip"].item() == b""


def test_a_part_of_the_table_may_be_numbers_and_none_of_it_leaves_unasked(tmp_path, made):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "manifest.csv").write_text(
        "path,label,name\n" + "".join(f"{i}.jpg,{'ab'[i % 2]},Jane\n" for i in range(4))
    )
    for number in range(4):
        content = made.jpeg(made.smooth(seed=number))
        (tmp_path / "source" / f"{number}.jpg").write_bytes(content)

    curate(tmp_path / "source", tmp_path / "out", options=Options(licence="x", split=None))

    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert list(rows(tmp_path / "out" / "manifest.csv")[0]) == ["path", "label"]
    assert card["columns_dropped"] == ["name"]
    assert card["name"] == "curated"


@pytest.mark.parametrize("option", ["path", "licence"])
def test_what_has_its_own_option_is_none_of_the_reader(tmp_path, option):
    (tmp_path / "a").mkdir()

    with pytest.raises(ConfigError, match=rf"dataset\.{option} is no option of the layout"):
        source(tmp_path, layout="class_folders", dataset={option: "x"})


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"No folder at .*nowhere"):
        source(tmp_path / "nowhere")


def test_an_empty_folder_of_unlabelled_images_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="No image lies in"):
        source(tmp_path, layout="unlabelled")
