"""Promises that every model under ``conf/model`` keeps."""

import dataclasses
import inspect
import json
import os
import random
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from arogya_bench.errors import ModelError
from arogya_bench.types import Case, Dataset, Subset, Training

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "conf" / "model").glob("*.yaml"))
CLASSES = ("stripes", "dots", "plain")
TRAINING = Training(epochs=1, batch_size=16)
OPTIONAL = ("torch", "torchvision", "tensorflow", "keras", "ultralytics", "google", "transformers")

# Runs in a process of its own, in which no optional framework can be found.
WITHOUT_EXTRAS = """
import dataclasses, json, sys
from importlib import import_module

class Hiding:
    def __init__(self, finders, hidden):
        self.finders, self.hidden = finders, hidden

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.hidden:
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders)
        return next((spec for spec in found if spec), None)

target, fields, hidden = json.loads(sys.argv[1])
sys.meta_path[:] = [Hiding(list(sys.meta_path), hidden)]
from arogya_bench.errors import MissingExtra

module, name = target.rsplit(".", 1)
model = getattr(import_module(module), name)(**fields)
try:
    model.check(device="cpu")
except MissingExtra as missing:
    print(json.dumps([missing.problem, missing.fix]))
else:
    print("null")
"""


def settings(config):
    """The target and the fields of a model, with weights that need no download and small images."""
    fields = {k: v for k, v in yaml.safe_load(config.read_text()).items() if k != "_convert_"}
    target = fields.pop("_target_")
    if "weights" in fields:
        fields["weights"] = "none"
    if "image_size" in fields:
        fields["image_size"] = 32
    return target, fields


def adapter(target):
    module, name = target.rsplit(".", 1)
    return getattr(import_module(module), name)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Waiting for each other costs threads more than such small networks gain from them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def subsets():
    """40 noisy images of three textures for training, 20 for validation, sizes 32 and 24 x 40."""
    rng = np.random.default_rng(0)
    images = {f"case-{i}": texture(i % 3, (32, 32) if i % 2 else (24, 40), rng) for i in range(60)}
    cases = tuple(Case(case_id=name, group_id=name, target=i % 3) for i, name in enumerate(images))
    dataset = Dataset(
        name="textures",
        task="classification",
        classes=CLASSES,
        cases=cases,
        grouped=False,
        digest="0" * 32,
        licence="CC0-1.0",
        source="drawn by the test",
        version="1",
        read=lambda case: images[case.case_id],
    )
    return Subset(dataset=dataset, cases=cases[:40]), Subset(dataset=dataset, cases=cases[40:])


