"""Small images that the tests of models share."""

import numpy as np
import pytest
import torch

from arogya_bench.types import Case, Dataset, Subset


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Use one thread: small networks are slower with several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def subset_of():
    """Build a subset from images and targets."""

    def build(images, targets, classes):
        cases = tuple(Case(case_id=str(i), group_id=str(i), target=int(target)) for i, target in enumerate(targets))
        dataset = Dataset(
            name="drawn",
            task="classification",
            classes=tuple(classes),
            cases=cases,
            grouped=False,
            digest="0" * 32,
            licence="CC0-1.0",
            source="drawn by the test",
            version="1",
            read=lambda case: images[int(case.case_id)],
        )
        return Subset(dataset=dataset, cases=cases)

    return build


@pytest.fixture(scope="session")
def stripes(subset_of):
    """Draw upright (0), lying (1) or slanted (2) stripes under noise; an easy texture task."""

    def draw(count, *, seed, classes=2, size=32, noise=60.0):
        rng = np.random.default_rng(seed)
        targets = np.arange(count) % classes
        rows, columns = np.indices((size, size))
        phases = (columns, rows, rows + columns)
        images = [
            np.clip(
                ((phases[k] + rng.integers(6)) // 3 % 2 * 120 + 60)[..., None] + rng.normal(0, noise, (size, size, 3)),
                0,
                255,
            ).astype(np.uint8)
            for k in targets
        ]
        return subset_of(images, targets, ("upright", "lying", "slanted")[:classes])

    return draw
