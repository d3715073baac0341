import subprocess
import sys
from io import BytesIO
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pytest
from PIL import Image
from rendered import notes, rows
from sklearn.metrics import roc_auc_score

from arogya_bench.figures import evaluation as figures

LESIONS = ("actinic keratosis", "melanoma", "nevus")


def random_case(*, n=300, classes=3, decimals=2, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, n)
    raw = rng.random((n, classes)) + 0.5 * np.eye(classes)[targets]
    return targets, np.round(raw / raw.sum(axis=1, keepdims=True), decimals)


def test_confusion_matrix_draws_counts_and_shares_of_the_true_class():
    chart = figures.plot_confusion_matrix(np.array([[8, 2], [1, 3]]), ["normal", "pneumonia"])

    cells = {(row["true"], row["predicted"]): row for row in rows(chart, "share")}
    assert cells["normal", "pneumonia"]["count"] == 2
    assert cells["normal", "pneumonia"]["share"] == 0.2
    assert cells["pneumonia", "normal"]["share"] == 0.25
    assert notes(chart) == "14 cases."


def test_a_true_class_without_cases_has_no_share_and_is_named():
    chart = figures.plot_confusion_matrix(np.array([[5, 0], [0, 0]]), ["normal", "pneumonia"])

    cells = {(row["true"], row["predicted"]): row for row in rows(chart, "share")}
    assert cells["pneumonia", "pneumonia"]["share"] is None
    assert cells["pneumonia", "pneumonia"]["count"] == 0
    assert "No share, as there are no cases: pneumonia." in notes(chart)


@pytest.mark.parametrize("classes", [2, 3, 7, 10])
def test_confusion_matrix_shows_every_name_and_count(classes):
    names = [f"class number {k}" for k in range(classes)]
    counts = np.arange(1000, 1000 + classes**2).reshape(classes, classes)

    drawn = figures.to_svg(figures.plot_confusion_matrix(counts, names))

    texts = [element.text for element in ElementTree.fromstring(drawn).iter() if element.text]
    assert all(texts.count(name) == 2 for name in names)
    assert {str(count) for count in counts.flat} <= set(texts)


@pytest.mark.parametrize("seed", range(5))
def test_roc_names_each_class_with_the_auroc_of_scikit_learn(seed):
    targets, probabilities = random_case(seed=seed)

    chart = figures.plot_roc(targets, probabilities, LESIONS)

    expected = {f"{name} ({roc_auc_score(targets == k, probabilities[:, k]):.3f})" for k, name in enumerate(LESIONS)}
    assert {row["label"] for row in rows(chart, "label")} == expected


def test_roc_by_hand():
    """One negative outranks the second positive; the tied pair gives one slanted step."""
    targets = np.array([1, 0, 1, 0])
    positive = np.array([0.9, 0.8, 0.3, 0.3])

    chart = figures.plot_roc(targets, np.stack([1 - positive, positive], axis=1), ["no", "yes"])

    points = [(row["x"], row["y"]) for row in rows(chart, "label")]
    assert points == [(0, 0), (0, 0.5), (0.5, 0.5), (1, 1)]
    assert rows(chart, "label")[0]["label"] == "yes (0.625)"


def test_roc_of_two_classes_shows_the_positive_one_only():
    targets, probabilities = random_case(classes=2)

    chart = figures.plot_roc(targets, probabilities, ["normal", "pneumonia"])

    assert {row["label"].split()[0] for row in rows(chart, "label")} == {"pneumonia"}
    assert notes(chart) == "pneumonia against normal; 300 cases."


def test_a_class_without_cases_has_no_curve_and_is_named():
    targets, probabilities = random_case()

    chart = figures.plot_roc(np.where(targets == 1, 2, targets), probabilities, LESIONS)

    assert not [row for row in rows(chart, "label") if "melanoma" in row["label"]]
    assert "Undefined: melanoma (no case)." in notes(chart)


def test_one_class_alone_still_gives_a_figure():
    ones = np.ones(9, dtype=np.int64)

    chart = figures.plot_roc(ones, np.full((9, 2), 0.5), ["normal", "pneumonia"])

    assert "Undefined: pneumonia (no other case)." in notes(chart)
    assert "pneumonia (undefined)" in figures.to_svg(chart)


def test_long_curves_are_thinned_between_their_ends():
    targets, probabilities = random_case(n=6_000, classes=7, decimals=12)

    chart = figures.plot_roc(targets, probabilities, [f"class {k}" for k in range(7)])

    drawn = rows(chart, "label")
    for label in {row["label"] for row in drawn}:
        points = [row for row in drawn if row["label"] == label]
        assert 150 <= len(points) <= 200
        assert (points[0]["x"], points[0]["y"]) == (0, 0)
        assert (points[-1]["x"], points[-1]["y"]) == (1, 1)
    assert figures.to_svg(chart).startswith("<svg")


