"""Whatever a folder holds is found out, and read by the reader of its layout."""

import csv
import json

import numpy as np
import PIL.Image
import pytest

from arogya_bench.curation.curate import CurationOptions, curate
from arogya_bench.curation.sources import read_source
from arogya_bench.errors import ConfigError, DatasetError


def source(folder, **options):
    return read_source(folder, CurationOptions(**{"licence": "CC0-1.0", **options}))


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


def test_a_file_that_names_no_patient_leaves_the_others_grouped(tmp_path, made):
    folder = dicoms(tmp_path / "dicom", ("A", "A", "B", "Anonymous", "Anonymous"))
    (folder / "photo.jpg").write_bytes(made.jpeg(made.smooth()))

    found = source(folder, layout="unlabelled")

    groups = {case.case_id: case.group_id for case in found.dataset.cases}
    assert found.dataset.grouped
    assert groups["0"] == groups["1"]
    assert len(set(groups.values())) == 5
    assert found.unused["images without a patient"] == 3
    assert any("Images without a patient" in note and "3: 3, 4, photo" in note for note in found.dataset.notes)


def test_files_none_of_which_names_a_patient_are_not_grouped(tmp_path):
    found = source(dicoms(tmp_path / "dicom", ("", "")), layout="unlabelled")

    assert not found.dataset.grouped
    assert found.unused["images without a patient"] == 0


def test_a_pattern_goes_before_the_patient_of_the_header(tmp_path):
    found = source(dicoms(tmp_path / "dicom"), layout="unlabelled", dataset={"group": "([0-9])"})

    assert [case.group_id for case in found.dataset.cases] == ["0", "1", "2"]


