"""One file of any format becomes one upright 8-bit RGB image, or is refused with advice."""

import struct
import sys
import zlib
from contextlib import suppress

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from arogya_bench.errors import ConfigError, DatasetError, MissingExtra
from arogya_bench.images.decoding import IMAGE_SUFFIXES, decode, is_image

PATCHES = np.zeros((40, 60, 3), dtype=np.uint8)
PATCHES[:10, :20], PATCHES[:10, 40:], PATCHES[30:, 40:] = (250, 0, 0), (0, 0, 250), (0, 250, 0)


def oriented(value):
    exif = PIL.Image.Exif()
    exif[0x0112] = value
    return exif


def turned(pixels, value):
    """What the EXIF standard asks a viewer to do, in numpy."""
    moves = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a.swapaxes(0, 1), 2),
        8: np.rot90,
    }
    return moves[value](pixels)


@pytest.fixture
def deep():
    """A 12-bit image, 40 x 60."""
    return np.random.default_rng(0).integers(100, 4000, (40, 60), dtype=np.uint16)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "bmp"])
def test_lossless_pixels_are_those_of_the_file(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    PIL.Image.fromarray(PATCHES).save(tmp_path / f"a.{suffix}", **options)

    np.testing.assert_array_equal(decode(tmp_path / f"a.{suffix}"), PATCHES)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("value", range(1, 9))
def test_the_image_is_upright(tmp_path, suffix, value):
    file = tmp_path / f"a.{suffix}"
    PIL.Image.fromarray(PATCHES).save(file, exif=oriented(value), quality=95)

    image = decode(file)

    expected = turned(PATCHES, value)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 5


@pytest.mark.parametrize(
    ("kind", "suffix"), [(np.uint8, "png"), (np.uint8, "tif"), (np.uint16, "png"), (np.uint16, "tif"), (float, "tif")]
)
@pytest.mark.parametrize("value", [3, 6])
def test_a_grey_image_is_upright(tmp_path, kind, suffix, value):
    stored = PATCHES[..., 0].astype(np.float32 if kind is float else kind)
    PIL.Image.fromarray(stored).save(tmp_path / f"a.{suffix}", exif=oriented(value))

    image = decode(tmp_path / f"a.{suffix}", window=(0, 255))

    np.testing.assert_array_equal(image[..., 0], turned(stored, value))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_8_bit_kind_becomes_rgb(tmp_path, mode):
    PIL.Image.new(mode, (6, 4), 1).save(tmp_path / "a.png")

    image = decode(tmp_path / "a.png")

    assert (image.shape, image.dtype, image.flags.writeable) == ((4, 6, 3), np.uint8, True)


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_palette_gives_its_colours(tmp_path, suffix):
    PIL.Image.fromarray(PATCHES).quantize(8).save(tmp_path / f"a.{suffix}")

    assert np.abs(decode(tmp_path / f"a.{suffix}").astype(int) - PATCHES).max() < 10


def test_alpha_is_dropped_and_not_composed(tmp_path):
    transparent = np.dstack([PATCHES, np.zeros((40, 60), np.uint8)])
    PIL.Image.fromarray(transparent).save(tmp_path / "a.png")

    np.testing.assert_array_equal(decode(tmp_path / "a.png"), PATCHES)


def test_cmyk_is_converted(tmp_path):
    PIL.Image.fromarray(PATCHES).convert("CMYK").save(tmp_path / "a.jpg", quality=95)

    image = decode(tmp_path / "a.jpg")

    assert image[5, 10] == pytest.approx([250, 0, 0], abs=12)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_shown_through_the_window(tmp_path, deep, suffix):
    PIL.Image.fromarray(deep).save(tmp_path / f"a.{suffix}")

    image = decode(tmp_path / f"a.{suffix}", window=(1000, 2020))

    expected = np.clip((deep.astype(int) - 1000) / 4, 0, 255)
    assert np.abs(image[..., 1] - expected).max() <= 0.5


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_without_a_window_are_refused_with_what_the_file_holds(tmp_path, deep, suffix):
    PIL.Image.fromarray(deep).save(tmp_path / f"a.{suffix}")

    with pytest.raises(DatasetError, match=rf"a\.{suffix} holds values of type uint16") as refusal:
        decode(tmp_path / f"a.{suffix}")

    assert f"from {deep.min()} to {deep.max()}" in refusal.value.problem
    assert "dataset.window=[low,high]" in refusal.value.fix
    assert f"[{deep.min()},{deep.max()}]" in refusal.value.fix


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_of_16_bits_keep_them_until_the_window(tmp_path, suffix):
    stored = np.random.default_rng(0).integers(0, 4096, (4, 6, 3), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), stored[..., ::-1])

    image = decode(tmp_path / f"a.{suffix}", window=(0, 4095))

    assert np.abs(image - stored * (255 / 4095)).max() <= 0.5
    with pytest.raises(DatasetError, match="holds values of type uint16"):
        decode(tmp_path / f"a.{suffix}")


def test_colours_of_16_bits_are_upright(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), PATCHES[..., ::-1].astype(np.uint16) * 257)
    png, exif = (tmp_path / "a.png").read_bytes(), oriented(6).tobytes()[6:]
    check = struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + check
    (tmp_path / "a.png").write_bytes(png[:33] + chunk + png[33:])  # behind the header

    image = decode(tmp_path / "a.png", window=(0, 65535))

    np.testing.assert_array_equal(image, turned(PATCHES, 6))


