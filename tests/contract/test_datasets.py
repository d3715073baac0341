"""Promises that every file of conf/dataset keeps, as far as its data is on this machine."""

import csv
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from arogya_bench.datasets.splits import split
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.schema import built

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf" / "dataset"
SHARED = ROOT.parent / "shared" / "data"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
SMALL = {"cases": 120, "classes": 3, "image_size": 32}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder of drawn lesions, which is a dataset in the format of COCO."""
    options = Synthetic(**SMALL, cache=str(tmp_path_factory.mktemp("drawn")))
    options.load()
    return options.folder()


@pytest.fixture(scope="module")
def yolo(drawn, tmp_path_factory):
    """The same lesions in the layout of YOLO."""
    folder = tmp_path_factory.mktemp("yolo")
    shutil.copytree(drawn / "images", folder / "images")
    (folder / "labels").mkdir()
    boxes = yaml.safe_load((drawn / "boxes.json").read_text())
    for box in boxes["annotations"]:
        left, top, width, height = (edge / 32 for edge in box["bbox"])
        row = (box["category_id"] - 1, left + width / 2, top + height / 2, width, height)
        name = f"case-{box['image_id'] - 1:05d}.txt"
        (folder / "labels" / name).write_text(" ".join(f"{each:g}" for each in row))
    names = [each["name"] for each in boxes["categories"]]
    header = {"path": "/home/stranger", "train": "images", "names": names}
    (folder / "data.yaml").write_text(yaml.safe_dump(header))
    return folder


@pytest.fixture(scope="module")
def used(drawn):
    """The classes of the drawn lesions that have cases."""
    with (drawn / "cases.csv").open(newline="") as file:
        return sorted({row["class"] for row in csv.DictReader(file)})


@pytest.fixture(scope="module")
def places(drawn, yolo, used):
    """What a dataset needs to be found here, by its name."""
    licence = {"licence": "CC0-1.0"}
    return {
        "synthetic": SMALL,
        "medmnist": {"path": str(SHARED / "pneumoniamnist_derived.npz")},
        "bccd": {"path": str(SHARED / "bccd")},
        "pascal_voc": {"path": str(SHARED / "bccd"), **licence},
        "coco": {"path": str(drawn), "annotations": "boxes.json", "classes": used, **licence},
        "yolo": {"path": str(yolo), "classes": used, **licence},
    }


@pytest.fixture(scope="module")
def load(places):
    """Load a dataset of the folder once; skip it by its name if its data is nowhere."""

    @cache
    def loaded(name):
        config = OmegaConf.merge(OmegaConf.load(CONF / f"{name}.yaml"), places.get(name, {}))
        if OmegaConf.missing_keys(config) or not Path(config.get("path") or ROOT).exists():
            return None
        return built(config, "dataset", ("load",)).load()

    return loaded


@pytest.fixture(params=NAMES)
def dataset(request, load):
    return load(request.param) or pytest.skip(f"the data of {request.param} is not here")


def test_ids_are_unique_and_no_group_is_empty(dataset):
    ids = [case.case_id for case in dataset.cases]

    assert len(set(ids)) == len(ids) > 0
    assert all(case.group_id for case in dataset.cases)
    assert dataset.grouped or all(case.group_id == case.case_id for case in dataset.cases)


def test_every_case_has_what_the_task_needs(dataset):
    assert dataset.task in ("classification", "detection")
    for case in dataset.cases:
        assert (case.target if dataset.task == "classification" else case.boxes) is not None
        assert all(0 <= label < len(dataset.classes) for label in case.present)


def test_boxes_lie_inside_their_images(dataset):
    for case in dataset.cases[:50]:
        height, width, _ = dataset.read(case).shape
        for box in case.boxes or ():
            assert box.width > 0 < box.height
            assert box.left >= 0 <= box.top
            assert box.left + box.width <= width + 1e-6
            assert box.top + box.height <= height + 1e-6


def test_images_are_8_bit_rgb_and_two_passes_are_equal(dataset):
    for case in dataset.cases[:10]:
        first, second = dataset.read(case), dataset.read(case)

        assert (first.dtype, first.ndim, first.shape[2]) == (np.uint8, 3, 3)
        assert (first == second).all()


def test_columns_are_the_same_for_every_case(dataset):
    assert len({tuple(case.metadata) for case in dataset.cases}) == 1


def test_licence_source_and_version_are_named_and_no_path_is(dataset):
    said = (dataset.name, dataset.licence, dataset.source, dataset.version)

    assert all(said)
    assert not any(str(Path(x).anchor) for x in said)
    assert str(ROOT.parent) not in " ".join([*said, *dataset.notes])


def test_the_digest_has_32_hexadecimal_characters(dataset):
    assert len(dataset.digest) == 32
    assert int(dataset.digest, 16)


def test_it_can_be_divided(dataset):
    parts = split(dataset)

    assert sum(len(part) for part in (parts.train, parts.validation, parts.test)) == len(
        dataset.cases
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_file_says_first_what_it_is(name):
    first = (CONF / f"{name}.yaml").read_text().splitlines()[0]

    assert first.startswith("# ")
