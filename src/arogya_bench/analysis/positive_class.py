"""Which class operating points, net benefit and calibration are about."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.metrics.outcomes import NO_ANSWER, predicted_classes
from arogya_bench.types import Floats, Predictions


@dataclass(frozen=True, kw_only=True)
class PositiveClass:
    """One class against the rest."""

    name: str
    index: int

    def flags(self, predictions: Predictions) -> NDArray[np.bool_]:
        """Whether each case is of the class, shape (n,)."""
        positive: NDArray[np.bool_] = predictions.targets == self.index
        return positive

    def scores(self, predictions: Predictions) -> Floats:
        """The probability of the class, shape (n,), NaN without an answer."""
        return predictions.probabilities[:, self.index]

    def calls(self, predictions: Predictions) -> Floats:
        """1 for a case that is predicted as this class, 0 for another, NaN without an answer, shape (n,)."""
        predicted = predicted_classes(predictions.probabilities)
        return np.where(predicted == NO_ANSWER, np.nan, (predicted == self.index).astype(np.float64))


def states_probabilities(row: ScoredRow) -> bool:
    """Whether a row gives probabilities, and not only the class of each case."""
    return not any(seed.labels_only for seed in row.row.predictions if isinstance(seed, Predictions))


def positive_classes(classes: tuple[str, ...], options: AnalysisOptions) -> tuple[PositiveClass, ...]:
    """The class that the user named, else the last of two, else each in turn; empty if the named one is not there."""
    every = tuple(PositiveClass(name=name, index=index) for index, name in enumerate(classes))
    if options.positive_class is not None:
        return tuple(one for one in every if one.name == options.positive_class)
    return every[-1:] if len(every) == 2 else every
