from dataclasses import dataclass, replace

import pytest

from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.types import Training

NOISE = "gaussian_noise_0.1"


@dataclass(frozen=True, kw_only=True)
class Pretrained(Prior):
    adapter_name = "test_pretrained"
    adapter_version = 1
    weights: str


@dataclass(frozen=True, kw_only=True)
class Segmenter(Prior):
    adapter_name = "test_segmenter"
    adapter_version = 1
    task = "segmentation"


@pytest.fixture
def job(job_of):
    return job_of(noise=(0.1,))


def keys(job):
    planned = prepare(job)
    return planned.fit_key, planned.cell_keys["clean"], planned.cell_keys[NOISE]


def test_every_condition_has_a_cell_of_its_own(job):
    cells = prepare(job).cell_keys

    assert set(cells) == {"clean", NOISE}
    assert cells["clean"] != cells[NOISE]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"training": Training(epochs=3)},
        {"training": Training(monitor="val_loss")},
        {"model": OpenCVClassifier(image_size=32)},
        {"source": Synthetic(cases=60, classes=3, image_size=32, seed=8)},
        {"split": SplitPolicy(train=0.5, validation=0.2, test=0.3, seed=1)},
        {"limit": 12},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_decides_the_numbers_decides_fit_and_cells(job, change):
    before, after = keys(job), keys(replace(job, **change))

    assert not set(before) & set(after)


@pytest.mark.parametrize(
    "change",
    [
        {"device": "auto"},
        {"batch_size": 3},
        {"tracking_uri": "http://nurse:hush@127.0.0.1:5000"},
        {"experiment": "other"},
        {"resume": False},
        {"config": {}},
        {"training_name": "same, by another name"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_decides_no_number_decides_no_key(job, change):
    assert keys(replace(job, **change)) == keys(job)


def test_more_resamples_are_other_cells_of_the_same_fit(job):
    before, after = keys(job), keys(replace(job, resamples=2000))

    assert before[0] == after[0]
    assert not set(before[1:]) & set(after[1:])


def test_a_copy_by_another_name_has_the_same_fit_and_a_row_of_its_own(job):
    original, copy = prepare(job), prepare(replace(job, model_name="copy"))

    assert original.fit_key == copy.fit_key
    assert original.model_config_digest != copy.model_config_digest
    assert original.cell_keys["clean"] != copy.cell_keys["clean"]


def test_seeds_share_a_row(job):
    assert prepare(job).model_config_digest == prepare(replace(job, seed=1)).model_config_digest


def test_another_place_in_the_sweep_does_not_change_a_condition(job_of):
    assert (
        prepare(job_of(noise=(0.1,))).cell_keys[NOISE]
        == (prepare(job_of(noise=(0.05, 0.1), clean=False)).cell_keys[NOISE])
    )


def test_moving_the_weights_changes_no_key_and_editing_them_does(job, tmp_path):
    weights = tmp_path / "model.bin"
    weights.write_bytes(b"learned")
    before = keys(replace(job, model=Pretrained(weights=str(weights))))
    moved = weights.rename(tmp_path / "moved.bin")

    assert keys(replace(job, model=Pretrained(weights=str(moved)))) == before
    moved.write_bytes(b"learned more")
    assert not set(keys(replace(job, model=Pretrained(weights=str(moved))))) & set(before)


def test_a_model_that_cannot_run_here_is_refused_before_the_data_is_read(job):
    with pytest.raises(ConfigError, match="abacus"):
        prepare(replace(job, device="abacus", source=None))


def test_an_adapter_with_an_unknown_task_is_named_with_the_known_ones(job):
    with pytest.raises(ModelError, match=r"unknown task 'segmentation'.*\n.*classification or detection"):
        prepare(replace(job, model=Segmenter()))