def ham10000(folder, made):
    """Two archives of photographs, two of each lesion, one in each archive."""
    classes = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    lines = ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
    for number in range(84):
        part, lesion = number % 2 + 1, number // 2
        place = folder / f"HAM10000_images_part_{part}"
        place.mkdir(parents=True, exist_ok=True)
        name = f"ISIC_{number:07}"
        (place / f"{name}.jpg").write_bytes(made.jpeg(made.smooth((12, 8), seed=number)))
        lines.append(f"HAM_{lesion:07},{name},{classes[lesion % 7]},histo,{40 + lesion},male,back")
    (folder / "HAM10000_metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_no_lesion_of_ham10000_is_in_two_parts_of_the_result(tmp_path, made):
    raw, out = ham10000(tmp_path / "ham", made), tmp_path / "out"

    outcome = curate(raw, out, options=CurationOptions(licence="CC-BY-NC-4.0", keep=["sex"]))

    listed = rows(out / "manifest.csv")
    homes, labels = {}, {}
    for row in listed:
        homes.setdefault(row["group"], set()).add(row["split"])
        labels.setdefault(row["group"], set()).add(row["label"])
    assert (outcome.cases, len(homes)) == (84, 42)
    assert {row["label"] for row in listed} >= {"mel", "nv"}
    assert all(len(parts) == 1 for parts in homes.values())
    assert {part for parts in homes.values() for part in parts} == {"train", "validation", "test"}
    assert all(len(own) == 1 for own in labels.values())
    assert json.loads((out / "card.json").read_text())["groups"] == 42


def isic2019(folder, made):
    (folder / "ISIC_2019_Training_Input").mkdir(parents=True)
    for number in range(2):
        file = folder / "ISIC_2019_Training_Input" / f"ISIC_{number}.jpg"
        file.write_bytes(made.jpeg(made.smooth(seed=number)))
    names = "MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK"
    marks = ["1,0,0,0,0,0,0,0,0", "0,1,0,0,0,0,0,0,0"]
    (folder / "ISIC_2019_Training_GroundTruth.csv").write_text(
        f"image,{names}\n" + "".join(f"ISIC_{i},{m}\n" for i, m in enumerate(marks))
    )
    (folder / "ISIC_2019_Training_Metadata.csv").write_text(
        "image,age_approx,anatom_site_general,lesion_id,sex\n"
        + "".join(f"ISIC_{i},40,back,L1,male\n" for i in range(2))
    )
    return {"L1"}


def eyepacs(folder, made):
    (folder / "train").mkdir(parents=True)
    (folder / "sample").mkdir()
    for side in ("left", "right"):
        (folder / "train" / f"10_{side}.jpeg").write_bytes(made.jpeg(made.smooth()))
    (folder / "trainLabels.csv").write_text("image,level\n10_left,0\n10_right,4\n")
    return {"10"}


def covidx(folder, made):
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
        (folder / part / f"{part}.png").write_bytes(made.jpeg(made.smooth()))
        (folder / f"{part}_COVIDx3.txt").write_text(f"p-{part} {part}.png normal cohen\n")
    return {"p-train", "p-test"}


@pytest.mark.parametrize("write", [isic2019, eyepacs, covidx])
def test_a_published_set_is_recognised_and_read_with_its_groups(tmp_path, made, write):
    groups = write(tmp_path / "set", made)

    dataset = source(tmp_path / "set").dataset

    assert {case.group_id for case in dataset.cases} == groups
    assert (dataset.grouped, len(dataset.cases)) == (True, 2)


@pytest.mark.parametrize("table", ["patients.csv", "split.TXT", "labels.xlsx"])
def test_class_folders_beside_a_table_need_an_explicit_layout(classes_of_jpegs, table, name):
    folder = classes_of_jpegs()
    (folder / table).write_text("patient,image\n")

    with pytest.raises(DatasetError, match=f"beside tables \\({table}\\)") as caught:
        source(folder)

    assert "--layout class_folders" in caught.value.fix
    assert len(source(folder, layout="class_folders").dataset.cases) == 12


def test_prose_beside_class_folders_is_no_table(classes_of_jpegs):
    folder = classes_of_jpegs()
    (folder / "README.txt").write_text("about the images")

    assert len(source(folder).dataset.cases) == 12


@pytest.mark.parametrize("layout", ["pairs", "unlabelled"])
def test_an_option_that_a_layout_does_not_have_is_refused(tmp_path, layout):
    with pytest.raises(ConfigError, match=rf"dataset\.grup is not an option of the layout {layout}"):
        source(tmp_path, layout=layout, dataset={"grup": "x"})


def pairs(folder, count=12):
    """Grey images of 16 bits with masks, two of each patient."""
    for place in ("images", "masks"):
        (folder / place).mkdir(parents=True)
    for number in range(count):
        values = np.random.default_rng(number).integers(0, 4096, (24, 32)).astype(np.uint16)
        name = f"doe{number // 2:02}-{number % 2}.png"
        PIL.Image.fromarray(values).save(folder / "images" / name)
        drawn = np.where(values > 2048, 255, 0).astype(np.uint8)
        PIL.Image.fromarray(drawn).save(folder / "masks" / name)
    return folder


def test_pairs_in_a_folder_for_each_part_keep_their_split(tmp_path):
    for part in ("train", "valid", "test"):
        pairs(tmp_path / "raw" / part, count=2)

    dataset = source(tmp_path / "raw", dataset={"window": [0, 4095]}).dataset

    assert {case.case_id: case.split for case in dataset.cases}["valid/doe00-1"] == "validation"
    assert len(dataset.cases) == 6


def test_pairs_have_the_options_of_their_reader_and_are_divided_by_patient(tmp_path):
    raw, out = pairs(tmp_path / "raw"), tmp_path / "out"
    options = CurationOptions(licence="CC0-1.0", dataset={"group": "(doe[0-9]+)", "window": [0, 4095]})

    outcome = curate(raw, out, options=options)

    homes = {}
    for row in rows(out / "manifest.csv"):
        homes.setdefault(row["group"], set()).add(row["split"])
    assert (outcome.cases, len(homes)) == (12, 6)
    assert all(len(parts) == 1 for parts in homes.values())
    assert outcome.split.startswith("group-80-10-10")
    card = json.loads((out / "card.json").read_text())
    assert card["reading"] == {"window": [0, 4095], "values": "auto"}
    assert card["classes"] == ["background", "foreground"]


def test_an_image_without_a_mask_is_noted(tmp_path):
    raw = pairs(tmp_path / "raw")
    (raw / "masks" / "doe00-0.png").unlink()

    found = source(raw)

    assert len(found.dataset.cases) == 11
    assert found.unused["images left out"] == 1
    assert found.dataset.notes == ("Images without a mask, excluded: 1: doe00-0.",)


@pytest.mark.parametrize("channels", [1, 2])
def test_nnunet_is_read_as_pairs_and_a_channel_is_chosen(tmp_path, channels):
    for place in ("imagesTr", "labelsTr"):
        (tmp_path / "set" / place).mkdir(parents=True)
    for channel in range(channels):
        PIL.Image.new("L", (6, 4)).save(tmp_path / "set" / "imagesTr" / f"a_{channel:04}.png")
    PIL.Image.new("L", (6, 4)).save(tmp_path / "set" / "labelsTr" / "a.png")
    names = {str(number): f"c{number}" for number in range(channels)}
    header = {"channel_names": names, "labels": {"background": 0, "cell": 1}, "numTraining": 1}
    (tmp_path / "set" / "dataset.json").write_text(json.dumps({**header, "file_ending": ".png"}))

    if channels > 1:
        with pytest.raises(DatasetError, match="has 2 channels, and a curated image is one file"):
            source(tmp_path / "set")
        with pytest.raises(ConfigError, match=r"dataset\.channel=2: a has 2 channels"):
            source(tmp_path / "set", dataset={"channel": 2})
    found = source(tmp_path / "set", dataset={"channel": channels - 1})

    assert found.dataset.classes == ("background", "cell")
    assert found.dataset.files["a"].name == f"a_{channels - 1:04}.png"


def test_two_unlabelled_images_of_one_name_are_refused(tmp_path, made):
    for suffix in ("jpg", "jpeg"):
        (tmp_path / f"a.{suffix}").write_bytes(made.jpeg(made.smooth()))

    with pytest.raises(DatasetError, match="1 of 2 images have the name of another one"):
        source(tmp_path, layout="unlabelled")


def test_a_mask_beside_an_unlabelled_image_is_no_image_of_its_own(tmp_path, made):
    for name in ("1.jpg", "1_mask.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(made.jpeg(made.smooth()))

    found = source(tmp_path, layout="unlabelled")

    assert [case.case_id for case in found.dataset.cases] == ["1", "2"]
    assert found.unused["images left out"] == 1
    assert "such as masks, excluded: 1: 1_mask." in found.dataset.notes[0]


def test_a_dicom_without_suffix_among_unlabelled_images_is_noted(tmp_path):
    folder = dicoms(tmp_path / "dicom")
    (folder / "0.dcm").rename(folder / "IM0001")

    found = source(folder, layout="unlabelled")

    assert found.unused["other files left out"] == 1
    assert "IM0001" in found.dataset.notes[0]


def test_a_folder_of_dicom_files_needs_no_labels(tmp_path):
    source_folder, out = dicoms(tmp_path / "dicom"), tmp_path / "out"
    options = CurationOptions(licence="CC0-1.0", layout="unlabelled")

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

    curate(tmp_path / "source", tmp_path / "out", options=CurationOptions(licence="CC0-1.0", split=None))

    (row,) = rows(tmp_path / "out" / "manifest.csv")
    for kind, folder in (("path", "images"), ("mask", "masks")):
        before = nibabel.load(tmp_path / "source" / folder / f"{name}.nii.gz")
        after = nibabel.load(tmp_path / "out" / row[kind])
        np.testing.assert_array_equal(after.get_fdata(), before.get_fdata())
        assert after.header["descrip"].item() == b""


def test_columns_of_the_table_are_dropped_by_default(tmp_path, made):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "manifest.csv").write_text(
        "path,label,name\n" + "".join(f"{i}.jpg,{'ab'[i % 2]},Jane\n" for i in range(4))
    )
    for number in range(4):
        content = made.jpeg(made.smooth(seed=number))
        (tmp_path / "source" / f"{number}.jpg").write_bytes(content)

    curate(tmp_path / "source", tmp_path / "out", options=CurationOptions(licence="x", split=None))

    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert list(rows(tmp_path / "out" / "manifest.csv")[0]) == ["path", "label"]
    assert card["columns_dropped"] == ["name"]
    assert card["name"] == "curated"


@pytest.mark.parametrize("option", ["path", "licence"])
def test_options_of_curation_are_refused_as_reader_options(tmp_path, option):
    (tmp_path / "a").mkdir()

    with pytest.raises(ConfigError, match=rf"dataset\.{option} is not an option of the layout"):
        source(tmp_path, layout="class_folders", dataset={option: "x"})


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"No folder at .*nowhere"):
        source(tmp_path / "nowhere")


def test_an_empty_folder_of_unlabelled_images_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="holds no image"):
        source(tmp_path, layout="unlabelled")
