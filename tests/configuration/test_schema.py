from dataclasses import dataclass

import pytest
from omegaconf import OmegaConf

from arogya_bench.configuration.compose import RunRequest, compose_jobs
from arogya_bench.configuration.schema import build_adapter
from arogya_bench.configuration.validation import validate
from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.errors import ConfigError
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.types import Training

ADAPTER = ("fit", "load", "check")


def refusal(*overrides):
    """Compose a job that has a wrong value."""
    with pytest.raises(ConfigError) as refused:
        compose_jobs(RunRequest(overrides=overrides))
    return refused.value


def node(**fields):
    return OmegaConf.create(fields)


def test_an_adapter_is_built_from_its_target():
    made = build_adapter(node(_target_="arogya_bench.models.prior.Prior"), "model", ADAPTER)

    assert made == Prior()


def test_the_fields_of_an_adapter_take_their_types():
    target = "arogya_bench.models.opencv.OpenCVClassifier"

    made = build_adapter(node(_target_=target, image_size="64"), "model", ADAPTER)

    assert made == OpenCVClassifier(image_size=64)


def test_a_field_may_point_to_another_key():
    config = OmegaConf.create(
        {"size": 64, "model": {"_target_": "arogya_bench.models.opencv.OpenCVClassifier", "image_size": "${size}"}}
    )

    assert build_adapter(config.model, "model", ADAPTER) == OpenCVClassifier(image_size=64)


def test_without_a_target_the_fix_says_what_to_write():
    with pytest.raises(ConfigError, match="model has no _target_") as refused:
        build_adapter(node(), "model", ADAPTER)

    assert "_target_: package.module.Class" in refused.value.fix


@pytest.mark.parametrize("target", ["nothing", "no.such.Thing", "arogya_bench.models.prior.Pior", "os.path."])
def test_a_target_that_is_not_there_is_named(target):
    with pytest.raises(ConfigError, match="cannot be imported"):
        build_adapter(node(_target_=target), "model", ADAPTER)


@pytest.mark.parametrize("target", ["os.system", "builtins.open", "arogya_bench.types.Training", "pathlib.Path"])
def test_what_is_no_adapter_is_not_called(target):
    with pytest.raises(ConfigError, match="not an adapter"):
        build_adapter(node(_target_=target), "model", ADAPTER)


def test_an_unknown_field_names_the_nearest_one():
    with pytest.raises(ConfigError, match=r"'epoch'\. Did you mean 'epochs'\?"):
        validate(Training, node(epoch=3), "training")


def test_an_adapter_without_fields_says_so():
    with pytest.raises(ConfigError) as refused:
        build_adapter(node(_target_="arogya_bench.models.prior.Prior", epochs=3), "model", ADAPTER)

    assert "there are no fields" in refused.value.fix


@pytest.mark.parametrize(
    ("field", "value", "advice"), [("classes", [None, "a"], 'needs quotes: "null"'), ("counts", {1: 3}, "in quotes")]
)
def test_names_that_yaml_reads_as_no_text_need_quotes(field, value, advice):
    node = OmegaConf.create({"path": ".", "licence": "x", field: value})

    with pytest.raises(ConfigError) as error:
        validate(ImageFolder, node, "dataset")

    assert advice in error.value.fix


def test_a_wrong_type_names_the_value_and_the_type():
    with pytest.raises(ConfigError, match=r"training\.epochs: Value 'many'") as refused:
        validate(Training, node(epochs="many"), "training")

    assert refused.value.fix == "give training.epochs a value of type int."


def test_fields_are_a_group():
    assert "augmentation.clean is None" in refusal("augmentation.clean=null").problem


def test_the_place_in_a_list_is_named():
    error = refusal("augmentation=rotation", "augmentation.rotation.severities=[15,x]")

    assert "augmentation.rotation.severities[1]: " in error.problem
    assert "list[float]" in error.fix


@dataclass(frozen=True, kw_only=True)
class Odd:
    """A dataclass with a field that no config can fill."""

    phase: complex


