"""Numbers for networks, against a reference by hand."""

import numpy as np
import pytest

from arogya_bench.errors import ConfigError
from arogya_bench.models.pixel_values import PixelValues

STACK = np.array([[[[0, 128, 255]]]], np.uint8)  # one pixel


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 128 / 255, 1]),
        ({"scale": 255.0}, [0, 128, 255]),
        ({"scale": 2.0, "offset": -1.0}, [-1, 256 / 255 - 1, 1]),
        ({"mean": [0.5], "std": [0.5]}, [-1, (128 / 255 - 0.5) / 0.5, 1]),
        (
            {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
            [-0.485 / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225],
        ),
        ({"scale": 255.0, "mean": [123.68, 116.78, 103.94]}, [-123.68, 128 - 116.78, 255 - 103.94]),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pixels_become_what_the_settings_say(settings, expected, dtype):
    values = PixelValues(**settings).apply(STACK, dtype)

    assert values.dtype == dtype
    np.testing.assert_allclose(values[0, 0, 0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"mean": [0.5, 0.5]}, {"std": [0.0]}, {"std": [1, 1, -1]}, {"mean": [np.nan]}, {"offset": np.inf}]
)
def test_impossible_numbers_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        PixelValues(**settings)
