"""The layout of nnU-Net is listed as its dataset.json says, or refused with the difference."""

import json

import pytest

from arogya_bench.datasets.nnunet import is_nnunet, list_pairs
from arogya_bench.errors import DatasetError

LABELS = {"background": 0, "liver": 1, "tumour": 2}


@pytest.fixture
def layout(tmp_path):
    """Touch files, and write dataset.json; nothing is opened while listing."""

    def write(*names, **header):
        for name in names:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        content = {"labels": LABELS, **header}
        (tmp_path / "dataset.json").write_text(json.dumps(content), encoding="utf-8-sig")
        return tmp_path

    return write


ONE = ("imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")


def test_a_folder_with_images_tr_is_nnunet(layout, tmp_path):
    assert not is_nnunet(tmp_path)
    assert is_nnunet(layout(*ONE))


def test_one_part_divides_nothing(layout):
    (pair,) = list_pairs(layout(*ONE)).pairs

    assert (pair.name, pair.split) == ("a", None)
    assert [str(file) for file in (*pair.channels, pair.mask)] == list(ONE)


def test_labels_of_the_test_part_make_an_official_split(layout):
    found = list_pairs(layout(*ONE, "imagesTs/b_0000.nii.gz", "labelsTs/b.nii.gz"))

    assert [(pair.name, pair.split) for pair in found.pairs] == [("a", "train"), ("b", "test")]


def test_images_without_a_mask_are_left_out_and_said(layout):
    found = list_pairs(layout(*ONE, "imagesTs/b_0000.nii.gz"))

    assert len(found.pairs) == 1
    assert found.notes == ("Images of imagesTs without a mask, excluded: 1: b.",)


@pytest.mark.parametrize(
    "labels", [LABELS, {"tumour": 2, "background": 0, "liver": 1}, {"0": "background", "1": "liver", "2": "tumour"}]
)
def test_classes_are_in_the_order_of_their_numbers(layout, labels):
    assert list_pairs(layout(*ONE, labels=labels)).classes == ("background", "liver", "tumour")


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (None, "has no labels"),
        (["background", "liver"], "has no labels"),
        ({"background": 0, "liver": 2}, "numbered 0, 1, 2 and so on"),
        ({"background": 0}, "numbered 0, 1, 2 and so on"),
        ({"background": 0, "whole": [1, 2], "core": 2}, "'whole' .* does not have one number"),
        ({"background": 0, "liver": 1, "ignore": 2}, "'ignore' .* to ignore"),
        ({"background": 0, "liver": "1"}, "'liver' .* does not have one number"),
        ({"background": 0, "liver": True}, "'liver'"),
    ],
)
def test_labels_that_are_no_classes_are_refused(layout, labels, problem):
    folder = layout(*ONE, labels=labels)

    with pytest.raises(DatasetError, match=problem):
        list_pairs(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_header_is_refused(layout, content):
    folder = layout(*ONE)
    (folder / "dataset.json").write_bytes(content)

    with pytest.raises(DatasetError, match=r"dataset\.json cannot be read"):
        list_pairs(folder)


def test_a_header_that_is_no_object_is_refused(layout):
    folder = layout(*ONE)
    (folder / "dataset.json").write_text("[]")

    with pytest.raises(DatasetError, match="is not a JSON object"):
        list_pairs(folder)


def test_a_missing_header_is_refused(layout):
    folder = layout(*ONE)
    (folder / "dataset.json").unlink()

    with pytest.raises(DatasetError, match=r"has imagesTr and no dataset\.json"):
        list_pairs(folder)


def test_files_that_a_mac_leaves_are_no_cases_even_if_the_header_counts_them(layout):
    folder = layout(*ONE, "imagesTr/._a_0000.nii.gz", "labelsTr/._a.nii.gz", numTraining=2)

    assert [pair.name for pair in list_pairs(folder).pairs] == ["a"]


def test_a_truncated_copy_is_refused(layout):
    folder = layout(*ONE, numTraining=3)

    with pytest.raises(DatasetError, match=r"states 3 training cases, .* holds 1"):
        list_pairs(folder)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["labelsTr/b.nii.gz"], "There is no image in imagesTr for 1 mask of labelsTr: b"),
        (["imagesTr/b.nii.gz"], r"imagesTr/b\.nii\.gz does not end in a channel number"),
        (["imagesTr/b_01.nii.gz"], r"imagesTr/b_01\.nii\.gz does not end in a channel number"),
        (["imagesTr/a_0000.png"], "two files for channel 0000 of a"),
        (["imagesTr/a_0002.nii.gz"], "The channels of a in imagesTr are 0, 2"),
    ],
)
def test_files_that_are_out_of_place_are_refused(layout, names, problem):
    folder = layout(*ONE, *names)

    with pytest.raises(DatasetError, match=problem):
        list_pairs(folder)


@pytest.mark.parametrize("key", ["channel_names", "modality"])
def test_a_missing_channel_is_refused(layout, key):
    folder = layout(*ONE, **{key: {"0": "T1", "1": "T2"}})

    with pytest.raises(DatasetError, match=r"a has 1 channel, and .* names 2"):
        list_pairs(folder)


def test_the_colours_of_a_png_lie_in_one_file(layout):
    folder = layout("imagesTr/a_0000.png", "labelsTr/a.png", channel_names={"0": "R", "1": "G", "2": "B"})

    assert len(list_pairs(folder).pairs[0].channels) == 1
