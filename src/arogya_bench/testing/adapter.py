"""The promises of an adapter, for whoever writes one: run them on yours in a test of your own.

from arogya_bench import contract

def test_my_adapter_keeps_its_promises(tmp_path):
    assert contract.broken(MyAdapter(image_size=32), tmp_path) == []
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
from arogya_bench.testing.trial import CLASSES, AdapterTrial, missing_extra_message, run_trial
from arogya_bench.types import Detections, Floats, Image, Model

EPOCH_METRICS = {
    "classification": {"train_loss", "val_loss", "val_f1_macro", "learning_rate"},
    "detection": {"train_loss", "val_mAP50", "val_mAP50_95", "learning_rate"},
}
SCORE_TOLERANCE = 1e-5  # of a probability or a score
BOX_TOLERANCE = 0.01  # of the edge of a box

Check: TypeAlias = Callable[[AdapterTrial], None]


def check_adapter(model: Model, folder: Path) -> list[str]:
    """Try every promise on a model.

    Returns:
        One line for each promise that is broken: its name and how.
    """
    tried = run_trial(model, folder)
    return [line for promise in CHECKS if (line := _run_check(promise, tried))]


def _run_check(check: Check, trial: AdapterTrial) -> str:
    try:
        check(trial)
    except Exception as error:  # noqa: BLE001  (any error of an adapter is a broken promise)
        return f"{check.__name__}: {error or type(error).__name__}"
    return ""


def check_fields_frozen_and_serializable(trial: AdapterTrial) -> None:
    """A frozen dataclass whose fields JSON can keep, since a model is built again from them."""
    model = cast("Any", trial.model)
    _require(dataclasses.is_dataclass(model), "it is not a dataclass")
    _require(model.__dataclass_params__.frozen, "it is not frozen")
    again = type(model)(**json.loads(json.dumps(asdict(model))))
    _require(asdict(again) == asdict(model), "its fields do not survive JSON")


def check_one_output_per_image(trial: AdapterTrial) -> None:
    """Rows of probabilities that sum to 1, or boxes inside the image, as many as images."""
    answers = trial.predict(list(trial.images))
    _require(len(answers) == len(trial.images), f"{len(answers)} answers for nine images")
    if trial.model.task == "detection":
        for found, image in zip(answers, trial.images, strict=True):
            _require_valid_boxes(found, image)
        return
    _require(answers.shape == (len(trial.images), len(CLASSES)), f"shape {answers.shape}")
    _require(answers.dtype == np.float64, f"dtype {answers.dtype}")
    _require(answers.min() >= 0, "a probability is below 0")
    _require(bool(np.allclose(answers.sum(axis=1), 1, atol=1e-9)), "rows do not sum to 1")


def check_empty_batch(trial: AdapterTrial) -> None:
    """An empty batch is answered by an empty one."""
    answers = trial.predict([])
    _require(len(answers) == 0, f"{len(answers)} answers")
    if trial.model.task == "classification":
        _require(answers.shape == (0, len(CLASSES)), f"shape {answers.shape}")


def check_repeated_image(trial: AdapterTrial) -> None:
    """An image that comes three times is answered alike."""
    image = trial.images[0]
    first, *others = _predict_arrays(trial, [image, image.copy(), image])
    for other in others:
        _require_close(other, first)


def check_order_invariance(trial: AdapterTrial) -> None:
    """The answers follow their images when the batch is turned round."""
    forth = _predict_arrays(trial, trial.images)
    back = _predict_arrays(trial, trial.images[::-1])
    for one, other in zip(forth, back[::-1], strict=True):
        _require_close(other, one)


def check_batch_size_invariance(trial: AdapterTrial) -> None:
    """Images one by one get the answers that they got together."""
    together = _predict_arrays(trial, trial.images)
    for image, expected in zip(trial.images, together, strict=True):
        _require_close(_predict_arrays(trial, [image])[0], expected)


def check_images_not_modified(trial: AdapterTrial) -> None:
    """A predictor works on images that cannot be written to."""
    locked = [image.copy() for image in trial.images]
    for image in locked:
        image.flags.writeable = False
    trial.predict(locked)


def check_reloaded_predictions(trial: AdapterTrial) -> None:
    """What was saved is all that a prediction needs."""
    again = trial.model.load(trial.folder, classes=CLASSES, device="cpu")
    for one, other in zip(
        _predict_arrays(trial, trial.images),
        _to_arrays(again(list(trial.images)), trial),
        strict=True,
    ):
        _require_close(other, one)


def check_seed_reproducibility(trial: AdapterTrial) -> None:
    """Equal seeds fit equal models, and the generators of the caller are as they were."""
    before = _random_states()
    out = trial.scratch / "again"
    out.mkdir()
    trial.model.fit(
        trial.train, trial.validation, training=trial.training, seed=1, device="cpu", out=out
    )
    _require(before == _random_states(), "a global generator was changed")
    again = trial.model.load(out, classes=CLASSES, device="cpu")
    for one, other in zip(
        _predict_arrays(trial, trial.images),
        _to_arrays(again(list(trial.images)), trial),
        strict=True,
    ):
        _require_close(other, one)


def check_class_order_enforced(trial: AdapterTrial) -> None:
    """Weights serve the classes that they were fitted for, in their order."""
    for classes in (CLASSES[::-1], CLASSES[:2], (*CLASSES, "more")):
        try:
            trial.model.load(trial.folder, classes=classes, device="cpu")
        except ModelError:
            continue
        raise AssertionError(f"weights for {CLASSES} were loaded for {classes}")


def check_epoch_metrics(trial: AdapterTrial) -> None:
    """Every epoch has the numbers that all rows have; a best epoch goes with epochs."""
    names = EPOCH_METRICS[trial.model.task]
    for curve in trial.report.curves:
        _require(set(curve) == names, f"an epoch has {sorted(curve)}, not {sorted(names)}")
    epochs = len(trial.report.curves)
    best = trial.report.best_epoch
    _require((best is None) == (epochs == 0), f"best epoch {best} of {epochs}")


def check_damaged_files_refused(trial: AdapterTrial) -> None:
    """Each saved file, cut in half, is refused with advice, not with a library's traceback."""
    for number, file in enumerate(sorted(trial.folder.iterdir())):
        place = trial.scratch / f"cut-{number}"
        place.mkdir()
        for other in trial.folder.iterdir():
            content = other.read_bytes()
            half = content[: len(content) // 2]
            (place / other.name).write_bytes(half if other == file else content)
        _require_load_error(trial, place, f"{file.name}, cut in half,")
    _require_load_error(trial, trial.scratch / "nothing", "a folder that is not there")


def check_missing_extra_named(trial: AdapterTrial) -> None:
    """Without its libraries, ``check`` names the extra that installs them."""
    said, extra = missing_extra_message(trial.model), trial.model.extra
    if extra is None:
        _require(said is None, f"it has no extra, and asks for one: {said}")
    else:
        _require(said is not None, "nothing was said")
        _require(f"[{extra}]" in (said or ""), f"the fix does not name the extra {extra}: {said}")


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
)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _require_load_error(trial: AdapterTrial, place: Path, what: str) -> None:
    try:
        trial.model.load(place, classes=CLASSES, device="cpu")
    except UserError:
        return
    raise AssertionError(f"{what} was loaded")


