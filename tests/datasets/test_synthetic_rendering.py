"""Each latent is visible, the mask fits the lesion, and the generator alone decides the rest."""

import numpy as np
import pytest

from arogya_bench.datasets.synthetic_rendering import LATENTS, SITES, TONES, draw_lesion, take_photograph


def rng(*seed):
    return np.random.default_rng(seed)


def latents(**changed):
    return np.array([changed.get(name, 0.0) for name in LATENTS])


def lesion(seed=1, *, tone="light", pixels=64, **changed):
    return draw_lesion(latents(**changed), tone, size=pixels, rng=rng(seed))


def inside(albedo):
    return albedo.colour[albedo.mask > 0.5].mean(axis=0)


@pytest.mark.parametrize("size", [32, 64, 129])
def test_a_photograph_has_the_asked_size_and_three_bytes_per_pixel(size):
    image, mask = take_photograph(lesion(pixels=size), SITES["coast"], rng(2))

    assert (image.shape, image.dtype) == ((size, size, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((size, size), np.uint8)


def test_a_mask_is_black_and_white():
    _, mask = take_photograph(lesion(), SITES["north"], rng(2))

    assert set(np.unique(mask)) == {0, 255}


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("site", SITES)
def test_the_lesion_is_darker_than_the_skin_under_every_optics(tone, site):
    image, mask = take_photograph(lesion(tone=tone, darkness=1.0), SITES[site], rng(2))

    assert image[mask > 0].mean() < image[mask == 0].mean() - 10


@pytest.mark.parametrize("extreme", [-14.0, -6.0, 6.0, 14.0])
@pytest.mark.parametrize("name", LATENTS)
def test_an_extreme_latent_still_leaves_a_lesion_with_a_mask(name, extreme):
    image, mask = take_photograph(lesion(**{name: extreme}), SITES["valley"], rng(2))

    assert 0 < (mask > 0).mean() < 1
    assert image.std() > 0


@pytest.mark.parametrize("name", LATENTS)
def test_every_latent_changes_the_picture(name):
    low, high = lesion(**{name: -1.0}), lesion(**{name: 1.0})

    assert np.abs(high.colour - low.colour).mean() > 0.002


@pytest.mark.parametrize("seed", range(5))
def test_darkness_darkens(seed):
    light, dark = lesion(seed, darkness=-1.0), lesion(seed, darkness=1.0)

    assert (inside(dark) < inside(light)).all()


@pytest.mark.parametrize("seed", range(5))
def test_redness_reddens(seed):
    red, green, _ = inside(lesion(seed, redness=1.5)) / inside(lesion(seed, redness=-1.5))

    assert red > green + 0.1


@pytest.mark.parametrize("seed", range(5))
def test_size_enlarges(seed):
    small, large = lesion(seed, size=-1.0), lesion(seed, size=1.0)

    assert large.mask.sum() > 1.5 * small.mask.sum()


def test_the_same_generator_gives_the_same_photograph():
    first = take_photograph(lesion(), SITES["coast"], rng(2))
    second = take_photograph(lesion(), SITES["coast"], rng(2))

    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.mask, second.mask)


def test_two_views_of_one_lesion_differ():
    albedo = lesion()

    first, second = (take_photograph(albedo, SITES["coast"], rng(view)) for view in (2, 3))

    assert np.abs(first.image.astype(int) - second.image).mean() > 2


def test_a_photograph_leaves_the_lesion_as_it_is():
    albedo = lesion()
    before = albedo.colour.copy()

    take_photograph(albedo, SITES["valley"], rng(2))

    np.testing.assert_array_equal(albedo.colour, before)
