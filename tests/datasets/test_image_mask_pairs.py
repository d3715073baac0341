"""Images and masks are paired by name, and a pair that does not fit is refused."""

import json
import shutil

import nibabel
import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.image_mask_pairs import ImageMaskPairs
from arogya_bench.errors import ConfigError, DatasetError

DISC = np.zeros((40, 60), dtype=np.uint8)
DISC[10:20, 30:50] = 1


@pytest.fixture
def draw(tmp_path):
    """Write a mask below the folder of this test."""

    def write(name, values=DISC, **options):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(np.asarray(values)).save(file, **options)

    return write


@pytest.fixture
def scan(tmp_path):
    """Write a NIfTI file; 2 of its 4 slices show something."""

    def write(name, values=None, affine=None):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if values is None:
            values = np.zeros((6, 5, 4), dtype=np.uint8)
            values[1, 2, 1], values[3, 3, 2] = 1, 1
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine), file)

    return write


def pairs(folder, **options):
    return ImageMaskPairs(path=str(folder), licence="CC0-1.0", **options)


def ct(seed=0):
    return np.random.default_rng(seed).integers(-1000, 1000, (6, 5, 4), dtype=np.int16)


def test_names_pair_images_with_masks(picture, draw, tmp_path):
    pixels = picture("images/a.png")
    picture("images/x/b.jpg")
    draw("masks/a.png")
    draw("masks/x/b.png")

    dataset = pairs(tmp_path).load()

    assert (dataset.task, dataset.classes) == ("segmentation", ("background", "foreground"))
    assert [case.case_id for case in dataset.cases] == ["a", "x/b"]
    assert all(case.target is None and case.boxes is None for case in dataset.cases)
    assert dataset.files == {"a": tmp_path / "images/a.png", "x/b": tmp_path / "images/x/b.jpg"}
    np.testing.assert_array_equal(dataset.read(dataset.cases[0]), pixels)
    np.testing.assert_array_equal(dataset.read_mask(dataset.cases[0]), DISC)
    assert (dataset.read_mask(dataset.cases[0]).dtype, dataset.notes) == (np.uint8, ())


@pytest.mark.parametrize("suffix", ["", "_mask", "_segmentation"])
def test_a_mask_may_have_a_suffix(picture, draw, tmp_path, suffix):
    picture("images/a.png")
    draw(f"masks/a{suffix}.png")

    assert len(pairs(tmp_path).load().cases) == 1


def test_images_and_masks_may_lie_together(picture, draw, tmp_path):
    picture("benign (1).png")
    draw("benign (1)_lesion.png")

    dataset = pairs(tmp_path, images=".", masks=".", suffixes=["_lesion"]).load()

    assert [case.case_id for case in dataset.cases] == ["benign (1)"]


def test_masks_may_lie_in_a_folder_among_the_images(picture, draw, tmp_path):
    picture("a.png")
    draw("masks/a.png")

    assert [case.case_id for case in pairs(tmp_path, images=".").load().cases] == ["a"]


def test_an_image_without_a_mask_is_left_out_and_said(picture, draw, tmp_path):
    picture("images/a.png")
    picture("images/b.png")
    draw("masks/a.png")

    dataset = pairs(tmp_path).load()

    assert dataset.notes == ("Images without a mask, excluded: 1: b.",)


@pytest.mark.parametrize(
    ("images", "masks", "problem"),
    [
        (["a"], ["a", "b"], r"There is no image for 1 of 2 masks: masks/b\.png"),
        (["a"], ["a", "a_mask"], r"There are several masks for 1 image; a has a\.png, a_mask\.png"),
        (["a"], ["a_mask", "a_mask_1"], r"There are several masks for 1 image; a has a_mask\.png, a_mask_1\.png"),
        (["a"], [], "holds neither the folder masks nor imagesTr"),
        ([], ["a"], "holds neither the folder images nor imagesTr"),
    ],
)
def test_pairs_that_are_unclear_are_refused(picture, draw, tmp_path, images, masks, problem):
    for name in images:
        picture(f"images/{name}.png")
    for name in masks:
        draw(f"masks/{name}.png")

    with pytest.raises(DatasetError, match=problem):
        pairs(tmp_path).load()


def test_no_pair_at_all_is_refused(picture, tmp_path):
    picture("images/a.png")
    (tmp_path / "masks").mkdir()

    with pytest.raises(DatasetError, match=r"There is no mask in .* for 1 image in") as refusal:
        pairs(tmp_path).load()

    assert "dataset.suffixes" in refusal.value.fix


