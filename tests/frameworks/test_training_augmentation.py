"""The training policy: what is drawn anew for every training image."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from arogya_bench.errors import ConfigError
from arogya_bench.frameworks.training_augmentation import augment_batch
from arogya_bench.types import Training

NONE = Training(flip=False)
FULL = Training(rotation=15, brightness=0.2, contrast=0.2, noise=(0.01, 0.05), zoom=(0.8, 1.2), crop=0.9)


@pytest.fixture(scope="module")
def photographs():
    china = cv2.resize(load_sample_image("china.jpg"), (96, 96), interpolation=cv2.INTER_AREA)
    return np.stack([china] * 40)


def drawn(images, training, seed=0):
    return augment_batch(images, training, np.random.default_rng(seed))


def test_no_policy_changes_nothing(photographs):
    assert (drawn(photographs, NONE) == photographs).all()


def test_the_input_stays_and_equal_generators_draw_alike(photographs):
    before = photographs.copy()

    first, second, third = (drawn(photographs, FULL, seed) for seed in (1, 1, 2))

    assert (photographs == before).all()
    assert (first == second).all()
    assert (first != third).any()
    assert len({image.tobytes() for image in first}) == len(first)


def test_about_half_of_the_images_are_mirrored(photographs):
    result = drawn(photographs, Training(flip=True))

    mirrored = [(image == photographs[0][:, ::-1]).all() for image in result]
    kept = [(image == photographs[0]).all() for image in result]
    assert all(a or b for a, b in zip(mirrored, kept, strict=True))
    assert 8 < sum(mirrored) < 32


def blob(centre, size=65):
    rows, columns = np.indices((size, size))
    bright = np.exp(-((rows - centre[1]) ** 2 + (columns - centre[0]) ** 2) / 8.0)
    return np.repeat((255 * bright)[..., None], 3, axis=2).astype(np.uint8)


def centre_of(image):
    weight = image[..., 0].astype(float)
    rows, columns = np.indices(weight.shape)
    return np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()


def test_rotation_keeps_the_distance_and_stays_within_the_angle():
    """A spot 20 pixels right of the centre turns on its circle."""
    images = np.stack([blob((52, 32))] * 60)

    spots = np.array([centre_of(i) for i in drawn(images, replace(NONE, rotation=15.0))]) - 32

    angles = np.degrees(np.arctan2(spots[:, 1], spots[:, 0]))
    assert np.hypot(*spots.T) == pytest.approx(20, abs=0.3)
    assert 10 < angles.max() < 15.5
    assert -15.5 < angles.min() < -10


def test_zoom_scales_about_the_centre():
    images = np.stack([blob((44, 32))] * 60)

    result = drawn(images, replace(NONE, zoom=(0.8, 1.2)))

    offsets = np.array([centre_of(image)[0] - 32 for image in result])
    assert 9.5 < offsets.min() < 10.5
    assert 13.5 < offsets.max() < 14.5


def test_crop_moves_the_view_and_shows_nothing_from_outside():
    """A bright frame of one pixel that a crop of 90 % can lose but never double."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 0] = 255

    result = drawn(np.stack([image] * 60), replace(NONE, crop=0.9))

    left = [each[32, :3, 0].max() > 60 for each in result]
    assert 0 < sum(left) < 60
    assert max(each[:, 8:].max() for each in result) == 0


@pytest.mark.parametrize("field", ["brightness", "contrast"])
def test_exposure_stays_within_its_share(field):
    ramp = np.repeat(np.linspace(90, 160, 64), 64).reshape(64, 64, 1).repeat(3, axis=2)
    images = np.stack([ramp.astype(np.uint8)] * 80)

    result = drawn(images, replace(NONE, **{field: 0.2})).astype(float)

    if field == "brightness":
        change = (result.mean(axis=(1, 2, 3)) - images[0].mean()) / 255
    else:
        change = result.std(axis=(1, 2, 3)) / images[0].std() - 1
        assert result.mean(axis=(1, 2, 3)) == pytest.approx(images[0].mean(), abs=1)
    assert 0.15 < change.max() <= 0.21
    assert -0.21 <= change.min() < -0.15


def test_noise_has_the_deviation_that_was_asked_for():
    images = np.full((60, 64, 64, 3), 128, np.uint8)

    spread = drawn(images, replace(NONE, noise=(0.01, 0.05))).std(axis=(1, 2, 3)) / 255

    assert 0.009 < spread.min() < 0.015
    assert 0.045 < spread.max() < 0.051


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rotation", 200.0),
        ("brightness", -0.1),
        ("contrast", 2.0),
        ("noise", (0.2, 0.1)),
        ("zoom", (0.0, 1.0)),
        ("crop", 0.0),
    ],
)
def test_a_policy_out_of_range_is_refused(field, value, photographs):
    with pytest.raises(ConfigError, match=f"training.{field}"):
        drawn(photographs, replace(NONE, **{field: value}))
