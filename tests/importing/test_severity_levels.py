"""Severities are ordered from mild to strong."""

import numpy as np
import pytest

from arogya_bench.importing.severity_levels import severity_levels


@pytest.mark.parametrize(
    ("augmentation", "mild_to_strong"),
    [("gaussian_noise", [0.1, 0.3]), ("jpeg_compression", [80, 75, 20]), ("of_another_tool", [2, 10])],
)
def test_levels_go_from_mild_to_strong(augmentation, mild_to_strong):
    severities = np.array([*mild_to_strong, *mild_to_strong, np.nan])
    names = np.array([augmentation] * (len(severities) - 1) + ["clean"], dtype=object)

    levels = severity_levels(names, severities)

    assert levels == {f"{augmentation}_{value:g}": level for level, value in enumerate(mild_to_strong, start=1)}
