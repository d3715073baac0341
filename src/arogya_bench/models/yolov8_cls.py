"""YOLOv8n as a classifier, trained by Ultralytics, whose licence is AGPL-3.0."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from arogya_bench.errors import check_extra
from arogya_bench.frameworks.batches import InMemorySplit, Steps, load_split
from arogya_bench.frameworks.devices import check_device_name, torch_device
from arogya_bench.frameworks.early_stopping import check_trainable, f1_macro
from arogya_bench.frameworks.prefetch import prefetch
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing
from arogya_bench.frameworks.schedule import class_weights
from arogya_bench.frameworks.torch_network import (
    PREDICTION_BATCH_SIZE,
    load_network,
    predict_logits,
    to_input_tensor,
)
from arogya_bench.frameworks.ultralytics_hooks import TrainerOverrides, YoloBatches, YoloPlan
from arogya_bench.frameworks.ultralytics_network import (
    FINE_TUNING_RATE,
    find_start_weights,
    load_start_weights,
    read_architecture,
)
from arogya_bench.frameworks.ultralytics_training import isolate_ultralytics, train_yolo
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.runtime.threads import thread_count
from arogya_bench.types import FitReport, Predictor, Subset, Training

if TYPE_CHECKING:
    import torch

HEAD_PREFIX = "model.9.linear."


@dataclass(frozen=True, kw_only=True)
class YOLOv8Classifier:
    """The classifier of the YOLOv8 family in its smallest size, all layers trained.

    Ultralytics, which builds and trains it, is under AGPL-3.0: what is built on it and given to
    others, or offered over a network, is bound by that licence, unless another one is bought.

    Images, training policy, class weights, batches, schedule and best epoch are those of the
    other rows. What its trainer does otherwise: gradients are clipped at a norm of 10, biases and
    batch normalisation do not decay, and the weights that are judged and saved are a moving
    average. A fit that was killed goes on to the same weights as one that was not.

    Attributes:
        image_size: Pixels after resizing to a square, at least 32.
        weights: Where training starts: ``none`` (random weights), or the path of a checkpoint of
            Ultralytics (``.pt``); its last layer is kept if it was made for the same classes.
        learning_rate: Peak rate; None means 1e-4 from weights, and that of the training from none.
        trained_on: Names of the datasets that its weights were fitted on, as far as you know; the
            gate stops a run on one of them.
    """

    image_size: int = 224
    weights: str = "none"
    learning_rate: float | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "yolov8_cls"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = "yolo"

    def __post_init__(self) -> None:
        check_image_size(self.image_size, at_least=32)
        check_positive(learning_rate=self.learning_rate)

    def check(self, *, device: str) -> None:
        """Raise Fixable if Ultralytics, the device or the weights to start from are missing."""
        check_device_name(device)
        check_extra("yolo", "torch", "torchvision", "ultralytics")
        torch_device(device)
        find_start_weights(self.weights)

    def fit(
        self,
        train: Subset,
        validation: Subset,
        *,
        training: Training,
        seed: int,
        device: str,
        out: Path,
    ) -> FitReport:
        """Train every layer; the best epoch by validation macro F1 stays."""
        check_trainable(training, train, validation)
        place, start = torch_device(device), find_start_weights(self.weights)
        seen, held_out = (load_split(part, self.image_size) for part in (train, validation))
        rate = FINE_TUNING_RATE if start else training.learning_rate
        weights = class_weights(seen.targets, len(train.classes))
        with isolate_ultralytics(seed, place):
            from ultralytics.models.yolo.classify import ClassificationTrainer

            network: Any = _build_network(len(train.classes))
            origin = load_start_weights(
                network, start, head_prefix=HEAD_PREFIX, classes=train.classes
            )
            network.criterion = _build_criterion(weights if training.class_weights else None, place)
            plan = ClassifierPlan(
                network=network,
                classes=train.classes,
                preprocessing=self._preprocessing,
                training=training,
                learning_rate=self.learning_rate or rate,
                seed=seed,
                device=place,
                out=out,
                steps=Steps(
                    train=seen,
                    training=training,
                    learning_rate=self.learning_rate or rate,
                    seed=seed,
                ),
                validation=held_out,
            )
            report = train_yolo(
                ClassifierOverrides, ClassificationTrainer, plan, {"close_mosaic": 0}
            )
        return replace(report, notes=(*report.notes, origin))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Read what ``fit`` left; refuse other classes, another image size, damaged files."""
        with isolate_ultralytics():
            return load_network(
                _build_network,
                weights,
                classes=classes,
                preprocessing=self._preprocessing,
                device=device,
            )

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image_size=self.image_size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class ClassifierPlan(YoloPlan):
    """One training of the classifier."""

    steps: Steps
    validation: InMemorySplit


