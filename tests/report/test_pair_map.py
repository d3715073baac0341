from rendered import notes, rows

from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.charts import plot_pairs
from arogya_bench.report.pair_map import plot_pair_map


def pairs_of(models, p_adjusted=0.001):
    return [
        {
            "a": a,
            "b": b,
            "difference": 0.1 * (j - i),
            "difference.ci_low": 0.0,
            "difference.ci_high": 0.3,
            "p_adjusted": p_adjusted,
        }
        for i, a in enumerate(models)
        for j, b in enumerate(models)
        if i < j
    ]


def test_a_tile_holds_the_size_of_the_difference_and_whether_it_is_shown():
    compared = pairs_of("abc")
    compared[0]["p_adjusted"] = 0.2
    compared[1]["difference"] = -0.2  # lower is better

    tiles = {(row["a"], row["b"]): row for row in rows(plot_pair_map(compared, "mcc"), "shown")}

    assert (tiles["a", "b"]["text"], tiles["a", "b"]["shown"]) == ("0.10", False)
    assert (tiles["a", "c"]["text"], tiles["a", "c"]["shown"]) == ("0.20", True)


def test_a_pair_without_a_difference_is_named():
    compared = pairs_of("abc")
    compared[2]["difference"] = None

    assert "Undefined: b and c." in notes(plot_pair_map(compared, "mcc"))


def test_many_pairs_are_a_map_and_few_are_intervals():
    six, seven = (plot_pairs(pairs_of([f"m{i}" for i in range(size)]), "mcc") for size in (6, 7))

    assert rows(six, "zero")
    assert not rows(seven, "zero")
    assert len(rows(seven, "shown")) >= 21


def test_names_of_two_hundred_letters_stay_apart():
    models = [f"{'x' * 190} number {i}" for i in range(3)]

    drawn = to_svg(plot_pair_map(pairs_of(models), "mcc"))

    assert all(f"number {i}</text>" in drawn for i in range(3))
    assert "x" * 40 not in drawn
