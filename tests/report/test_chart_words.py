from rendered import rows

from arogya_bench.figures.prepared import PreparedChart
from arogya_bench.report.chart_words import translate_chart
from arogya_bench.report.content import build_report
from arogya_bench.report.pair_map import plot_pair_map


def shout(text):
    return text.upper()


def test_titles_notes_axes_and_keys_are_translated_and_names_are_not():
    pair = {"a": "mcc", "b": "model b", "difference": 0.1, "p_adjusted": 0.2}

    spec = translate_chart(plot_pair_map([pair], "mcc"), shout, shout).to_dict(validate=False)

    assert spec["title"]["text"] == "PAIRED DIFFERENCES IN MCC"
    assert spec["title"]["subtitle"][0].startswith("THE MODEL AT THE LEFT")
    assert "'title': 'DIFFERENCE IN MCC'" in str(spec["layer"])
    assert rows(translate_chart(plot_pair_map([pair], "mcc"), shout, shout), "shown")[0]["a"] == "mcc"


def test_a_note_is_translated_before_it_is_broken_into_lines():
    chart = PreparedChart(spec={"title": {"text": "x", "subtitle": ["A note of", "two lines."]}})

    spec = translate_chart(chart, shout, lambda text: {"A note of two lines.": "word " * 40}[text]).to_dict()

    assert len(spec["title"]["subtitle"]) == 3
    assert translate_chart(chart, str, str).to_dict()["title"]["subtitle"] == ["A note of", "two lines."]


def test_no_chart_stays_none():
    assert translate_chart(None, shout, shout) is None


def test_charts_of_a_report_name_metrics_as_the_report_does(comparison):
    (report,) = build_report(comparison).datasets
    chart = next(section.chart for section in report.sections if section.name == "leaderboard")

    assert chart.to_dict(validate=False)["title"]["text"] == "Leaderboard by macro F1"