class ClassifierOverrides(TrainerOverrides):
    """Our images and training policy, and macro F1 as what the best epoch is chosen by."""

    plan: ClassVar[ClassifierPlan]

    def batches(self, mode: str) -> YoloBatches:
        """Batches drawn by the training policy; validation takes its images at once."""
        plan = self.plan
        if mode != "train":
            return YoloBatches(range(len(plan.validation.targets)), 1, lambda _: ())
        cases = range(len(plan.steps.train.targets))
        return YoloBatches(cases, plan.steps.steps_per_epoch, self._draw_batches)

    def _draw_batches(self, number: int) -> Iterator[dict[str, Any]]:
        import torch

        plan, steps = self.plan, self.plan.steps
        parts = steps.epoch_batches(number)

        def draw_images(step: int) -> ImageStack:
            return steps.augmented_images(parts[step], epoch=number, step=step)

        workers = thread_count() if plan.device != "cpu" else 0
        for part, images in zip(
            parts, prefetch(draw_images, range(len(parts)), workers=workers), strict=True
        ):
            yield {
                "img": to_input_tensor(images, plan.preprocessing, plan.device),
                "cls": torch.from_numpy(steps.train.targets[part]),
            }

    def validate(self) -> tuple[dict[str, float], float]:
        """Judge the moving average of the weights on the validation split."""
        import torch

        plan, held_out = self.plan, self.plan.validation
        parts = np.array_split(
            held_out.images, math.ceil(len(held_out.images) / PREDICTION_BATCH_SIZE)
        )
        values = torch.cat(
            [
                predict_logits(self.ema.ema, to_input_tensor(part, plan.preprocessing, plan.device))
                for part in parts
            ]
        )
        targets = torch.from_numpy(held_out.targets).to(plan.device)
        loss, _ = self.model.criterion(values, {"cls": targets})
        score = f1_macro(held_out.targets, values.argmax(dim=1).cpu().numpy())
        return {"val_loss": float(loss), "val_f1_macro": score}, score

    def epoch_metrics(self) -> dict[str, float]:
        """Losses, macro F1 and rate of the epoch that ends."""
        return {
            "train_loss": self.train_loss,
            **self.metrics,
            "learning_rate": self.current_learning_rate,
        }

    def rank(self) -> list[float]:
        """A higher macro F1, or an equal one with a lower loss."""
        return [self.metrics["val_f1_macro"], -self.metrics["val_loss"]]


def _build_network(classes: int) -> "torch.nn.Module":
    from ultralytics.nn.tasks import ClassificationModel

    network: torch.nn.Module = ClassificationModel(
        read_architecture("yolov8-cls"), nc=classes, verbose=False
    )
    network.model[-1].register_forward_hook(_keep_logits)
    return network


def _keep_logits(head: "torch.nn.Module", _: object, output: Any) -> "torch.Tensor":
    """In evaluation mode their head gives probabilities as well."""
    values: torch.Tensor = output if head.training else output[1]
    return values


def _build_criterion(
    weights: list[float] | None, place: str
) -> Callable[["torch.Tensor", Mapping[str, Any]], tuple["torch.Tensor", dict[str, Any]]]:
    """Cross-entropy in the form of their criteria; not a module, whose weights would be saved."""
    import torch

    weight = None if weights is None else torch.tensor(weights, device=place)

    def loss(
        values: "torch.Tensor", batch: Mapping[str, Any]
    ) -> tuple["torch.Tensor", dict[str, Any]]:
        value = torch.nn.functional.cross_entropy(values, batch["cls"], weight=weight)
        return value, {"loss": value.detach()}

    return loss
