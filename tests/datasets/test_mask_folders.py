"""Images and masks are paired by name alone; no file is opened."""

import pytest

from arogya_bench.datasets.mask_folders import list_pairs
from arogya_bench.errors import ConfigError, DatasetError


@pytest.fixture
def paired(tmp_path):
    def found(*names, images="images", masks="masks", suffixes=("", "_mask")):
        for name in names:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        made = list_pairs(tmp_path, images=images, masks=masks, suffixes=suffixes)
        return {pair.name: (str(pair.channels[0]), str(pair.mask)) for pair in made.pairs}

    return found


def test_formats_may_differ(paired):
    assert paired("images/a.JPG", "masks/a_mask.png") == {"a": ("images/a.JPG", "masks/a_mask.png")}


def test_both_suffixes_of_nifti_are_left_out_of_the_name(paired):
    found = paired("images/a.nii.gz", "masks/a.nii.gz")

    assert found == {"a": ("images/a.nii.gz", "masks/a.nii.gz")}


def test_equal_names_in_two_folders_are_two_cases(paired):
    found = paired("images/x/a.png", "images/y/a.png", "masks/x/a.png", "masks/y/a.png")

    assert sorted(found) == ["x/a", "y/a"]


def test_a_folder_for_each_part_is_the_official_split(paired, tmp_path):
    names = [f"{part}/{kind}/0.png" for part in ("train", "val", "test", "other") for kind in ("images", "masks")]

    found = paired(*names)

    assert found["val/0"] == ("val/images/0.png", "val/masks/0.png")
    listing = list_pairs(tmp_path, images="images", masks="masks", suffixes=("",))
    assert {pair.name: pair.split for pair in listing.pairs} == {
        "train/0": "train",
        "val/0": "validation",
        "test/0": "test",
    }
    assert listing.notes == ("Folders that are no part of a split, excluded: 1: other.",)


def test_a_part_without_masks_is_named(paired):
    names = [f"{part}/{kind}/0.png" for part in ("train", "val") for kind in ("images", "masks")]

    with pytest.raises(DatasetError, match=r"holds masks for train, val, and none for test"):
        paired(*names, "test/images/0.png")


def test_hidden_files_and_other_files_are_no_images(paired):
    found = paired("images/a.png", "images/._a.png", "images/a.txt", "masks/a.png")

    assert list(found) == ["a"]


def test_a_suffix_tells_masks_from_images_in_one_folder(paired):
    found = paired("a.png", "a_mask.png", images=".", masks=".")

    assert found == {"a": ("a.png", "a_mask.png")}


def test_a_further_mask_of_an_image_is_no_image_without_a_mask(paired):
    """In BUSI, 17 images have a second lesion in a mask of its own."""
    with pytest.raises(DatasetError, match=r"a \(1\) has a \(1\)_mask\.png, a \(1\)_mask_1\.png"):
        paired("a (1).png", "a (1)_mask.png", "a (1)_mask_1.png", images=".", masks=".")


def test_what_masks_add_to_the_names_is_named(paired):
    with pytest.raises(DatasetError, match="There is no image for 2 of 2 masks") as refusal:
        paired("images/a.png", "images/ab.png", "masks/a_seg.png", "masks/ab_seg.png")

    assert refusal.value.fix.endswith(": dataset.suffixes=[_seg]")
    assert paired(suffixes=("_seg",)) == {name: (f"images/{name}.png", f"masks/{name}_seg.png") for name in ("a", "ab")}


def test_one_folder_without_a_suffix_is_refused(paired):
    with pytest.raises(ConfigError, match=r"dataset\.suffixes=\[''\] does not distinguish masks") as refusal:
        paired("a.png", images=".", masks=".", suffixes=("",))

    assert "_mask" in refusal.value.fix
