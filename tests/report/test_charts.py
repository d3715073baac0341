import pytest
from rendered import notes, rows

from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.charts import plot_leaderboard, plot_pairwise
from arogya_bench.report.robustness_chart import plot_robustness


def estimate(column, value, half=0.05):
    low, high = (None, None) if value is None or half is None else (value - half, value + half)
    return {column: value, f"{column}.ci_low": low, f"{column}.ci_high": high}


def clean(model, value, half=0.05):
    return {"model": model, **estimate("mcc", value, half)}


def pair(b="b", value=0.1, p_adjusted=0.01):
    return {"a": "a", "b": b, **estimate("difference", value, 0.08), "p_adjusted": p_adjusted}


def augmented(model, *values, augmentation="gaussian_noise", step=0.1):
    return [
        {
            "model": model,
            "augmentation": augmentation,
            "severity": step * level,
            "level": level,
            **estimate("value", value),
        }
        for level, value in enumerate(values, start=1)
    ]


def robustness(conditions, leaderboard):
    return plot_robustness(conditions, leaderboard, "mcc")


def test_leaderboard_keeps_the_order_and_writes_the_interval():
    chart = plot_leaderboard([clean("b", 0.8), clean("a", 0.9)], "mcc")

    drawn = rows(chart, "label")
    assert [row["name"] for row in drawn] == ["b", "a"]
    assert drawn[0]["label"] == "0.800 [0.750, 0.850]"
    assert "mcc" in to_svg(chart)


def test_leaderboard_names_what_is_undefined_or_has_no_interval():
    chart = plot_leaderboard([clean("a", 0.9), clean("gemini", None), clean("prior", 0.4, None)], "mcc")

    assert [row["name"] for row in rows(chart, "label")] == ["a", "prior"]
    assert notes(chart) == "Undefined: gemini. No interval: prior."
    assert "prior" in to_svg(chart)


def test_leaderboard_of_nothing_defined_is_an_empty_figure():
    chart = plot_leaderboard([clean("a", None)], "mcc")

    assert notes(chart) == "Undefined: a."
    assert to_svg(chart).startswith("<svg")


@pytest.mark.parametrize(
    ("p_adjusted", "label", "filled"),
    [(0.0004, "p < 0.001", True), (0.012, "p = 0.012", True), (0.05, "p = 0.050", False), (None, "p = \u2013", False)],
)
def test_differences_are_labelled_by_p_and_filled_below_alpha(p_adjusted, label, filled):
    chart = plot_pairwise([pair(p_adjusted=p_adjusted)], "mcc")

    (drawn,) = rows(chart, "label")
    assert (drawn["label"], drawn["filled"]) == (label, filled)
    assert (drawn["value"], drawn["low"], drawn["high"]) == pytest.approx((0.1, 0.02, 0.18))


def test_differences_keep_the_line_of_zero_and_name_the_undefined():
    chart = plot_pairwise([pair(), pair("c", None, None)], "mcc")

    assert rows(chart, "zero") == [{"zero": 0}]
    assert "Undefined: a \u2212 c." in notes(chart)
    assert "a \u2212 b" in to_svg(chart)


def test_robustness_starts_each_panel_at_clean():
    conditions = [*augmented("a", 0.8, 0.7), *augmented("b", 0.6, 0.5)]
    conditions += augmented("a", 0.85, augmentation="gaussian_blur", step=3.0)

    drawn = rows(robustness(conditions, [clean("a", 0.9), clean("b", 0.8)]), "x")

    assert [row["value"] for row in drawn if row["model"] == "a"] == [0.9, 0.8, 0.7, 0.9, 0.85]
    assert [row["value"] for row in drawn if row["model"] == "b"] == [0.8, 0.6, 0.5, 0.8]


def test_robustness_writes_severities_panels_and_models():
    chart = robustness(augmented("densenet", 0.8, 0.7), [clean("densenet", 0.9)])

    drawn = to_svg(chart)
    for text in ("clean", "0.1", "0.2", "gaussian noise", "densenet", "mcc"):
        assert f">{text}</text>" in drawn


def test_models_stand_side_by_side_at_a_level():
    conditions = [row for name in "abc" for row in augmented(name, 0.8)]

    places = [row["x"] for row in rows(robustness(conditions, []), "x")]

    assert len(set(places)) == 3
    assert sum(places) == pytest.approx(3)


def test_robustness_names_an_undefined_value():
    chart = robustness(augmented("a", 0.8, None, 0.6), [clean("a", 0.9)])

    assert "Undefined: a at gaussian_noise 0.2." in notes(chart)
    assert [row["value"] for row in rows(chart, "x")] == [0.9, 0.8, None, 0.6]


def test_robustness_without_values_or_severities_has_no_chart():
    (without_severity,) = augmented("a", 0.8)
    without_severity["severity"] = None

    assert robustness([], [clean("a", 0.9)]) is None
    assert robustness(augmented("a", None), []) is None
    assert robustness([without_severity], [clean("a", 0.9)]) is None
