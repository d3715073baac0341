"""The pairs of a study by each test and correction."""

import numpy as np
import pytest
from planted_studies import answers, build_study, predict, row

from arogya_bench.analysis.pair_table import pair_rows
from arogya_bench.errors import ConfigError
from arogya_bench.statistics.delong import delong
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.proportions import mcnemar
from arogya_bench.statistics.signed_rank import wilcoxon
from arogya_bench.statistics.t_tests import paired_t

TARGETS = np.arange(200) % 2


def three_rows(targets=TARGETS, groups=None, accuracies=(0.92, 0.83, 0.80)):
    rng = np.random.default_rng(1)
    return [
        row(name, predict(targets, answers(rng, targets, accuracy, 2), classes=2, groups=groups))
        for name, accuracy in zip("abc", accuracies, strict=True)
    ]


def right(each):
    cases = each.predictions[0]
    return (cases.probabilities.argmax(axis=1) == cases.targets).astype(float)


def pair(rows, a, b, **options):
    (found,) = (each for each in pair_rows(build_study(rows, **options)) if (each["a"], each["b"]) == (a, b))
    return found


def test_mcnemar_reads_the_discordant_cases():
    rows = three_rows()
    first, second = right(rows[0]), right(rows[1])

    found = pair(rows, "a", "b", test="mcnemar", correction="holm")

    expected = mcnemar(int((first > second).sum()), int((second > first).sum()), total=200)
    assert found["p_value"] == expected.p_value == found["mcnemar_p"]
    assert (found["difference.ci_low"], found["difference.ci_high"]) == expected.ci
    assert found["difference"] == pytest.approx(expected.difference)
    assert (found["effect_size"], found["effect_size_kind"]) == (
        expected.odds_ratio,
        "odds ratio of the discordant cases",
    )


def test_the_tests_of_means_read_one_score_per_patient():
    groups = np.repeat(np.arange(100), 2)
    rows = three_rows(groups=groups)
    first, second = (right(each).reshape(100, 2).mean(axis=1) for each in rows[:2])

    # build_study sorts groups by name
    order = np.argsort([str(group) for group in range(100)])
    t = pair(rows, "a", "b", test="paired_t", correction="bonferroni")
    ranks = pair(rows, "a", "b", test="wilcoxon", correction="bonferroni")

    expected = paired_t(first[order], second[order])
    assert t["p_value"] == pytest.approx(expected.p_value)
    assert t["effect_size"] == pytest.approx(expected.d_z)
    assert t["p_adjusted"] == pytest.approx(min(1, 3 * expected.p_value))
    assert ranks["p_value"] == pytest.approx(wilcoxon(first, second).p_value)
    assert ranks["difference.ci_low"] is None
    assert "Hodges-Lehmann" in ranks["note"]


def test_delong_compares_the_scores_of_the_second_class():
    rng = np.random.default_rng(2)
    rows = []
    for name, shift in (("a", 2.0), ("b", 0.6)):
        score = 1 / (1 + np.exp(-(shift * (TARGETS - 0.5) + rng.normal(size=200))))
        cases = predict(TARGETS, TARGETS, classes=2)
        rows.append(row(name, type(cases)(**{**vars(cases), "probabilities": np.column_stack([1 - score, score])})))

    found = pair(rows, "a", "b", metric="auroc_macro_ovr", test="delong", correction="holm")

    expected = delong(TARGETS, *(each.predictions[0].probabilities[:, 1] for each in rows))
    assert found["p_value"] == expected.p_value
    assert found["difference"] == pytest.approx(expected.diff)
    assert found["conclusion"] == "a is better"


def test_the_bootstrap_agrees_with_the_default_test_on_many_patients():
    rows = three_rows()

    by_default, found = (
        pair(rows, "a", "b", resamples=2000, **options) for options in ({}, {"test": "bootstrap", "correction": "holm"})
    )

    assert found["p_value"] == pytest.approx(by_default["p_value"], abs=0.01)
    assert found["difference.ci_low"] == pytest.approx(by_default["difference.ci_low"], abs=0.01)


@pytest.mark.parametrize("correction", ["holm", "bonferroni", "bh"])
def test_p_values_are_adjusted_over_all_pairs(correction):
    found = pair_rows(build_study(three_rows(), correction=correction))

    expected = adjust([each["p_value"] for each in found], method=correction)
    assert [each["p_adjusted"] for each in found] == pytest.approx(expected.tolist())
    assert {each["correction"] for each in found} == {correction}
    assert all(each["difference.simultaneous_low"] is None for each in found)


