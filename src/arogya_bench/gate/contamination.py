"""AB501: models trained on this dataset, or on one that shares its images."""

from collections.abc import Iterator, Mapping, Sequence

from arogya_bench.gate.findings import GateFinding, finding
from arogya_bench.types import Dataset


def contamination(dataset: Dataset, trained_on: Mapping[str, Sequence[str]]) -> Iterator[GateFinding]:
    """Compare what weights were trained on with the dataset to test on; see ``find_contamination``."""
    return find_contamination(dataset.name, trained_on, overlaps=dataset.overlaps)


def find_contamination(
    dataset: str, trained_on: Mapping[str, Sequence[str]], *, overlaps: Sequence[str] = ()
) -> Iterator[GateFinding]:
    """Compare the names of datasets, ignoring case and punctuation.

    The dataset itself is an error, since its test images may have been used for training. An overlapping dataset is a
    warning, since the shared images may all be in train.

    Args:
        dataset: Name of the dataset to test on.
        trained_on: Names of the training datasets, by name of the model.
        overlaps: Names of datasets that share images with it.
    """
    tested = normalise_name(dataset)
    overlapping = {normalise_name(name) for name in overlaps} - {tested}
    same: list[str] = []
    related: list[str] = []
    for model, names in trained_on.items():
        for name in names:
            if normalise_name(name) == tested:
                same.append(f"{model} (fitted on {name})")
            elif normalise_name(name) in overlapping:
                related.append(f"{model} (fitted on {name})")
    if same:
        detail = f"also on datasets that share images: {', '.join(related)}" if related else ""
        yield finding("AB501", same, detail=detail)
    elif related:
        detail = f"these datasets share images with {dataset}"
        yield finding("AB501", related, detail=detail, severity="warning")


def normalise_name(name: str) -> str:
    """Keep only letters and digits, in lower case: ``ISIC 2019`` and ``isic-2019`` are equal."""
    return "".join(character for character in name.casefold() if character.isalnum())
