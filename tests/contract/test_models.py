"""Promises that every model under ``conf/model`` keeps."""

import dataclasses
import inspect
import tomllib
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml
from chat_server import ChatServer
from gemini_server import GeminiServer

from arogya_bench.api_models.model import ApiModel, CellPredictor
from arogya_bench.errors import MissingExtra, RequirementMissing
from arogya_bench.frameworks.prediction_steps import with_postprocess
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.serving import write_adapter_file
from arogya_bench.testing.adapter import CLASSES, check_adapter, run_trial
from arogya_bench.types import SteppedPredictor

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "conf" / "model").glob("*.yaml"))
# Rows of APIs are asked at a server on this machine.
SERVERS = {"gemini": GeminiServer, "openai_compatible": ChatServer}
API_CONFIGS = [config for config in CONFIGS if config.stem in SERVERS]
SIZES = {"yolov8_det": 64}  # in pixels; a detector has a coarse grid
every_config = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)


def stated(config):
    """The target of a config and its fields, as the file states them."""
    fields = yaml.safe_load(config.read_text(encoding="utf-8"))
    return fields.pop("_target_"), fields


def kind(target):
    module, _, name = target.rpartition(".")
    return getattr(import_module(module), name)


@pytest.fixture
def textures_model(tmp_path):
    """An MLflow model of the drawn textures, as one of our own fits leaves it."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    fitted = run_trial(OpenCVClassifier(image_size=32), tmp_path / "fitted")
    write_adapter_file(fitted.model, CLASSES, fitted.folder)
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, -1, -1, 3))]),
        outputs=Schema([ColSpec("double", name) for name in CLASSES]),
    )
    with warnings.catch_warnings(record=True, action="ignore"):  # it advises an input example
        mlflow.pyfunc.save_model(
            str(tmp_path / "model"),
            loader_module="arogya_bench.serving",
            data_path=str(fitted.folder),
            pip_requirements=["arogya-bench"],
            signature=signature,
        )
    return str(tmp_path / "model")


@pytest.fixture
def api_server(config, monkeypatch, tmp_path):
    """A server for the row of an API; None for other rows."""
    if config.stem not in SERVERS:
        yield None
        return
    monkeypatch.setenv("AROGYA_API_LEDGER", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-of-this-test")
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with SERVERS[config.stem]() as server:
        yield server


@pytest.fixture
def model(request, config, api_server):
    """The model of a config, on small images, from weights that need no download."""
    target, fields = stated(config)
    del fields["_convert_"]
    if fields.get("weights") == "imagenet":
        fields["weights"] = "none"
    if "image_size" in fields:
        fields["image_size"] = SIZES.get(config.stem, 32)
    if "uri" in fields:
        fields["uri"] = request.getfixturevalue("textures_model")
    if api_server is not None:
        speed = {"requests_per_minute": 1_000_000, "concurrency": 4}
        fields |= {"id": "some-model", "base_url": api_server.url, **speed}
    made = kind(target)(**fields)
    try:
        made.check(device="cpu")
    except MissingExtra as missing:
        pytest.skip(f"{config.stem}: {missing.problem}")
    return made


@every_config
def test_every_promise_is_kept(config, model, tmp_path):
    assert check_adapter(model, tmp_path / "trial") == []


@pytest.mark.parametrize(
    "config", [config for config in CONFIGS if config.stem in SERVERS], ids=lambda config: config.stem
)
class TestRowsOfApis:
    def test_a_few_shot_prompt_keeps_every_promise(self, model, tmp_path):
        assert check_adapter(dataclasses.replace(model, shots=2), tmp_path / "trial") == []

    def test_it_is_an_api_model_that_sends_nothing_without_consent(self, model, api_server, tmp_path):
        predictor = model.load(run_trial(model, tmp_path / "trial").folder, classes=CLASSES, device="cpu")

        assert isinstance(model, ApiModel)
        assert isinstance(predictor, CellPredictor)
        assert model.paid
        with pytest.raises(RequirementMissing):
            predictor([np.zeros((8, 8, 3), np.uint8)])
        with pytest.raises(RequirementMissing):
            model.check_access(dataset="any", external_api="denied")
        assert api_server.requests == []

    def test_its_estimates_grow_with_the_classes(self, model):
        few, many = (model.estimate_tokens(tuple(map(str, range(count)))) for count in (2, 20))

        for smaller, larger in zip(few, many, strict=True):
            assert smaller.input < larger.input
        assert few[0].output <= few[1].output


def test_the_rows_of_apis_ask_the_same():
    """They differ by the model, and not by its prompt."""
    prompts = {stated(config)[1]["prompt"] for config in API_CONFIGS}

    assert len(prompts) == 1


def spy_on_arguments(monkeypatch, owner, name, seen):
    """Record the length of what a method is given, and call it."""
    called = getattr(owner, name)

    def spy(self, batch, *others):
        seen.append(len(batch))
        return called(self, batch, *others)

    monkeypatch.setattr(owner, name, spy)


def spy_on_keras(monkeypatch, seen):
    """Add a layer that records the batch when the compiled graph runs, not when it is traced."""
    import keras
    import tensorflow as tf

    from arogya_bench.models.keras_cnn import KerasConvNet

    class Recorder(keras.layers.Layer):
        def call(self, values):
            tf.py_function(lambda count: seen.append(int(count)), [tf.shape(values)[0]], [])
            return values

    layers = KerasConvNet._build_layers
    monkeypatch.setattr(KerasConvNet, "_build_layers", lambda *given: [*layers(*given), Recorder()])


@pytest.fixture
def spied(config, monkeypatch):
    """Load a fit; returns its steps and the sizes of the batches that its network is given from now on."""

    def load(model, folder):
        from arogya_bench.models.opencv_classifiers import SupportVectors
        from arogya_bench.serving import ServedModel

        seen = []
        if model.adapter_name == "keras_cnn":
            spy_on_keras(monkeypatch, seen)
        elif model.adapter_name == "pyfunc":
            spy_on_arguments(monkeypatch, ServedModel, "predict", seen)
        elif model.adapter_name == "opencv":
            spy_on_arguments(monkeypatch, SupportVectors, "scores", seen)
        steps = model.load(folder, classes=CLASSES, device="cpu")
        if hasattr(steps.network, "register_forward_pre_hook"):
            steps.network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
        return steps, seen

    return load


@every_config
def test_the_network_sees_exactly_the_batch_that_is_named(config, model, spied, tmp_path):
    """70 is more than any row passes to its network by itself."""
    if config.stem in SERVERS:
        pytest.skip("the network is that of the provider, which gets one image at a time")
    trial = run_trial(model, tmp_path / "trial")
    steps, seen = spied(model, trial.folder)
    assert isinstance(steps, SteppedPredictor)

    for count in (1, 5, 70):
        images = [trial.images[number % 2 * 2] for number in range(count)]
        seen.clear()
        outputs = steps.forward(steps.preprocess(images))

        assert seen == ([] if model.adapter_name == "prior" else [count])
        assert len(steps.postprocess(outputs, images)) == count
    assert (steps.network is None) == (model.adapter_name in ("prior", "opencv", "pyfunc"))


def test_a_step_can_be_added_to_a_predictor(tmp_path):
    trial = run_trial(OpenCVClassifier(image_size=32), tmp_path / "trial")
    images = list(trial.images)

    steps = with_postprocess(trial.predict, lambda rows: rows[:, ::-1])

    assert isinstance(steps, SteppedPredictor)
    reversed_rows = trial.predict(images)[:, ::-1]
    np.testing.assert_array_equal(steps(images), reversed_rows)
    outputs = steps.forward(steps.preprocess(images))
    np.testing.assert_array_equal(steps.postprocess(outputs, images), reversed_rows)
    assert (steps.max_batch_size, steps.network, steps.device) == (None, None, "cpu")
    steps.synchronise()


@every_config
def test_yaml_states_every_field_and_the_defaults_of_the_adapter(config):
    """Otherwise a model built in a notebook would differ from the row of the same name."""
    target, fields = stated(config)
    convert = fields.pop("_convert_")
    defaults = {
        each.name: each.default for each in dataclasses.fields(kind(target)) if each.default is not dataclasses.MISSING
    }

    assert convert == "all"
    assert set(fields) == {each.name for each in dataclasses.fields(kind(target))}
    differing = {
        name: value for name, value in fields.items() if name in defaults and plain(value) != plain(defaults[name])
    }
    assert set(differing) <= set(VARIANTS.get(config.stem, ()))


# What makes a row of its own out of an adapter that another row has, too.
VARIANTS = {
    "cnn": ("image_size", "channels", "batch_norm", "dropout"),
    "efficientnet_lite0_frozen": ("trained",),
    "opencv_soft": ("C",),
}


def plain(value):
    return list(value) if isinstance(value, tuple) else value


@every_config
def test_adapters_are_documented_and_name_an_extra_of_the_package(config):
    target, _ = stated(config)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    adapter = kind(target)

    assert inspect.getdoc(adapter)
    assert adapter.extra is None or adapter.extra in extras
    assert adapter.task in ("classification", "detection")
