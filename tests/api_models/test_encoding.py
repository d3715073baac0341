"""What is sent of an image."""

import io
import struct

import numpy as np
import PIL.Image
import pytest

from arogya_bench.api_models.encoding import ImageEncoding

PNG = ImageEncoding(size=64, format="png", quality=95)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (50, 100, 3), dtype=np.uint8)


def opened(encoded):
    return PIL.Image.open(io.BytesIO(encoded.content))


def test_png_keeps_every_pixel_of_an_image_that_is_small_enough(image):
    encoded = ImageEncoding(size=100, format="png", quality=1).encode(image)

    np.testing.assert_array_equal(np.asarray(opened(encoded)), image)
    assert encoded.mime_type == "image/png"


@pytest.mark.parametrize(("shape", "size"), [((50, 100), (64, 32)), ((100, 50), (32, 64)), ((20, 30), (30, 20))])
def test_the_longest_side_is_bounded_and_nothing_is_enlarged(shape, size):
    encoded = PNG.encode(np.zeros((*shape, 3), np.uint8))

    assert opened(encoded).size == size


def test_an_extreme_shape_keeps_a_pixel():
    assert opened(PNG.encode(np.zeros((1, 1000, 3), np.uint8))).size == (64, 1)


def test_a_file_holds_pixels_and_nothing_else(image):
    chunks, content = [], PNG.encode(image).content[8:]
    while content:
        (length,) = struct.unpack(">I", content[:4])
        chunks.append(content[4:8])
        content = content[length + 12 :]

    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}
    assert opened(ImageEncoding(size=64, format="jpeg", quality=90).encode(image)).getexif() == {}


def test_quality_changes_jpeg_alone(image):
    sizes = {
        name: [len(ImageEncoding(size=64, format=name, quality=quality).encode(image).content) for quality in (20, 95)]
        for name in ("jpeg", "png")
    }

    assert sizes["jpeg"][0] < sizes["jpeg"][1]
    assert sizes["png"][0] == sizes["png"][1]
    assert "quality" not in PNG.describe()


def test_equal_pixels_give_equal_bytes_and_one_changed_pixel_others(image):
    changed = image.copy()
    changed[0, 0, 0] ^= 1
    lossless = ImageEncoding(size=100, format="png", quality=95)

    assert lossless.encode(image.copy()) == lossless.encode(image)
    assert lossless.encode(changed) != lossless.encode(image)


def test_a_blank_image_shows_nothing_of_the_image_but_its_size(image):
    blank = PNG.encode_blank(image)

    assert opened(blank).size == (64, 32)
    assert np.unique(np.asarray(opened(blank))).tolist() == [128]
    assert blank == PNG.encode_blank(255 - image)