def _require_valid_boxes(found: Detections, image: Image) -> None:
    height, width = image.shape[:2]
    size = len(found.scores)
    _require(found.boxes.shape == (size, 4), f"boxes of shape {found.boxes.shape}")
    if not size:
        return
    right, bottom = found.boxes[:, 0] + found.boxes[:, 2], found.boxes[:, 1] + found.boxes[:, 3]
    inside = found.boxes.min() >= 0 and right.max() <= width + 0.01
    _require(bool(inside and bottom.max() <= height + 0.01), "a box leaves its image")
    _require(found.scores.min() >= 0 and found.scores.max() <= 1, "a score is not a confidence")
    _require(found.labels.min() >= 0 and found.labels.max() < len(CLASSES), "an unknown class")


def _predict_arrays(trial: AdapterTrial, images: Sequence[Image]) -> list[Floats]:
    return _to_arrays(trial.predict(list(images)), trial)


def _to_arrays(answers: Any, trial: AdapterTrial) -> list[Floats]:
    """One array per image: a row of probabilities, or boxes with their scores and classes."""
    if trial.model.task == "classification":
        return list(answers)
    return [np.column_stack([each.boxes, each.scores, each.labels]) for each in answers]


def _require_close(one: Floats, other: Floats) -> None:
    _require(one.shape == other.shape, f"{len(one)} boxes, and {len(other)} again")
    if not one.size:
        return
    steps = abs(one - other)
    edges, rest = (steps[:, :4], steps[:, 4:]) if one.ndim == 2 else (np.zeros(1), steps)
    worst = float(rest.max())
    _require(worst <= SCORE_TOLERANCE, f"answers differ by {worst:.2g}")
    _require(
        float(edges.max()) <= BOX_TOLERANCE, f"boxes differ by {float(edges.max()):.2g} pixels"
    )


def _random_states() -> list[object]:
    torch = sys.modules.get("torch")
    return [
        random.getstate(),
        np.asarray(cast("Any", np.random.get_state())[1]).tolist(),  # noqa: NPY002  (not drawn from)
        torch.get_rng_state().tolist() if torch else None,
    ]
