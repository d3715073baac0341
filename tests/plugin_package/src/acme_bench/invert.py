"""A film that was scanned as its negative."""

import numpy as np

from arogya_bench.augmentations.declaration import augmentation


@augmentation(name="acme_invert", version=1)
def invert(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Mix the image with its negative; severity is the share of the negative, 0 to 1."""
    return np.rint(image * (1 - severity) + (255.0 - image) * severity).astype(np.uint8)