def test_two_images_of_one_name_are_refused(picture, draw, tmp_path):
    picture("images/a.png")
    picture("images/a.jpg")
    draw("masks/a.png")

    with pytest.raises(DatasetError, match=r"a\.jpg and a\.png in .* have the same name"):
        pairs(tmp_path).load()


def test_a_mask_in_dicom_is_refused(picture, tmp_path):
    picture("images/a.png")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.dcm").touch()

    with pytest.raises(DatasetError, match=r"format of 1 mask is not supported: masks/a\.dcm"):
        pairs(tmp_path).load()


@pytest.mark.parametrize("name", ["/etc", "../x", "a\\b"])
def test_a_folder_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(DatasetError, match=r"dataset\.images names"):
        pairs(tmp_path, images=name).load()


def test_a_mask_of_another_size_is_refused(picture, draw, tmp_path):
    picture("images/a.png")
    draw("masks/a.png", DISC[:, :50])

    with pytest.raises(DatasetError, match=r"a\.png has 50 x 40 pixels.* 60 x 40 pixels"):
        pairs(tmp_path).load()


@pytest.mark.parametrize("value", [3, 6])
def test_a_tag_that_turns_the_image_alone_is_refused(picture, draw, tmp_path, value):
    exif = PIL.Image.Exif()
    exif[0x0112] = value
    picture("images/a.jpg", exif=exif)
    draw("masks/a.png")

    with pytest.raises(DatasetError, match=f"EXIF orientation {value} and its mask") as refusal:
        pairs(tmp_path).load()

    assert "save the image upright" in refusal.value.fix


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_tag_on_both_turns_both(picture, draw, tmp_path, suffix):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    pixels = picture(f"images/a.{suffix}", exif=exif)
    draw(f"masks/a.{suffix}", exif=exif)

    dataset = pairs(tmp_path).load()

    np.testing.assert_array_equal(dataset.read(dataset.cases[0]), np.rot90(pixels, -1))
    np.testing.assert_array_equal(dataset.read_mask(dataset.cases[0]), np.rot90(DISC, -1))


def test_a_damaged_image_is_found_when_it_is_read(picture, draw, tmp_path):
    picture("images/a.png")
    draw("masks/a.png")
    (tmp_path / "images" / "b.png").write_bytes(b"")
    draw("masks/b.png")

    dataset = pairs(tmp_path).load()

    with pytest.raises(DatasetError, match=r"b\.png cannot be decoded"):
        dataset.read(dataset.cases[1])
    with pytest.raises(DatasetError, match=r"b\.png cannot be decoded"):
        dataset.read_mask(dataset.cases[1])


def test_a_damaged_mask_is_found_when_it_is_read(picture, draw, tmp_path):
    picture("images/a.png")
    draw("masks/a.png")
    file = tmp_path / "masks" / "a.png"
    file.write_bytes(file.read_bytes()[:70])

    dataset = pairs(tmp_path).load()

    with pytest.raises(DatasetError, match=r"The mask a\.png cannot be decoded"):
        dataset.read_mask(dataset.cases[0])


def test_white_is_the_foreground_where_two_classes_allow_no_other(picture, draw, tmp_path):
    picture("images/a.png")
    draw("masks/a.png", DISC * 255)

    dataset = pairs(tmp_path).load()

    np.testing.assert_array_equal(dataset.read_mask(dataset.cases[0]), DISC)
    assert dataset.notes == ("Masks with only 0 and 255 are read as background and foreground.",)


def test_white_is_no_class_of_three(picture, draw, tmp_path):
    picture("images/a.png")
    draw("masks/a.png", DISC * 255)
    dataset = pairs(tmp_path, classes=["background", "skin", "lesion"]).load()

    with pytest.raises(DatasetError, match=r"a\.png holds the value 255.*0 to 2") as refusal:
        dataset.read_mask(dataset.cases[0])

    assert "dataset.classes" in refusal.value.fix


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("values", "colour", r"dataset\.values='colour'"),
        ("empty_slices", "skip", r"dataset\.empty_slices='skip'"),
        ("classes", ["one"], r"dataset\.classes=\['one'\]"),
        ("classes", ["a", "a"], r"dataset\.classes"),
        ("suffixes", [], r"dataset\.suffixes=\[\]"),
        ("window", [3, 2], r"dataset\.window"),
        ("channel", 1, r"dataset\.channel=1"),
        ("group", "(", r"dataset\.group"),
    ],
)
def test_an_option_out_of_range_is_refused(picture, draw, tmp_path, option, value, problem):
    picture("images/a.png")
    draw("masks/a.png")

    with pytest.raises(ConfigError, match=problem):
        pairs(tmp_path, **{option: value}).load()


