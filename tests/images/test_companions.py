"""Files that belong to another image are known by their names, and classes with such names are left alone."""

import pytest

from arogya_bench.images.companions import find_companions, folders_of_companions


@pytest.mark.parametrize(
    "name",
    [
        *("7_mask", "7_mask_1", "7_Mask (2)", "7-mask", "7 mask", "7.mask", "7mask", "mask_7", "7_segmentation"),
        *("7_Segmentation", "7_superpixels", "7_seg", "7_gt", "7_attribute_milia_like_cyst", "7_thumb", "7-150x150"),
        *("7_mask_tumor", "7_tumor_mask", "7_mask_left_2", "7Mask", "7_lungmask", "7 (mask)", "7(mask)", "pred_mask_7"),
        *("7_segmented", "7_binary", "7_bw", "7_pred", "7_annot", "7_bbox", "7_gradcam", "7_edges", "7_small"),
    ],
)
def test_a_name_with_the_word_of_a_mask_belongs_to_the_image(name):
    assert find_companions({"a/7": "a", f"a/{name}": "a", "a/8": "a"}) == {f"a/{name}": "a/7"}


def test_letter_case_does_not_count():
    assert find_companions({"a/IMG_1": "a", "a/img_1_mask": "a"}) == {"a/img_1_mask": "a/IMG_1"}


@pytest.mark.parametrize(
    ("image", "mask"), [("a/image_7", "a/mask_7"), ("a/7_image", "a/7_mask"), ("a/images/img_7", "a/masks/mask_7")]
)
def test_names_may_say_image_and_mask(image, mask):
    assert find_companions({image: "a", mask: "a", "a/images/image_8": "a"}) == {mask: image}


def test_a_folder_of_masks_belongs_to_the_images_beside_it():
    stems = ("a/images/1", "a/images/2", "a/masks/1", "a/masks/2_mask", "a/masks/odd", "a/thumbnails/1")

    found = find_companions(dict.fromkeys(stems, "a"))

    assert sorted(found) == ["a/masks/1", "a/masks/2_mask", "a/masks/odd", "a/thumbnails/1"]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("a/7/image", "a/7/mask"),
        ("a/7/7", "a/7/mask_2"),
        ("a/7", "a/7/mask"),
        ("a/7/images/7", "a/7/masks/0001"),
        ("a/img1a", "a/img1aMask"),
        ("a/p (1)", "a/p (1)_mask_1"),
    ],
)
def test_a_mask_may_have_a_folder_or_a_name_without_the_image(image, mask):
    assert find_companions({image: "a", mask: "a", "a/8": "a"}) == {mask: image}


@pytest.mark.parametrize("folder", ["benign_masks", "benign mask", "Masks_benign", "benignMasks"])
def test_a_folder_of_masks_may_be_named_after_the_folder_of_the_images(folder):
    names_in = {"benign": {"1", "2"}, "malignant": {"3"}, folder: {"1_mask", "2"}}

    assert folders_of_companions(names_in) == [folder]


@pytest.mark.parametrize("folder", ["with_mask", "benign_2", "no masks"])
def test_other_folders_are_classes(folder):
    assert folders_of_companions({"benign": {"1"}, "malignant": {"3"}, folder: {"1"}}) == []


@pytest.mark.parametrize(
    "class_of",
    [
        {"mask/1": "mask", "no_mask/1": "no_mask"},
        {"with_mask/with_mask_1": "with_mask", "without_mask/without_mask_1": "without_mask"},
        {"a/7": "a", "b/7_mask": "b"},
        {"a/edgar": "a", "a/edgar_small_intestine_2": "a", "a/x": "a"},
        {"a/7": "a", "a/7_2": "a", "a/7_left": "a", "a/label_1": "a"},
        {"a/masks/1": "a", "a/masks/2": "a", "a/3": "a"},
        {"a/face1": "a", "a/face1_with_mask": "a", "a/face1_without_mask": "a", "a/face1_no_mask": "a"},
        {"a/bit": "a", "a/bitmask": "a", "a/c": "a"},
    ],
)
def test_other_names_belong_to_no_image(class_of):
    assert find_companions(class_of) == {}
