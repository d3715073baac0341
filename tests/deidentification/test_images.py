"""A cleaned image holds pixels and nothing else, as an independent program sees it."""

import json
import subprocess
import zlib
from io import BytesIO

import cv2
import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pytest

from arogya_bench.deidentification.cleaned_file import CleaningError
from arogya_bench.deidentification.images import clean

# What every image has: its format, and how it was compressed.
STRUCTURE = {"File", "ExifTool", "System", "JFIF", "PNG", "Composite"}


def cleaned(content, quality=95):
    return clean(content, quality=quality)


def pixels_of(content):
    with PIL.Image.open(BytesIO(content)) as image:
        return np.asarray(image)


def encoded(image, suffix, **options):
    buffer = BytesIO()
    image.save(buffer, suffix, **options)
    return buffer.getvalue()


def seen_by(exiftool, content, file):
    file.write_bytes(content)
    said = subprocess.run([exiftool, "-a", "-G1", "-s", "-j", "-U", str(file)], capture_output=True, check=True)
    return json.loads(said.stdout)[0]


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_exiftool_sees_metadata_before_and_none_after(made, exiftool, srgb, name, tmp_path, kind):
    pixels = made.smooth()
    content = {
        "jpg": made.jpeg(pixels, orientation=6, profile=srgb),
        "png": made.png(PIL.Image.fromarray(pixels), orientation=6, profile=srgb),
    }[kind]
    before = seen_by(exiftool, content, tmp_path / f"before.{kind}")

    after = seen_by(exiftool, cleaned(content).content, tmp_path / f"after.{kind}")

    groups = {key.split(":")[0] for key in after if ":" in key}
    assert {"IFD0", "GPS", "ExifIFD", "ICC-header"} <= {key.split(":")[0] for key in before}
    assert name in json.dumps(before)
    assert groups <= STRUCTURE
    assert not [key for key in after if "Comment" in key or "Warning" in key]
    assert name not in json.dumps(list(after.values())[2:])


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_no_byte_of_the_name_is_left(made, srgb, name, kind):
    pixels = made.smooth()
    make = {"jpg": made.jpeg, "png": lambda p, **o: made.png(PIL.Image.fromarray(p), **o)}[kind]

    result = cleaned(make(pixels, profile=srgb))

    assert name.encode() not in result.content
    assert {"EXIF", "XMP", "ICC", "trailing bytes"} <= result.removed.keys()


@pytest.mark.parametrize("turn", range(1, 9))
def test_pixels_are_turned_upright_and_the_tag_is_gone(made, turn):
    pixels = made.smooth()
    content = made.png(PIL.Image.fromarray(pixels), orientation=turn)

    result = cleaned(content)

    with PIL.Image.open(BytesIO(content)) as image:
        expected = np.asarray(PIL.ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(pixels_of(result.content), expected)
    assert (result.width, result.height, result.orientation) == (60, 40, turn)
    assert ("orientation" in result.removed) == (turn != 1)


def test_jpeg_stays_jpeg_and_loses_little(made):
    pixels = made.smooth()

    result = cleaned(made.jpeg(pixels))

    difference = np.abs(pixels_of(result.content).astype(int) - pixels)
    assert result.suffix == ".jpg"
    assert difference.mean() < 1.5
    assert difference.max() < 12


def test_chroma_is_not_subsampled_and_the_quality_is_applied(made):
    results = [
        PIL.Image.open(BytesIO(cleaned(made.jpeg(made.smooth()), quality=quality).content)) for quality in (95, 50)
    ]

    assert [image.layer[0][1:3] for image in results] == [(1, 1), (1, 1)]
    assert sum(results[0].quantization[0]) < sum(results[1].quantization[0])


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("suffix", ["PNG", "BMP", "TIFF"])
def test_lossless_images_keep_every_value(made, mode, suffix):
    image = PIL.Image.fromarray(made.smooth()).convert(mode)

    result = cleaned(encoded(image, suffix))

    assert result.suffix == ".png"
    np.testing.assert_array_equal(pixels_of(result.content), np.asarray(image))


@pytest.mark.parametrize("suffix", ["PNG", "TIFF"])
def test_sixteen_bits_stay_sixteen_bits(suffix):
    values = np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27

    result = cleaned(encoded(PIL.Image.fromarray(values), suffix))

    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(result.content, np.uint8), cv2.IMREAD_UNCHANGED), values)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_of_colour_stay_so(suffix):
    values = np.random.default_rng(0).integers(0, 65536, (40, 60, 3), dtype=np.uint16)
    content = cv2.imencode(suffix, values)[1].tobytes()

    result = cleaned(content)

    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(result.content, np.uint8), cv2.IMREAD_UNCHANGED), values)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_tiff_is_turned_once(made, turn):
    content = encoded(PIL.Image.fromarray(made.smooth()), "TIFF", tiffinfo={0x0112: turn})

    result = cleaned(content)

    with PIL.Image.open(BytesIO(content)) as image:
        np.testing.assert_array_equal(pixels_of(result.content), np.asarray(image))
    assert (result.width, result.height, result.orientation) == (60, 40, turn)