def texture(kind, shape, rng):
    rows, columns = np.indices(shape)
    clean = [(columns // 3 % 2), (rows // 3 + columns // 3) % 2, np.full(shape, 0.5)][kind] * 160
    noisy = clean[..., None] + rng.normal(40, 20, (*shape, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


@dataclasses.dataclass(frozen=True)
class Fitted:
    model: object
    folder: Path
    predict: object
    images: list
    report: object


@pytest.fixture(scope="module", params=CONFIGS, ids=lambda config: config.stem)
def fitted(request, subsets, tmp_path_factory):
    target, fields = settings(request.param)
    model, (train, validation) = adapter(target)(**fields), subsets
    folder = tmp_path_factory.mktemp(request.param.stem)
    model.check(device="cpu")
    report = model.fit(train, validation, training=TRAINING, seed=1, device="cpu", out=folder)
    return Fitted(
        model=model,
        folder=folder,
        predict=model.load(folder, classes=CLASSES, device="cpu"),
        images=list(validation.images())[:9],
        report=report,
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_yaml_builds_a_frozen_dataclass_and_names_its_fields(config):
    target, _ = settings(config)
    fields = yaml.safe_load(config.read_text())
    convert = fields.pop("_convert_")
    del fields["_target_"]

    model = adapter(target)(**fields)

    assert convert == "all"
    assert model.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(model))
    assert set(fields) == {field.name for field in dataclasses.fields(model)}
    assert inspect.getdoc(type(model))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_yaml_states_the_defaults_of_the_adapter(config):
    """Otherwise a model built in a notebook would differ from the row of the same name."""
    target, _ = settings(config)
    fields = yaml.safe_load(config.read_text())
    del fields["_convert_"], fields["_target_"]

    assert adapter(target)(**fields) == adapter(target)()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_missing_library_is_named_with_its_extra(config):
    target, fields = settings(config)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, json.dumps([target, fields, OPTIONAL])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    if missing := json.loads(done.stdout):
        problem, fix = missing
        assert any(repr(name) in problem for name in OPTIONAL)
        assert any(f"arogya-bench[{extra}]" in fix for extra in extras)
    else:
        assert not any(f"import {name}" in source_of(target) for name in OPTIONAL)


def source_of(target):
    return inspect.getsource(import_module(target.rpartition(".")[0]))


def test_one_row_of_probabilities_per_image(fitted):
    rows = fitted.predict(fitted.images)

    assert rows.shape == (len(fitted.images), len(CLASSES))
    assert rows.dtype == np.float64
    assert (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-9)


def test_no_images_give_no_rows(fitted):
    assert fitted.predict([]).shape == (0, len(CLASSES))


def test_same_image_gives_the_same_row(fitted):
    image = fitted.images[0]

    rows = fitted.predict([image, image.copy(), image])

    np.testing.assert_allclose(rows, rows[[0, 0, 0]], atol=1e-5)


def test_order_within_a_batch_is_irrelevant(fitted):
    rows = fitted.predict(fitted.images)

    np.testing.assert_allclose(fitted.predict(fitted.images[::-1]), rows[::-1], atol=1e-5)


def test_size_of_a_batch_is_irrelevant(fitted):
    rows = fitted.predict(fitted.images)

    singly = np.concatenate([fitted.predict([image]) for image in fitted.images])

    np.testing.assert_allclose(singly, rows, atol=1e-5)


def test_images_are_not_written_to(fitted):
    before = [image.copy() for image in fitted.images]
    for image in fitted.images:
        image.flags.writeable = False

    fitted.predict(fitted.images)

    for image, copy in zip(fitted.images, before, strict=True):
        np.testing.assert_array_equal(image, copy)


def test_same_seed_fits_the_same_model_and_spares_the_generators_of_the_caller(
    fitted, subsets, tmp_path
):
    train, validation = subsets
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002

    fitted.model.fit(train, validation, training=TRAINING, seed=1, device="cpu", out=tmp_path)
    again = fitted.model.load(tmp_path, classes=CLASSES, device="cpu")

    np.testing.assert_allclose(again(fitted.images), fitted.predict(fitted.images), atol=1e-6)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


def test_loading_twice_gives_the_same_predictions(fitted):
    again = fitted.model.load(fitted.folder, classes=CLASSES, device="cpu")

    np.testing.assert_array_equal(again(fitted.images), fitted.predict(fitted.images))


@pytest.mark.parametrize("classes", [CLASSES[::-1], CLASSES[:2], (*CLASSES, "more")])
def test_another_class_order_is_refused(fitted, classes):
    with pytest.raises(ModelError, match="in this order"):
        fitted.model.load(fitted.folder, classes=classes, device="cpu")


def test_empty_folder_is_refused(fitted, tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        fitted.model.load(tmp_path, classes=CLASSES, device="cpu")


def test_curves_name_the_same_numbers_in_every_epoch(fitted):
    names = {"train_loss", "val_loss", "val_f1_macro", "learning_rate"}

    assert all(set(curve) == names for curve in fitted.report.curves)
    assert (fitted.report.best_epoch is None) == (not fitted.report.curves)


def test_every_saved_file_is_needed_and_guarded(fitted, tmp_path):
    """Each file, cut in half, is refused with advice and not with a traceback of its library."""
    for file in sorted(fitted.folder.iterdir()):
        for other in fitted.folder.iterdir():
            content = other.read_bytes()
            (tmp_path / other.name).write_bytes(
                content[: len(content) // 2 if other == file else None]
            )

        with pytest.raises(ModelError, match="damaged"):
            fitted.model.load(tmp_path, classes=CLASSES, device="cpu")
