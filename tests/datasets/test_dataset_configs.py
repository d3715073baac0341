"""The YAML of a dataset names every field of its class, with the same default."""

from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError

from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.medmnist import MedMNIST
from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.datasets.yolo import YOLO

CONF = Path(__file__).parents[2] / "conf" / "dataset"
PAIRS = [
    ("coco", COCO),
    ("medmnist", MedMNIST),
    ("pascal_voc", PascalVOC),
    ("synthetic", Synthetic),
    ("yolo", YOLO),
]


def loaded(name, **changed):
    return OmegaConf.merge(OmegaConf.load(CONF / f"{name}.yaml"), changed)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_the_yaml_has_every_field_and_no_other(name, kind):
    keys = {key for key in loaded(name) if not key.startswith("_")}

    assert keys == {field.name for field in fields(kind)}


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_the_yaml_builds_the_class_with_its_defaults(name, kind):
    required = {f.name: "x" for f in fields(kind) if f.default is f.default_factory is MISSING}

    assert instantiate(loaded(name, **required)) == kind(**required)


@pytest.mark.parametrize(
    ("kind", "wrong"), [(MedMNIST, {"classes": 3}), (Synthetic, {"cases": "many"})]
)
def test_the_fields_have_types_that_a_schema_can_check(kind, wrong):
    schema = OmegaConf.structured(kind)

    with pytest.raises(ValidationError):
        OmegaConf.merge(schema, wrong)