@pytest.mark.parametrize("values", ["binary", "threshold"])
def test_two_values_need_two_classes(picture, draw, tmp_path, values):
    picture("images/a.png")
    draw("masks/a.png")

    with pytest.raises(ConfigError, match=f"dataset.values={values} needs two classes"):
        pairs(tmp_path, values=values, classes=["a", "b", "c"]).load()


def test_a_regular_expression_finds_the_patient(picture, draw, tmp_path):
    for name in ("p1-a", "p1-b", "p2-a"):
        picture(f"images/{name}.png")
        draw(f"masks/{name}.png")

    dataset = pairs(tmp_path, group="^(p[0-9]+)").load()

    assert dataset.grouped
    assert [case.group_id for case in dataset.cases] == ["p1", "p1", "p2"]


def test_every_slice_is_a_case_and_the_volume_its_group(scan, tmp_path):
    scan("images/v.nii.gz", ct())
    scan("masks/v.nii.gz")

    dataset = pairs(tmp_path, window=[-1000, 1000]).load()

    assert [case.case_id for case in dataset.cases] == ["v#0", "v#1", "v#2", "v#3"]
    assert {case.group_id for case in dataset.cases} == {"v"}
    assert (dataset.grouped, dataset.files) == (True, {})
    assert dataset.read(dataset.cases[1]).shape == (5, 6, 3)
    mask = dataset.read_mask(dataset.cases[1])
    assert mask.shape == (5, 6)
    assert np.argwhere(mask).tolist() == [[2, 1]]
    assert dataset.notes == (
        "Slices without foreground, kept; overlap is undefined if a model finds none: 2: v#0, v#3.",
    )


def test_slices_without_foreground_can_be_left_out(scan, tmp_path):
    scan("images/v.nii.gz", ct())
    scan("masks/v.nii.gz")

    dataset = pairs(tmp_path, empty_slices="drop").load()

    assert [case.case_id for case in dataset.cases] == ["v#1", "v#2"]
    assert dataset.notes == ("Slices without foreground, excluded: 2: v#0, v#3.",)


def test_volumes_without_any_foreground_are_refused(scan, tmp_path):
    scan("images/v.nii.gz", ct())
    scan("masks/v.nii.gz", np.zeros((6, 5, 4), np.uint8))

    with pytest.raises(DatasetError, match="None of the 4 slices"):
        pairs(tmp_path, empty_slices="drop").load()


def test_image_and_mask_are_turned_alike(scan, tmp_path):
    affine = np.diag([-1.0, 1, 1, 1])
    image, mask = ct(), np.zeros((6, 5, 4), np.uint8)
    image[4, 1, 2], mask[4, 1, 2] = 3000, 1
    scan("images/v.nii.gz", image, affine)
    scan("masks/v.nii.gz", mask, affine)

    dataset = pairs(tmp_path, window=[2000, 3000]).load()

    shown = dataset.read(dataset.cases[2])[..., 0] > 0
    np.testing.assert_array_equal(shown, dataset.read_mask(dataset.cases[2]) > 0)


@pytest.mark.parametrize(
    ("values", "affine", "problem"),
    [
        (np.zeros((6, 5, 3), np.uint8), np.eye(4), "6 x 5 x 3 voxels.* 6 x 5 x 4 voxels"),
        (np.ones((6, 5, 4), np.uint8), np.diag([-1, -1, 1, 1]), "are LPS.* RAS"),
    ],
)
def test_a_mask_of_another_volume_is_refused(scan, tmp_path, values, affine, problem):
    scan("images/v.nii.gz", ct())
    scan("masks/v.nii.gz", values, affine)

    with pytest.raises(DatasetError, match=problem):
        pairs(tmp_path).load()


def test_a_damaged_volume_is_refused_since_its_slices_cannot_be_counted(scan, tmp_path):
    scan("images/v.nii.gz", ct())
    scan("masks/v.nii.gz")
    (tmp_path / "images" / "v.nii.gz").write_bytes(b"\x1f\x8b")

    with pytest.raises(DatasetError, match=r"v\.nii\.gz cannot be read"):
        pairs(tmp_path).load()


def test_flat_nifti_is_one_case(scan, tmp_path):
    scan("images/v.nii.gz", ct()[:, :, :1])
    scan("masks/v.nii.gz", np.ones((6, 5, 1), np.uint8))

    dataset = pairs(tmp_path, window=[-1000, 1000]).load()

    assert [case.case_id for case in dataset.cases] == ["v"]
    assert not dataset.grouped
    assert dataset.read(dataset.cases[0]).shape[:2] == dataset.read_mask(dataset.cases[0]).shape


