import numpy as np
import pytest

from arogya_bench.augmentations.geometric import rotation
from arogya_bench.errors import ConfigError


def test_half_a_turn_flips_both_axes():
    image = np.random.default_rng(1).integers(0, 256, (9, 14, 3), dtype=np.uint8)

    result = rotation(image, 180, np.random.default_rng(0))

    assert (result == image[::-1, ::-1]).all()


def test_both_sides_are_drawn_and_mirror_each_other():
    disc = np.zeros((41, 41, 3), dtype=np.uint8)
    disc[5:10, 18:23] = 255

    results = [rotation(disc, 30, np.random.default_rng(seed)) for seed in range(20)]

    centres = {int(np.argmax(result.sum(axis=(0, 2)))) > 20 for result in results}
    assert centres == {True, False}


def test_corners_hold_no_black():
    image = np.full((40, 30, 3), 77, dtype=np.uint8)

    result = rotation(image, 30, np.random.default_rng(0))

    assert (result == 77).all()


@pytest.mark.parametrize("angle", [0, -15, 181, float("nan")])
def test_an_angle_out_of_range_is_refused(angle):
    with pytest.raises(ConfigError, match="Angle"):
        rotation(np.zeros((8, 8, 3), dtype=np.uint8), angle, np.random.default_rng(0))
