from rendered import notes, rows

from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.speed_charts import plot_cost, plot_throughput


def batch(model, size, rate, *, status="ok", grade="B"):
    low, high = (None, None) if rate is None else (0.9 * rate, 1.1 * rate)
    return {
        "model": model,
        "batch": size,
        "status": status,
        "grade": grade,
        "images_per_s": rate,
        "images_per_s.ci_low": low,
        "images_per_s.ci_high": high,
    }


def cost(model, usd, *, kind="local", grade="B"):
    column = "cost_per_1k_images_usd"
    ends = {f"{column}.ci_low": usd and 0.9 * usd, f"{column}.ci_high": usd and 1.1 * usd}
    return {"model": model, "kind": kind, "grade": grade, column: usd, **ends}


def test_throughput_names_the_batch_that_did_not_fit():
    chart = plot_throughput([batch("a", 1, 10.0), batch("a", 8, None, status="out of memory")])

    assert [row["value"] for row in rows(chart, "batch")] == [10.0]
    assert "No value: a at 8 (out of memory)." in notes(chart)


def test_a_bad_grade_is_named_in_the_legend_of_throughput():
    drawn = to_svg(plot_throughput([batch("a", 1, 10.0), batch("b", 1, 20.0, grade="D")]))

    assert ">b (grade D)</text>" in drawn


def test_no_throughput_is_no_chart():
    assert plot_throughput([]) is None


def test_costs_are_drawn_cheapest_first_and_an_api_is_named_as_one():
    chart = plot_cost([cost("a", 2.0), cost("gemini", 1.0, kind="API"), cost("b", None)])

    assert [row["name"] for row in rows(chart, "label")] == ["gemini (API)", "a"]
    assert "No cost: b." in notes(chart)


def test_far_apart_costs_have_a_logarithmic_axis():
    near = to_svg(plot_cost([cost("a", 1.0), cost("b", 2.0)]))
    far = to_svg(plot_cost([cost("a", 0.001), cost("b", 2.0)]))

    assert "(logarithmic)" not in near
    assert "(logarithmic)" in far


def test_no_cost_is_no_chart():
    assert plot_cost([cost("a", None)]) is None