@pytest.fixture
def nnunet(tmp_path, scan):
    """Write volumes in the layout of nnU-Net."""

    def write(train=("a", "b"), test=(), channels=1, **header):
        for part, cases in (("Tr", train), ("Ts", test)):
            for seed, case in enumerate(cases):
                for channel in range(channels):
                    scan(f"images{part}/{case}_{channel:04}.nii.gz", ct(seed + 10 * channel))
                scan(f"labels{part}/{case}.nii.gz")
        content = {
            "channel_names": {str(n): f"channel {n}" for n in range(channels)},
            "labels": {"background": 0, "tumour": 1},
            "numTraining": len(train),
            "file_ending": ".nii.gz",
            **header,
        }
        (tmp_path / "dataset.json").write_text(json.dumps(content))

    return write


def test_the_layout_of_nnunet_is_read(nnunet, tmp_path):
    nnunet(train=("a", "b"), test=("c",))

    dataset = pairs(tmp_path, window=[-1000, 1000], empty_slices="drop").load()

    assert dataset.classes == ("background", "tumour")
    assert {case.group_id: case.split for case in dataset.cases} == {"a": "train", "b": "train", "c": "test"}
    assert dataset.read(dataset.cases[0]).shape == (5, 6, 3)
    assert dataset.read_mask(dataset.cases[0]).max() == 1


def test_several_channels_of_a_volume_are_refused_and_one_can_be_chosen(nnunet, tmp_path):
    nnunet(train=("a",), channels=2)

    with pytest.raises(DatasetError, match="a has 2 channels of a volume") as refusal:
        pairs(tmp_path).load()
    first, second = (pairs(tmp_path, channel=n, window=[-1000, 1000]).load() for n in (0, 1))

    assert "dataset.channel=0" in refusal.value.fix
    assert first.digest != second.digest
    assert (first.read(first.cases[0]) != second.read(second.cases[0])).any()


def test_three_flat_channels_are_red_green_and_blue(draw, tmp_path):
    planes = [np.full((40, 60), level, np.uint8) for level in (10, 20, 30)]
    for number, plane in enumerate(planes):
        draw(f"imagesTr/a_{number:04}.png", plane)
    draw("labelsTr/a.png")
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "cell": 1}}')

    dataset = pairs(tmp_path).load()

    np.testing.assert_array_equal(dataset.read(dataset.cases[0]), np.dstack(planes))


def test_channels_of_different_size_are_refused(draw, tmp_path):
    for number in range(3):
        draw(f"imagesTr/a_{number:04}.png", DISC)
    draw("labelsTr/a.png")
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "cell": 1}}')
    dataset = pairs(tmp_path).load()
    draw("imagesTr/a_0002.png", DISC[:5])

    with pytest.raises(DatasetError, match="channels of a differ in size"):
        dataset.read(dataset.cases[0])


def test_a_case_of_another_dataset_is_refused(picture, draw, tmp_path):
    picture("images/a.png")
    draw("masks/a.png")
    dataset = pairs(tmp_path).load()
    picture("images/b.png")
    draw("masks/b.png")
    other = pairs(tmp_path).load().cases[1]

    with pytest.raises(DatasetError, match="No image belongs to case 'b'"):
        dataset.read(other)
    with pytest.raises(DatasetError, match="No image belongs to case 'b'"):
        dataset.read_mask(other)


def test_the_digest_follows_from_the_content_and_not_from_the_place(picture, draw, tmp_path):
    picture("set/images/a.png")
    draw("set/masks/a.png")
    shutil.copytree(tmp_path / "set", tmp_path / "copy")

    first, moved = (pairs(tmp_path / name).load().digest for name in ("set", "copy"))
    draw("copy/masks/a.png", 1 - DISC)
    redrawn = pairs(tmp_path / "copy").load().digest
    named = pairs(tmp_path / "set", classes=["nothing", "cell"]).load().digest

    assert first == moved
    assert len({first, redrawn, named}) == 3
    assert len(first) == 32


def test_the_card_is_that_of_the_config(picture, draw, tmp_path):
    picture("images/a.png")
    draw("masks/a.png")

    dataset = pairs(tmp_path, name="cells", citation="A 2020", version="2", source="there").load()

    assert (dataset.name, dataset.citation, dataset.version) == ("cells", "A 2020", "2")
    assert (dataset.source, dataset.licence) == ("there", "CC0-1.0")


def test_a_missing_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(DatasetError, match="No folder at") as refusal:
        pairs(tmp_path / "nowhere", obtain="Ask at https://example.org.").load()

    assert "https://example.org" in refusal.value.fix
    assert "imagesTr" in refusal.value.fix
