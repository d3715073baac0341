"""Step-down adjustment of the p-values of all pairs, from their joint distribution."""

from math import inf

import numpy as np
from scipy.special import ndtri

from arogya_bench.statistics.paired_differences import PairedDifferences


def step_down_p_values(differences: PairedDifferences) -> dict[tuple[int, int], float]:
    """Adjust the p-values of all pairs by Romano and Wolf's step-down procedure.

    The most significant pair is compared with the largest of all correlated statistics, the next one with the largest
    of the others, and so on. No p-value exceeds Holm's, or that of the single step.

    Source: Romano and Wolf 2005, with draws from the normal distribution of the estimates.

    Args:
        differences: Every pair, with the joint draws of the rows.

    Returns:
        By positions of the rows of a pair.
    """
    tested = {pair: found for pair, found in differences.by_pair.items() if found.se}
    adjusted = {pair: found.p_value for pair, found in differences.by_pair.items()}
    draws = differences.normal_draws
    largest, steps = np.zeros(len(draws)), []
    for number, pair in enumerate(sorted(tested, key=lambda pair: -tested[pair].p_value), start=1):
        p_value = tested[pair].p_value
        error = np.abs(draws[:, pair[0]] - draws[:, pair[1]])
        spread = float((draws[:, pair[0]] - draws[:, pair[1]]).std())
        if spread > 0:
            np.maximum(largest, error / spread, out=largest)
        score = -float(ndtri(p_value / 2)) if p_value > 0 else inf
        joint = (1 + int((largest >= score).sum())) / (largest.size + 1)
        steps.append((pair, max(p_value, min(number * p_value, joint))))
    so_far = 0.0
    for pair, step in reversed(steps):
        so_far = max(so_far, step)
        adjusted[pair] = min(1.0, so_far)
    return adjusted
