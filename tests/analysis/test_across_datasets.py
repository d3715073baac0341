import numpy as np
import pytest
from scipy import stats

from arogya_bench.analysis.across_datasets import ACROSS_DATASETS_COLUMNS, FEW_DATASETS, across_datasets_rows
from arogya_bench.analysis.judgement import judge_rows
from arogya_bench.analysis.scored_rows import EvaluatedRow
from arogya_bench.analysis.study import Study
from arogya_bench.scoring.scores import Resampling
from arogya_bench.types import Predictions

CASES, SEED = 40, "c0ffee"
TARGETS = np.arange(CASES) % 2
NAMES = tuple(f"c{i:03}" for i in range(CASES))


def predict(correct):
    """Right in the first cases, wrong in the rest."""
    answers = np.where(np.arange(CASES) < correct, TARGETS, 1 - TARGETS)
    probabilities = np.where(np.eye(2)[answers] > 0, 0.9, 0.1)
    return Predictions(
        classes=("a", "b"), case_ids=NAMES, group_ids=NAMES, targets=TARGETS, probabilities=probabilities
    )


def study(dataset, correct, *, metric="accuracy", resamples=None, excluded=None):
    """A study of models that are right in so many cases."""
    rows = [EvaluatedRow(name=name, predictions=(predict(n),), seeds=("0",)) for name, n in correct.items()]
    first = rows[0].predictions[0]
    judgement = judge_rows(rows, metric=metric, resamples=resamples, seed=SEED, excluded=excluded)
    return Study(
        dataset=dataset,
        grouped=False,
        judgement=judgement,
        resampling=Resampling(predictions=first, resamples=resamples or 1, seed=SEED),
        evaluated={row.name: row for row in rows},
    )


def drawn_studies(count, models=4):
    rng = np.random.default_rng(3)
    table = rng.integers(20, 36, size=(count, models)) + np.arange(models)  # the last is best
    return table, [study(f"d{i}", {f"m{j}": int(n) for j, n in enumerate(row)}) for i, row in enumerate(table)]


def test_ranks_and_test_are_those_of_scipy():
    table, studies = drawn_studies(12)

    rows = across_datasets_rows(studies)

    ranks = stats.rankdata(-table, axis=1).mean(axis=0)
    chi2, n, k = stats.friedmanchisquare(*table.T).statistic, *table.shape
    f = (n - 1) * chi2 / (n * (k - 1) - chi2)
    assert {row["model"]: row["mean_rank"] for row in rows} == pytest.approx({f"m{j}": ranks[j] for j in range(k)})
    assert [row["mean_rank"] for row in rows] == sorted(ranks)
    assert rows[0]["friedman_p"] == pytest.approx(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))
    assert all(tuple(row) == ACROSS_DATASETS_COLUMNS for row in rows)


def test_the_critical_difference_separates_from_ten_datasets_on():
    studies = [study(f"d{i}", {"best": 36 - i % 3, "good": 35 - i % 3, "bad": 25, "worst": 22}) for i in range(10)]

    rows = {row["model"]: row for row in across_datasets_rows(studies)}

    # Demšar 2006: q = 2.569 for four models
    assert rows["best"]["critical_difference"] == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 10)), abs=1e-3)
    assert rows["best"]["not_separated_from"] == "good"
    assert FEW_DATASETS not in rows["best"]["note"]


def test_few_datasets_give_mean_ranks_and_no_claim():
    rows = across_datasets_rows([study(f"d{i}", {"a": 30 + i, "b": 25}) for i in range(3)])

    assert [(row["model"], row["mean_rank"], row["critical_difference"]) for row in rows] == [
        ("a", 1.0, None),
        ("b", 2.0, None),
    ]
    assert FEW_DATASETS in rows[0]["note"]
    assert rows[0]["note"].startswith("all datasets rank the models in the same order; only 3 datasets")


def test_datasets_that_agree_by_chance_do_not_make_a_rank_certain():
    """Two models of which one is right in one case more on every dataset."""
    rows = across_datasets_rows([study(f"d{i}", {"a": 31, "b": 30}, resamples=2000) for i in range(4)])

    assert rows[0]["mean_rank.ci_low"] == 1.0
    assert rows[0]["mean_rank.ci_high"] > 1.2


def test_a_metric_that_is_better_low_ranks_the_other_way():
    rows = across_datasets_rows([study(f"d{i}", {"a": 30 + i, "b": 25}, metric="nll") for i in range(2)])

    assert [row["model"] for row in rows] == ["a", "b"]


def test_models_that_not_every_dataset_has_are_named():
    studies = [study("x", {"a": 30, "b": 25, "only": 28}), study("y", {"a": 31, "b": 25, "leak": 39})]
    studies.append(study("z", {"a": 32, "b": 24, "only": 20, "leak": 39}, excluded={"leak": "it is a control"}))

    rows = {row["model"]: row for row in across_datasets_rows(studies)}

    assert rows["a"]["mean_rank"] == 1.0
    assert rows["only"]["mean_rank"] is None
    assert (rows["only"]["datasets"], rows["only"]["note"]) == (2, "not ranked: not evaluated on y")
    assert rows["leak"]["note"] == "not ranked: not evaluated on x"


def test_a_model_that_cannot_be_recommended_on_one_dataset_is_not_ranked():
    correct = {"a": 30, "b": 25, "leak": 39}
    studies = [study("x", correct), study("y", correct, excluded={"leak": "it saw the test images"})]

    rows = {row["model"]: row for row in across_datasets_rows(studies)}

    assert rows["leak"]["note"] == "not ranked: on y, it saw the test images"
    assert rows["b"]["mean_rank"] == 2.0


def test_other_metrics_are_other_studies():
    studies = [study("x", {"a": 30, "b": 25}), study("y", {"a": 30, "b": 25}, metric="nll")]

    assert across_datasets_rows(studies) == []
