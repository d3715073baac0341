"""Every reference case of classification, roc, bootstrap, robustness and the tests."""

import csv
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from arogya_bench import statistics
from arogya_bench.metrics.calibration import expected_calibration_error
from arogya_bench.metrics.classification import score
from arogya_bench.metrics.outcomes import check_outcomes
from arogya_bench.metrics.per_class import per_class
from arogya_bench.metrics.replicates import replicates
from arogya_bench.metrics.robustness import mean_corruption_error, robustness_score
from arogya_bench.metrics.tally import sum_by_group
from arogya_bench.statistics.rank_tests import nemenyi_critical_value

ORACLES = Path(__file__).resolve().parents[2].parent / "shared" / "oracles"
ANOTHER_CONVENTION = {  # named so on purpose: other libraries answer these
    "ece_left_closed(np.histogram)",
    "p_pratt_asym",
    "p_zsplit_asym",
    "p_wilcox_asym_cc",
}
OURS = {
    "auroc_ovr_macro": "auroc_macro_ovr",
    "auroc_ovr_weighted": "auroc_weighted_ovr",
    "ece_15_toplabel": "ece",
    "brier_multi_sum": "brier",
    "brier_binary": "brier",
    "auprc_ap": "average_precision",
    "p": "p_value",
    "p_midp": "p_value",
}
RELEVANT = ("classification.", "roc.", "bootstrap.", "robustness.", "statistics.")

pytestmark = pytest.mark.skipif(not ORACLES.exists(), reason=f"no reference cases in {ORACLES}")


def cases():
    files = sorted((ORACLES / "cases").glob("*.json"))
    every = [case for file in files for case in json.loads(file.read_text())]
    return {case["id"]: case for case in every if case["id"].startswith(RELEVANT)}


CASES = cases()
EXPECTED = [
    pytest.param(case_id, name, id=f"{case_id}-{name}")
    for case_id, case in CASES.items()
    for name in case["expected"]
    if name not in ANOTHER_CONVENTION
]


def stored(file):
    return np.load(ORACLES / file)


def array(inputs, name):
    """Read an input: a value, the name of a stored array, or ``name[row]`` of one."""
    value = inputs[name]
    if not isinstance(value, str):
        return np.asarray(value)
    name, _, row = value.rstrip("]").partition("[")
    values = stored(inputs["npz"])[name]
    return values[int(row)] if row else values


def table(name):
    with (ORACLES / name).open(newline="") as file:
        return list(csv.DictReader(file))


def both(positive_class):
    return np.column_stack([1 - positive_class, positive_class])


def of_a_table(inputs):
    targets = array(inputs, "y")
    probabilities = array(inputs, "prob")
    rows = per_class(targets, probabilities)
    named = score(targets, probabilities)
    by_class = {
        f"{ours}_per_class": [row[column] for row in rows]
        for ours, column in (
            ("recall", "sensitivity"),
            ("precision", "precision"),
            ("specificity", "specificity"),
            ("f1", "f1"),
            ("auroc", "auroc"),
        )
    }
    fewer = {f"ece_{bins}_toplabel": score(targets, probabilities, bins=bins)["ece"] for bins in (3, 10)}
    counts = sum_by_group(check_outcomes(targets, probabilities)).total().confusion[:, :-1]
    return named | by_class | fewer | {"confusion_matrix": counts}


def of_two_classes(inputs):
    targets, positive = array(inputs, "y"), array(inputs, "score")
    probabilities = both(positive)
    row = per_class(targets, probabilities)[1]
    hits = row["sensitivity"] and round(row["sensitivity"] * row["support"])
    negatives = targets.size - row["support"]
    false = row["predicted"] - hits
    by_class = {
        "auroc": row["auroc"],
        "tn_fp_fn_tp": [negatives - false, false, row["support"] - hits, hits],
        "ece_15_positive_class": expected_calibration_error(positive, targets),
        "ece_2_positive_class": expected_calibration_error(positive, targets, bins=2),
    }
    return score(targets, probabilities, inputs.get("yhat")) | row | by_class


