"""Which parts of a split a model needs, before any work starts."""

from arogya_bench.api_models.model import ApiModel
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.errors import ConfigError
from arogya_bench.runtime.console import plural
from arogya_bench.scoring.detection import DETECTION
from arogya_bench.types import Model

DIVIDE_ANEW = "divide the cases anew: split.method=group split.train=0.8 split.validation=0.1 split.test=0.1"


def learns_from_data(model: Model) -> bool:
    """Whether a model is trained; False for APIs and for weights that are taken as they are."""
    return bool(getattr(model, "trains", not isinstance(model, ApiModel)))


def check_needed_parts(name: str, model: Model, split: DatasetSplit, *, calibration: str) -> None:
    """Check that a split without training or validation cases is enough for a model.

    Args:
        name: Of the row, for the message.
        model: The model to evaluate.
        split: Divided cases, possibly without training and validation cases.
        calibration: ``none`` or ``temperature``.

    Raises:
        ConfigError: If the model learns from a part that is empty.
    """
    dataset = split.test.dataset.name
    where = f"the split {split.name} of {dataset}, which tests {plural(len(split.test), 'case')}"
    if not len(split.train) and learns_from_data(model):
        raise ConfigError(
            f"{name} is trained, and there is no training case in {where}.",
            fix=f"keep the models that fit nothing, such as pyfunc and models of APIs, or {DIVIDE_ANEW}.",
        )
    if len(split.validation):
        return
    if calibration != "none":
        raise ConfigError(
            f"calibration={calibration} is fitted on validation cases, and there is none in {where}.",
            fix=f"set calibration=none, or {DIVIDE_ANEW}.",
        )
    if model.task == DETECTION.name:
        raise ConfigError(
            f"The score threshold of {name} is chosen on validation cases, and there is none in {where}.",
            fix=f"{DIVIDE_ANEW}.",
        )
