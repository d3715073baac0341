"""What hundreds of classes cost: a study of 300 classes against the same of 30, in one run.

With 300 classes, `prior` took 268 s on a loaded machine while figures drew every class; at most 3 times the time of 30
classes is allowed, for one case of each class in each part of the split. Processor time, since others use the machine.
"""

import time

import numpy as np
import pytest
from PIL import Image

import arogya_bench

LIMIT = 3.0
FEW, MANY = 30, 300
PARTS = ("train", "val", "test")


def class_folders(root, classes):
    pixels = np.random.default_rng(classes)
    for number in range(classes):
        for part in PARTS:
            folder = root / part / f"dermatosis {number:03}"
            folder.mkdir(parents=True)
            Image.fromarray(pixels.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder / f"{part}{number}.png")
    return root


def processor_seconds(work):
    began = time.process_time()
    work()
    return time.process_time() - began


def study(folder):
    return arogya_bench.run(model="prior", dataset=folder, experiment=folder.name, overrides={"gate": "warn"})


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return {classes: class_folders(tmp_path / f"set{classes}", classes) for classes in (FEW, MANY)}


def test_300_classes_take_at_most_three_times_as_long_as_30(benchmark, folders, tmp_path):
    study(class_folders(tmp_path / "first", 3))  # imports, store

    few = processor_seconds(lambda: study(folders[FEW]))
    many = benchmark.pedantic(lambda: processor_seconds(lambda: study(folders[MANY])), rounds=1)

    print(f"\nprior: {few:.1f} s with {FEW} classes, {many:.1f} s with {MANY}: {many / few:.1f} times (limit {LIMIT})")
    assert many / few <= LIMIT
