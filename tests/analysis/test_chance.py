import numpy as np
import pytest

from arogya_bench.analysis.chance import chance_floors
from arogya_bench.analysis.scored_rows import EvaluatedRow, shared_cases
from arogya_bench.metrics.guessing import random_guess_scores
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.types import Predictions


def cases_of(targets, classes):
    targets = np.asarray(targets)
    names = tuple(map(str, range(targets.size)))
    predictions = Predictions(
        classes=tuple(f"k{i}" for i in range(classes)),
        case_ids=names,
        group_ids=names,
        targets=targets,
        probabilities=np.full((targets.size, classes), 1 / classes),
    )
    return shared_cases([EvaluatedRow(name="any", predictions=(predictions,))])


def test_a_random_guesser_has_the_textbook_scores():
    found = random_guess_scores(np.array([60, 30, 10]), ["accuracy", "f1_macro", "balanced_accuracy", "kappa", "brier"])

    assert found == pytest.approx(
        {"accuracy": 0.6**2 + 0.3**2 + 0.1**2, "f1_macro": 1 / 3, "balanced_accuracy": 1 / 3, "kappa": 0.0}, abs=1e-6
    )


def test_the_floor_is_the_better_guesser():
    """A constant answer has the better accuracy, a random one the better macro F1."""
    floors = chance_floors(
        cases_of(np.repeat([0, 1], [180, 20]), 2), ["accuracy", "f1_macro", "auroc_macro_ovr", "brier"]
    )

    assert {name: floor.value for name, floor in floors.items()} == pytest.approx(
        {"accuracy": 0.9, "f1_macro": 0.5, "auroc_macro_ovr": 0.5, "brier": 0.09}, abs=1e-6
    )
    assert np.abs(floors["accuracy"].changes).max() > 0
    assert np.abs(floors["f1_macro"].changes).max() == 0


@pytest.mark.parametrize("metric", ["ece", "sensitivity", "specificity"])
def test_a_metric_that_a_guesser_can_win_has_no_floor(metric):
    assert metric in CLASSIFICATION.metrics

    assert chance_floors(cases_of(np.repeat([0, 1], [180, 20]), 2), [metric]) == {}
