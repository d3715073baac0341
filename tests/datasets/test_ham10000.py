"""HAM10000 is read in the layout of its archives, whole, with every image in its lesion."""

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.ham10000 import HAM10000
from arogya_bench.datasets.splits import SplitPolicy, split
from arogya_bench.errors import DatasetError

HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"
PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
MASKS = "HAM10000_segmentations_lesion_tschandl"
CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


@pytest.fixture
def lesions(tmp_path, picture):
    """Write images in turn into both folders, and the table that lists them."""

    def write(*rows, header=HEADER, without=(), parts=PARTS, name="HAM10000_metadata.csv"):
        for place, row in enumerate(rows):
            image = row.split(",")[1]
            if image not in without:
                picture(f"{parts[place % len(parts)]}/{image}.jpg", size=(12, 8))
        (tmp_path / name).write_text("\n".join([header, *rows]) + "\n")
        return tmp_path

    return write


@pytest.fixture
def three(lesions):
    def write(**options):
        return lesions(
            "HAM_2,ISIC_3,mel,histo,,male,back",
            "HAM_1,ISIC_1,nv,follow_up,80.0,female,scalp",
            "HAM_1,ISIC_2,nv,follow_up,80.0,female,unknown",
            **options,
        )

    return write


@pytest.fixture
def masks(tmp_path):
    def write(*names, size=(12, 8)):
        (tmp_path / MASKS).mkdir()
        for name in names:
            drawn = np.zeros(size[::-1], dtype=np.uint8)
            drawn[2:5, 3:9] = 255
            PIL.Image.fromarray(drawn).save(tmp_path / MASKS / f"{name}_segmentation.png")

    return write


def loaded(folder, **options):
    return HAM10000(path=str(folder), licence="CC BY-NC 4.0", **options).load()


def test_every_image_is_a_case_of_its_lesion(three):
    dataset = loaded(three())

    assert (dataset.name, dataset.classes, dataset.grouped) == ("ham10000", CLASSES, True)
    assert [(case.case_id, case.group_id, case.target, case.split) for case in dataset.cases] == [
        ("ISIC_1", "HAM_1", 5, None),
        ("ISIC_2", "HAM_1", 5, None),
        ("ISIC_3", "HAM_2", 4, None),
    ]
    assert dataset.notes == ()
    assert dataset.read(dataset.cases[0]).shape == (8, 12, 3)


def test_a_column_with_a_missing_value_is_text(three):
    first, _, last = loaded(three()).cases

    assert first.metadata == {"dx_type": "follow_up", "age": "80.0", "sex": "female", "localization": "scalp"}
    assert last.metadata["age"] == "unknown"


def test_images_may_lie_in_one_folder(three):
    assert len(loaded(three(parts=("images",))).cases) == 3


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.tab"])
def test_the_table_may_have_the_name_that_dataverse_gives(three, name):
    assert len(loaded(three(name=name)).cases) == 3


def test_the_table_of_dataverse_has_tabs_quotes_and_another_column(lesions):
    folder = lesions("HAM_1,ISIC_1,nv,histo,5.0,male,back,rosendahl", header=f"{HEADER},dataset")
    table = folder / "HAM10000_metadata.csv"
    words = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("\n".join("\t".join(f'"{word}"' for word in line) for line in words))

    (case,) = loaded(folder).cases

    assert (case.group_id, case.metadata["age"], case.metadata["dataset"]) == ("HAM_1", 5.0, "rosendahl")


def test_what_is_not_used_is_named(three, picture):
    folder = three(header=f"{HEADER}".replace("sex", "gender"))
    picture("HAM10000_images_part_2/ISIC_9.jpg")

    dataset = loaded(folder)

    assert dataset.notes == (
        "Images not listed in HAM10000_metadata.csv, excluded: 1: ISIC_9.",
        "Columns of HAM10000_metadata.csv not read: 1: gender.",
    )


def test_no_lesion_lies_in_two_parts_of_a_split(lesions):
    rng = np.random.default_rng(7)
    rows = [
        f"HAM_{lesion:04d},ISIC_{lesion:04d}{view},{dx},histo,50.0,male,back"
        for lesion, dx in enumerate(np.repeat(CLASSES, 8))
        for view in range(rng.integers(1, 4))
    ]

    dataset = loaded(lesions(*rows))
    for seed in range(3):
        parts = split(dataset, SplitPolicy(method="group", seed=seed))

        homes = [{case.group_id for case in part.cases} for part in parts.parts.values()]
        assert all(homes)
        assert sum(map(len, homes)) == len(set.union(*homes)) == 56
        assert sum(len(part.cases) for part in parts.parts.values()) == len(rows)


@pytest.mark.parametrize("lesion", ["", "nan", "unknown"])
def test_an_image_without_a_lesion_is_refused(lesions, lesion):
    rows = ("HAM_1,ISIC_1,nv", "HAM_1,ISIC_2,nv", f"{lesion},ISIC_3,mel")

    with pytest.raises(DatasetError, match=r"1 of 3 images have no lesion_id in .*: ISIC_3\."):
        loaded(lesions(*rows, header="lesion_id,image_id,dx"))


