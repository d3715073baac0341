"""The gate against plain decoding of the same files, on the same threads, in one run.

The gate opens each file, decodes it, hashes it in both ways, compares all pairs and probes for
shortcuts. What that costs over decoding alone is the ratio of the two, taken pair by pair. 10,000
of these images took 23 s on two cores that others used as well (25 s of processor time), decoding
alone 7.4 s; 60 s are allowed.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median

import cv2
import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.splits import SplitPolicy, make_split
from arogya_bench.gate.gate import inspect_dataset
from arogya_bench.images.decoding import decode
from arogya_bench.types import Case, Dataset

COUNT = 1000  # images of the 10,000; comparing all pairs of those adds 0.1 s
SIZE = 224  # pixels
THREADS = 2
ROUNDS = 5
LIMIT = 8.0  # 60 s for 10,000 would be 8 times decoding on those two cores


def photographs(folder, count):
    """Smooth patches and the noise of a sensor, written as a camera would."""
    rng = np.random.default_rng(0)
    for number in range(count):
        patches = rng.integers(0, 256, (10, 10, 3), dtype=np.uint8)
        smooth = cv2.resize(patches, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
        PIL.Image.fromarray(noisy).save(folder / f"{number:05d}.jpg", quality=90)
    return sorted(folder.glob("*.jpg"))


def read(files, case):
    return decode(files[case.case_id])


def dataset_of(files):
    places = {file.stem: file for file in files}
    cases = tuple(Case(case_id=name, group_id=name, target=number % 3) for number, name in enumerate(places))
    return Dataset(
        name="photographs",
        task="classification",
        classes=("a", "b", "c"),
        cases=cases,
        grouped=True,
        digest="0" * 32,
        licence="CC0-1.0",
        source="drawn",
        version="1",
        read=partial(read, places),
        files=places,
    )


def seconds(work, *arguments, **named):
    began = time.perf_counter()
    work(*arguments, **named)
    return time.perf_counter() - began


def decoding(dataset):
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(dataset.read, dataset.cases):
            pass


@pytest.fixture
def photos(tmp_path):
    return dataset_of(photographs(tmp_path, COUNT))


def test_the_gate_costs_few_times_what_decoding_does(benchmark, photos, tmp_path, monkeypatch):
    parts = make_split(photos, SplitPolicy())
    pairs, again = [], []

    def one_round():
        monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / f"cache{len(pairs)}"))
        gate = partial(inspect_dataset, photos, parts, fractions=(0.8, 0.1, 0.1), workers=THREADS)
        pairs.append((seconds(decoding, photos), seconds(gate)))
        again.append(seconds(gate))

    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)

    ratio = median(mine / plain for plain, mine in pairs[1:])
    print(
        f"\ngate / decoding: {ratio:.2f} (median of {ROUNDS} paired rounds); for 10,000 images "
        f"{median(mine for _, mine in pairs[1:]) * 10_000 / COUNT:.0f} s; again, with remembered "
        f"facts, {median(again[1:]):.2f} s for {COUNT}"
    )
    assert ratio < LIMIT
