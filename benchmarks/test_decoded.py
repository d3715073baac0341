"""Reading decoded images from the warm cache against decoding them again: images per second."""

import time

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.images.decoded_cache import with_decoded_cache

COUNT, SIDE = 2000, 224
GOAL = 5.0


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """JPEGs as smooth as photographs."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        place = folder / ("benign", "malignant")[number % 2] / f"{number}.jpg"
        place.parent.mkdir(exist_ok=True)
        coarse = rng.integers(0, 256, (14, 14, 3), dtype=np.uint8)
        smooth = PIL.Image.fromarray(coarse).resize((SIDE, SIDE), PIL.Image.Resampling.BICUBIC)
        grain = rng.normal(0, 6, (SIDE, SIDE, 3))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        PIL.Image.fromarray(pixels).save(place, quality=90)
    return ImageFolder(path=str(folder), licence="CC0-1.0").load()


def seconds(dataset):
    """Read every image once, as a prediction does."""
    began = time.perf_counter()
    for case in dataset.cases:
        dataset.read(case)
    return time.perf_counter() - began


def test_warm_cache_against_decoding(dataset, tmp_path, monkeypatch, benchmark):
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path))
    warm = with_decoded_cache(dataset, limit_gb=2)
    seconds(warm)  # the file comes into the memory of the system
    ratios = []

    def pair():
        ratios.append(seconds(dataset) / seconds(warm))

    benchmark.pedantic(pair, rounds=5)

    ratio = float(np.median(ratios))
    benchmark.extra_info["decoding / warm cache"] = ratio
    print(f"\nthe warm cache is {ratio:.1f} times as fast as decoding (goal: at least {GOAL:g})")
    assert ratio >= GOAL