def test_a_table_without_lesions_is_refused(three):
    with pytest.raises(DatasetError, match="has no column 'lesion_id'; it has: patient, image_id"):
        loaded(three(header=HEADER.replace("lesion_id", "patient")))


def test_a_missing_table_is_refused(three):
    folder = three()
    (folder / "HAM10000_metadata.csv").unlink()

    with pytest.raises(DatasetError, match=r"The table HAM10000_metadata\.csv is not in"):
        loaded(folder)


def test_a_missing_image_is_refused(three):
    with pytest.raises(DatasetError, match=r"1 of 3 listed images .*ISIC_2\.jpg"):
        loaded(three(without=["ISIC_2"]))


@pytest.mark.parametrize("name", ["../../secret", "/etc/secret", "a\\b"])
def test_an_image_that_is_no_name_is_refused(lesions, name):
    row = f"HAM_1,{name},nv,histo,5,male,back"

    with pytest.raises(DatasetError, match=r"HAM10000_metadata\.csv names .* not a path inside"):
        loaded(lesions(row, without=[name]))


def test_a_name_that_no_disk_takes_is_a_missing_image(lesions):
    name = "x" * 300

    with pytest.raises(DatasetError, match="1 of 1 listed images are not in"):
        loaded(lesions(f"HAM_1,{name},nv,histo,5,male,back", without=[name]))


def test_an_archive_that_was_not_unpacked_is_noticed(three):
    folder = three(parts=PARTS[:1], without=["ISIC_1", "ISIC_3"])

    with pytest.raises(DatasetError, match="2 of 3 listed images") as refusal:
        loaded(folder, obtain="Both archives are at the archive of the university.")

    assert "unpack every archive there" in refusal.value.fix
    assert "archive of the university" in refusal.value.fix


def test_an_image_in_both_folders_is_refused(three, picture):
    folder = three()
    picture("HAM10000_images_part_2/ISIC_3.jpg")

    with pytest.raises(DatasetError, match="have the same name"):
        loaded(folder)


def test_an_image_that_is_listed_twice_is_refused(lesions):
    rows = ["HAM_1,ISIC_1,nv,histo,5,male,back", "HAM_2,ISIC_1,nv,histo,5,male,back"]

    with pytest.raises(DatasetError, match="names 'ISIC_1' twice, in lines 2 and 3"):
        loaded(lesions(*rows))


def test_a_part_is_taken_only_if_nothing_was_counted(three):
    folder = three()

    with pytest.raises(DatasetError, match="lists 3 images instead of 4"):
        loaded(folder, counts={"nv": 3, "mel": 1})

    assert len(loaded(folder, counts=None).cases) == 3


def test_an_unknown_diagnosis_is_a_stray_label(lesions):
    rows = ["HAM_1,ISIC_1,nv,histo,5,male,back", "HAM_2,ISIC_2,scc,histo,5,male,back"]

    assert loaded(lesions(*rows)).stray_labels == {"ISIC_2": "scc"}


def test_without_masks_there_is_no_way_to_read_one(three):
    assert loaded(three()).read_mask is None


def test_a_mask_is_1_inside_and_0_outside(three, masks):
    masks("ISIC_1", "ISIC_2", "ISIC_3")

    dataset = loaded(three())
    mask = dataset.read_mask(dataset.cases[0])

    assert (mask.dtype, mask.shape, mask.sum()) == (np.uint8, (8, 12), 18)
    assert set(np.unique(mask)) == {0, 1}


def test_masks_do_not_change_the_digest(three, masks):
    folder = three()
    before = loaded(folder).digest
    masks("ISIC_1", "ISIC_2", "ISIC_3")

    assert loaded(folder).digest == before


def test_a_folder_with_some_masks_is_refused(three, masks):
    masks("ISIC_1")

    with pytest.raises(DatasetError, match=r"2 of 3 images have no mask .*ISIC_2_segmentation"):
        loaded(three())


def test_a_mask_of_another_size_is_refused(three, masks):
    masks("ISIC_1", "ISIC_2", "ISIC_3", size=(12, 9))
    dataset = loaded(three())

    with pytest.raises(DatasetError, match=r"has 12 x 9 pixels, its image ISIC_1\.jpg has 12 x 8"):
        dataset.read_mask(dataset.cases[0])


def test_a_damaged_mask_is_refused(three, masks, tmp_path):
    masks("ISIC_1", "ISIC_2", "ISIC_3")
    file = tmp_path / MASKS / "ISIC_1_segmentation.png"
    file.write_bytes(file.read_bytes()[:40])
    dataset = loaded(three())

    with pytest.raises(DatasetError, match=r"ISIC_1_segmentation\.png cannot be decoded"):
        dataset.read_mask(dataset.cases[0])


def test_a_missing_folder_is_refused_with_the_layout(tmp_path):
    with pytest.raises(DatasetError, match="No folder at") as refusal:
        loaded(tmp_path / "gone")

    assert "HAM10000_images_part_1/" in refusal.value.fix
