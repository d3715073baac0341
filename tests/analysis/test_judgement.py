"""Studies with a planted truth, and the judgement that they must get."""

import numpy as np
import pytest
from planted_studies import SEED, answers, predict, row

from arogya_bench.analysis.judgement import exclude_rows, judge_rows
from arogya_bench.types import Predictions


def judge(*rows, metric="f1_macro", **options):
    return judge_rows(rows, metric=metric, resamples=None, seed=SEED, **options)


def study(accuracies, *, targets, classes, seed=0):
    rng = np.random.default_rng(seed)
    return [
        row(name, predict(targets, answers(rng, targets, accuracy, classes), classes=classes))
        for name, accuracy in accuracies.items()
    ]


def rare_class(patients, classes, rare):
    """The last class has ``rare`` patients, the others share the rest."""
    targets = np.arange(patients) % (classes - 1)
    targets[:rare] = classes - 1
    return targets


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro", "balanced_accuracy", "auroc_macro_ovr"])
def test_right_on_everything_is_better_than_wrong_on_everything(metric):
    found = judge(*study({"right": 1.0, "wrong": 0.0}, targets=np.arange(30) % 3, classes=3), metric=metric)

    assert found.leader == "right"


@pytest.mark.parametrize(
    ("metric", "classes"), [("accuracy", 3), ("accuracy", 5), ("f1_macro", 5), ("balanced_accuracy", 5)]
)
def test_a_class_of_two_does_not_silence_a_large_difference(metric, classes):
    targets = rare_class(400, classes, rare=2)

    found = judge(*study({"good": 0.975, "poor": 0.5575}, targets=targets, classes=classes), metric=metric)

    assert found.leader == "good"
    assert found.pairs[0].shown


def test_22_rows_and_a_gap_of_41_points_have_a_leader():
    accuracies = {"good": 0.96} | {f"poor{i}": 0.55 for i in range(21)}

    found = judge(*study(accuracies, targets=np.arange(400) % 4, classes=4))

    assert found.leader == "good"
    assert all(pair.shown for pair in found.pairs if "good" in (pair.a, pair.b))
    assert len(found.pairs) == 22 * 21 / 2


def test_below_30_patients_there_is_no_verdict():
    found = judge(*study({"right": 1.0, "wrong": 0.0}, targets=np.arange(29) % 3, classes=3))

    assert (found.leader, found.is_large_enough) == (None, False)


def test_a_class_without_a_case_does_not_crown_the_worse_model():
    """Of two models, the better one alone predicts the class that the test split lacks."""
    targets = np.arange(300) % 2
    rng = np.random.default_rng(1)
    better, worse = (answers(rng, targets, accuracy, 2) for accuracy in (0.90, 0.81))
    better = np.where(better != targets, 2, better)  # its errors name the class without a case

    found = judge(row("better", predict(targets, better, classes=3)), row("worse", predict(targets, worse, classes=3)))

    assert found.rows[0].name == "better"
    assert found.leader == "better"
    assert found.cases.missing_classes == ("k2",)


def test_seeds_that_differ_as_much_as_the_models_show_nothing():
    targets = np.arange(1000) % 2
    rng = np.random.default_rng(2)
    rows = [
        row(name, *(predict(targets, answers(rng, targets, accuracy, 2), classes=2) for accuracy in accuracies))
        for name, accuracies in {"a": (0.90, 0.80, 0.91), "b": (0.84, 0.86, 0.72)}.items()
    ]

    found = judge(*rows, metric="accuracy")

    assert found.leader is None
    assert found.pairs[0].result.p_value > 0.2


def test_a_coin_is_not_better_than_a_constant_answer():
    """A constant answer has a low macro F1, which a coin exceeds without reading the image."""
    rng = np.random.default_rng(3)
    targets = (np.arange(1550) % 10 == 0).astype(np.int64)
    coin = row("coin", predict(targets, rng.integers(2, size=1550), classes=2))
    constant = row("constant", predict(targets, np.zeros(1550, dtype=np.int64), classes=2), seeded=False)

    found = judge(coin, constant)

    assert found.leader is None
    assert (found.above_chance["coin"], found.above_chance["constant"]) == (False, False)


def test_a_model_that_learnt_is_above_chance():
    found = judge(*study({"good": 0.8, "fair": 0.6}, targets=np.arange(200) % 4, classes=4))

    assert found.above_chance == {"good": True, "fair": True}


