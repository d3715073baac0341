import base64
from io import BytesIO

import numpy as np
import PIL.Image
import pytest

from arogya_bench.images.thumbnails import shrink, to_data_uri, to_jpeg


def decoded(jpeg):
    return np.asarray(PIL.Image.open(BytesIO(jpeg)))


@pytest.mark.parametrize(("shape", "expected"), [((640, 480), (128, 96)), ((30, 40), (30, 40)), ((4000, 8), (128, 1))])
def test_the_longer_side_has_at_most_128_pixels(shape, expected):
    small = shrink(np.zeros((*shape, 3), dtype=np.uint8))

    assert small.shape == (*expected, 3)


def test_a_picture_shows_the_colours_of_the_image():
    image = np.full((64, 64, 3), (200, 60, 20), dtype=np.uint8)

    assert np.abs(decoded(to_jpeg(image)).astype(int) - image).max() <= 3


def test_a_picture_holds_pixels_and_nothing_else():
    picture = PIL.Image.open(BytesIO(to_jpeg(np.zeros((8, 8, 3), dtype=np.uint8))))

    assert not picture.getexif()
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_page_can_show_it_without_a_file():
    jpeg = to_jpeg(np.zeros((8, 8, 3), dtype=np.uint8))

    head, _, content = to_data_uri(jpeg).partition(",")

    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(content) == jpeg
