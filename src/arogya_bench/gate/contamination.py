"""AB501: weights of models that were fitted on this dataset, or on one that shares its images."""

from collections.abc import Iterator, Mapping, Sequence

from arogya_bench.gate.findings import GateFinding, finding
from arogya_bench.types import Dataset


def contamination(
    dataset: Dataset, trained_on: Mapping[str, Sequence[str]]
) -> Iterator[GateFinding]:
    """Compare names; case and punctuation do not matter.

    The set itself is an error, since nobody knows that its test images were left out. One that
    overlaps is a warning: the images that both hold may all lie in train.

    Args:
        dataset: That a model is tested on.
        trained_on: Name of a model to names of the datasets that its weights were fitted on.
    """
    own = normalise_name(dataset.name)
    others = {normalise_name(name) for name in dataset.overlaps}
    same: list[str] = []
    near: list[str] = []
    for model, names in trained_on.items():
        same += [f"{model} (fitted on {name})" for name in names if normalise_name(name) == own]
        near += [
            f"{model} (fitted on {name})"
            for name in names
            if normalise_name(name) in others - {own}
        ]
    if same:
        detail = f"also on datasets that share images: {', '.join(near)}" if near else ""
        yield finding("AB501", same, detail=detail)
    elif near:
        detail = f"these datasets share images with {dataset.name}"
        yield finding("AB501", near, detail=detail, severity="warning")


def normalise_name(name: str) -> str:
    """A name as it compares: ``ISIC 2019``, ``isic-2019`` and ``isic2019`` are one."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())