def of_labels(inputs):
    classes = inputs.get("n_classes") or len(inputs.get("labels", [])) or None
    return score(array(inputs, "y"), predicted=array(inputs, "yhat"), classes=classes)


def of_confidences(inputs):
    ece = expected_calibration_error(inputs["conf"], inputs["correct"], bins=inputs["n_bins"])
    return {"ece": ece, "ece_right_closed(Guo)": ece}


def classification(case):
    inputs = case["inputs"]
    readers = {"prob": of_a_table, "score": of_two_classes, "yhat": of_labels, "conf": of_confidences}
    return next(read(inputs) for name, read in readers.items() if name in inputs)


def roc(case):
    inputs = case["inputs"]
    if "score" in inputs:
        found = statistics.auroc_interval(stored(inputs["npz"])["y"], array(inputs, "score"))
        ends = [found.low, found.high]
        z = 1.959963984540054 * found.se
        return {
            "auc": found.estimate,
            "se": found.se,
            "ci_wald": [found.estimate - z, found.estimate + z],
            "ci_wald_clipped": ends,
            "ci_logit": [found.logit_low, found.logit_high],
        }
    if "csv" in inputs:
        rows = table(inputs["csv"])
        columns = [np.array([float(row[inputs[name]]) for row in rows]) for name in ("y", "score1", "score2")]
    else:
        columns = [array(inputs, name) for name in ("y", "score1", "score2")]
    found = statistics.delong(*columns)
    return vars(found) | {"ci_diff": found.ci_diff}


def auroc(positive, scores):
    others, own = np.sort(scores[~positive]), scores[positive]
    below = [np.searchsorted(others, own, side).mean() for side in ("left", "right")]
    return sum(below) / 2 / others.size


def f1(positive, decided):
    return 2 * (positive & decided).sum() / (positive.sum() + decided.sum())


STATISTICS = {
    "spatial_var": lambda x: x.var(),
    # Floats on purpose: exact ties must survive the rounding of two means.
    "diff_accuracy": lambda y, a, b: ((a >= 0.5) == y).mean() - ((b >= 0.5) == y).mean(),
    "diff_auroc": lambda y, a, b: auroc(y, a) - auroc(y, b),
    "diff_f1": lambda y, a, b: f1(y, a >= 0.5) - f1(y, b >= 0.5),
    "diff_accuracy_patients": lambda y, a, b: ((a >= 0.5) == y).mean() - ((b >= 0.5) == y).mean(),
    "auroc_patients": lambda y, a, b: auroc(y, a),
}


def bootstrapped(case):
    inputs, level = case["inputs"], case["params"]["level"]
    statistic = STATISTICS[case["id"].removeprefix("bootstrap.")]
    if "x" in inputs:
        columns = {"x": np.array(inputs["x"])}
        plan = statistics.replay(stored(inputs["npz"])["idx"])
    else:
        columns = {"a": array(inputs, "a"), "b": array(inputs, "b")}
        columns["y"] = array(inputs, "y").astype(bool)
        patients = stored(inputs["npz"])["patient"] if "cluster" in inputs else None
        plan = statistics.replay(stored(inputs["idx_npz"])["idx"], groups=patients)
    return [
        statistics.bootstrap(statistic, columns, draws=plan, method=method, confidence=level)
        for method in ("percentile", "basic", "bca")
    ]


def resampled(case):
    inputs, data = case["inputs"], stored(case["inputs"]["npz"])
    plan = statistics.replay(stored(inputs["idx_npz"])["idx"], groups=data["patient"])
    a, b = (replicates(data["y"], array(inputs, name), draws=plan) for name in ("a", "b"))
    name = "auroc_macro_ovr"
    return [
        statistics.interval(
            a.estimates[name] - b.estimates[name],
            a.values[name] - b.values[name],
            a.jackknife[name] - b.jackknife[name],
            draws=plan,
            method=method,
            confidence=case["params"]["level"],
        )
        for method in ("percentile", "basic", "bca")
    ]


