from xml.etree import ElementTree

import pytest

from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.detail_charts import plot_confusion, plot_reliabilities, plot_reliability, plot_roc


def curve(name, auroc=0.75):
    return [{"class": name, "fpr": x, "tpr": y, "auroc": auroc} for x, y in ((0.0, 0.0), (0.0, 0.5), (1.0, 1.0))]


def matrix(counts, names):
    totals = [sum(row) for row in counts]
    return [
        {
            "true": true,
            "predicted": names[j],
            "count": counts[i][j],
            "share": counts[i][j] / totals[i] if totals[i] else None,
        }
        for i, true in enumerate(names[: len(counts)])
        for j in range(len(counts[i]))
    ]


def reliability_bin(low, observed):
    interval = {"observed": observed, "observed.ci_low": observed - 0.1, "observed.ci_high": observed + 0.1}
    return {"low": low, "high": low + 0.1, "probability": low + 0.05, "cases": 12, **interval}


def texts(chart):
    return [element.text for element in ElementTree.fromstring(to_svg(chart)).iter() if element.text]


def test_roc_draws_every_point_and_writes_the_auroc_beside_the_class():
    chart = plot_roc([*curve("nevus", 0.9), *curve("melanoma", None)])

    points = chart.to_dict()["datasets"]["points"]
    assert [(row["x"], row["y"]) for row in points if row["series"] == 0] == [(0, 0), (0, 0.5), (1, 1)]
    assert {"nevus (0.900)", "melanoma (\u2013)"} <= set(texts(chart))


def test_roc_of_many_classes_shows_those_with_the_lowest_areas_and_says_so():
    chart = plot_roc([row for k in range(10) for row in curve(f"class {k}", 0.9 - 0.01 * k)])

    written = texts(chart)
    assert "class 9 (0.810)" in written
    assert "class 0 (0.900)" not in written
    assert "8 of 10 classes, those with the lowest AUROC." in " ".join(written)


def test_confusion_writes_counts_other_than_zero():
    written = texts(plot_confusion(matrix([[1000, 0], [7, 0]], ["normal", "pneumonia"])))

    assert "1,000" in written
    assert "7" in written
    assert "0" not in written


def test_confusion_of_a_class_without_cases_has_no_share():
    cells = plot_confusion(matrix([[5, 1], [0, 0]], ["a", "b"])).to_dict()["datasets"]["cells"]

    assert [cell["share"] for cell in cells] == pytest.approx([5 / 6, 1 / 6, None, None])


def test_answers_with_classes_that_are_left_out_are_counted_in_one_column():
    size = 14
    counts = [[9 if i == j else 10 if {i, j} == {0, 1} else i + j for j in range(size)] for i in range(size)]
    names = [f"class {k}" for k in range(size)]

    cells = plot_confusion(matrix(counts, names)).to_dict()["datasets"]["cells"]

    sums = {}
    for cell in cells:
        sums[cell["true"]] = sums.get(cell["true"], 0) + cell["count"]
    assert len(sums) == 12
    assert all(sums[names[i]] == sum(counts[i]) for i in range(size) if names[i] in sums)
    assert "(2 others)" in {cell["predicted"] for cell in cells}


def test_reliability_draws_the_band_of_each_bin():
    (drawn,) = plot_reliability([reliability_bin(0.2, 0.3)]).to_dict()["datasets"]["bins"]

    assert (drawn["left"], drawn["right"]) == pytest.approx((0.2, 0.3))
    assert (drawn["low"], drawn["high"]) == pytest.approx((0.2, 0.4))


@pytest.mark.parametrize("plot", [plot_roc, plot_reliability, plot_reliabilities, plot_confusion])
def test_nothing_to_draw_is_no_chart(plot):
    assert plot([]) is None


def test_charts_of_one_kind_do_not_share_their_data():
    first, second = plot_roc(curve("a")), plot_roc(curve("b"))

    assert "a (0.750)" in texts(first)
    assert "b (0.750)" in texts(second)


def test_a_prepared_chart_becomes_one_of_altair():
    chart = plot_roc(curve("a")).to_altair()

    assert type(chart).__name__ == "LayerChart"
    assert "a (0.750)" in texts(chart)


def test_reliabilities_of_several_models_are_panels_with_data_of_their_own():
    rows = [{**reliability_bin(0.1 * place, 0.5), "model": f"m{place}"} for place in range(1, 4)]

    chart = plot_reliabilities(rows)

    spec = chart.to_dict()
    assert [panel["title"]["text"] for panel in spec["concat"]] == ["m1", "m2", "m3"]
    assert [spec["datasets"][f"bins-{place}"][0]["left"] for place in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    assert {"m1", "m2", "m3", "Reliability"} <= set(texts(chart))
    assert type(chart.to_altair()).__name__ == "ConcatChart"


def test_of_many_models_the_first_nine_have_a_panel_and_the_chart_says_so():
    chart = plot_reliabilities([{**reliability_bin(0.1, 0.5), "model": f"m{place}"} for place in range(12)])

    assert len(chart.to_dict()["concat"]) == 9
    assert "The first 9 of 12 models." in chart.to_dict()["title"]["subtitle"]
