"""Bright discs and squares on a dark ground."""

import hashlib
from dataclasses import dataclass

import numpy as np

from arogya_bench.errors import ConfigError
from arogya_bench.types import Case, Dataset

CLASSES = ("disc", "square")
SIDE = 32


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Two images of each patient, of one shape.

    Attributes:
        patients: Their number, 20 or more.
    """

    patients: int = 100

    def load(self) -> Dataset:
        if self.patients < 20:
            raise ConfigError(f"dataset.patients={self.patients}.", fix="give 20 or more.")
        cases = tuple(
            Case(case_id=f"{patient:04}-{visit}", group_id=f"{patient:04}", target=patient % 2)
            for patient in range(self.patients)
            for visit in range(2)
        )
        content = hashlib.sha256(repr(CLASSES).encode())
        for case in cases:
            content.update(f"{case.case_id} {case.group_id} {case.target}".encode())
            content.update(draw(case).tobytes())
        return Dataset(
            name="acme-shapes",
            task="classification",
            classes=CLASSES,
            cases=cases,
            grouped=True,
            digest=content.hexdigest()[:32],
            licence="CC0-1.0",
            source="drawn by acme-bench",
            version="1",
            read=draw,
        )


def draw(case: Case) -> np.ndarray:
    """The image of a case; where its shape lies and how bright it is follows from the name."""
    rng = np.random.default_rng(list(case.case_id.encode()))
    across, down = rng.integers(12, SIDE - 12, size=2)
    rows, columns = np.indices((SIDE, SIDE))
    away = np.array([rows - down, columns - across])
    distance = np.hypot(*away) if case.target == 0 else np.abs(away).max(axis=0)
    image = rng.normal(40, 10, (SIDE, SIDE, 3))
    image[distance < 10] += rng.integers(100, 125)
    return np.clip(image, 0, 255).astype(np.uint8)
