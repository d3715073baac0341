"""The YAML of a dataset names every field of its class, with the same default."""

from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError

from arogya_bench.configuration.schema import DATASET_KEYS
from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.covid_cxr import COVIDCxr
from arogya_bench.datasets.detection_folder import DetectionFolder
from arogya_bench.datasets.eyepacs import EyePACS
from arogya_bench.datasets.ham10000 import HAM10000
from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.datasets.image_mask_pairs import ImageMaskPairs
from arogya_bench.datasets.isic2019 import ISIC2019
from arogya_bench.datasets.medmnist import MedMNIST
from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.datasets.yolo import YOLO

CONF = Path(__file__).parents[2] / "conf" / "dataset"
PAIRS = [
    ("coco", COCO),
    ("detection_folder", DetectionFolder),
    ("image_folder", ImageFolder),
    ("image_mask_pairs", ImageMaskPairs),
    ("medmnist", MedMNIST),
    ("pascal_voc", PascalVOC),
    ("synthetic", Synthetic),
    ("yolo", YOLO),
]
PUBLISHED = [
    ("covid_cxr", COVIDCxr, 13975),
    ("eyepacs", EyePACS, 35126),
    ("ham10000", HAM10000, 10015),
    ("isic2019", ISIC2019, 25331),
]
STATED = ("licence", "counts", "source", "citation", "version", "overlaps", "obtain")


def loaded(name, **changed):
    """The fields of the reader in a YAML; those that hold for every reader are set apart."""
    config = OmegaConf.load(CONF / f"{name}.yaml")
    for key in DATASET_KEYS:
        config.pop(key, None)
    return OmegaConf.merge(config, changed)


@pytest.mark.parametrize("name", [name for name, *_ in PUBLISHED] + ["image_folder", "medmnist", "synthetic"])
def test_every_set_of_labelled_images_can_name_its_positive_class(name):
    assert OmegaConf.load(CONF / f"{name}.yaml").positive is None


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_the_yaml_has_every_field_and_no_other(name, kind):
    keys = {key for key in loaded(name) if not key.startswith("_")}

    assert keys == {field.name for field in fields(kind)}


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_the_yaml_builds_the_class_with_its_defaults(name, kind):
    required = {f.name: "x" for f in fields(kind) if f.default is f.default_factory is MISSING}
    config = loaded(name, **required)
    told = {"obtain": config.obtain} if "obtain" in config else {}  # words for people

    assert instantiate(config) == kind(**required, **told)


@pytest.mark.parametrize(("kind", "wrong"), [(MedMNIST, {"classes": 3}), (Synthetic, {"cases": "many"})])
def test_the_fields_have_types_that_a_schema_can_check(kind, wrong):
    schema = OmegaConf.structured(kind)

    with pytest.raises(ValidationError):
        OmegaConf.merge(schema, wrong)


@pytest.mark.parametrize(("name", "kind", "total"), PUBLISHED)
def test_a_published_set_states_its_facts_and_the_defaults_of_its_reader(name, kind, total):
    config = loaded(name, path="x")
    stated = {key: OmegaConf.to_container(config)[key] for key in STATED}

    assert {key for key in config if not key.startswith("_")} == {f.name for f in fields(kind)}
    assert instantiate(config) == kind(path="x", **stated)
    assert all(stated[key] for key in STATED if key != "overlaps")
    assert sum(stated["counts"].values()) == total
    assert list(stated["counts"]) == list(config.classes) == kind(path="x", licence="y").classes


def test_a_set_by_class_folders_leaves_its_licence_to_the_user():
    config = loaded("oral_cancer", path="x", licence="y")

    assert OmegaConf.missing_keys(loaded("oral_cancer")) == {"path", "licence"}
    assert instantiate(config) == ImageFolder(path="x", licence="y", name="oral_cancer", obtain=config.obtain)


@pytest.mark.parametrize("file", sorted(CONF.glob("*.yaml")), ids=lambda file: file.stem)
def test_only_images_that_show_no_person_may_be_sent_to_apis_or_shown_in_reports(file):
    stated = OmegaConf.load(file)

    assert {stated.external_api, stated.thumbnails} == {"allowed" if file.stem == "synthetic" else "denied"}


def test_a_reader_that_nobody_configured_denies_apis_too():
    readers = [ImageFolder(path="x", licence="y"), MedMNIST(path="x"), COCO(path="x", licence="y")]

    assert {reader.external_api for reader in readers} == {"denied"}


def test_consent_changes_no_file_of_a_dataset(tmp_path):
    denied = Synthetic(cases=60, classes=3, external_api="denied", cache=str(tmp_path))

    assert denied.folder() == Synthetic(cases=60, classes=3, cache=str(tmp_path)).folder()


def test_sets_that_share_images_name_each_other():
    overlaps = {name: set(loaded(name).overlaps) for name, _, _ in PUBLISHED}

    assert "isic2019" in overlaps["ham10000"]
    for name, others in overlaps.items():
        assert all(name in overlaps[other] for other in others if other in overlaps)


def test_null_takes_the_counts_away_as_errors_advise():
    """An empty mapping would not: Hydra merges it into what is there."""
    assert loaded("ham10000", counts=None).counts is None
    assert loaded("ham10000", counts={}).counts
