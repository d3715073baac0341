"""What a model is, how it was trained, and whether it beats guessing, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.comparison.model_facts import ModelFacts
from arogya_bench.runtime.console import plural
from arogya_bench.tracking.tags import API, API_CONTROL, IMPORTED_FROM

START_WEIGHTS = {
    "none": "random weights",
    "packaged": "the ImageNet weights of a package",
    "imagenet": "ImageNet weights",
}  # what the field ``weights`` of an adapter says; anything else is the digest of a file
FROZEN = {"head": "only the last layer", "none": "no layer"}
CONTROL_SENTENCES = {
    "blank": "It sees a grey image in place of every case, and shows what is reached without the images.",
    "shuffled_labels": "Its answers are exchanged between cases at random: it shows what is reached by chance.",
}


def describe_model(facts: ModelFacts) -> str:
    """What the model is, in one to three sentences."""
    if facts.tag(IMPORTED_FROM):
        return (
            f"Predictions imported from {facts.tag(IMPORTED_FROM)}; the model itself was not run, so that the file is "
            "all that is known of it."
        )
    if facts.tag(API):
        model = facts.setting("id") or facts.name
        shots = int(facts.setting("shots") or 0)
        asked = f"asked with {plural(shots, 'example')} of each class" if shots else "asked without examples"
        sentences = [f"The model {model} behind an API ({facts.tag(API)}), {asked}; nothing is trained here."]
        return " ".join([*sentences, *filter(None, [CONTROL_SENTENCES.get(facts.tag(API_CONTROL), "")])])
    adapter = f"The adapter {facts.setting('adapter')}, version {facts.setting('adapter_version')}."
    architecture = facts.setting("architecture")
    named = [f"Architecture: {architecture}."] if architecture else []
    return " ".join([facts.adapter_summary or adapter, *named])


def describe_start(facts: ModelFacts) -> str | None:
    """What training started from; None for a model without weights to start from."""
    weights = facts.setting("weights")
    if weights is None:
        return None
    known = START_WEIGHTS.get(weights, f"weights of a file, digest {weights[:12]}")
    trained = facts.setting("trained")
    return f"{known}; {FROZEN[trained]} is trained" if trained in FROZEN else known


def describe_stop(training: Mapping[str, Any]) -> str | None:
    """When training ends; None if it is not known."""
    if not {"epochs", "patience"} <= set(training):
        return None
    score = "validation score" if "monitor" not in training else f"{training['monitor']} on validation"
    most, patience = (plural(int(training[name]), "epoch") for name in ("epochs", "patience"))
    return f"at most {most}, fewer if {patience} in a row bring no better {score}; the best epoch is kept"


def describe_training_augmentation(training: Mapping[str, Any]) -> str | None:
    """What was drawn at random for each training image; None if it is not known."""
    if "flip" not in training:
        return None
    low, high = _pair(training, "noise", (0.0, 0.0))
    out, into = _pair(training, "zoom", (1.0, 1.0))
    drawn = [
        "mirrored left to right" if training["flip"] else "",
        f"rotated up to {training['rotation']:g}°" if training.get("rotation") else "",
        f"brightness up to ±{training['brightness']:.0%} of full scale" if training.get("brightness") else "",
        f"contrast up to ±{training['contrast']:.0%}" if training.get("contrast") else "",
        f"noise with a standard deviation of {low:g} to {high:g} of full scale" if high else "",
        f"zoom of {out:g} to {into:g}" if (out, into) != (1.0, 1.0) else "",
        f"cropped to {training['crop']:.0%} of the side or more" if training.get("crop", 1.0) < 1 else "",
    ]
    return ", ".join(filter(None, drawn)) or "none"


def describe_chance(name: str, metric: str, value: float | None, floor: float | None, *, above: bool | None) -> str:
    """Whether a model beats class frequencies, in a sentence; None for ``above`` if that is not judged."""
    if above is None:
        return "Not compared with class frequencies: by the metrics of this comparison guessing has no fixed score."
    numbers = "" if value is None or floor is None else f" ({metric} {value:.3f}; guessing with them {floor:.3f})"
    if above:
        return f"{name} beats class frequencies{numbers}."
    return f"{name} does not beat class frequencies{numbers}: it is not shown to be better."


def _pair(training: Mapping[str, Any], name: str, default: tuple[float, float]) -> Sequence[float]:
    value = training.get(name) or default
    return [float(end) for end in value]
