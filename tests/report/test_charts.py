import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.plots import (
    Difference,
    Estimate,
    plot_degradation,
    plot_differences,
    plot_forest,
)


def rows(chart, key):
    """Every row of data in a chart that has the column ``key``."""
    return [row for values in tables(chart.to_dict()) for row in values if key in row]


def tables(spec):
    if isinstance(spec, list):
        return [table for part in spec for table in tables(part)]
    if not isinstance(spec, dict):
        return []
    own = [spec["data"]["values"]] if "data" in spec else []
    return own + [table for name, part in spec.items() if name != "data" for table in tables(part)]


def notes(chart):
    return " ".join(chart.to_dict()["title"]["subtitle"])


def estimate(model, value, *, half=0.05, **condition):
    low, high = (None, None) if value is None else (value - half, value + half)
    return Estimate(model=model, value=value, low=low, high=high, **condition)


def difference(value=0.1, p_holm=0.01):
    return Difference(first="a", second="b", value=value, low=0.02, high=0.18, p_holm=p_holm)


def noise(model, *values):
    return [
        estimate(model, value, augmentation="gaussian_noise", severity=0.1 * level, level=level)
        for level, value in enumerate(values, start=1)
    ]


def test_forest_keeps_the_order_and_writes_the_interval():
    chart = plot_forest([estimate("b", 0.8), estimate("a", 0.9)], metric="f1_macro")

    drawn = rows(chart, "label")
    assert [row["model"] for row in drawn] == ["b", "a"]
    assert drawn[0]["label"] == "0.800 [0.750, 0.850]"
    assert "f1_macro" in to_svg(chart)


def test_forest_names_what_is_undefined_or_has_no_interval():
    alone = Estimate(model="prior", value=0.4, low=None, high=None)

    chart = plot_forest([estimate("a", 0.9), estimate("gemini", None), alone], metric="mcc")

    assert [row["model"] for row in rows(chart, "label")] == ["a", "prior"]
    assert notes(chart) == "Undefined: gemini. No interval: prior."
    assert "prior" in to_svg(chart)


def test_forest_of_nothing_defined_is_an_empty_figure():
    chart = plot_forest([estimate("a", None)], metric="mcc")

    assert notes(chart) == "Undefined: a."
    assert to_svg(chart).startswith("<svg")


@pytest.mark.parametrize(
    ("p_holm", "label", "filled"),
    [
        (0.0004, "p < 0.001", True),
        (0.012, "p = 0.012", True),
        (0.05, "p = 0.050", False),
        (None, "p undefined", False),
    ],
)
def test_differences_are_labelled_by_p_and_filled_below_alpha(p_holm, label, filled):
    chart = plot_differences([difference(p_holm=p_holm)], metric="f1_macro")

    (drawn,) = rows(chart, "label")
    assert (drawn["label"], drawn["filled"]) == (label, filled)
    assert (drawn["value"], drawn["low"], drawn["high"]) == (0.1, 0.02, 0.18)


def test_differences_keep_the_line_of_zero_and_name_the_undefined():
    undefined = Difference(first="a", second="c", value=None, low=None, high=None, p_holm=None)

    chart = plot_differences([difference(), undefined], metric="f1_macro")

    assert rows(chart, "zero") == [{"zero": 0}]
    assert "Undefined: a \u2212 c." in notes(chart)
    assert "a \u2212 b" in to_svg(chart)


def test_degradation_starts_each_panel_at_clean():
    models = [estimate("a", 0.9), *noise("a", 0.8, 0.7), estimate("b", 0.8), *noise("b", 0.6, 0.5)]
    blur = [estimate("a", 0.85, augmentation="gaussian_blur", severity=3.0, level=1)]

    drawn = rows(plot_degradation([*models, *blur], metric="f1_macro"), "x")

    of_a = [row["value"] for row in drawn if row["model"] == "a"]
    assert of_a == [0.9, 0.8, 0.7, 0.9, 0.85]
    assert [row["value"] for row in drawn if row["model"] == "b"] == [0.8, 0.6, 0.5, 0.8]


def test_degradation_writes_severities_panels_and_models():
    chart = plot_degradation([estimate("densenet", 0.9), *noise("densenet", 0.8, 0.7)], metric="mcc")

    drawn = to_svg(chart)
    for text in ("clean", "0.1", "0.2", "gaussian noise", "densenet", "mcc"):
        assert f">{text}</text>" in drawn


def test_models_stand_side_by_side_at_a_level():
    models = [row for name in "abc" for row in noise(name, 0.8)]

    places = [row["x"] for row in rows(plot_degradation(models, metric="mcc"), "x")]

    assert len(set(places)) == 3
    assert sum(places) == pytest.approx(3)


def test_degradation_names_an_undefined_value():
    chart = plot_degradation([estimate("a", 0.9), *noise("a", 0.8, None, 0.6)], metric="mcc")

    assert "Undefined: a at gaussian_noise 0.2." in notes(chart)
    assert [row["value"] for row in rows(chart, "x")] == [0.9, 0.8, None, 0.6]


@pytest.mark.parametrize("nothing", [[], [estimate("a", 0.9)], noise("a", None)])
def test_degradation_without_values_is_undefined(nothing):
    with pytest.raises(UndefinedMetric, match="no value under any augmentation"):
        plot_degradation(nothing, metric="mcc")
