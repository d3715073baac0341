"""Images of any size become one array."""

import numpy as np
import pytest

from arogya_bench.frameworks.preprocessing import resize_square, resize_stack


@pytest.mark.parametrize("shape", [(8, 8), (40, 24), (24, 40), (200, 300), (1, 1)])
def test_any_size_becomes_a_square_of_bytes(shape):
    image = np.full((*shape, 3), 77, np.uint8)

    square = resize_square(image, 32)

    assert square.shape == (32, 32, 3)
    assert square.dtype == np.uint8
    assert (square == 77).all()


def test_shrinking_averages_the_area():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 200
    image = np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)

    assert (resize_square(image, 32) == 100).all()


def test_stack_copies_the_images():
    image = np.zeros((4, 4, 3), np.uint8)

    stack = resize_stack([image], 1, 4)
    stack[:] = 9

    assert not image.any()


def test_stack_refuses_another_number_of_images():
    with pytest.raises(ValueError, match="zip"):
        resize_stack([np.zeros((4, 4, 3), np.uint8)], 2, 4)
