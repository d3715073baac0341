"""The facts of an image follow from its pixels alone."""

import imagehash
import numpy as np
import PIL.Image
import pytest

from arogya_bench.gate.image_facts import border_colour, measure_pixels


def noise(seed=0, size=(40, 60, 3)):
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def test_the_perceptual_hash_is_that_of_imagehash():
    image = noise()

    expected = str(imagehash.phash(PIL.Image.fromarray(image)))

    assert f"{measure_pixels(image).perceptual_hash:016x}" == expected


def test_one_pixel_changes_the_content():
    image = noise()
    other = image.copy()
    other[3, 4, 1] ^= 1

    assert (
        measure_pixels(image).pixel_hash == measure_pixels(image.copy()).pixel_hash != measure_pixels(other).pixel_hash
    )


def test_the_same_bytes_in_another_shape_are_another_image():
    image = noise()

    assert measure_pixels(image).pixel_hash != measure_pixels(image.reshape(60, 40, 3)).pixel_hash


def test_a_view_that_is_not_contiguous_counts_as_its_pixels():
    image = noise()[::-1]

    assert measure_pixels(image) == measure_pixels(image.copy())


def test_the_border_is_the_frame():
    image = noise(size=(100, 100, 3))
    image[:3], image[-3:], image[:, :3], image[:, -3:] = ((10, 20, 30),) * 4

    assert border_colour(image).tolist() == [10, 20, 30]


@pytest.mark.parametrize("size", [(1, 1, 3), (1, 9, 3), (2, 2, 3), (3, 1, 3)])
def test_the_smallest_images_have_a_border(size):
    image = np.full(size, 7, dtype=np.uint8)

    assert measure_pixels(image).border == (7, 7, 7)


@pytest.mark.parametrize(("step", "flat"), [(0, True), (2, True), (3, False)])
def test_flat_is_what_no_eye_tells_apart(step, flat):
    image = np.full((20, 20, 3), 100, dtype=np.uint8)
    image[5:8, 5:8, 2] += np.uint8(step)

    assert measure_pixels(image).flat is flat
