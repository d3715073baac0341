"""YOLOv8n as a classifier, trained by Ultralytics, whose licence is AGPL-3.0."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from arogya_bench.frameworks.batches import InMemorySplit, Steps, load_split
from arogya_bench.frameworks.early_stopping import Epoch, classifier_epoch, f1_macro
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.frameworks.schedule import class_weights
from arogya_bench.frameworks.torch_network import load_network, predict_split, to_input_tensor
from arogya_bench.frameworks.torch_training import augmented_batches
from arogya_bench.frameworks.ultralytics_hooks import TrainerOverrides, YoloBatches
from arogya_bench.frameworks.ultralytics_network import read_architecture
from arogya_bench.frameworks.ultralytics_training import isolate_ultralytics
from arogya_bench.models.yolov8 import YOLOv8
from arogya_bench.types import Subset

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class YOLOv8Classifier(YOLOv8):
    """The classifier of the YOLOv8 family in its smallest size, all layers trained.

    Ultralytics, which builds and trains it, is under AGPL-3.0: software that builds on it and is distributed, or
    offered over a network, must meet that licence, unless you buy another one.

    Images, training augmentation, class weights, batches, schedule and choice of the best epoch are those of the other
    models. Ultralytics's trainer differs in three ways: it clips gradients at a norm of 10, applies no weight decay to
    biases and batch normalisation, and the weights that are evaluated and saved are a moving average. An interrupted
    fit resumes with the same numbers.

    Attributes:
        image_size: Pixels after resizing to a square, at least 32.
        weights: Where training starts: ``none`` (random weights), or the path of a checkpoint of Ultralytics (``.pt``);
            its last layer is kept if it has the same classes.
        learning_rate: Peak rate; None means 1e-4 from weights, and that of the training from none.
        trained_on: Datasets that its weights were fitted on, as far as you know; the gate stops a run on one of them.
    """

    image_size: int = 224
    weights: str = "none"
    learning_rate: float | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "yolov8_cls"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    head_prefix: ClassVar[str] = "model.9.linear."

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps:
        """Load a fit; refuse other classes, another image size, damaged files."""
        with isolate_ultralytics():
            # Not first imported while tensors have no memory: classes of its detector hold some.
            import ultralytics.nn.tasks  # noqa: F401

            return load_network(
                self._build_network, weights, classes=classes, preprocessing=self._preprocessing, device=device
            )

    def _load_split(self, subset: Subset) -> InMemorySplit:
        return load_split(subset, self.image_size)

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from ultralytics.nn.tasks import ClassificationModel

        network: torch.nn.Module = ClassificationModel(read_architecture("yolov8-cls"), nc=classes, verbose=False)
        network.model[-1].register_forward_hook(_keep_logits)
        return network

    def _trainer_class(self) -> type[TrainerOverrides[InMemorySplit]]:
        from ultralytics.models.yolo.classify import ClassificationTrainer

        # mypy knows Ultralytics's classes at run time only.
        class ClassificationRun(ClassifierOverrides, ClassificationTrainer):  # type: ignore[misc]
            """Ultralytics's trainer with the batches and the validation of the other models."""

        return ClassificationRun


class ClassifierOverrides(TrainerOverrides[InMemorySplit]):
    """Images and targets from memory; the best epoch is chosen by the monitored score."""

    def get_model(self, **options: object) -> "torch.nn.Module":
        """Return the network of the plan, with the loss of the other models."""
        network: Any = super().get_model(**options)
        plan, weights = self.plan, None
        if plan.training.class_weights:
            weights = class_weights(plan.train.targets, len(plan.classes))
        network.criterion = _build_criterion(weights, plan.device)
        return network

    def batches(self, mode: str) -> YoloBatches:
        """Return augmented batches for training; ``validate`` reads its images itself."""
        plan = self.plan
        if mode != "train":
            return YoloBatches(range(len(plan.validation.targets)), 1, lambda _: ())
        steps = Steps(train=plan.train, training=plan.training, learning_rate=plan.learning_rate, seed=plan.seed)
        cases = range(len(plan.train.targets))
        return YoloBatches(cases, steps.steps_per_epoch, lambda epoch: self._draw_batches(steps, epoch))

    def _draw_batches(self, steps: Steps, epoch: int) -> Iterator[dict[str, Any]]:
        import torch

        plan = self.plan
        for cases, images in augmented_batches(steps, epoch, plan.device):
            yield {
                "img": to_input_tensor(images, plan.preprocessing, plan.device),
                "cls": torch.from_numpy(steps.train.targets[cases]),
            }

    def validate(self) -> tuple[dict[str, float], float]:
        """Evaluate the moving average of the weights on the validation split."""
        import torch

        plan, validation = self.plan, self.plan.validation
        logits = predict_split(self.ema.ema, validation.images, plan.preprocessing, plan.device)
        targets = torch.from_numpy(validation.targets).to(plan.device)
        loss, _ = self.model.criterion(logits, {"cls": targets})
        score = f1_macro(validation.targets, logits.argmax(dim=1).cpu().numpy())
        return {"val_loss": float(loss), "val_f1_macro": score}, score

    def epoch_result(self) -> Epoch:
        """Return losses, macro F1 and learning rate of the epoch that ends."""
        return classifier_epoch(
            {"train_loss": self.train_loss, **self.metrics, "learning_rate": self.current_learning_rate},
            self.plan.training.monitor,
        )


def _keep_logits(head: "torch.nn.Module", _: object, output: Any) -> "torch.Tensor":
    """Drop the probabilities that the head also returns in evaluation mode."""
    logits: torch.Tensor = output if head.training else output[1]
    return logits


def _build_criterion(
    weights: list[float] | None, device: str
) -> Callable[["torch.Tensor", Mapping[str, Any]], tuple["torch.Tensor", dict[str, Any]]]:
    """Cross-entropy as Ultralytics calls it; not a module, since its weights would be saved."""
    import torch

    weight = None if weights is None else torch.tensor(weights, device=device)

    def loss(logits: "torch.Tensor", batch: Mapping[str, Any]) -> tuple["torch.Tensor", dict[str, Any]]:
        value = torch.nn.functional.cross_entropy(logits, batch["cls"], weight=weight)
        return value, {"loss": value.detach()}

    return loss
