"""The stability of rankings that were planted."""

from dataclasses import replace

import numpy as np
import pytest
from planted_studies import answers, build_study, predict, row

from arogya_bench.analysis.conditions import StoredCondition
from arogya_bench.analysis.rank_stability import RANK_STABILITY_COLUMNS, RESAMPLES, rank_stability_rows
from arogya_bench.analysis.study import DegradedRows

TARGETS = np.arange(240) % 2


def predictions(accuracy, seed, **metadata):
    return replace(
        predict(TARGETS, answers(np.random.default_rng(seed), TARGETS, accuracy, 2), classes=2), metadata=metadata
    )


def by_source(study):
    return {found["source"]: found for found in rank_stability_rows(study)}


def under(name, rows, study):
    """The rows under another condition."""
    scored = build_study(rows).rows
    condition = StoredCondition(augmentation_order=1, augmentation=name, level=1, severity=0.1, name=name)
    return DegradedRows(condition=condition, rows=scored, clean=study.rows, notes={})


def test_a_wide_lead_holds_in_every_resample():
    found = by_source(build_study([row("good", predictions(0.95, 1)), row("poor", predictions(0.55, 2))]))[RESAMPLES]

    assert tuple(found) == RANK_STABILITY_COLUMNS
    assert [found[key] for key in ("n", "tau", "tau_low", "same_order", "leader_first")] == [500, 1.0, 1.0, 1.0, 1.0]
    assert (found["leader"], found["leader_rank_high"], found["first"]) == ("good", 1, "good 100 %")


def test_seeds_that_change_the_order_are_counted():
    good = row("a", predictions(0.95, 1), predictions(0.60, 2), predictions(0.94, 3))
    fair = row("b", predictions(0.80, 4), predictions(0.81, 5), predictions(0.79, 6))
    fixed = row("c", predictions(0.70, 7))

    found = by_source(build_study([good, fair, fixed]))["training seeds"]

    assert (found["n"], found["leader"], found["first"]) == (3, "a", "a 67 %, b 33 %")
    assert (found["leader_rank_low"], found["leader_rank_high"]) == (1, 3)
    assert found["tau"] == pytest.approx((1 + 1 - 1 / 3) / 3)
    assert found["tau_low"] == pytest.approx(-1 / 3)
    assert found["note"] == "1 model with one seed, the same in each"


def test_rows_without_several_seeds_have_no_stability_over_seeds():
    assert "training seeds" not in by_source(
        build_study([row("a", predictions(0.9, 1)), row("b", predictions(0.8, 2))])
    )


def test_the_parts_of_a_column_are_ranked_apart():
    """The first model is right in one clinic only."""
    site = tuple("north" if i < 140 else "south" if i < 235 else "tiny" for i in range(240))
    north = np.array(site) == "north"
    first, second = TARGETS.copy(), TARGETS.copy()
    first[~north] = 1 - first[~north]
    second[:110] = 1 - second[:110]
    rows = [
        row(name, replace(predict(TARGETS, said, classes=2), metadata={"site": site, "case": tuple(range(240))}))
        for name, said in (("specialist", first), ("other", second))
    ]

    found = by_source(build_study(rows))["parts by site"]

    assert (found["n"], found["leader"], found["leader_first"]) == (2, "specialist", 0.5)
    assert found["note"] == "1 small part left out"


def test_conditions_are_ranked_and_incomplete_ones_named():
    rows = [row("good", predictions(0.95, 1)), row("fair", predictions(0.85, 2))]
    study = build_study(rows)
    swapped = [row("good", predictions(0.6, 3)), row("fair", predictions(0.8, 4))]
    degraded = (under("blur", rows, study), under("noise", swapped, study), under("dark", rows[:1], study))

    found = by_source(replace(study, degraded=degraded))["conditions"]

    assert (found["n"], found["leader_first"], found["tau"]) == (2, 0.5, 0.0)
    assert found["note"] == "1 condition left out, which not every model has"


def test_methods_of_ranking_are_set_side_by_side_where_cases_have_scores():
    rows = [row("good", predictions(0.95, 1)), row("poor", predictions(0.55, 2))]

    by_accuracy, by_f1 = (by_source(build_study(rows, metric=metric)) for metric in ("accuracy", "f1_macro"))

    assert [by_accuracy["methods of ranking"][key] for key in ("n", "tau", "leader_first")] == [2, 1.0, 1.0]
    assert by_f1["methods of ranking"]["n"] == 0
    assert by_f1["methods of ranking"]["note"] == "f1_macro is no mean over cases"


def test_one_model_has_no_ranking():
    assert rank_stability_rows(build_study([row("only", predictions(0.9, 1))])) == []


@pytest.mark.parametrize(
    ("metric", "groups"), [("accuracy", TARGETS * 0), ("sensitivity", (1 - TARGETS) * np.arange(240))]
)
def test_a_metric_of_one_group_has_no_ranking_by_method(metric, groups):
    names = tuple(map(str, groups))
    rows = [row(name, replace(predictions(0.8, seed), group_ids=names)) for seed, name in enumerate("ab")]

    found = by_source(build_study(rows, metric=metric))["methods of ranking"]

    assert (found["n"], found["note"]) == (0, f"not computed: {metric} rests on one patient")
