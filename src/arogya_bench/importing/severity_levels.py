"""The position of a severity among those of its augmentation: which degraded image is the stronger one."""

from collections.abc import Iterable

import numpy as np
import yaml
from numpy.typing import NDArray

from arogya_bench.importing.table_files import Texts
from arogya_bench.runtime.config_packages import group_configs


def severity_levels(augmentations: Texts, severities: NDArray[np.float64]) -> dict[str, int]:
    """The conditions of some rows that have a severity, each with its position from mild to strong, from 1.

    A larger severity is stronger, except for an augmentation of ours whose own severities descend, as the quality of
    JPEG images does.
    """
    by_augmentation: dict[str, set[float]] = {}
    for name, severity in zip(augmentations, severities, strict=True):
        if not np.isnan(severity):
            by_augmentation.setdefault(str(name), set()).add(float(severity))
    descending = _descending() if by_augmentation else ()
    return {
        f"{name}_{severity:g}": level
        for name, values in by_augmentation.items()
        for level, severity in enumerate(sorted(values, reverse=name in descending), start=1)
    }


def _descending() -> set[str]:
    """The declared augmentations whose severities are lower for stronger images."""
    names = set()
    for config in group_configs("augmentation"):
        declared = yaml.safe_load(config.read_text("utf-8"))
        severities = declared.get("severities") if isinstance(declared, dict) else None
        if severities and isinstance(severities, Iterable) and list(severities) != sorted(severities):
            names.add(config.name.removesuffix(".yaml"))
    return names
