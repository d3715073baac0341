from rendered import rows

from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.ranking_charts import plot_ranks


def ranked(model, rank, low=None, high=None, p_best=0.0):
    return {"model": model, "rank": rank, "rank.ci_low": low, "rank.ci_high": high, "p_best": p_best}


def test_the_bar_spans_the_ranks_and_its_share_of_firsts_stands_beside():
    drawn = rows(plot_ranks([ranked("a", 1, 1, 3, 0.8), ranked("b", 2, p_best=0.004)]), "label")

    assert [(row["low"], row["rank"], row["high"], row["label"]) for row in drawn[:2]] == [
        (1, 1, 3, "80 %"),
        (2, 2, 2, "<\u00a01 %"),
    ]


def test_the_axis_has_whole_ranks():
    drawn = to_svg(plot_ranks([ranked(f"m{i}", i + 1, max(1, i), min(30, i + 3)) for i in range(30)]))

    for rank in (1, 5, 10, 30):
        assert f">{rank}</text>" in drawn
    assert ">1.5</text>" not in drawn


def test_without_a_rank_there_is_no_chart():
    assert plot_ranks([ranked("a", None)]) is None
