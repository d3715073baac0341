"""Conditions: augmentations at one severity, with the same random draws for every model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from inspect import isfunction
from itertools import pairwise
from types import ModuleType

import numpy as np

from arogya_bench.augmentations import geometric, photometric
from arogya_bench.augmentations.box_transforms import ImageSize, box_transform_of
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.types import Augment, Box, Image


# Not frozen: OmegaConf cannot merge a config into a frozen dataclass.
@dataclass(kw_only=True)
class AugmentationSpec:
    """One entry of the config group ``augmentation``.

    Attributes:
        function: Dotted path of an ``Augment``.
        severities: From mild to strong, in the unit of the function; empty if it has none.
    """

    function: str
    severities: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """An augmentation at one severity, as applied to test images.

    Attributes:
        severity: In the unit of the function; None if it has none, and the function receives 0.
        level: Rank of the severity among those of the augmentation, from 1 (mild).
    """

    augmentation: str
    severity: float | None
    level: int | None
    function: Augment

    @property
    def name(self) -> str:
        """The augmentation and its severity, such as ``gaussian_noise_0.1``."""
        if self.severity is None:
            return self.augmentation
        return f"{self.augmentation}_{self.severity:g}"

    def apply(self, image: Image, case_id: str) -> Image:
        """Augment the image of a case.

        Random draws depend on case, augmentation and severity only, so that all models see the
        same image, whatever their seed, process or platform.
        """
        return self.function(image, self._applied_severity, self._generator(case_id))

    def apply_boxes(self, boxes: tuple[Box, ...], size: ImageSize, case_id: str) -> tuple[Box, ...]:
        """Transform the boxes of a case as ``apply`` transforms its image.

        Returns:
            Boxes in the augmented image, possibly fewer, with crowds for what cannot be
            evaluated. The same boxes if the augmentation leaves structures in place.
        """
        transform = box_transform_of(self.function)
        return transform(boxes, size, self._applied_severity, self._generator(case_id)) if transform else boxes

    @property
    def _applied_severity(self) -> float:
        return 0.0 if self.severity is None else float(self.severity)

    def _generator(self, case_id: str) -> np.random.Generator:
        severity = None if self.severity is None else float(self.severity)
        identity = json.dumps([case_id, self.augmentation, severity])
        seed = int.from_bytes(sha256(identity.encode()).digest(), "big")
        # Explicit, since NumPy may change its default generator.
        return np.random.Generator(np.random.PCG64(seed))


def expand_conditions(augmentations: Mapping[str, AugmentationSpec]) -> tuple[Condition, ...]:
    """Expand augmentations into their conditions, in the order given.

    Each condition is applied to a small image, so that an invalid severity stops a run before it
    starts.

    Raises:
        ConfigError: If there is no augmentation, a function is unknown or violates its interface,
            or severities are out of range, repeated or unordered.
    """
    if not augmentations:
        raise ConfigError(
            "No augmentation is selected.", fix="set augmentation=clean, or augmentation=all for every condition."
        )
    expanded = tuple(condition for name, spec in augmentations.items() for condition in _expand_spec(name, spec))
    names = [condition.name for condition in expanded]
    for condition in expanded:
        if names.count(condition.name) > 1:
            raise ConfigError(
                f"The condition {condition.name!r} is selected twice.",
                fix="use different names, and severities that differ in their first six digits.",
            )
        _check_image_function(condition)
        _check_box_transform(condition)
    return expanded


def _expand_spec(name: str, spec: AugmentationSpec) -> tuple[Condition, ...]:
    function = _import_function(name, spec.function)
    if not spec.severities:
        return (Condition(augmentation=name, severity=None, level=None, function=function),)
    steps = {np.sign(after - before) for before, after in pairwise(spec.severities)}
    if steps not in (set(), {1}, {-1}):
        raise ConfigError(
            f"Severities {list(spec.severities)} of augmentation {name!r} are not in order.",
            fix=f"order augmentation.{name}.severities from mild to strong, each value once.",
        )
    return tuple(
        Condition(augmentation=name, severity=float(severity), level=level, function=function)
        for level, severity in enumerate(spec.severities, start=1)
    )


def _import_function(name: str, path: str) -> Augment:
    module_name, _, attribute = path.rpartition(".")
    try:
        module = import_module(module_name) if module_name else None
    except ModuleNotFoundError as missing:
        if not f"{module_name}.".startswith(f"{missing.name}."):
            raise ConfigError(
                f"Augmentation {name!r} needs the package {missing.name!r}, which is missing.",
                fix=f"install the package {missing.name!r}.",
            ) from missing
        module = None
    function: Augment | None = getattr(module, attribute, None)
    if not callable(function):
        hint = did_you_mean(path, _function_paths(photometric, geometric, module))
        raise ConfigError(
            f"Augmentation {name!r} has an unknown function {path!r}.{hint}",
            fix=f"set augmentation.{name}.function to the dotted path of a function (image, severity, rng) -> image.",
        )
    return function


def _function_paths(*modules: ModuleType | None) -> list[str]:
    return [
        f"{module.__name__}.{name}"
        for module in modules
        if module is not None
        for name, value in vars(module).items()
        if isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]


def _check_image_function(condition: Condition) -> None:
    image = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    try:
        result = condition.apply(image, "trial")
    except TypeError as error:
        raise _image_function_error(condition, f"failed: {error}") from error
    if getattr(result, "shape", None) != image.shape or result.dtype != np.uint8:
        raise _image_function_error(condition, "did not return a uint8 image of the same shape")


def _check_box_transform(condition: Condition) -> None:
    box = Box(left=4.0, top=6.0, width=5.0, height=3.0, label=0)
    try:
        moved = condition.apply_boxes((box,), ImageSize(width=16, height=16), "trial")
    except TypeError as error:
        raise _box_transform_error(condition, f"failed: {error}") from error
    if not isinstance(moved, tuple) or not all(isinstance(box, Box) for box in moved):
        raise _box_transform_error(condition, "did not return a tuple of boxes")


def _image_function_error(condition: Condition, problem: str) -> ConfigError:
    return ConfigError(
        f"The function of augmentation {condition.augmentation!r} {problem}.",
        fix="define it as (image, severity, rng) -> image; see arogya_bench.types.Augment.",
    )


def _box_transform_error(condition: Condition, problem: str) -> ConfigError:
    return ConfigError(
        f"The box transform of augmentation {condition.augmentation!r} {problem}.",
        fix="define it as (boxes, size, severity, rng) -> boxes; see "
        "arogya_bench.augmentations.box_transforms.BoxTransform.",
    )
