"""A mask gives every pixel one class, or is refused with the number that stands for none."""

import nibabel
import numpy as np
import PIL.Image
import pytest

from arogya_bench.errors import DatasetError
from arogya_bench.images.masks import ImageGeometry, check_same_geometry, decode_mask, read_geometry, read_mask_values

TWO = ("background", "lesion")
FOUR = ("background", "a", "b", "c")
LEVELS = np.array([[0, 1], [2, 3]], dtype=np.uint8)


@pytest.fixture
def save(tmp_path):
    def written(image, name="m.png", **options):
        image = image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return written


def palette(values):
    image = PIL.Image.fromarray(values).convert("P")
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    image.putdata(values.ravel().tolist())
    return image


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.bmp"])
def test_numbers_are_indices(save, name):
    mask = decode_mask(save(LEVELS, name), 0, FOUR, "auto")

    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, LEVELS)


def test_the_indices_of_a_palette_count_and_not_its_colours(save):
    np.testing.assert_array_equal(decode_mask(save(palette(LEVELS)), 0, FOUR, "index"), LEVELS)


@pytest.mark.parametrize("shape", [3, 4])
def test_equal_channels_are_one(save, shape):
    values = np.repeat(LEVELS[..., None], shape, axis=2)
    values[..., 3:] = 255

    np.testing.assert_array_equal(decode_mask(save(values), 0, FOUR, "index"), LEVELS)


def test_one_bit_is_background_or_foreground(save):
    file = save(PIL.Image.fromarray(LEVELS * 255).convert("1", dither=0))

    assert set(read_mask_values(file, 0).ravel().tolist()) <= {0, 1}


def test_sixteen_bits_may_hold_indices(save):
    np.testing.assert_array_equal(decode_mask(save(LEVELS.astype(np.uint16)), 0, FOUR, "index"), LEVELS)


def test_colours_are_refused(save):
    colours = np.zeros((2, 2, 3), np.uint8)
    colours[0, 0, 0] = 9

    with pytest.raises(DatasetError, match=r"m\.png holds colours"):
        read_mask_values(save(colours), 0)


def test_fractions_are_refused(save):
    with pytest.raises(DatasetError, match=r"m\.tif holds fractions, such as 0\.5"):
        read_mask_values(save(LEVELS.astype(np.float32) / 2, "m.tif"), 0)


def test_nan_is_refused(save):
    with pytest.raises(DatasetError, match=r"The mask m\.tif holds 4 of 4 values"):
        read_mask_values(save(np.full((2, 2), np.nan, np.float32), "m.tif"), 0)


def test_several_frames_are_refused(save):
    file = save(LEVELS, "m.tif", save_all=True, append_images=[PIL.Image.fromarray(LEVELS)])

    with pytest.raises(DatasetError, match=r"m\.tif holds 2 frames"):
        read_mask_values(file, 0)


@pytest.mark.parametrize("values", ["auto", "binary"])
def test_white_is_the_foreground(save, values):
    mask = decode_mask(save(np.array([[0, 255]], np.uint8)), 0, TWO, values)

    assert mask.tolist() == [[0, 1]]


def test_an_empty_mask_is_background(save):
    assert decode_mask(save(np.zeros((2, 2), np.uint8)), 0, TWO, "auto").tolist() == [[0, 0], [0, 0]]


def test_what_jpeg_blurred_is_refused_with_advice_and_can_be_cut_in_the_middle(save):
    sharp = np.zeros((32, 32), np.uint8)
    sharp[5:21, 9:25] = 255
    file = save(sharp, "m.jpg", quality=50)

    with pytest.raises(DatasetError, match=r"m\.jpg holds the value .* 0 to 1") as refusal:
        decode_mask(file, 0, TWO, "auto")

    assert "threshold" in refusal.value.fix
    np.testing.assert_array_equal(decode_mask(file, 0, TWO, "threshold"), sharp > 0)


@pytest.mark.parametrize(
    ("stored", "values", "problem"),
    [
        ([[0, 4]], "index", r"the value 4; allowed are 0 to 3 \(background, a, b, c\)"),
        ([[0, 1]], "binary", r"the value 1; allowed are 0 and 255"),
        ([[-1, 0]], "index", "the value -1"),
    ],
)
def test_a_number_without_a_class_is_refused(save, stored, values, problem):
    stored = np.array(stored)
    file = save(stored.astype(np.int32), "m.tif")

    with pytest.raises(DatasetError, match=problem):
        decode_mask(file, 0, FOUR, values)


def test_a_label_map_of_floats_is_read_if_they_are_whole(tmp_path):
    values = np.zeros((3, 2, 2), np.float32)
    values[2, 1, 1] = 3
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "m.nii")

    assert decode_mask(tmp_path / "m.nii", 1, FOUR, "auto").tolist() == [[0, 0, 3], [0, 0, 0]]


@pytest.mark.parametrize("content", [b"", b"\x89PNG"])
def test_a_damaged_mask_is_refused(tmp_path, content):
    (tmp_path / "m.png").write_bytes(content)

    with pytest.raises(DatasetError, match=r"The mask m\.png cannot be decoded") as refusal:
        read_mask_values(tmp_path / "m.png", 0)
    with pytest.raises(DatasetError, match=r"The file m\.png cannot be decoded"):
        read_geometry(tmp_path / "m.png")

    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize("name", ["m.png", "m.jpg", "m.tif"])
@pytest.mark.parametrize(("value", "size"), [(1, (6, 4)), (3, (6, 4)), (6, (4, 6))])
def test_the_size_is_that_of_the_upright_image(save, name, value, size):
    exif = PIL.Image.Exif()
    exif[0x0112] = value

    assert read_geometry(save(np.zeros((4, 6), np.uint8), name, exif=exif)) == (*size, 1, value, "")


def test_equal_headers_fit():
    check_same_geometry(ImageGeometry(3, 2), ImageGeometry(3, 2), "a.png", "m.png")


def test_axes_are_compared_only_where_both_are_known():
    check_same_geometry(ImageGeometry(3, 2, axes="RAS"), ImageGeometry(3, 2), "a.nii", "m.png")
