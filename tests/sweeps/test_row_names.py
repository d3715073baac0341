"""A row can be named, its name is in no key, and a sweep tells its rows apart."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import pytest

from arogya_bench.configuration.compose import RunRequest, compose_jobs
from arogya_bench.errors import ConfigError
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.prior import Prior
from arogya_bench.sweeps.row_names import check_row_names
from arogya_bench.types import Training

STUDY = ("dataset.cases=60", "dataset.classes=3", "image_size=32")


def jobs(*overrides, multirun=True):
    return compose_jobs(RunRequest(overrides=(*STUDY, *overrides), multirun=multirun))


def test_a_name_makes_no_cell_and_no_row_anew():
    plain, named = (prepare(job) for job in (*jobs("model=prior"), *jobs("model=prior", "model.name='my prior'")))

    assert (plain.job.row_name, named.job.row_name) == ("prior", "my prior")
    assert named.cell_keys == plain.cell_keys
    assert named.model_config_digest == plain.model_config_digest


def test_the_calibration_follows_the_name():
    (job,) = jobs("model=opencv", "model.name=mine", "calibration=temperature")

    assert job.row_name == "mine+temperature"


@pytest.mark.parametrize("name", ["''", "true", "[a,b]", "x" * 81, "'a\tb'"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ConfigError, match=r"(?s)is no name for a row.*model\.name='my model'"):
        jobs("model=prior", f"model.name={name}", multirun=False)


@pytest.mark.parametrize(
    ("overrides", "fix"),
    [
        (("model=prior,opencv", "model.name=mine"), "a command of its own"),
        (("model=prior,opencv", "model.name=opencv"), "a command of its own"),
        (("model=opencv", "model.C=1,10", "model.name=mine"), r"'model\.name=\"mine \$\{model\.C\}\"'"),
        (("model=resnet50", "training=standard,quick", "model.name=mine"), r"'model\.name=\"mine \$\{training\."),
    ],
)
def test_two_rows_with_one_name_are_refused(overrides, fix):
    with pytest.raises(ConfigError, match=rf"(?s)Two rows of this sweep have the name.*{fix}"):
        check_row_names(jobs(*overrides))


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (("model=opencv", "model.C=1,10"), {"opencv"}),
        (("model=opencv", "model.C=1,10", 'model.name="mine ${model.C}"'), {"mine 1", "mine 10"}),
        (("model=opencv", "model.name=mine", "seed=1,2"), {"mine"}),
    ],
)
def test_variants_and_repeats_are_no_second_row_of_a_name(overrides, names):
    found = jobs(*overrides)

    check_row_names(found)
    assert {job.row_name for job in found} == names


def test_one_row_with_two_names_is_refused():
    with pytest.raises(ConfigError, match=r"has two names: 'a' and 'b'"):
        check_row_names(jobs("model=prior", "model.name=a,b"))


@dataclass(frozen=True, kw_only=True)
class Brought(Prior):
    """A model that has a name of its own, as those of a registry."""

    adapter_name = "test_brought"
    adapter_version = 1
    uri: str
    display_name = "ours"


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"model": Brought(uri="b/ours")}, True),
        ({"training_name": "quick", "training": Training(epochs=3)}, False),
        ({"model": Prior()}, False),
    ],
)
def test_two_models_of_one_name_are_refused_and_variants_of_one_are_not(job_of, changes, refused):
    one = job_of("brought", Brought(uri="a/ours"))

    with pytest.raises(ConfigError, match=r"model\.uri=a/ours and model\.uri=b/ours") if refused else nullcontext():
        check_row_names([one, replace(one, **changes)])
