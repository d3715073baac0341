import numpy as np
import pytest

from arogya_bench.augmentations.photometric import brightness, clean, gaussian_blur, gaussian_noise, jpeg_compression
from arogya_bench.errors import ConfigError


def flat(value, *, size=100):
    return np.full((size, size, 3), value, dtype=np.uint8)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_clean_returns_an_equal_image_that_may_be_changed():
    image = flat(7)

    result = clean(image, 0.0, rng())
    result[0, 0, 0] = 200

    assert (image == 7).all()


def test_noise_has_the_standard_deviation_asked_for():
    result = gaussian_noise(flat(128), 0.1, rng())

    assert result.std() == pytest.approx(0.1 * 255, rel=0.02)
    assert result.mean() == pytest.approx(128, abs=0.5)


def test_noise_on_a_colour_image_differs_between_channels():
    image = flat(128)
    image[0, 0] = (10, 20, 30)

    result = gaussian_noise(image, 0.1, rng()).reshape(-1, 3).astype(float)

    assert abs(np.corrcoef(result[1:].T)[0, 1]) < 0.1


def test_noise_stops_at_black_and_white():
    assert gaussian_noise(flat(250), 0.3, rng()).max() == 255
    assert gaussian_noise(flat(5), 0.3, rng()).min() == 0


@pytest.mark.parametrize(("kernel", "sigma"), [(3, 0.8), (5, 1.1), (7, 1.4)])
def test_blur_spreads_a_point_by_the_sigma_of_opencvs_rule(kernel, sigma):
    point = flat(0, size=21)
    point[10, 10] = 255
    places = np.arange(kernel) - kernel // 2
    weights = np.exp(-(places**2) / (2 * sigma**2))

    result = gaussian_blur(point, kernel, rng())

    expected = 255 * np.outer(weights, weights) / weights.sum() ** 2
    inside = slice(10 - kernel // 2, 11 + kernel // 2)
    assert np.abs(result[inside, inside, 0] - expected).max() < 2
    assert result.any(axis=2).sum() <= kernel**2


def test_brightness_goes_up_and_down_by_the_share():
    values = {int(brightness(flat(100), 0.2, rng(seed))[0, 0, 0]) for seed in range(20)}

    assert values == {80, 120}


def test_brightness_saturates():
    values = {int(brightness(flat(250), 0.4, rng(seed))[0, 0, 0]) for seed in range(20)}

    assert values == {150, 255}


def test_jpeg_keeps_the_order_of_the_channels():
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    image[:] = (200, 40, 90)

    result = jpeg_compression(image, 90, rng())

    assert np.abs(result.astype(int) - image).max() <= 4


@pytest.mark.parametrize(
    ("augment", "severity", "problem"),
    [
        (clean, 1.0, "clean has no severity"),
        (gaussian_noise, -0.1, "Sigma -0.1"),
        (gaussian_noise, float("nan"), "Sigma nan"),
        (gaussian_blur, 4, "Kernel size 4"),
        (gaussian_blur, 3.5, "Kernel size 3.5"),
        (gaussian_blur, 1, "Kernel size 1"),
        (gaussian_blur, float("inf"), "Kernel size inf"),
        (brightness, 1.0, "Relative change 1"),
        (brightness, 0.0, "Relative change 0"),
        (jpeg_compression, 0, "Quality 0"),
        (jpeg_compression, 101, "Quality 101"),
        (jpeg_compression, 75.5, "Quality 75.5"),
    ],
)
def test_a_severity_out_of_range_is_refused(augment, severity, problem):
    with pytest.raises(ConfigError, match=problem):
        augment(flat(9), severity, rng())