@pytest.mark.parametrize("metric", ["ece", "brier", "nll", "accuracy", "mcc", "auroc_macro_ovr"])
def test_every_metric_can_decide(metric):
    found = judge(*study({"good": 0.8, "poor": 0.5}, targets=np.arange(400) % 4, classes=4), metric=metric)

    assert found.leader == "good"


def test_equal_estimates_share_a_rank_and_nobody_leads():
    targets = np.arange(100) % 2
    first = targets.copy()
    first[:10] = 1 - first[:10]
    second = targets.copy()
    second[10:20] = 1 - second[10:20]
    poor = 1 - targets

    found = judge(
        *(row(name, predict(targets, said, classes=2)) for name, said in (("a", first), ("b", second), ("c", poor)))
    )

    assert found.ranks == (1, 1, 3)
    assert (found.leader, found.candidate) == (None, None)


def test_a_row_without_answers_is_not_recommended_and_one_silent_case_blocks_nobody():
    rows = study({"good": 0.9, "fair": 0.6, "one": 0.7}, targets=np.arange(200) % 2, classes=2)
    silent, mute = (rows[2].predictions[0].probabilities.copy() for _ in range(2))
    silent[0], mute[:] = np.nan, np.nan
    of = rows[2].predictions[0]
    changed = [
        row("silent", Predictions(**{**vars(of), "probabilities": silent})),
        row("mute", Predictions(**{**vars(of), "probabilities": mute})),
    ]

    by_auroc, by_f1 = (judge(*rows[:2], *changed, metric=metric) for metric in ("auroc_macro_ovr", "f1_macro"))

    assert by_auroc.leader == by_f1.leader == "good"
    assert by_auroc.excluded == {
        "silent": "auroc_macro_ovr is undefined for it (some of its cases have no answer)",
        "mute": "it gave no answer",
    }
    assert by_f1.excluded == {"mute": "it gave no answer"}
    assert len(by_auroc.pairs) == 1


def test_an_excluded_row_is_not_named_although_it_is_first():
    rows = study({"cheat": 0.99, "good": 0.9, "poor": 0.6}, targets=np.arange(300) % 3, classes=3)

    found = judge(*rows, excluded={"cheat": "its weights may have been trained on the test images"})

    assert found.rows[0].name == "cheat"
    assert found.leader == "good"


def test_rows_excluded_afterwards_are_as_excluded_from_the_start():
    rows = study({"cheat": 0.99, "good": 0.9, "fair": 0.85, "poor": 0.6}, targets=np.arange(300) % 3, classes=3)
    reasons = {"cheat": "its weights may have been trained on the test images", "fair": "its licence"}
    all_rows = judge(*rows)

    found = exclude_rows(exclude_rows(all_rows, {"cheat": reasons["cheat"]}), reasons)

    expected = judge(*rows, excluded=reasons)
    assert (all_rows.leader, found.leader) == ("cheat", "good")
    for field in ("candidate", "leader", "not_beaten", "excluded", "detectable_difference", "disagreement"):
        assert getattr(found, field) == getattr(expected, field)
    assert found.pairs == all_rows.pairs
    with pytest.raises(ValueError, match="another"):
        exclude_rows(found, {"another": "it is of another judgement"})


def test_controls_take_no_rank_and_do_not_widen_the_intervals_of_the_others():
    rows = study({"good": 0.9, "fair": 0.85, "blank": 0.4, "poor": 0.3}, targets=np.arange(300) % 3, classes=3)
    others = [each for each in rows if each.name != "blank"]

    found = judge(*rows, metric="accuracy", controls=["blank"])

    alone = judge(*others, metric="accuracy")
    assert dict(zip((each.name for each in found.rows), found.ranks, strict=True)) == {
        "good": 1, "fair": 2, "blank": None, "poor": 3
    }  # fmt: skip
    assert found.pairs == alone.pairs
    assert (found.leader, found.not_beaten) == (alone.leader, alone.not_beaten)
    assert "blank" in found.excluded
    assert [(pair.a, pair.b, pair.better) for pair in found.control_pairs] == [
        ("good", "blank", "good"), ("fair", "blank", "fair"), ("blank", "poor", "blank")
    ]  # fmt: skip
    assert all(pair.result.p_adjusted == pair.result.p_value for pair in found.control_pairs)


