"""Metadata is listed by kind, and a damaged file is refused with a reason."""

from contextlib import suppress
from io import BytesIO

import numpy as np
import PIL.Image
import pytest

from arogya_bench.deidentification.cleaned_file import CleaningError
from arogya_bench.deidentification.image_metadata import read_metadata


def test_every_kind_in_a_jpeg_is_counted(made, srgb):
    content = made.jpeg(made.smooth(), orientation=6, profile=srgb)

    found = read_metadata(content)

    assert found.removed == {
        "EXIF": 1,
        "XMP": 1,
        "IPTC": 1,
        "ICC": 1,
        "comment": 1,
        "other segment": 1,
        "trailing bytes": 1,
    }
    assert (found.width, found.height, found.orientation) == (60, 40, 6)
    assert found.profile == srgb


def test_every_kind_in_a_png_is_counted(made, srgb):
    content = made.png(PIL.Image.fromarray(made.smooth()), orientation=8, profile=srgb)

    found = read_metadata(content)

    assert found.removed == {"EXIF": 1, "XMP": 1, "ICC": 1, "text chunk": 3, "other chunk": 1, "trailing bytes": 1}
    assert (found.width, found.height, found.orientation) == (60, 40, 8)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_plain_jpeg_has_nothing_beside_its_pixels(made, progressive):
    buffer = BytesIO()
    PIL.Image.fromarray(made.smooth()).save(buffer, "JPEG", progressive=progressive)

    found = read_metadata(buffer.getvalue())

    assert (found.removed, found.mode, found.bits) == ({}, "RGB", 8)


@pytest.mark.parametrize("interval", [1, 3])
def test_restarts_within_the_pixels_are_no_end(made, interval):
    buffer = BytesIO()
    image = PIL.Image.fromarray(made.smooth())
    image.save(buffer, "JPEG", restart_marker_blocks=interval)

    assert read_metadata(buffer.getvalue()).removed == {}


def test_the_previews_of_a_phone_are_trailing_bytes(made):
    first, second = (PIL.Image.fromarray(made.smooth(seed=seed)) for seed in (1, 2))
    buffer = BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second])

    assert read_metadata(buffer.getvalue()).removed.keys() == {"preview", "trailing bytes"} | {
        kind for kind in ("EXIF",) if b"Exif\0\0" in buffer.getvalue()
    }


def test_tags_of_a_tiff_and_chunks_of_a_webp_are_counted(made, srgb):
    image = PIL.Image.fromarray(made.smooth())
    tiff, webp = BytesIO(), BytesIO()
    image.save(tiff, "TIFF", description="somebody", icc_profile=srgb)
    image.save(webp, "WEBP", exif=made.exif(6), xmp=b"<x/>", icc_profile=srgb)

    assert read_metadata(tiff.getvalue()).removed == {"other tag": 1, "ICC": 1}
    found = read_metadata(webp.getvalue())
    assert found.removed == {"EXIF": 1, "XMP": 1, "ICC": 1}
    assert found.orientation == 6


@pytest.mark.parametrize("suffix", ["JPEG", "PNG"])
def test_a_file_that_was_cut_off_is_refused(made, suffix):
    buffer = BytesIO()
    PIL.Image.fromarray(made.smooth()).save(buffer, suffix)

    with pytest.raises(CleaningError, match="it is truncated"):
        read_metadata(buffer.getvalue()[:-20])


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_no_image_is_refused(content):
    with pytest.raises(CleaningError, match="not a readable image"):
        read_metadata(content)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.fuzz
def test_random_bytes_are_never_a_traceback(made, srgb, fuzz_seed):
    rng = np.random.default_rng(fuzz_seed)
    image = PIL.Image.fromarray(made.smooth())
    tiff = BytesIO()
    image.save(tiff, "TIFF", description="x")
    for content in (made.jpeg(made.smooth(), profile=srgb), made.png(image), tiff.getvalue()):
        damaged = bytearray(content)
        for place in rng.integers(0, min(len(damaged), 400), 8):
            damaged[place] = rng.integers(256)
        with suppress(CleaningError):
            read_metadata(bytes(damaged))