def test_the_default_stays_the_t_over_groups_with_the_single_step():
    study = build_study(three_rows())

    found = pair_rows(study)

    results = [pair.result for pair in study.judgement.pairs]
    assert [each["p_value"] for each in found] == [result.p_value for result in results]
    assert [each["difference.simultaneous_low"] for each in found] == [result.simultaneous_low for result in results]


def test_another_conclusion_than_that_of_the_default_test_is_said():
    """The single step guards against more than Benjamini and Hochberg do."""
    study = build_study(three_rows(accuracies=(0.92, 0.85, 0.5)), correction="bh")

    (found,) = (each for each in pair_rows(study) if (each["a"], each["b"]) == ("a", "b"))

    assert found["conclusion"] == "a is better"
    assert "not shown by the default test" in found["note"]


@pytest.mark.parametrize(
    ("options", "reason", "fix"),
    [
        ({"test": "sign"}, "Unknown test", "mcnemar"),
        ({"correction": "sidak"}, "Unknown correction", "romano_wolf"),
        ({"test": "mcnemar"}, "needs the joint distribution", "holm"),
        ({"test": "mcnemar", "metric": "f1_macro"}, "f1_macro decides", "group_t, bootstrap"),
        ({"test": "delong"}, "it compares AUROCs", "mcnemar"),
        ({"test": "wilcoxon", "metric": "f1_macro"}, "no mean over cases", "bootstrap"),
    ],
)
def test_a_test_that_does_not_fit_is_refused_with_one_that_does(options, reason, fix):
    options = {"correction": "max_t" if reason.startswith("needs") else "holm", **options}
    study = build_study(three_rows(), **options)

    with pytest.raises(ConfigError, match=reason) as caught:
        pair_rows(study)

    assert fix in caught.value.fix


def test_two_cases_of_a_patient_are_no_independent_cases():
    study = build_study(three_rows(groups=np.repeat(np.arange(100), 2)), test="mcnemar", correction="holm")

    with pytest.raises(ConfigError, match="100 patients have 200 cases") as caught:
        pair_rows(study)

    assert "mcnemar" not in caught.value.fix


def test_two_seeds_are_not_one_fit():
    rows = three_rows()
    twice = row("a", rows[0].predictions[0], rows[2].predictions[0])

    for test in ("mcnemar", "paired_t", "wilcoxon"):
        with pytest.raises(ConfigError, match="2 seeds") as caught:
            pair_rows(build_study([twice, rows[1]], test=test, correction="holm"))
        assert "use one that does: group_t, bootstrap." in caught.value.fix


def test_the_bootstrap_holds_the_spread_between_seeds():
    """Seeds of .95, .85, .75 against .90, .80, .70: nearly all of the variance is between them."""
    by_seed = [three_rows(accuracies=(best, best - 0.05, 0.5)) for best in (0.95, 0.85, 0.75)]
    rows = [row(name, *(rows[i].predictions[0] for rows in by_seed)) for i, name in enumerate("ab")]

    (found,) = pair_rows(build_study(rows, test="bootstrap", correction="holm"))

    assert found["p_value"] > 0.2
    assert found["difference.ci_high"] - found["difference.ci_low"] > 0.2
    assert "spread between seeds is added" in found["note"]


def test_a_p_value_at_the_resolution_of_the_resamples_is_said():
    rows = three_rows(accuracies=(0.90, 0.88, 0.50))

    found = pair_rows(build_study(rows, test="bootstrap", correction="holm"))

    noted = {(each["a"], each["b"]): "smallest that 500 resamples can show" in each["note"] for each in found}
    assert noted == {("a", "b"): False, ("a", "c"): True, ("b", "c"): True}


def test_a_pair_with_a_control_has_no_adjusted_p_value():
    found = pair_rows(build_study(three_rows(), controls=["c"]))

    assert [(each["a"], each["b"], each["family"]) for each in found] == [("a", "b", 1), ("a", "c", 1), ("b", "c", 1)]
    assert [each["p_adjusted"] is None for each in found] == [False, True, True]
    assert "outside the family" in found[1]["note"]
    assert found[1]["conclusion"] == "a is better"
