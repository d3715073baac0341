"""Support vectors and nearest neighbours."""

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.array_files import save_arrays
from arogya_bench.models.opencv_classifiers import (
    NEIGHBOURS_FILE,
    SVM_FILE,
    NearestNeighbours,
    fit_support_vectors,
    margins,
    read_neighbours,
    read_support_vectors,
)
from arogya_bench.models.temperature import Calibration


def clouds(n, *, classes, seed, spread=2.0):
    """Overlapping clouds of points, float32 as every description of an image."""
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % classes
    points = 3 * np.eye(classes, 5)[targets] + rng.normal(0, spread, (n, 5))
    return points.astype(np.float32).astype(np.float64), targets


def nearest(points, targets, *, neighbours, classes=2):
    return NearestNeighbours(
        features=np.asarray(points, dtype=np.float64),
        targets=np.asarray(targets),
        class_count=classes,
        neighbours=neighbours,
    )


@pytest.fixture
def svm():
    return fit_support_vectors(*clouds(40, classes=3, seed=0), cost=1.0, gamma=None, seed=0)


def test_margins_point_to_the_right_class():
    """Scikit-learn's sign convention differs between two classes and more."""
    for count in (2, 3, 5):
        features, targets = clouds(40 * count, classes=count, seed=0, spread=0.3)
        svm = SVC(decision_function_shape="ovo").fit(features, targets)

        scores = margins(svm, features)

        assert scores.shape == (len(targets), count)
        np.testing.assert_array_equal(scores.argmax(axis=1), targets)


def test_support_vectors_come_back_as_they_were(svm, tmp_path):
    features, _ = clouds(9, classes=3, seed=1)

    svm.save(tmp_path)

    again = read_support_vectors(tmp_path)
    np.testing.assert_array_equal(again.scores(features), svm.scores(features))
    assert again.note() == svm.note()
    assert "support vectors of 40 training cases" in svm.note()


def test_file_with_another_estimator_is_refused(tmp_path):
    skops.io.dump(LogisticRegression(), tmp_path / SVM_FILE)

    with pytest.raises(ModelError, match="LogisticRegression"):
        read_support_vectors(tmp_path)


def test_file_with_code_of_a_stranger_is_refused(tmp_path):
    skops.io.dump(Calibration(scale=1.0, bias=(0.0,)), tmp_path / SVM_FILE)

    with pytest.raises(ModelError, match="not trusted"):
        read_support_vectors(tmp_path)


def test_shares_of_votes_by_hand():
    """Of the 3 nearest to 0, two are of class 0; one vote more for each class makes 3 and 2."""
    found = nearest([[1], [2], [3], [9]], [0, 1, 0, 1], neighbours=3)

    scores = found.scores(np.array([[0.0]]))

    np.testing.assert_allclose(scores, np.log([[3 / 5, 2 / 5]]))


def test_cases_at_the_same_distance_share_the_votes_that_are_left():
    """The one at 1 has a vote, and the three at 2 share the other."""
    found = nearest([[1], [2], [-2], [2]], [0, 0, 1, 1], neighbours=2)

    scores = found.scores(np.array([[0.0]]))

    np.testing.assert_allclose(scores, np.log([[(1 + 1 / 3 + 1) / 4, (2 / 3 + 1) / 4]]))


@pytest.mark.parametrize("neighbours", [1, 2, 5, 12])
def test_order_of_the_training_cases_is_irrelevant(neighbours):
    """On a coarse grid, where most distances are shared by many cases."""
    rng = np.random.default_rng(0)
    points, targets = rng.integers(0, 3, (40, 2)), rng.integers(0, 2, 40)
    order = rng.permutation(40)
    asked = rng.integers(0, 3, (10, 2)).astype(float)

    first = nearest(points, targets, neighbours=neighbours).scores(asked)
    second = nearest(points[order], targets[order], neighbours=neighbours).scores(asked)

    np.testing.assert_allclose(first, second, atol=1e-12)


@pytest.mark.parametrize("neighbours", [1, 4, 15, 90])
def test_votes_agree_with_scikit_learn(neighbours):
    features, targets = clouds(90, classes=3, seed=2)
    asked, _ = clouds(30, classes=3, seed=3)

    scores = nearest(features, targets, neighbours=neighbours, classes=3).scores(asked)

    shares = KNeighborsClassifier(neighbours).fit(features, targets).predict_proba(asked)
    np.testing.assert_allclose(np.exp(scores) * (neighbours + 3), shares * neighbours + 1)


def test_a_row_does_not_depend_on_the_rest_of_its_batch():
    features, targets = clouds(300, classes=3, seed=4)
    found = nearest(features, targets, neighbours=7, classes=3)
    asked, _ = clouds(50, classes=3, seed=5)

    singly = np.concatenate([found.scores(row[None]) for row in asked])

    np.testing.assert_array_equal(singly, found.scores(asked))
    assert found.scores(asked[:0]).shape == (0, 3)


def test_neighbours_come_back_as_they_were(tmp_path):
    features, targets = clouds(60, classes=3, seed=6)
    found = nearest(features, targets, neighbours=9, classes=3)

    found.save(tmp_path)

    again = read_neighbours(tmp_path, class_count=3, neighbours=9)
    np.testing.assert_array_equal(again.features, features)
    np.testing.assert_array_equal(again.scores(features), found.scores(features))
    assert found.note() == "60 training cases are the model: 0 MB in memory"


@pytest.mark.parametrize(
    ("features", "targets"),
    [
        (np.ones((9, 2)), np.zeros(8, int)),
        (np.ones(9), np.zeros(9, int)),
        (np.ones((9, 2)), np.full(9, 2)),
        (np.ones((9, 2)), np.full(9, -1)),
        (np.ones((9, 2)), np.zeros(9)),
        (np.ones((2, 2)), np.zeros(2, int)),
    ],
    ids=["a target lacks", "no table", "class 2 of 2", "class -1", "no classes", "too few cases"],
)
def test_cases_that_do_not_fit_together_are_refused(tmp_path, features, targets):
    save_arrays(tmp_path / NEIGHBOURS_FILE, {"features": features, "targets": targets})

    with pytest.raises(ModelError, match="damaged"):
        read_neighbours(tmp_path, class_count=2, neighbours=3)
