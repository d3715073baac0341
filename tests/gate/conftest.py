"""A small tree of real images without any fault, and the means to plant one."""

import hashlib
import shutil
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.gate.gate import inspect_dataset
from arogya_bench.images.decoding import decode
from arogya_bench.types import Case, Dataset, Subset

CLASSES = ("benign", "doubtful", "malignant")
PARTS = ("train", "validation", "test")
PATIENTS = {"train": 10, "validation": 5, "test": 10}  # of each class


def scene(seed, size=64):
    """Smooth, and unlike any other: the grey of 8 x 8 random patches, blended."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(30, 226, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(patches, (size, size), interpolation=cv2.INTER_CUBIC)


def read_file(files, case):
    return decode(files[case.case_id])


@dataclass(frozen=True)
class Entry:
    file: Path
    case: Case
    part: str


@dataclass
class Tree:
    """Images below a folder, one folder per class, and how they are divided.

    Change ``entries`` or ``options``, or write over a file, and then ``inspect``.
    """

    root: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    split_name: str = "group-40-20-40-s42"

    def add(self, name, group, target, part, pixels, suffix=".png"):
        file = self.root / CLASSES[target] / f"{name}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(pixels).save(file)
        case = Case(case_id=name, group_id=group, target=target)
        self.entries[name] = Entry(file, case, part)
        return file

    def pick(self, part, target, suffix=".png", skip=0):
        """The name of a case of a part and class."""
        fitting = [
            name
            for name, each in self.entries.items()
            if (each.part, each.case.target, each.file.suffix) == (part, target, suffix)
        ]
        return fitting[skip]

    def change(self, name, **changed):
        each = self.entries[name]
        part = changed.pop("part", each.part)
        self.entries[name] = Entry(each.file, replace(each.case, **changed), part)

    def file(self, name):
        return self.entries[name].file

    def pixels(self, name):
        return decode(self.file(name))

    def recompressed(self, name):
        """Much the same, and no pixel need be equal."""
        written = BytesIO()
        PIL.Image.fromarray(self.pixels(name)).save(written, "JPEG", quality=80)
        return np.asarray(PIL.Image.open(written).convert("RGB"))

    def move(self, name, folder):
        each = self.entries[name]
        file = folder / each.file.name
        folder.mkdir(parents=True, exist_ok=True)
        each.file.rename(file)
        self.entries[name] = Entry(file, each.case, each.part)

    def dataset(self):
        files = {name: each.file for name, each in self.entries.items()}
        digest = hashlib.sha256(str(self.root).encode())
        for name, file in files.items():
            digest.update(name.encode() + (file.read_bytes() if file.exists() else b""))
        made = Dataset(
            name="skin",
            task="classification",
            classes=CLASSES,
            cases=tuple(each.case for each in self.entries.values()),
            grouped=True,
            digest=digest.hexdigest()[:32],
            licence="CC0-1.0",
            source="drawn",
            version="1",
            read=partial(read_file, files),
            files=files,
        )
        return replace(made, **self.options)

    def split(self, dataset):
        parts = {
            part: Subset(dataset=dataset, cases=tuple(each.case for each in self.entries.values() if each.part == part))
            for part in PARTS
        }
        return DatasetSplit(**parts, name=self.split_name, digest="5" * 32)

    def inspect(self, fractions=(0.4, 0.2, 0.4), **changed):
        dataset = self.dataset()
        return inspect_dataset(dataset, self.split(dataset), fractions=fractions, **changed)


def grow(root, patients, views):
    tree = Tree(root)
    for target, per_part in enumerate(patients):
        for part, count in per_part.items():
            for number in range(count):
                group = f"{part}{target}{number:03d}"
                for view in range(views):
                    suffix = (".png", ".jpg")[view]
                    pixels = scene([target, PARTS.index(part), number, view])
                    tree.add(f"{group}_{view}", group, target, part, pixels, suffix)
    return tree


@pytest.fixture(scope="session")
def grown(tmp_path_factory):
    """The clean tree, for reading only."""
    return grow(tmp_path_factory.mktemp("grown"), [PATIENTS] * 3, views=2)


@pytest.fixture
def tree(grown, tmp_path):
    """150 images of 75 patients, three classes, PNG and JPEG: nothing is wrong with it."""
    root = shutil.copytree(grown.root, tmp_path / "images")
    entries = {
        name: replace(each, file=root / each.file.relative_to(grown.root)) for name, each in grown.entries.items()
    }
    return Tree(root, entries)


@pytest.fixture
def uneven_tree(tmp_path):
    """One class is ten times as large as another, in every part alike."""
    large = {"train": 102, "validation": 51, "test": 102}
    return grow(tmp_path / "images", [large, PATIENTS, PATIENTS], views=1)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
