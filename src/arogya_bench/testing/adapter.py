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

from arogya_bench.errors import Fixable, ModelError
from arogya_bench.testing.trial import CLASSES, Trial, said_without_extras, trial
from arogya_bench.types import Detections, Floats, Image, Model

CURVES = {
    "classification": {"train_loss", "val_loss", "val_f1_macro", "learning_rate"},
    "detection": {"train_loss", "val_mAP50", "val_mAP50_95", "learning_rate"},
}
TOLERANCE = 1e-5  # of a probability or a score
PIXELS = 0.01  # of the edge of a box

Promise: TypeAlias = Callable[[Trial], None]


def broken(model: Model, folder: Path) -> list[str]:
    """Try every promise on a model.

    Returns:
        One line for each promise that is broken: its name and how.
    """
    tried = trial(model, folder)
    return [line for promise in PROMISES if (line := _fault(promise, tried))]


def _fault(promise: Promise, tried: Trial) -> str:
    try:
        promise(tried)
    except Exception as error:  # noqa: BLE001  (any error of an adapter is a broken promise)
        return f"{promise.__name__}: {error or type(error).__name__}"
    return ""


def fields_are_frozen_and_plain(tried: Trial) -> None:
    """A frozen dataclass whose fields JSON can keep, since a model is built again from them."""
    model = cast("Any", tried.model)
    _require(dataclasses.is_dataclass(model), "it is not a dataclass")
    _require(model.__dataclass_params__.frozen, "it is not frozen")
    again = type(model)(**json.loads(json.dumps(asdict(model))))
    _require(asdict(again) == asdict(model), "its fields do not survive JSON")


def one_answer_per_image(tried: Trial) -> None:
    """Rows of probabilities that sum to 1, or boxes inside the image, as many as images."""
    answers = tried.predict(list(tried.images))
    _require(len(answers) == len(tried.images), f"{len(answers)} answers for nine images")
    if tried.model.task == "detection":
        for found, image in zip(answers, tried.images, strict=True):
            _check_boxes(found, image)
        return
    _require(answers.shape == (len(tried.images), len(CLASSES)), f"shape {answers.shape}")
    _require(answers.dtype == np.float64, f"dtype {answers.dtype}")
    _require(answers.min() >= 0, "a probability is below 0")
    _require(bool(np.allclose(answers.sum(axis=1), 1, atol=1e-9)), "rows do not sum to 1")


def no_images_give_no_answers(tried: Trial) -> None:
    """An empty batch is answered by an empty one."""
    answers = tried.predict([])
    _require(len(answers) == 0, f"{len(answers)} answers")
    if tried.model.task == "classification":
        _require(answers.shape == (0, len(CLASSES)), f"shape {answers.shape}")


def same_image_same_answer(tried: Trial) -> None:
    """An image that comes three times is answered alike."""
    image = tried.images[0]
    first, *others = _answers(tried, [image, image.copy(), image])
    for other in others:
        _same(other, first)


def order_is_irrelevant(tried: Trial) -> None:
    """The answers follow their images when the batch is turned round."""
    forth = _answers(tried, tried.images)
    back = _answers(tried, tried.images[::-1])
    for one, other in zip(forth, back[::-1], strict=True):
        _same(other, one)


def batch_size_is_irrelevant(tried: Trial) -> None:
    """Images one by one get the answers that they got together."""
    together = _answers(tried, tried.images)
    for image, expected in zip(tried.images, together, strict=True):
        _same(_answers(tried, [image])[0], expected)


def images_are_not_written_to(tried: Trial) -> None:
    """A predictor works on images that cannot be written to."""
    locked = [image.copy() for image in tried.images]
    for image in locked:
        image.flags.writeable = False
    tried.predict(locked)


def loading_again_gives_the_same_answers(tried: Trial) -> None:
    """What was saved is all that a prediction needs."""
    again = tried.model.load(tried.folder, classes=CLASSES, device="cpu")
    for one, other in zip(
        _answers(tried, tried.images), _flat(again(list(tried.images)), tried), strict=True
    ):
        _same(other, one)


