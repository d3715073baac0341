"""Batches, learning rates and class weights of a training."""

import math

import numpy as np

from arogya_bench.types import Labels


def batch_indices(count: int, size: int, rng: np.random.Generator) -> list[Labels]:
    """Shuffle ``count`` cases into batches of nearly equal size, none with a single case.

    Batch normalisation cannot be computed on one case.
    """
    batches = max(1, min(math.ceil(count / size), count // 2))
    shuffled = np.array_split(rng.permutation(count), batches)
    return [np.asarray(batch, np.int64) for batch in shuffled]


def learning_rate_factor(step: int, *, steps: int, warmup: float) -> float:
    """Share of the peak learning rate: linear warm-up over a share of the steps, then cosine decay to 0.

    ``step`` is counted from 0, over the whole training.
    """
    warmup_steps = round(warmup * steps)
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup_steps) / max(1, steps - warmup_steps)))


def class_weights(targets: Labels, count: int) -> list[float]:
    """Weight classes inversely to their frequency; 1 for all if they are balanced.

    A class without training cases gets 1, so that the loss of a validation split that holds it stays finite.
    """
    frequency = np.bincount(targets, minlength=count).tolist()
    present = sum(n > 0 for n in frequency)
    return [len(targets) / (present * n) if n else 1.0 for n in frequency]
