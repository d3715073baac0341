"""Checks of the adapter interface, for authors of adapters to run in their own tests.

from arogya_bench.testing.adapter import check_adapter

def test_my_adapter(tmp_path):
    assert check_adapter(MyAdapter(image_size=32), tmp_path) == []

The adapter of an API sends real requests to the service that its fields name, and needs its key in the environment.
It sends nine synthetic textures and nothing of yours: at most nine different requests for each of its ``repeats``,
each once unless it fails, and none that the ledger of this machine has an answer to. A budget of 1 USD ends them, at
assumed prices of 10 USD per million tokens in and 50 USD out. Let the fields name a server of the test, which bills
nothing.
"""

import dataclasses
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from arogya_bench.errors import ModelError, UserError
from arogya_bench.testing.assertions import check_all_close, check_close, require, to_arrays
from arogya_bench.testing.step_checks import STEP_CHECKS
from arogya_bench.testing.trial import CLASSES, AdapterTrial, load_predict, missing_extra_message, run_trial
from arogya_bench.types import Detections, Floats, Image, Model

EPOCH_METRICS = {
    "classification": {"train_loss", "val_loss", "val_f1_macro", "learning_rate"},
    "detection": {"train_loss", "val_mAP50", "val_mAP50_95", "learning_rate"},
}

Check: TypeAlias = Callable[[AdapterTrial], None]


def check_adapter(model: Model, folder: Path) -> list[str]:
    """Run every check on a model; that of an API is asked about nine synthetic textures, which it may bill.

    Args:
        model: At a small image size, with weights that need no download.
        folder: Empty, or not created yet.

    Returns:
        One line for each failed check: its name and the reason.
    """
    trial = run_trial(model, folder)
    return [line for check in CHECKS if (line := _run_check(check, trial))]


def _run_check(check: Check, trial: AdapterTrial) -> str:
    try:
        check(trial)
    except Exception as error:  # noqa: BLE001  (any error of an adapter fails the check)
        return f"{check.__name__}: {error or type(error).__name__}"
    return ""


def check_fields_frozen_and_serializable(trial: AdapterTrial) -> None:
    """The adapter is a frozen dataclass that can be rebuilt from its fields as JSON."""
    model = cast("Any", trial.model)
    require(dataclasses.is_dataclass(model), "it is not a dataclass")
    require(model.__dataclass_params__.frozen, "it is not frozen")
    rebuilt = type(model)(**json.loads(json.dumps(asdict(model))))
    require(asdict(rebuilt) == asdict(model), "its fields change when stored as JSON")


def check_one_output_per_image(trial: AdapterTrial) -> None:
    """Each image gets a row of probabilities that sum to 1, or boxes inside the image."""
    predictions = trial.predict(list(trial.images))
    count = len(trial.images)
    require(len(predictions) == count, f"{len(predictions)} predictions for {count} images")
    if trial.model.task == "detection":
        for detections, image in zip(predictions, trial.images, strict=True):
            _check_boxes(detections, image)
        return
    require(predictions.shape == (count, len(CLASSES)), f"shape {predictions.shape}")
    require(predictions.dtype == np.float64, f"dtype {predictions.dtype}")
    require(predictions.min() >= 0, "a probability is below 0")
    require(bool(np.allclose(predictions.sum(axis=1), 1, atol=1e-9)), "rows do not sum to 1")


def check_empty_batch(trial: AdapterTrial) -> None:
    """An empty batch gives no predictions."""
    predictions = trial.predict([])
    require(len(predictions) == 0, f"{len(predictions)} predictions")
    if trial.model.task == "classification":
        require(predictions.shape == (0, len(CLASSES)), f"shape {predictions.shape}")


def check_repeated_image(trial: AdapterTrial) -> None:
    """Copies of an image in one batch get equal predictions."""
    image = trial.images[0]
    first, *copies = _predict_arrays(trial, [image, image.copy(), image])
    for copy in copies:
        check_close(copy, first)


def check_order_invariance(trial: AdapterTrial) -> None:
    """Predictions do not depend on the order of a batch."""
    predictions = _predict_arrays(trial, trial.images)
    reverse = _predict_arrays(trial, trial.images[::-1])
    check_all_close(reverse[::-1], predictions)


def check_batch_size_invariance(trial: AdapterTrial) -> None:
    """Predictions do not depend on the size of a batch."""
    single = [_predict_arrays(trial, [image])[0] for image in trial.images]
    check_all_close(single, _predict_arrays(trial, trial.images))


def check_images_not_modified(trial: AdapterTrial) -> None:
    """A predictor does not modify its images."""
    images = [image.copy() for image in trial.images]
    for image in images:
        image.flags.writeable = False
    trial.predict(images)