def same_seed_same_fit(tried: Trial) -> None:
    """Equal seeds fit equal models, and the generators of the caller are as they were."""
    before = _generators()
    out = tried.scratch / "again"
    out.mkdir()
    tried.model.fit(
        tried.train, tried.validation, training=tried.training, seed=1, device="cpu", out=out
    )
    _require(before == _generators(), "a global generator was changed")
    again = tried.model.load(out, classes=CLASSES, device="cpu")
    for one, other in zip(
        _answers(tried, tried.images), _flat(again(list(tried.images)), tried), strict=True
    ):
        _same(other, one)


def another_class_order_is_refused(tried: Trial) -> None:
    """Weights serve the classes that they were fitted for, in their order."""
    for classes in (CLASSES[::-1], CLASSES[:2], (*CLASSES, "more")):
        try:
            tried.model.load(tried.folder, classes=classes, device="cpu")
        except ModelError:
            continue
        raise AssertionError(f"weights for {CLASSES} were loaded for {classes}")


def curves_name_the_same_numbers(tried: Trial) -> None:
    """Every epoch has the numbers that all rows have; a best epoch goes with epochs."""
    names = CURVES[tried.model.task]
    for curve in tried.report.curves:
        _require(set(curve) == names, f"an epoch has {sorted(curve)}, not {sorted(names)}")
    epochs = len(tried.report.curves)
    best = tried.report.best_epoch
    _require((best is None) == (epochs == 0), f"best epoch {best} of {epochs}")


def damaged_files_are_refused(tried: Trial) -> None:
    """Each saved file, cut in half, is refused with advice, not with a library's traceback."""
    for number, file in enumerate(sorted(tried.folder.iterdir())):
        place = tried.scratch / f"cut-{number}"
        place.mkdir()
        for other in tried.folder.iterdir():
            content = other.read_bytes()
            half = content[: len(content) // 2]
            (place / other.name).write_bytes(half if other == file else content)
        _refused(tried, place, f"{file.name}, cut in half,")
    _refused(tried, tried.scratch / "nothing", "a folder that is not there")


def missing_extra_is_named(tried: Trial) -> None:
    """Without its libraries, ``check`` names the extra that installs them."""
    said, extra = said_without_extras(tried.model), tried.model.extra
    if extra is None:
        _require(said is None, f"it has no extra, and asks for one: {said}")
    else:
        _require(said is not None, "nothing was said")
        _require(f"[{extra}]" in (said or ""), f"the fix does not name the extra {extra}: {said}")


PROMISES: tuple[Promise, ...] = (
    fields_are_frozen_and_plain,
    one_answer_per_image,
    no_images_give_no_answers,
    same_image_same_answer,
    order_is_irrelevant,
    batch_size_is_irrelevant,
    images_are_not_written_to,
    loading_again_gives_the_same_answers,
    same_seed_same_fit,
    another_class_order_is_refused,
    curves_name_the_same_numbers,
    damaged_files_are_refused,
    missing_extra_is_named,
)


def _require(kept: bool, otherwise: str) -> None:
    if not kept:
        raise AssertionError(otherwise)


def _refused(tried: Trial, place: Path, what: str) -> None:
    try:
        tried.model.load(place, classes=CLASSES, device="cpu")
    except Fixable:
        return
    raise AssertionError(f"{what} was loaded")


def _check_boxes(found: Detections, image: Image) -> None:
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


def _answers(tried: Trial, images: Sequence[Image]) -> list[Floats]:
    return _flat(tried.predict(list(images)), tried)


def _flat(answers: Any, tried: Trial) -> list[Floats]:
    """One array per image: a row of probabilities, or boxes with their scores and classes."""
    if tried.model.task == "classification":
        return list(answers)
    return [np.column_stack([each.boxes, each.scores, each.labels]) for each in answers]


def _same(one: Floats, other: Floats) -> None:
    _require(one.shape == other.shape, f"{len(one)} boxes, and {len(other)} again")
    if not one.size:
        return
    steps = abs(one - other)
    edges, rest = (steps[:, :4], steps[:, 4:]) if one.ndim == 2 else (np.zeros(1), steps)
    worst = float(rest.max())
    _require(worst <= TOLERANCE, f"answers differ by {worst:.2g}")
    _require(float(edges.max()) <= PIXELS, f"boxes differ by {float(edges.max()):.2g} pixels")


def _generators() -> list[object]:
    torch = sys.modules.get("torch")
    return [
        random.getstate(),
        np.asarray(cast("Any", np.random.get_state())[1]).tolist(),  # noqa: NPY002  (not drawn from)
        torch.get_rng_state().tolist() if torch else None,
    ]