def test_floats_are_shown_through_the_window(tmp_path):
    PIL.Image.fromarray(np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)).save(tmp_path / "a.tif")

    image = decode(tmp_path / "a.tif", window=(-1, 1))

    assert (image[0, 0, 0], image[-1, -1, 0]) == (0, 255)
    with pytest.raises(DatasetError, match="type float32 from -1 to 1"):
        decode(tmp_path / "a.tif")


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_finite_number_is_refused(tmp_path, odd):
    values = np.ones((4, 6), dtype=np.float32)
    values[0, :2] = odd
    PIL.Image.fromarray(values).save(tmp_path / "a.tif")

    with pytest.raises(DatasetError, match=r"a\.tif holds 2 of 24 values that are not finite"):
        decode(tmp_path / "a.tif", window=(0, 1))


def test_a_tiff_in_which_white_is_zero_is_shown_as_meant(tmp_path, deep):
    PIL.Image.fromarray(deep).save(tmp_path / "a.tif", tiffinfo={262: 0})
    PIL.Image.fromarray(deep).save(tmp_path / "b.tif")

    inverse, plain = (decode(tmp_path / f"{n}.tif", window=(0, 4095)) for n in "ab")

    np.testing.assert_array_equal(inverse, 255 - plain)


def test_8_bits_have_no_use_for_the_window(tmp_path):
    PIL.Image.fromarray(PATCHES).save(tmp_path / "a.png")

    np.testing.assert_array_equal(decode(tmp_path / "a.png", window=(0, 4095)), PATCHES)


def test_a_window_upside_down_is_refused(tmp_path, deep):
    PIL.Image.fromarray(deep).save(tmp_path / "a.png")

    with pytest.raises(ConfigError, match=r"dataset\.window=\[5, 5\]"):
        decode(tmp_path / "a.png", window=(5, 5))


@pytest.mark.parametrize("suffix", ["tif", "png", "webp", "gif"])
def test_several_frames_are_refused(tmp_path, suffix):
    first, second = (PIL.Image.new("RGB", (6, 4), colour) for colour in ("red", "blue"))
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=[second])

    with pytest.raises(DatasetError, match=rf"a\.{suffix} holds 2 frames"):
        decode(tmp_path / f"a.{suffix}")


def test_a_photograph_with_a_preview_behind_it_is_one_image(tmp_path):
    first, second = (PIL.Image.new("RGB", (6, 4), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])

    assert decode(tmp_path / "a.jpg")[..., 0].min() > 250


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    PIL.Image.fromarray(PATCHES).save(tmp_path / "a.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)

    with pytest.raises(DatasetError, match=r"a\.png cannot be decoded: .*decompression bomb"):
        decode(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp", "gif"])
def test_a_truncated_file_is_refused(picture, tmp_path, suffix):
    picture(f"a.{suffix}")
    file = tmp_path / f"a.{suffix}"
    file.write_bytes(file.read_bytes()[:900])

    with pytest.raises(DatasetError, match=rf"a\.{suffix} cannot be decoded"):
        decode(file)


@pytest.mark.parametrize("content", [b"", b"text", b"GIF89a", b"\xff\xd8\xff", b"RIFF", b"\x1f\x8b"])
def test_what_is_no_image_is_refused_without_the_place_of_the_file(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)

    with pytest.raises(DatasetError, match=r"The image a\.png cannot be decoded") as refusal:
        decode(tmp_path / "a.png")

    assert str(tmp_path) not in str(refusal.value)
    assert ".nii.gz" in refusal.value.fix


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"a\.png cannot be opened: No such file"):
        decode(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.dcm", "a.nii", "a.nii.gz", "a.tif", "noise"])
def test_the_content_and_not_the_name_tells_the_format(tmp_path, name):
    PIL.Image.fromarray(PATCHES).save(tmp_path / name, format="PNG")

    np.testing.assert_array_equal(decode(tmp_path / name), PATCHES)


@pytest.mark.parametrize(("name", "package"), [("a.dcm", "pydicom"), ("a.nii", "nibabel")])
def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch, name, package):
    (tmp_path / name).write_bytes(bytes(400))
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtra, match=package) as refusal:
        decode(tmp_path / name)

    assert "[dicom]" in refusal.value.fix


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # it does not stop the reader
@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp", "gif"])
@pytest.mark.fuzz
def test_random_bytes_are_never_a_traceback(picture, tmp_path, suffix, fuzz_seed):
    picture(f"a.{suffix}")
    file, rng = tmp_path / f"a.{suffix}", np.random.default_rng(fuzz_seed)
    content = bytearray(file.read_bytes())
    for place in rng.integers(0, 200, 6):
        content[place] = rng.integers(256)
    file.write_bytes(content)

    with suppress(DatasetError):
        decode(file, window=(0, 255))


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_a_name_with_a_known_suffix_is_that_of_an_image(suffix):
    assert is_image(f"x/a{suffix}")
    assert is_image(f"A{suffix.upper()}")


@pytest.mark.parametrize("name", ["a.txt", "a.gz", "a", "._a.jpg", "x/.jpg", "a.json"])
def test_other_names_and_hidden_ones_are_not(name):
    assert not is_image(name)