def test_a_sideways_tiff_of_sixteen_bits_is_turned_once():
    values = np.arange(2400, dtype=np.uint16).reshape(40, 60)
    content = encoded(PIL.Image.fromarray(values), "TIFF", tiffinfo={0x0112: 6})

    result = cleaned(content)

    stored = cv2.imdecode(np.frombuffer(result.content, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, np.rot90(values, -1))


@pytest.mark.parametrize("mode", ["P", "1", "YCbCr", "CMYK"])
def test_other_kinds_of_pixels_become_grey_or_rgb(made, mode):
    image = PIL.Image.fromarray(made.smooth()).convert(mode)

    suffix = {"CMYK": "TIFF", "YCbCr": "JPEG"}.get(mode, "PNG")

    result = cleaned(encoded(image, suffix, **({"quality": 95} if suffix == "JPEG" else {})))

    expected = image.convert("L" if mode == "1" else "RGB")
    difference = np.abs(pixels_of(result.content).astype(int) - np.asarray(expected))
    assert difference.max() <= (16 if mode == "YCbCr" else 0)


def test_a_cmyk_jpeg_becomes_an_rgb_jpeg(made):
    image = PIL.Image.fromarray(made.smooth()).convert("CMYK")

    result = cleaned(encoded(image, "JPEG", quality=95))

    assert result.suffix == ".jpg"
    difference = np.abs(pixels_of(result.content).astype(int) - np.asarray(image.convert("RGB")))
    assert difference.mean() < 4


def test_what_transparency_hides_is_gone(made, name):
    hidden = np.dstack([made.smooth(), np.zeros((40, 60), np.uint8)])

    result = cleaned(encoded(PIL.Image.fromarray(hidden), "PNG"))

    assert pixels_of(result.content).max() == 0


def test_a_profile_of_srgb_changes_no_pixel(made, srgb):
    pixels = made.smooth()

    result = cleaned(made.png(PIL.Image.fromarray(pixels), profile=srgb))

    np.testing.assert_array_equal(pixels_of(result.content), pixels)


def test_another_profile_is_converted_to_srgb(made, other_rgb):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[..., 0] = 200  # red in a space whose red is our green

    result = cleaned(made.png(PIL.Image.fromarray(pixels), profile=other_rgb))

    red, green, _ = pixels_of(result.content)[20, 30]
    assert green > 150 > red


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_broken_profile_is_no_guess_about_colours(made, suffix):
    pixels, profile = made.smooth(), b"\0" * 128
    content = (
        made.jpeg(pixels, profile=profile)
        if suffix == "jpg"
        else made.png(PIL.Image.fromarray(pixels), profile=profile)
    )

    with pytest.raises(CleaningError, match="colour profile is broken or does not fit"):
        cleaned(content)


def test_a_profile_of_another_kind_of_pixels_is_refused(made, srgb):
    grey = PIL.Image.fromarray(made.smooth()).convert("L")

    with pytest.raises(CleaningError, match="does not fit its pixels"):
        cleaned(encoded(grey, "PNG", icc_profile=srgb))


@pytest.mark.parametrize(("suffix", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {})])
def test_animations_and_stacks_are_refused(made, suffix, options):
    first, second = (PIL.Image.fromarray(made.smooth(seed=seed)) for seed in (1, 2))
    content = encoded(first, suffix, save_all=True, append_images=[second], **options)

    with pytest.raises(CleaningError, match="several frames"):
        cleaned(content)


@pytest.mark.parametrize("suffix", ["JPEG", "PNG", "TIFF", "BMP"])
def test_a_truncated_image_is_refused(made, suffix):
    content = encoded(PIL.Image.fromarray(made.smooth((600, 400))), suffix)

    with pytest.raises(CleaningError):
        cleaned(content[: len(content) * 2 // 3])


def test_floats_are_refused():
    content = encoded(PIL.Image.fromarray(np.ones((4, 6), np.float32)), "TIFF")

    with pytest.raises(CleaningError, match="32 bits per channel"):
        cleaned(content)


def test_a_bomb_is_refused_before_it_is_decoded():
    content = bytearray(encoded(PIL.Image.new("1", (8, 8)), "PNG"))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")

    with pytest.raises(CleaningError, match="more than 178956970 pixels"):
        cleaned(bytes(content))


def test_the_same_image_gives_the_same_bytes(made):
    content = made.jpeg(made.smooth())

    assert cleaned(content).content == cleaned(content).content


def result_or_reason(content):
    try:
        return cleaned(content).content
    except CleaningError as reason:
        return str(reason).encode()


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.fuzz
def test_damage_gives_an_image_or_a_reason_without_the_name(made, name, srgb, fuzz_seed):
    rng = np.random.default_rng(fuzz_seed)
    for content in (made.jpeg(made.smooth()), made.png(PIL.Image.fromarray(made.smooth()))):
        damaged = bytearray(content)
        for place in rng.integers(0, len(damaged), 6):
            damaged[place] = rng.integers(256)
        assert name.encode() not in result_or_reason(bytes(damaged))
