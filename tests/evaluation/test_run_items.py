from dataclasses import dataclass, replace

import pytest
import yaml

from arogya_bench.evaluation.job import prepare
from arogya_bench.evaluation.run_items import dataset_input, job_params, job_tags, provenance_files
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.tracking.tags import read_model_params


@dataclass(frozen=True, kw_only=True)
class Pretrained(Prior):
    adapter_name = "test_pretrained"
    adapter_version = 1
    weights: str


@pytest.fixture
def job(job_of):
    return job_of()


def test_params_show_no_path_of_the_weights(job, tmp_path):
    weights = tmp_path / "model.bin"
    weights.write_bytes(b"learned")

    params = job_params(prepare(replace(job, model=Pretrained(weights=str(weights)))))

    assert str(tmp_path) not in str(params)


def test_the_fields_of_the_model_are_its_params(job):
    params = job_params(prepare(replace(job, model=OpenCVClassifier(image_size=32, C=2.0))))

    assert params["model.C"] == 2.0
    assert params["limit"] == "none"
    assert len(params) <= 20


def test_tags_say_what_the_run_is_about(job):
    planned = prepare(job)

    tags = job_tags(planned)

    assert tags["arogya.dataset"] == "synthetic-60x3"
    assert tags["arogya.dataset_digest"] == planned.dataset.digest
    assert tags["arogya.split"] == "group-50-20-30-s42"
    assert (tags["arogya.seed"], tags["arogya.grouped"]) == ("42", "true")
    assert all(isinstance(value, str) for value in tags.values())


def test_a_run_has_the_params_of_its_model_from_the_start(job, tmp_path):
    weights = tmp_path / "model.bin"
    weights.write_bytes(b"learned")
    planned = prepare(replace(job, model=Pretrained(weights=str(weights))))

    params = read_model_params(job_tags(planned))

    logged = {name: str(value) for name, value in job_params(planned).items()}
    assert params == {name: value for name, value in logged.items() if name.startswith(("model.", "training"))}
    assert str(tmp_path) not in str(params)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_the_dataset_of_a_run_counts_its_part(job, part):
    planned = prepare(job)

    found = dataset_input(planned, part)

    assert (found.context, found.digest) == (part, planned.dataset.digest)
    assert found.profile["cases"] == len(getattr(planned.split, part))
    assert sum(found.profile["classes"].values()) == found.profile["cases"]


def test_the_config_is_kept_without_the_address_of_the_store(job):
    config = {"seed": 42, "tracking": {"uri": "http://nurse:hush@host"}, "model": {"C": 1.0}}

    text = next(provenance_files(prepare(replace(job, config=config)))).text

    assert yaml.safe_load(text) == {"seed": 42, "model": {"C": 1.0}}