def check_reloaded_predictions(trial: AdapterTrial) -> None:
    """Loading a fit again gives equal predictions."""
    _check_same_predictions(trial, trial.folder)


def check_seed_reproducibility(trial: AdapterTrial) -> None:
    """Equal seeds give equal models, and fitting leaves the caller's generators unchanged."""
    states = _random_states()
    out = trial.scratch / "again"
    out.mkdir()
    trial.model.fit(trial.train, trial.validation, training=trial.training, seed=1, device="cpu", out=out)
    require(states == _random_states(), "the state of a global generator was changed")
    _check_same_predictions(trial, out)


def check_class_order_enforced(trial: AdapterTrial) -> None:
    """Loading with other classes, or in another order, raises ModelError."""
    for classes in (CLASSES[::-1], CLASSES[:2], (*CLASSES, "more")):
        try:
            trial.model.load(trial.folder, classes=classes, device="cpu")
        except ModelError:
            continue
        raise AssertionError(f"weights for {CLASSES} were loaded for {classes}")


def check_epoch_metrics(trial: AdapterTrial) -> None:
    """Every epoch has the metrics of its task; the best epoch is given if there are epochs."""
    names = EPOCH_METRICS[trial.model.task]
    for curve in trial.report.curves:
        require(set(curve) == names, f"an epoch has {sorted(curve)}, not {sorted(names)}")
    epochs = len(trial.report.curves)
    best = trial.report.best_epoch
    require((best is None) == (epochs == 0), f"best epoch {best} of {epochs}")


def check_damaged_files_refused(trial: AdapterTrial) -> None:
    """Loading with a truncated or missing file raises UserError."""
    for number, file in enumerate(sorted(trial.folder.iterdir())):
        folder = trial.scratch / f"truncated-{number}"
        folder.mkdir()
        for source in trial.folder.iterdir():
            content = source.read_bytes()
            half = content[: len(content) // 2]
            (folder / source.name).write_bytes(half if source == file else content)
        _check_load_error(trial, folder, f"{file.name}, truncated to half its size,")
    _check_load_error(trial, trial.scratch / "missing", "a folder that does not exist")


def check_missing_extra_named(trial: AdapterTrial) -> None:
    """Without the optional packages, the fix that ``check`` gives names the declared extra."""
    fix, extra = missing_extra_message(trial.model), trial.model.extra
    if extra is None:
        require(fix is None, f"it declares no extra, but requires one: {fix}")
    else:
        require(fix is not None, "no MissingExtra was raised")
        require(f"[{extra}]" in (fix or ""), f"the fix does not name the extra {extra}: {fix}")


CHECKS: tuple[Check, ...] = (
    check_fields_frozen_and_serializable,
    check_one_output_per_image,
    check_empty_batch,
    check_repeated_image,
    check_order_invariance,
    check_batch_size_invariance,
    check_images_not_modified,
    check_reloaded_predictions,
    check_seed_reproducibility,
    check_class_order_enforced,
    check_epoch_metrics,
    check_damaged_files_refused,
    check_missing_extra_named,
    *STEP_CHECKS,
)


def _check_load_error(trial: AdapterTrial, folder: Path, content: str) -> None:
    try:
        trial.model.load(folder, classes=CLASSES, device="cpu")
    except UserError:
        return
    raise AssertionError(f"{content} was loaded")


def _check_boxes(detections: Detections, image: Image) -> None:
    boxes, scores, labels = detections.boxes, detections.scores, detections.labels
    height, width = image.shape[:2]
    require(boxes.shape == (len(scores), 4), f"boxes of shape {boxes.shape}")
    if not len(scores):
        return
    right, bottom = boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    inside = boxes.min() >= 0 and right.max() <= width + 0.01
    require(bool(inside and bottom.max() <= height + 0.01), "a box exceeds its image")
    require(scores.min() >= 0 and scores.max() <= 1, "a score is outside 0 to 1")
    require(labels.min() >= 0 and labels.max() < len(CLASSES), "a label is not a class index")


def _predict_arrays(trial: AdapterTrial, images: Sequence[Image]) -> list[Floats]:
    return to_arrays(trial.predict(list(images)), trial.model.task)


def _check_same_predictions(trial: AdapterTrial, folder: Path) -> None:
    actual = to_arrays(load_predict(trial.model, folder, trial.access)(list(trial.images)), trial.model.task)
    check_all_close(actual, _predict_arrays(trial, trial.images))


def _random_states() -> list[object]:
    torch = sys.modules.get("torch")
    return [
        random.getstate(),
        np.asarray(cast("Any", np.random.get_state())[1]).tolist(),  # noqa: NPY002  (only read)
        torch.get_rng_state().tolist() if torch else None,
    ]
