"""How a training is laid out, in plain numbers: batches, learning rates, class weights."""

import math

import numpy as np

from arogya_bench.types import Labels


def batch_indices(count: int, size: int, rng: np.random.Generator) -> list[Labels]:
    """Shuffle ``count`` cases into batches of nearly equal size, none of which holds one case.

    A plain cut may leave one case over, on which batch normalisation cannot be computed.
    """
    batches = max(1, min(math.ceil(count / size), count // 2))
    return [np.asarray(part, np.int64) for part in np.array_split(rng.permutation(count), batches)]


def learning_rate_factor(step: int, *, steps: int, warmup: float) -> float:
    """Share of the peak learning rate: a linear rise, then half a cosine down to 0.

    Args:
        step: Counted from 0.
        steps: Of the whole training.
        warmup: Share of ``steps`` in which the rate rises, 0 to 1.
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1.0 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def class_weights(targets: Labels, count: int) -> list[float]:
    """Weigh classes inversely to their frequency; 1 for all where they are balanced.

    A class without cases weighs 1: it has no part in training, and must not blank the loss of a
    validation split that holds it.
    """
    frequency = np.bincount(targets, minlength=count).tolist()
    present = sum(n > 0 for n in frequency)
    return [len(targets) / (present * n) if n else 1.0 for n in frequency]