def bootstrap(case):
    intervals = (resampled if "ovr_macro" in case["id"] else bootstrapped)(case)
    bca = intervals[-1]
    ends = {found.method: [found.low, found.high] for found in intervals}
    single = {"theta": bca.estimate, "se": bca.se, "p_two_sided_plus1": bca.p_two_sided_plus1}
    return ends | single | {"z0": bca.z0, "accel": bca.accel}


def robustness(case):
    inputs = case["inputs"]
    if "errors" in inputs:
        return {"mce": mean_corruption_error(inputs["errors"], inputs["baseline"])}
    clean, augmented = inputs["acc_clean"], inputs["acc_aug"]
    mean = robustness_score(clean, augmented)
    each = [robustness_score(clean, one) for one in np.atleast_1d(augmented)]
    return {"score": mean, "score_mean": mean, "score_per_aug": each}


def mcnemar(inputs):
    (_, b), (c, _) = inputs["table"]
    return vars(statistics.mcnemar(b, c))


def wilson(inputs):
    return {"ci": statistics.wilson(inputs["k"], inputs["n"], confidence=inputs["level"]).ci}


def multiplicity(inputs):
    p_values = np.loadtxt(ORACLES / inputs["csv"])
    methods = ("bonferroni", "holm", "bh", "by", "hochberg")
    return {method: list(statistics.adjust(p_values, method=method)) for method in methods}


def ttest(inputs):
    found = statistics.paired_t(inputs["x"], inputs["y"])
    return vars(found) | {"ci": found.ci}


def wilcoxon(inputs):
    found = statistics.wilcoxon(inputs.get("diff") or inputs["x"], inputs.get("y"))
    named = {"p_wilcox_exact": found.p_value, "p_pratt_exact": found.p_pratt, "p_wilcox_asym": found.p_asymptotic}
    return vars(found) | named


def friedman(inputs):
    scores = np.loadtxt(ORACLES / inputs["csv"], delimiter=",")
    pairs = statistics.nemenyi(scores)
    named = {"cd_nemenyi_05": pairs.critical_difference, "nemenyi_p": pairs.p_values}
    return vars(statistics.friedman(scores)) | named


def nemenyi(inputs):
    levels = {"q05": 0.05, "q10": 0.10}
    return {name: [nemenyi_critical_value(k, alpha=alpha) for k in inputs["k"]] for name, alpha in levels.items()}


def nadeau_bengio(inputs):
    first, second = np.loadtxt(ORACLES / inputs["csv"], delimiter=",").T
    found = statistics.corrected_resampled_t(first - second, test_train_ratio=inputs["n_test_over_n_train"])
    return vars(found) | {"mean": found.mean, "ci": found.ci}


def of_statistics(case):
    readers = (
        mcnemar, wilson, multiplicity, ttest, wilcoxon, friedman, nemenyi, nadeau_bengio,
    )  # fmt: skip
    kind = case["id"].split(".")[1]
    return next(read for read in readers if read.__name__ == kind)(case["inputs"])


@cache
def answers(case_id):
    group = case_id.partition(".")[0]
    read = {
        "classification": classification,
        "roc": roc,
        "bootstrap": bootstrap,
        "robustness": robustness,
        "statistics": of_statistics,
    }
    return read[group](CASES[case_id])


@pytest.mark.parametrize(("case_id", "name"), EXPECTED)
def test_reference_value_is_met(case_id, name):
    case = CASES[case_id]

    answer = answers(case_id)[OURS.get(name, name)]

    expected = case["expected"][name]
    if expected == "NaN":
        assert answer is None
    else:
        np.testing.assert_allclose(answer, expected, rtol=0, atol=case["tol"]["abs"])
