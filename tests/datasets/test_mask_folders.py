"""Images and masks are paired by name alone; no file is opened."""

import pytest

from arogya_bench.datasets.mask_folders import list_pairs
from arogya_bench.errors import ConfigError


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


def test_hidden_files_and_other_files_are_no_images(paired):
    found = paired("images/a.png", "images/._a.png", "images/a.txt", "masks/a.png")

    assert list(found) == ["a"]


def test_a_suffix_tells_masks_from_images_in_one_folder(paired):
    found = paired("a.png", "a_mask.png", images=".", masks=".")

    assert found == {"a": ("a.png", "a_mask.png")}


def test_one_folder_without_a_suffix_is_refused(paired):
    with pytest.raises(ConfigError, match=r"dataset\.suffixes=\[''\] does not distinguish masks") as refusal:
        paired("a.png", images=".", masks=".", suffixes=("",))

    assert "_mask" in refusal.value.fix
