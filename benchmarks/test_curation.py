"""Curating a folder of JPEGs against plain decoding and encoding of the same files, in one run.

The plain loop is that of most scripts: Pillow decodes, encodes at the same quality and writes, in
as many threads. The same loop with OpenCV, which is faster since its threads do run at once, stands
beside it. Curating also learns the labels, hashes every file before and after, looks into its
container, searches it for text, names it anew, divides the cases and writes tables.

The goal is 80 % of the speed of the plain loop on two quiet cores. Photographs of 600 x 450 pixels
reach it; at 224 pixels it is 55 to 70 %, since Python's own work on each file, which one thread
does at a time, weighs as much there as the pixels. What is asserted guards against getting worse.
"""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import cv2
import numpy as np
import PIL.Image
import pytest

from arogya_bench.curation.curate import CurationOptions, curate
from arogya_bench.datasets.synthetic import Synthetic

WORKERS = 2
QUALITY = 95
ROUNDS = 3
LEAST = 0.45
JPEG = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
SETS = {"224x224": (2000, (224, 224)), "600x450": (1000, (600, 450))}


@pytest.fixture(scope="module")
def lesions():
    dataset = Synthetic(cases=200, classes=2, image_size=224).load()
    return [PIL.Image.fromarray(dataset.read(case)) for case in dataset.cases]


@pytest.fixture(params=SETS)
def folder(request, lesions, tmp_path):
    count, size = SETS[request.param]
    rng = np.random.default_rng(0)
    for number in range(count):
        place = tmp_path / "source" / ("benign", "malignant")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        left, top = rng.integers(0, 24, 2)
        image = lesions[number % len(lesions)].crop((left, top, left + 200, top + 200))
        image.resize(size, PIL.Image.Resampling.BICUBIC).save(place / f"{number}.jpg", quality=90)
    return tmp_path / "source"


def with_opencv(file, out):
    pixels = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    (out / file.name).write_bytes(cv2.imencode(".jpg", pixels, JPEG)[1].tobytes())


def with_pillow(file, out):
    with PIL.Image.open(file) as image:
        image.convert("RGB").save(out / file.name, quality=QUALITY, subsampling=0)


def plain(each, files, out):
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda file: each(file, out), files))


def seconds(work, out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def test_curating_keeps_most_of_the_speed_of_decoding_and_encoding(benchmark, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("AROGYA_SECRET", "a secret for the benchmark only")
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / "cache"))
    files, out = sorted(folder.rglob("*.jpg")), tmp_path / "out"
    options = CurationOptions(licence="CC0-1.0", workers=WORKERS, quality=QUALITY)
    rounds = []

    def one_round():
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)  # nothing is known of the files
        opencv = seconds(lambda: plain(with_opencv, files, out), out)
        ours = seconds(lambda: curate(folder, out, options=options), out)
        pillow = seconds(lambda: plain(with_pillow, files, out), out)
        rounds.append((opencv / ours, pillow / ours, len(files) / ours))

    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)

    opencv, pillow, speed = (median(column) for column in zip(*rounds[1:], strict=True))
    print(
        f"\ncurating {len(files)} files: {speed:.0f} a second, {pillow:.2f} of the speed of Pillow "
        f"and {opencv:.2f} of that of OpenCV (median of {ROUNDS} rounds, {WORKERS} threads)"
    )
    assert pillow >= LEAST
