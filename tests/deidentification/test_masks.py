"""A mask keeps its values, and lies as its image does."""

from io import BytesIO

import numpy as np
import PIL.Image
import pytest

from arogya_bench.deidentification.cleaned_file import CleanedFile, CleaningError
from arogya_bench.deidentification.masks import clean


def encoded(image, suffix, **options):
    buffer = BytesIO()
    image.save(buffer, suffix, **options)
    return buffer.getvalue()


def pixels_of(content):
    with PIL.Image.open(BytesIO(content)) as image:
        return np.asarray(image)


def image_of(orientation, size=(60, 40)):
    width, height = size
    return CleanedFile(content=b"", suffix=".jpg", removed={}, width=width, height=height, orientation=orientation)


def mask(size=(60, 40), mode="L"):
    values = np.arange(size[0] * size[1], dtype=np.uint8).reshape(size[::-1]) % 7
    return PIL.Image.fromarray(values).convert(mode) if mode != "P" else palette_mask(values)


def palette_mask(values):
    image = PIL.Image.fromarray(values).convert("P")
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])  # fewer colours than values
    return image


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB"])
def test_a_mask_keeps_its_values(mode):
    drawn = mask(mode=mode)

    result = clean(encoded(drawn, "TIFF"), image_of(1), drawn_on=None)

    with PIL.Image.open(BytesIO(result.content)) as stored:
        assert stored.mode == mode
        np.testing.assert_array_equal(np.asarray(stored), np.asarray(drawn))


def test_a_mask_of_the_stored_size_turns_with_its_image():
    drawn = mask()

    result = clean(encoded(drawn, "PNG"), image_of(6), drawn_on=None)

    np.testing.assert_array_equal(pixels_of(result.content), np.rot90(np.asarray(drawn), -1))


def test_a_mask_of_the_upright_size_stays():
    drawn = mask(size=(40, 60))

    result = clean(encoded(drawn, "PNG"), image_of(6), drawn_on=None)

    np.testing.assert_array_equal(pixels_of(result.content), np.asarray(drawn))


@pytest.mark.parametrize(("drawn_on", "turns"), [("stored", 2), ("upright", 0)])
def test_where_the_size_tells_nothing_the_option_does(drawn_on, turns):
    drawn = mask()

    result = clean(encoded(drawn, "PNG"), image_of(3), drawn_on=drawn_on)

    np.testing.assert_array_equal(pixels_of(result.content), np.rot90(np.asarray(drawn), turns))


def test_an_ambiguous_mask_orientation_is_refused():
    with pytest.raises(CleaningError, match="set boxes_drawn_on"):
        clean(encoded(mask(), "PNG"), image_of(3), drawn_on=None)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(CleaningError, match="another size"):
        clean(encoded(mask((50, 40)), "PNG"), image_of(1), drawn_on=None)


def test_text_in_a_mask_is_gone(made, name):
    content = made.png(mask())

    assert name.encode() not in clean(content, image_of(1), drawn_on=None).content
