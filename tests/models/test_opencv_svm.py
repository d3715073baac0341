"""HOG and a support vector machine."""

import json
from dataclasses import replace

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.models.opencv_svm import OpenCVClassifier, margins
from arogya_bench.types import Training

MODEL = OpenCVClassifier(image_size=32)


def fit(model, train, validation, out):
    return model.fit(train, validation, training=Training(), seed=0, device="cpu", out=out)


@pytest.mark.parametrize("classes", [2, 3])
def test_easy_textures_are_learnt(stripes, tmp_path, classes):
    train, validation, test = (stripes(n, seed=n, classes=classes) for n in (60, 30, 90))
    report = fit(MODEL, train, validation, tmp_path)

    rows = MODEL.load(tmp_path, classes=train.classes, device="cpu")(list(test.images()))

    assert (rows.argmax(axis=1) == test.targets).mean() > 0.95
    assert "support vectors of 60" in report.notes[0]


def test_probabilities_follow_the_validation_split(subset_of, stripes, tmp_path):
    """Trained on equal classes, calibrated where one class is four times as frequent."""
    train = stripes(60, seed=1, noise=250)
    pool = stripes(200, seed=2, noise=250)
    kept = [i for i, target in enumerate(pool.targets) if target == 0 or i % 8 == 1]
    images = list(pool.images())
    validation = subset_of([images[i] for i in kept], pool.targets[kept], pool.classes)
    fit(MODEL, train, validation, tmp_path)

    rows = MODEL.load(tmp_path, classes=train.classes, device="cpu")(list(validation.images()))

    frequencies = np.bincount(validation.targets) / len(validation)
    np.testing.assert_allclose(rows.mean(axis=0), frequencies, atol=0.05)


def test_margins_point_to_the_right_class():
    """Scikit-learn's sign convention differs between two classes and more."""
    rng = np.random.default_rng(0)
    for count in (2, 3, 5):
        targets = np.arange(40 * count) % count
        features = 4 * np.eye(count)[targets] + rng.normal(0, 0.3, (len(targets), count))
        svm = SVC(decision_function_shape="ovo").fit(features, targets)

        scores = margins(svm, features)

        assert scores.shape == (len(targets), count)
        np.testing.assert_array_equal(scores.argmax(axis=1), targets)


def test_class_without_training_cases_is_refused(stripes, subset_of, tmp_path):
    two = stripes(20, seed=0)
    train = subset_of(list(two.images()), two.targets, ("upright", "lying", "never"))

    with pytest.raises(ModelError, match="'never': 0"):
        fit(MODEL, train, train, tmp_path)


def test_another_image_size_is_refused_at_load(stripes, tmp_path):
    train = stripes(20, seed=0)
    fit(MODEL, train, train, tmp_path)

    with pytest.raises(ModelError, match="image_size=32; the model asks for 64"):
        replace(MODEL, image_size=64).load(tmp_path, classes=train.classes, device="cpu")


def test_file_with_another_estimator_is_refused(stripes, tmp_path):
    train = stripes(20, seed=0)
    fit(MODEL, train, train, tmp_path)
    skops.io.dump(LogisticRegression(), tmp_path / "svm.skops")

    with pytest.raises(ModelError, match="LogisticRegression"):
        MODEL.load(tmp_path, classes=train.classes, device="cpu")


def test_file_with_code_of_a_stranger_is_refused(stripes, tmp_path):
    train = stripes(20, seed=0)
    fit(MODEL, train, train, tmp_path)
    skops.io.dump(OpenCVClassifier(), tmp_path / "svm.skops")

    with pytest.raises(ModelError, match="not trusted"):
        MODEL.load(tmp_path, classes=train.classes, device="cpu")


def test_json_without_its_keys_is_refused(stripes, tmp_path):
    train = stripes(20, seed=0)
    fit(MODEL, train, train, tmp_path)
    (tmp_path / "calibration.json").write_text(json.dumps({"scale": 1.0}))

    with pytest.raises(ModelError, match="does not hold scale and bias"):
        MODEL.load(tmp_path, classes=train.classes, device="cpu")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"features": "hogg"}, "Did you mean 'hog'"),
        ({"image_size": 16}, "at least 32"),
        ({"image_size": 100}, "set image_size=96"),
        ({"C": 0.0}, "C is 0.0"),
        ({"gamma": -1.0}, "gamma is -1.0"),
    ],
)
def test_impossible_fields_are_refused_when_built(fields, says):
    with pytest.raises(ConfigError, match=says):
        OpenCVClassifier(**fields)
