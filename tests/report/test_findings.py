"""What charts show, in words: checked on rows whose answer can be seen at a glance."""

import re

import pytest

from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report import detail_findings, findings, speed_findings
from arogya_bench.report.content import build_report


def estimate(column, value, half=0.05):
    low, high = (None, None) if value is None else (value - half, value + half)
    return {column: value, f"{column}.ci_low": low, f"{column}.ci_high": high}


def clean(model, value, *, above_chance=True):
    return {"model": model, **estimate("mcc", value), "above_chance": above_chance}


def degraded(model, value, score, condition="blur_3"):
    return {"model": model, "condition": condition, "value": value, "score": score}


def pair(a, b, value, p_adjusted):
    return {"a": a, "b": b, **estimate("difference", value), "p_adjusted": p_adjusted}


def reliability_bin(model, probability, observed, cases=10):
    return {"model": model, "probability": probability, "cases": cases, **estimate("observed", observed)}


@pytest.fixture(params=["comparison", "measured", "with_apis", "degraded"])
def any_comparison(request):
    return request.getfixturevalue(request.param)


def test_every_chart_of_a_report_states_what_it_shows(any_comparison):
    drawn = [section for part in build_report(any_comparison).datasets for section in part.sections if section.plot]

    assert drawn
    for section in drawn:
        assert section.finding, section.name
        assert section.finding().endswith(".")
        assert len(section.finding()) > 20


def test_the_leaderboard_names_the_first_the_second_and_the_last():
    rows = [clean("a", 0.9), clean("b", 0.8), clean("c", 0.5), clean("d", None)]

    assert findings.describe_leaderboard(rows, "mcc") == (
        "a has the best mcc, 0.900 [0.850, 0.950], before b with 0.800 [0.750, 0.850]; the last of 3 is c with "
        "0.500 [0.450, 0.550]."
    )


def test_one_model_is_compared_with_nothing():
    assert findings.describe_leaderboard([clean("a", 0.9)], "mcc") == (
        "a has the best mcc, 0.900 [0.850, 0.950]; no other row has a value."
    )


def test_pairs_are_counted_and_those_that_are_not_shown_to_differ_are_named():
    rows = [
        pair("a", "b", 0.1, 0.2),
        pair("a", "c", 0.4, 0.0004),
        pair("b", "c", 0.3, None),
        pair("a", "d", None, None),
    ]

    assert findings.describe_pairs(rows, "mcc") == (
        "1 of 3 pairs is shown to differ. The largest difference in mcc is that of a \u2212 c: +0.400 [0.350, 0.450], "
        "p < 0.001. Not shown to differ: a and b, b and c."
    )


def test_a_model_that_guesses_is_not_the_most_robust():
    board = [clean("a", 0.9), clean("b", 0.8), clean("prior", 0.1, above_chance=False)]
    rows = [degraded("a", 0.45, 0.5), degraded("b", 0.72, 0.9), degraded("prior", 0.1, 1.0)]

    assert findings.describe_robustness(rows, board, "mcc") == (
        "On average over the conditions, b keeps 90 % of its clean mcc, the most; a keeps 50 %, the least. The largest "
        "loss is that of a under blur_3: from 0.900 to 0.450."
    )


@pytest.mark.parametrize(
    ("values", "low_is_better", "finding"),
    [
        (
            [0.16, 0.05],
            True,
            "The largest rise of mcc (lower is better) is that of a under blur_3: from 0.100 to 0.160.",
        ),
        ([0.05, 0.02], True, "No condition makes mcc worse (lower is better)."),
        (
            [0.16, 0.05],
            False,
            "The largest fall of mcc (higher is better) is that of a under fog: from 0.100 to 0.050.",
        ),
    ],
)
def test_where_no_share_is_kept_by_definition_the_largest_change_for_the_worse_is_named(values, low_is_better, finding):
    rows = [
        {**degraded("a", value, None, condition), "change": value - 0.1}
        for value, condition in zip(values, ("blur_3", "fog"), strict=True)
    ]

    assert findings.describe_robustness(rows, [clean("a", 0.1)], "mcc", low_is_better=low_is_better) == finding


def test_ranks_say_how_often_a_model_is_first():
    rows = [
        {"model": "a", "rank": 1, "rank.ci_low": 1, "rank.ci_high": 2, "p_best": 0.998},
        {"model": "b", "rank": 2, "rank.ci_low": None, "rank.ci_high": None, "p_best": 0.002},
    ]

    assert findings.describe_ranks(rows) == (
        "a is first in >\u00a099 % of the resamples, with ranks from 1 to 2; b is first in <\u00a01 % of the resamples."
    )


def test_reliability_weighs_bins_by_their_cases():
    rows = [
        reliability_bin("a", 0.5, 0.5, cases=30),
        reliability_bin("a", 0.9, 0.5, cases=10),
        reliability_bin("b", 0.5, 0.2),
    ]

    assert findings.describe_reliabilities(rows) == (
        "The probabilities of a are nearest to what is observed: 0.100 off on average; those of b farthest: 0.300."
    )


def test_a_model_that_only_guesses_is_not_praised_for_its_probabilities():
    rows = [reliability_bin("prior", 0.3, 0.3), reliability_bin("a", 0.5, 0.4), reliability_bin("b", 0.5, 0.2)]

    assert findings.describe_reliabilities(rows, {"prior"}) == (
        "The probabilities of a are nearest to what is observed: 0.100 off on average; those of b farthest: 0.300. "
        "Left aside, as not shown to be better than guessing: prior."
    )


