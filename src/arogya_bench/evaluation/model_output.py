"""What a fitted model puts out under one condition, and the interface of the classes that produce it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.tracking.items import Item
from arogya_bench.types import BoxPredictions


@dataclass(frozen=True, kw_only=True)
class ModelOutput:
    """The predictions of a model under one condition.

    Attributes:
        predictions: Of the task of the dataset; these are evaluated.
        boxes: What a detector found, where the dataset asks for labels.
        tags: How the predictions were derived from the outputs of the model.
        scalars: Numbers to log beside the metrics.
        items: Further items to log.
    """

    predictions: AnyPredictions
    boxes: BoxPredictions | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    scalars: Mapping[str, float] = field(default_factory=dict)
    items: tuple[Item, ...] = ()


class Outputs(Protocol):
    """A loaded model with the cases that it is evaluated on."""

    def predict(self, condition: Condition) -> ModelOutput:
        """Run the model on all cases under one condition."""