def test_a_confusion_matrix_of_many_classes_shows_those_with_the_most_wrong_answers():
    size = 120
    counts = np.diag(np.full(size, 9))
    counts[7, 99], counts[7, 3], counts[60, 61] = 5, 4, 2

    chart = figures.plot_confusion_matrix(counts, [f"class {k}" for k in range(size)])

    cells = {(row["true"], row["predicted"]): row["count"] for row in rows(chart, "share")}
    assert len(cells) == 30 * 31
    assert (cells["class 7", "class 99"], cells["class 60", "class 61"]) == (5, 2)
    assert sum(count for (true, _), count in cells.items() if true == "class 7") == 18
    assert "30 of 120 classes, those with the most wrong answers." in notes(chart)


def test_answers_with_a_class_that_is_not_shown_have_a_column():
    size = 40
    counts = np.zeros((size, size + 1), dtype=np.int64)
    counts[:30, 30:40] = 1  # each of the ten is taken for thirty others, and those for ten
    counts[5, -1] = 8

    chart = figures.plot_confusion_matrix(counts, [f"class {k}" for k in range(size)])

    cells = {(row["true"], row["predicted"]): row["count"] for row in rows(chart, "share")}
    assert {predicted for _, predicted in cells} >= {"(10 others)", "(no answer)"}
    assert sum(cells[f"class {k}", "(10 others)"] for k in range(20)) == 0
    assert cells["class 5", "(no answer)"] == 8
    assert sum(cells.values()) == counts[:20].sum()


def test_a_roc_of_many_classes_shows_those_with_the_lowest_area():
    targets, probabilities = random_case(n=600, classes=80)
    probabilities[:, 33] = targets != 33  # the worst possible

    chart = figures.plot_roc(targets, probabilities, [f"class {k}" for k in range(80)])

    labels = {row["label"] for row in rows(chart, "label")}
    assert len(labels) == 30
    assert "class 33 (0.000)" in labels
    assert "30 of 80 classes, those with the lowest AUROC." in notes(chart)


def test_reliability_bins_are_closed_on_the_right():
    confidence = np.array([0.0, 0.2, 0.5, 0.500001, 1.0])
    correct = np.array([False, True, True, False, True])

    first, second = rows(figures.plot_reliability(confidence, correct, bins=2), "count")[:2]

    assert (first["count"], second["count"]) == (3, 2)
    assert first["accuracy"] == pytest.approx(2 / 3)
    assert second["confidence"] == pytest.approx(0.7500005)


def test_reliability_bands_are_wilsons():
    """8 of 10: the textbook interval is 0.490 to 0.943."""
    chart = figures.plot_reliability(np.full(10, 0.77), np.arange(10) < 8)

    drawn = next(row for row in rows(chart, "low") if row["count"])
    assert drawn["low"] == pytest.approx(0.4902, abs=1e-4)
    assert drawn["high"] == pytest.approx(0.9433, abs=1e-4)


def test_empty_bins_are_counted_and_have_no_dot():
    chart = figures.plot_reliability(np.array([0.9, 0.95, 0.6]), np.array([True, True, False]))

    empty = [row for row in rows(chart, "count") if row["count"] == 0]
    assert len(empty) == 12
    assert all(row["accuracy"] is None for row in empty)
    assert "3 cases in 15 bins, 12 of them empty" in notes(chart)


def test_reliability_without_cases_is_an_empty_figure():
    chart = figures.plot_reliability(np.array([]), np.array([], dtype=bool))

    assert "0 cases in 15 bins, 15 of them empty" in notes(chart)
    assert figures.to_svg(chart).startswith("<svg")


def test_an_svg_stands_alone():
    targets, probabilities = random_case()

    drawn = figures.to_svg(figures.plot_roc(targets, probabilities, ["a", "<script>b</script>", "c & d"]))

    texts = [element.text for element in ElementTree.fromstring(drawn).iter() if element.text]
    assert any(text.startswith("<script>b</script> (") for text in texts)
    assert "<script" not in drawn
    assert "href" not in drawn


def test_a_png_has_as_many_pixels_as_the_scale_says():
    chart = figures.plot_confusion_matrix(np.eye(2, dtype=np.int64), ["no", "yes"])

    single, double = (Image.open(BytesIO(figures.to_png(chart, scale))).size for scale in (1, 2))

    assert double == pytest.approx([2 * side for side in single], abs=2)


def test_figures_leave_the_theme_of_altair_alone():
    before = alt.theme.active

    figures.to_svg(figures.plot_confusion_matrix(np.eye(2, dtype=np.int64), ["no", "yes"]))

    assert alt.theme.active == before
    assert "Liberation" not in alt.Chart(alt.Data(values=[])).mark_bar().to_json()


def test_importing_the_figures_is_cheap():
    program = (
        "import sys; import arogya_bench.figures.evaluation, arogya_bench.report.charts;"
        "print([name for name in ('altair', 'vl_convert', 'scipy') if name in sys.modules])"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == "[]"
