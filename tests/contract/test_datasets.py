"""Promises that every file of conf/dataset keeps, as far as its data is on this machine."""

import csv
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import yaml
from omegaconf import OmegaConf

from arogya_bench.configuration.schema import DATASET_KEYS, build_adapter
from arogya_bench.datasets.splits import split
from arogya_bench.datasets.synthetic import Synthetic

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
def tree(tmp_path_factory):
    """Write a folder of small images and texts, each by its path below it."""

    def write(name, images, **texts):
        folder = tmp_path_factory.mktemp(name)
        for place, image in enumerate(images):
            (folder / image).parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(place).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(folder / image)
        for text, lines in texts.items():
            suffix = "txt" if "COVIDx" in text else "csv"
            (folder / f"{text}.{suffix}").write_text("\n".join(lines) + "\n")
        return str(folder)

    return write


@pytest.fixture(scope="module")
def ham10000(tree):
    """Two views of each of 42 lesions, in two folders."""
    classes = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    rows = [(f"HAM_{n // 2:07d}", f"ISIC_{n:07d}", classes[n // 2 % 7], 1 + n % 2) for n in range(84)]
    return tree(
        "ham10000",
        [f"HAM10000_images_part_{part}/{image}.jpg" for _, image, _, part in rows],
        HAM10000_metadata=[
            "lesion_id,image_id,dx,dx_type,age,sex,localization",
            *(f"{lesion},{image},{dx},histo,50.0,male,back" for lesion, image, dx, _ in rows),
        ],
    )


@pytest.fixture(scope="module")
def isic2019(tree):
    """Eight classes in six lesions each; every fifth image names no lesion."""
    columns = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
    names = [f"ISIC_{n:07d}" for n in range(96)]
    marks = [[float(n // 2 % 8 == k) for k in range(9)] for n in range(96)]
    lesions = ["" if n % 5 == 0 else f"BCN_{n // 2:07d}" for n in range(96)]
    return tree(
        "isic2019",
        [f"ISIC_2019_Training_Input/ISIC_2019_Training_Input/{name}.jpg" for name in names],
        ISIC_2019_Training_GroundTruth=[
            f"image,{','.join(columns)}",
            *(f"{name},{','.join(map(str, own))}" for name, own in zip(names, marks, strict=True)),
        ],
        ISIC_2019_Training_Metadata=[
            "image,age_approx,anatom_site_general,lesion_id,sex",
            *(f"{name},,,{lesion},male" for name, lesion in zip(names, lesions, strict=True)),
        ],
    )


@pytest.fixture(scope="module")
def eyepacs(tree):
    """Both eyes of 30 patients."""
    names = [f"{patient}_{eye}" for patient in range(30) for eye in ("left", "right")]
    rows = [f"{name},{place // 2 % 5}" for place, name in enumerate(names)]
    images = [f"train/{name}.jpeg" for name in names]
    return tree("eyepacs", images, trainLabels=["image,level", *rows])


@pytest.fixture(scope="module")
def covid_cxr(tree):
    """Two images of each of 24 patients in train, one of 6 in test."""
    classes = ("normal", "pneumonia", "COVID-19")
    train = [f"p{n // 2} {n}.png {classes[n // 2 % 3]} rsna" for n in range(48)]
    test = [f"q{n} {n}.png {classes[n % 3]}" for n in range(6)]
    images = [f"train/{n}.png" for n in range(48)] + [f"test/{n}.png" for n in range(6)]
    return tree("covid_cxr", images, train_COVIDx3=train, test_COVIDx3=test)


@pytest.fixture(scope="module")
def covid_chestxray(tree):
    """Two images of each of 24 patients."""
    findings = ("No Finding", "Pneumonia/Bacterial", "Pneumonia/Viral/COVID-19")
    rows = [f"p{n // 2},{findings[n // 2 % 3]},X-ray,images,{n}.png" for n in range(48)]
    images = [f"images/{n}.png" for n in range(48)]
    return tree("covid_chestxray", images, metadata=["patientid,finding,modality,folder,filename", *rows])


@pytest.fixture(scope="module")
def class_folders(tree):
    """Twelve images of each of two classes, in an official split."""
    parts = ("train",) * 8 + ("val", "val", "test", "test")
    return tree(
        "folders", [f"{part}/{name}/{n}.png" for name in ("benign", "malignant") for n, part in enumerate(parts)]
    )


@pytest.fixture(scope="module")
def pairs(tree):
    """Twenty images and their masks, which hold the numbers 0 and 255."""
    folder = Path(tree("pairs", [f"images/{n}.png" for n in range(20)]))
    (folder / "masks").mkdir()
    drawn = np.zeros((8, 8), dtype=np.uint8)
    drawn[2:5, 3:6] = 255
    for n in range(20):
        PIL.Image.fromarray(drawn).save(folder / "masks" / f"{n}.png")
    return str(folder)


@pytest.fixture(scope="module")
def places(drawn, yolo, used, ham10000, isic2019, eyepacs, covid_cxr, covid_chestxray, class_folders, pairs):
    """What a dataset needs to be found here, by its name."""
    licence = {"licence": "CC0-1.0"}
    return {
        "ham10000": {"path": ham10000, "counts": None},
        "isic2019": {"path": isic2019, "counts": None},
        "eyepacs": {"path": eyepacs, "counts": None},
        "covid_cxr": {"path": covid_cxr, "counts": None},
        "covid_chestxray": {"path": covid_chestxray},
        "image_folder": {"path": class_folders, **licence},
        "oral_cancer": {"path": class_folders, **licence},
        "synthetic": SMALL,
        "medmnist": {"path": str(SHARED / "pneumoniamnist_derived.npz")},
        "bccd": {"path": str(SHARED / "bccd")},
        "pascal_voc": {"path": str(SHARED / "bccd"), **licence},
        "coco": {"path": str(drawn), "annotations": "boxes.json", "classes": used, **licence},
        "yolo": {"path": str(yolo), "classes": used, **licence},
        "detection_folder": {"path": str(yolo), "classes": used, **licence},
        "image_mask_pairs": {"path": pairs, **licence},
    }


@pytest.fixture(scope="module")
def load(places):
    """Load a dataset of the folder once; skip it by its name if its data is nowhere."""

    @cache
    def loaded(name):
        config = OmegaConf.merge(OmegaConf.load(CONF / f"{name}.yaml"), places.get(name, {}))
        if OmegaConf.missing_keys(config) or not Path(config.get("path") or ROOT).exists():
            return None
        return build_adapter(config, "dataset", ("load",), other_keys=DATASET_KEYS).load()

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
    has = {
        "classification": lambda case: case.target is not None,
        "detection": lambda case: case.boxes is not None,
        "segmentation": lambda case: dataset.read_mask is not None,
    }[dataset.task]
    for case in dataset.cases:
        assert has(case)
        assert all(0 <= label < len(dataset.classes) for label in case.present_classes)


def test_files_are_those_of_all_cases_or_the_images_are_arrays(dataset):
    assert set(dataset.files) in (set(), {case.case_id for case in dataset.cases})
    assert all(file.is_file() for file in dataset.files.values())


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


def test_masks_are_of_the_size_of_their_image_and_hold_classes(dataset):
    for case in dataset.cases[:10] if dataset.read_mask else ():
        mask = dataset.read_mask(case)

        assert (mask.dtype, mask.shape) == (np.uint8, dataset.read(case).shape[:2])
        assert mask.max() < len(dataset.classes)


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

    assert sum(len(part) for part in (parts.train, parts.validation, parts.test)) == len(dataset.cases)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_says_first_what_it_is(name):
    first = (CONF / f"{name}.yaml").read_text().splitlines()[0]

    assert first.startswith("# ")
