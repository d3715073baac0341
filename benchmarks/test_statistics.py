"""Intervals and tests of a whole study: 10,000 cases, 7 models, 7 classes, 10,000 resamples.

One thread. The loop over scikit-learn makes LOOPED resamples of one model; its time is scaled up
to all resamples of all models, and the ratio to ours stands in ``extra_info`` and in the table that
is printed. The most memory that a process
of its own held is printed last.
"""

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from multiprocessing import get_context

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, f1_score, roc_auc_score
from threadpoolctl import threadpool_limits

from arogya_bench.metrics.calibration import expected_calibration_error
from arogya_bench.metrics.replicates import paired_replicates
from arogya_bench.statistics import delong_covariance, draws, interval

CASES, MODELS, CLASSES, RESAMPLES = 10_000, 7, 7, 10_000
PATIENTS = 4_000
LOOPED = 5
SHARES = (0.40, 0.20, 0.15, 0.10, 0.07, 0.05, 0.03)
LABELS_AND_CALIBRATION = ("accuracy", "balanced_accuracy", "f1_macro", "brier", "ece")


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(0)
    targets = rng.choice(CLASSES, size=CASES, p=SHARES)
    tables = {}
    for model in range(MODELS):
        logits = rng.normal(size=(CASES, CLASSES))
        logits[np.arange(CASES), targets] += 1.5 + 0.1 * model
        odds = np.exp(logits)
        tables[f"model {model}"] = odds / odds.sum(axis=1, keepdims=True)
    return targets, tables


@pytest.fixture(scope="module")
def plain():
    return draws(CASES, rng=np.random.default_rng(1), resamples=RESAMPLES)


@pytest.fixture(scope="module")
def clustered():
    rng = np.random.default_rng(1)
    patients = rng.integers(PATIENTS, size=CASES)
    return draws(CASES, rng=rng, resamples=RESAMPLES, groups=patients)


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(limits=1):
        yield


def looped(study, score):
    """Seconds that a loop over scikit-learn would take for all models and resamples."""
    targets, tables = study
    table = tables["model 0"]
    rng = np.random.default_rng(2)
    start = time.perf_counter()
    for _ in range(LOOPED):
        rows = rng.integers(CASES, size=CASES)
        score(targets[rows], table[rows])
    return (time.perf_counter() - start) / LOOPED * RESAMPLES * MODELS


def label_and_calibration_scores(targets, table):
    predicted = table.argmax(axis=1)
    accuracy_score(targets, predicted)
    balanced_accuracy_score(targets, predicted)
    f1_score(targets, predicted, average="macro")
    brier_score_loss(targets, table)
    expected_calibration_error(table.max(axis=1), predicted == targets)


def report(benchmark, what, loop, goal):
    ours = benchmark.stats.stats.median
    benchmark.extra_info |= {"loop_s": loop, "ratio": loop / ours, "goal_s": goal}
    print(
        f"\n{what}: {ours:.2f} s (goal {goal} s); loop over scikit-learn {loop:,.0f} s, "
        f"{loop / ours:,.0f} times as long"
    )


@pytest.mark.benchmark(group="study of 10,000 cases")
def test_labels_brier_and_ece_of_all_models(benchmark, study, plain):
    benchmark.pedantic(paired_replicates, study, {"draws": plain, "names": LABELS_AND_CALIBRATION}, rounds=3)
    report(benchmark, "5 metrics of 7 models", looped(study, label_and_calibration_scores), 3)


@pytest.mark.benchmark(group="study of 10,000 cases")
def test_all_paired_differences_of_macro_f1(benchmark, study, plain):
    def pairs():
        found = paired_replicates(*study, draws=plain, names=["f1_macro"])
        parts = [
            (each.estimates["f1_macro"], each.values["f1_macro"], each.jackknife["f1_macro"]) for each in found.values()
        ]
        return [interval(*(x - y for x, y in zip(a, b, strict=True)), draws=plain) for a, b in combinations(parts, 2)]

    found = benchmark.pedantic(pairs, rounds=3)

    assert len(found) == 21
    loop = looped(study, lambda t, p: f1_score(t, p.argmax(axis=1), average="macro"))
    report(benchmark, "21 paired differences of macro F1", loop, 6)


@pytest.mark.benchmark(group="study of 10,000 cases")
def test_auroc_of_49_curves(benchmark, study, plain):
    wanted = {"draws": plain, "names": ["auroc_macro_ovr"]}
    benchmark.pedantic(paired_replicates, study, wanted, rounds=1)
    loop = looped(study, lambda t, p: roc_auc_score(t, p, multi_class="ovr"))
    report(benchmark, "AUROC of 49 curves", loop, 60)


@pytest.mark.benchmark(group="study of 10,000 cases")
def test_delong_of_7_models_and_7_classes(benchmark, study):
    targets, tables = study
    scores = np.stack(list(tables.values()))

    def delong():
        return [delong_covariance(targets == c, scores[:, :, c]) for c in range(CLASSES)]

    benchmark.pedantic(delong, rounds=5, warmup_rounds=1)
    median = benchmark.stats.stats.median
    print(f"\nDeLong, 7 models and 7 classes: {median:.2f} s (goal 0.3 s)")


@pytest.mark.benchmark(group="study of 10,000 cases")
def test_clusters_cost_at_most_twice_as_much(benchmark, study, plain, clustered):
    wanted = {"names": LABELS_AND_CALIBRATION}
    start = time.perf_counter()
    paired_replicates(*study, draws=plain, **wanted)
    without = time.perf_counter() - start

    benchmark.pedantic(paired_replicates, study, wanted | {"draws": clustered}, rounds=3)

    ratio = benchmark.stats.stats.median / without
    benchmark.extra_info["clustered / plain"] = ratio
    print(f"\nclustered / plain: {ratio:.2f} (goal 2)")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        peak = pool.submit(most_memory, study).result()
    print(f"most memory held: {peak:.0f} MiB (goal 1,024)")


def most_memory(study):
    """MiB that a fresh process ever holds for every metric; B makes no difference to it."""
    plan = draws(CASES, rng=np.random.default_rng(1), resamples=500)
    paired_replicates(*study, draws=plan)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
