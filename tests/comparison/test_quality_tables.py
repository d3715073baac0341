"""The tables of classes, calibration, decisions, subgroups, degradation and errors of a comparison from a store."""

import json

import pytest

from arogya_bench import Comparison, compare
from arogya_bench.analysis.tables import ANALYSES

NEEDED = ("per_class", "calibration", "reliability", "operating_points", "net_benefit", "degradation", "errors")


@pytest.fixture
def found(store, logged, noisy):
    for name, skill in (("good", 3.0), ("poor", 1.0)):
        logged(name, skill=skill, conditions=noisy(0.1, 0.3))
    return compare("study", tracking_uri=store.uri)


def test_a_comparison_has_the_tables_and_writes_them(found, tmp_path):
    found.to_csv(tmp_path)
    again = Comparison.from_json(found.to_json())

    for name in NEEDED:
        table = getattr(found, name)
        assert set(table["model"]) == {"good", "poor"}, name
        assert tuple(table.columns) == ANALYSES[name].columns, name
        assert (tmp_path / f"{name}.csv").exists()
        assert getattr(again, name).shape == table.shape
    assert list(found.froc.columns) == list(ANALYSES["froc"].columns)
    json.loads(found.to_json())


def test_the_deciding_metric_and_its_table_of_conditions_agree_with_the_others(found):
    best = found.leaderboard.iloc[0]
    recalls = found.per_class[found.per_class["model"] == best["model"]]["sensitivity"]
    summary = found.degradation[found.degradation["augmentation"] == "all"].set_index("model").loc[best["model"]]

    assert recalls.mean() == pytest.approx(best["balanced_accuracy"])
    assert summary["retained"] == pytest.approx(best["robustness_score"])
    assert found.calibration.set_index("model").loc[best["model"], "ece"] == pytest.approx(best["ece"])