def test_a_field_that_no_config_can_fill_is_an_error():
    with pytest.raises(ConfigError, match="phase"):
        validate(Odd, node(), "model")


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("seed=-1", "seed=-1 is too small"),
        ("seed=4294967296", "seed=4294967296 is too large"),
        ("limit=0", "limit=0 is too small"),
        ("batch_size=0", "batch_size=0 is too small"),
        ("image_size=4", "image_size=4 is too small"),
        ("statistics.resamples=10", "statistics.resamples=10"),
        ("tracking.experiment=", "tracking.experiment is empty"),
        ("tracking.uri=", "tracking.uri is empty"),
        ("budget.usd=-1", "budget.usd=-1 is no amount"),
        ("budget.usd=nan", "budget.usd=nan is no amount"),
    ],
)
def test_a_value_out_of_range_is_refused(override, problem):
    assert problem in refusal(override).problem


@pytest.mark.parametrize(
    ("override", "problem", "fix"),
    [
        ("sweep.missing=skp", "Unknown sweep.missing 'skp'. Did you mean 'skip'?", "skip or stop"),
        ("dataset.external_api=allow", "Unknown dataset.external_api 'allow'. Did you", "denied or allowed"),
        ("dataset.external_api=true", "Unknown dataset.external_api True.", "denied or allowed"),
        ("dataset.thumbnails=yes", "Unknown dataset.thumbnails", "denied or allowed"),
    ],
)
def test_a_choice_that_is_unknown_names_the_known_ones(override, problem, fix):
    error = refusal(override)

    assert error.problem.startswith(problem)
    assert error.fix == f"set {override.partition('=')[0]} to {fix}."


@pytest.mark.parametrize("usd", ["null", "0", "2.5"])
def test_a_budget_for_apis_may_be_nothing_or_no_limit(usd):
    (job,) = compose_jobs(RunRequest(overrides=(f"budget.usd={usd}",)))

    assert job.config["budget"]["usd"] == (None if usd == "null" else float(usd))


def test_a_server_needs_an_address():
    error = refusal("tracking=server")

    assert error.problem == "tracking.uri is empty."
    assert "http://127.0.0.1:5000" in error.fix


def test_the_image_size_of_the_root_reaches_a_model_that_resizes():
    (job,) = compose_jobs(RunRequest(overrides=("model=opencv", "image_size=64")))

    assert job.model == OpenCVClassifier(image_size=64)


def test_a_model_that_does_not_resize_ignores_the_image_size():
    (job,) = compose_jobs(RunRequest(overrides=("model=prior", "image_size=64")))

    assert job.model == Prior()


def test_a_split_is_checked_before_a_dataset_is_drawn():
    with pytest.raises(ConfigError, match=r"'grup'\. Did you mean 'group'\?"):
        SplitPolicy(method="grup")


def test_the_shares_of_a_split_sum_to_one():
    assert "sum to 1" in refusal("split.train=0.9").problem


def test_a_single_value_for_a_list_gets_its_brackets():
    with pytest.raises(ConfigError) as refusal:
        validate(SplitPolicy, OmegaConf.create({"borders": 2023}), "split")

    assert str(refusal.value) == "split.borders is no list.\nFix: write it in brackets: 'split.borders=[first,second]'."


@pytest.mark.parametrize(
    ("overrides", "fix"),
    [
        (("dataset=medmnist",), "add dataset.path=/path/to/pneumoniamnist.npz to the command"),
        (("dataset=medmnist",), "arogya-bench data fetch NAME downloads a subset"),
        (("dataset=ham10000",), "arogya-bench data fetch ham10000 prints how to get it"),
        (("dataset=image_folder",), "add dataset.path=FOLDER to the command"),
        (("dataset=coco", "dataset.path=x"), "add dataset.licence=unpublished to the command"),
        (("model=pyfunc",), "add model.uri=models:/name/1 to the command"),
    ],
)
def test_a_field_without_a_value_is_named_with_an_example(overrides, fix):
    with pytest.raises(ConfigError, match="has no value and no default") as refused:
        compose_jobs(RunRequest(overrides=overrides))

    assert fix in refused.value.fix