def test_a_front_without_candidates_says_why():
    reason = "its latency has the grade D or none"
    rows = [
        {"model": "a", "value": 0.9, "latency_p50_ms": 2.0, "on_front": None, "note": reason},
        {"model": "b", "value": 0.1, "latency_p50_ms": 1.0, "on_front": None, "note": f"{reason}; it guesses"},
    ]

    start = "No row is considered for the front of mcc against latency"
    assert speed_findings.describe_front(rows, "mcc") == f"{start}, each since {reason}."
    rows[1]["note"] = "it guesses"
    assert speed_findings.describe_front(rows, "mcc") == f"{start}, for the reasons in the notes."


def test_reliability_of_one_model_says_where_and_to_which_side_it_is_off():
    rows = [reliability_bin("a", 0.5, 0.52), reliability_bin("a", 0.95, 0.7, cases=1)]

    assert detail_findings.describe_reliability(rows) == (
        "In 1 of 2 bins the mean probability lies within the interval of what is observed. It is farthest off, and too "
        "high, at 0.95, where 70 % are observed in 1 case."
    )


def test_a_reliability_that_is_off_nowhere_names_no_bin():
    assert detail_findings.describe_reliability([reliability_bin("a", 0.5, 0.52)]) == (
        "In 1 of 1 bins the mean probability lies within the interval of what is observed."
    )


def test_roc_names_the_best_and_the_worst_class():
    rows = [{"class": "nevus", "auroc": 0.9}, {"class": "melanoma", "auroc": 0.7}, {"class": "other", "auroc": None}]

    assert detail_findings.describe_roc(rows) == (
        "nevus is told apart best, with an AUROC of 0.900, and melanoma worst, with 0.700."
    )


def test_confusion_names_the_most_frequent_mistake_and_cases_without_an_answer():
    rows = [
        {"true": true, "predicted": predicted, "count": count, "share": share}
        for true, predicted, count, share in (
            ("nevus", "nevus", 1000.0, 0.9),
            ("nevus", "melanoma", 3.5, 0.1),
            ("melanoma", "nevus", 12.0, 0.4),
            ("melanoma", "(no answer)", 20.0, 0.6),
        )
    ]

    assert detail_findings.describe_confusion(rows) == (
        "1,000 of 1,035.5 cases are right. 20 have no answer. The most frequent mistake is nevus for melanoma: "
        "12 cases, 40 % of that class."
    )


def test_net_benefit_counts_the_thresholds_at_which_a_model_is_of_use():
    rows = [
        {"model": model, "positive_class": "yes", "threshold_probability": at, "net_benefit": value, "treat_all": 0.2}
        for model, at, value in (("a", 0.1, 0.3), ("b", 0.1, 0.25), ("a", 0.5, 0.2 + 1e-12), ("b", 0.5, 0.1))
    ]

    assert findings.describe_net_benefit(rows) == (
        "At 1 of 2 thresholds the estimate of a model is better than acting on all cases and on none; a is the best "
        "at 1 of them."
    )


def test_the_front_is_listed_from_the_fastest_on():
    rows = [
        {"model": name, "value": value, "latency_p50_ms": latency, "on_front": on_front}
        for name, value, latency, on_front in (("a", 0.9, 20.0, True), ("b", 0.8, 2.5, True), ("c", 0.7, 30.0, False))
    ]

    assert speed_findings.describe_front(rows, "mcc") == (
        "On the front, with no other both faster and better: b (mcc 0.800 at 2.50 ms), a (mcc 0.900 at 20.0 ms). "
        "1 other row is not."
    )


def test_the_critical_difference_says_whom_the_first_is_better_than():
    rows = [
        {"metric": "mcc", "model": name, "mean_rank": rank, "datasets": 12, "critical_difference": 1.5}
        for name, rank in (("a", 1.2), ("b", 2.0), ("c", 2.8))
    ]

    assert findings.describe_critical_difference(rows) == (
        "Over 12 datasets a has the best mean rank, 1.20, and is shown to be better than c; the critical difference "
        "is 1.50."
    )


@pytest.mark.parametrize(
    "describe",
    [
        lambda: findings.describe_leaderboard([], "mcc"),
        lambda: findings.describe_pairs([], "mcc"),
        lambda: findings.describe_robustness([], [], "mcc"),
        lambda: findings.describe_ranks([]),
        lambda: findings.describe_critical_difference([]),
        lambda: findings.describe_reliabilities([]),
        lambda: findings.describe_net_benefit([]),
        lambda: speed_findings.describe_front([], "mcc"),
        lambda: speed_findings.describe_throughput([]),
        lambda: speed_findings.describe_cost([]),
        lambda: speed_findings.describe_api_times([]),
        lambda: detail_findings.describe_roc([]),
        lambda: detail_findings.describe_reliability([]),
        lambda: detail_findings.describe_confusion([]),
    ],
)
def test_nothing_is_said_to_be_nothing(describe):
    assert describe().split()[0] in {"No", "There"}


@pytest.mark.slow
def test_no_text_of_a_chart_is_smaller_than_ten_pixels(any_comparison):
    charts = [section.chart for part in build_report(any_comparison).datasets for section in part.sections]

    drawn = [to_svg(chart) for chart in charts if chart is not None]

    sizes = {float(size) for svg in drawn for size in re.findall(r'font-size="([\d.]+)px"', svg)}

    assert sizes
    assert min(sizes) >= 10
