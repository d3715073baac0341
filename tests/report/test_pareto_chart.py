import pytest
from rendered import notes, rows

from arogya_bench.comparison.pareto import UNUSABLE_NOTE
from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.chart_axis import Axis, log_ticks
from arogya_bench.report.label_placement import Box, place_labels
from arogya_bench.report.pareto_chart import plot_pareto


def model(name, value, p50, *, on_front=True, note="", grade="B", half=0.05):
    return {
        "model": name,
        "value": value,
        "value.ci_low": None if half is None else value - half,
        "value.ci_high": None if half is None else value + half,
        "latency_p50_ms": p50,
        "latency_p50_ms.ci_low": p50 and p50 * 0.9,
        "latency_p50_ms.ci_high": p50 and p50 * 1.2,
        "on_front": on_front,
        "note": note,
        "grade": grade,
    }


def test_the_front_is_a_step_line_from_fast_to_slow_up_to_the_edge():
    drawn = rows(
        plot_pareto([model("b", 0.9, 80.0), model("a", 0.7, 2.0), model("c", 0.8, 90.0, on_front=False)], "mcc"),
        "order",
    )

    assert [(row["x"], row["y"]) for row in drawn[:2]] == [(2.0, 0.7), (80.0, 0.9)]
    assert drawn[2]["x"] > 108.0
    assert drawn[2]["y"] == 0.9


def test_both_intervals_are_drawn():
    point, *_ = rows(plot_pareto([model("a", 0.7, 10.0)], "mcc"), "x_low")

    assert (point["x_low"], point["x_high"], point["y_low"], point["y_high"]) == (9.0, 12.0, 0.7 - 0.05, 0.75)


def test_a_point_without_an_interval_is_drawn_without_one():
    point, *_ = rows(plot_pareto([model("a", 0.7, 10.0, half=None)], "mcc"), "x_low")

    assert point["y_low"] == point["y_high"] == 0.7


def test_what_is_not_considered_is_grey_or_named():
    chart = plot_pareto(
        [
            model("a", 0.7, 10.0),
            model("grey", 0.8, 20.0, on_front=None, note=UNUSABLE_NOTE, grade="D"),
            model("prior", 0.1, 0.1, on_front=None, note="it is not shown to be better than guessing"),
            model("unmeasured", 0.8, None, on_front=None, note="it is not measured"),
        ],
        "mcc",
    )

    colours = {row["name"]: row["colour"] for row in rows(chart, "x_low")}
    assert set(colours) == {"a", "grey (D)"}
    assert colours["a"] != colours["grey (D)"]
    assert "Not in the picture: prior, unmeasured." in notes(chart)


def test_nothing_measured_has_no_picture():
    assert plot_pareto([model("a", 0.7, None, note="it is not measured")], "mcc") is None


@pytest.mark.parametrize("count", [1, 5, 12])
def test_every_name_is_in_the_picture(count):
    models = [model(f"model_{i}", 0.6 + 0.03 * i, 2.0 * 1.5**i) for i in range(count)]

    drawn = to_svg(plot_pareto(models, "mcc"))

    assert all(f">model_{i}</text>" in drawn for i in range(count))


@pytest.mark.parametrize("count", [5, 8, 12])
def test_labels_of_a_crowd_cover_neither_each_other_nor_points(count):
    points = [(200.0 + 22 * (i % 4), 150.0 + 18 * (i // 4)) for i in range(count)]

    boxes = place_labels(points, ["efficientnet_lite0"] * count, width=600, height=380)

    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert not any(box.overlaps(Box(x=x, y=y, width=10, height=10)) for box in boxes for x, y in points)
    assert all(box.is_within(600, 380) for box in boxes)


@pytest.mark.parametrize(
    "axis", [Axis(low=1, high=100, pixels=200, logarithmic=True), Axis(low=0, high=1, pixels=50, flipped=True)]
)
def test_an_axis_maps_there_and_back(axis):
    assert axis.to_value(axis.to_pixels(0.9 if axis.flipped else 30.0)) == pytest.approx(0.9 if axis.flipped else 30.0)
    assert axis.to_pixels(axis.low) == (axis.pixels if axis.flipped else 0)


def test_many_decades_have_ticks_at_their_powers_alone():
    assert log_ticks(Axis(low=0.0001, high=20.0, pixels=100)) == [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0]
    assert log_ticks(Axis(low=0.9, high=11.0, pixels=100)) == [1.0, 2.0, 5.0, 10.0]