def test_metrics_that_disagree_about_the_leader_are_named():
    """One model has better answers, the other orders the cases better."""
    rng = np.random.default_rng(4)
    targets = np.arange(600) % 2
    answers_of = answers(rng, targets, 0.9, 2)
    decided = predict(targets, answers_of, classes=2, confidence=0.9)
    scores = np.clip(0.35 + 0.3 * targets + 0.06 * rng.normal(size=600) - 0.2, 0.01, 0.99)
    ordered = Predictions(**{**vars(decided), "probabilities": np.column_stack([1 - scores, scores])})

    found = judge(row("decided", decided), row("ordered", ordered))

    assert found.rows[0].name == "decided"
    assert (found.disagreement.metric, found.disagreement.leader) == ("auroc_macro_ovr", "ordered")
    assert found.disagreement.shown


def test_a_row_that_no_seed_changes_is_one_model():
    targets = np.arange(300) % 3
    rng = np.random.default_rng(5)
    fixed = predict(targets, answers(rng, targets, 0.6, 3), classes=3)
    trained = [predict(targets, answers(rng, targets, 0.9, 3), classes=3) for _ in range(3)]

    found = judge(row("fixed", fixed, fixed, fixed), row("trained", *trained))

    by_name = {each.name: each.row for each in found.rows}
    assert (len(by_name["fixed"].predictions), by_name["fixed"].is_single_fit) == (1, False)
    assert len(by_name["trained"].predictions) == 3
    assert found.leader == "trained"


def test_the_detectable_difference_needs_20_discordant_patients():
    targets = np.arange(100) % 2
    for wrong, expected in ((8, True), (15, False)):
        first, second = targets.copy(), targets.copy()
        first[:wrong] = 1 - first[:wrong]
        second[50 : 50 + wrong] = 1 - second[50 : 50 + wrong]
        second[60] = targets[60]

        found = judge(row("a", predict(targets, first, classes=2)), row("b", predict(targets, second, classes=2)))

        assert (found.detectable_difference is None) == expected


def test_patients_and_not_images_are_the_unit():
    targets = np.repeat(np.arange(40) % 2, 25)
    rng = np.random.default_rng(6)
    by_patient = [np.repeat(answers(rng, np.arange(40) % 2, accuracy, 2), 25) for accuracy in (0.9, 0.8)]
    groups = np.repeat(np.arange(40), 25)

    found = judge(*(row(str(i), predict(targets, said, classes=2, groups=groups)) for i, said in enumerate(by_patient)))

    assert found.cases.groups == 40
    assert found.leader is None


def test_a_metric_of_positives_rests_on_the_positives():
    """Two of two positives right against none right: no evidence, however many negatives agree."""
    targets = (np.arange(300) < 2).astype(np.int64)

    found = judge(
        row("a", predict(targets, targets, classes=2)),
        row("b", predict(targets, np.zeros_like(targets), classes=2)),
        metric="sensitivity",
    )

    assert found.pairs[0].result.p_value > 0.05
    assert found.leader is None


@pytest.mark.parametrize("metric", ["sensitivity", "specificity"])
def test_a_metric_of_one_class_can_decide(metric):
    """A constant answer has the best sensitivity or specificity, which is no floor."""
    rng = np.random.default_rng(8)
    targets = (np.arange(600) % 4 == 0).astype(np.int64)
    rows = [
        row(name, predict(targets, answers(rng, targets, accuracy, 2), classes=2))
        for name, accuracy in (("good", 0.93), ("poor", 0.7))
    ]

    found = judge(*rows, metric=metric)

    assert found.leader == "good"


def test_no_lead_is_printed_that_no_study_could_have():
    targets = (np.arange(100) < 3).astype(np.int64)
    rows = study({"a": 0.8, "b": 0.5}, targets=targets, classes=2)

    assert judge(*rows, metric="sensitivity").detectable_difference is None


def test_equal_rows_stand_in_the_order_of_their_names():
    right = predict(np.arange(60) % 2, np.arange(60) % 2, classes=2)

    found = [judge(row("d", right), row("c", right)), judge(row("c", right), row("d", right))]

    assert [[each.name for each in judged.rows] for judged in found] == [["c", "d"], ["c", "d"]]
