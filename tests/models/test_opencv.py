"""Three kinds of features and two classifiers; digits are scikit-learn's, 8 x 8 pixels."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.array_files import save_arrays
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.opencv_classifiers import read_support_vectors
from arogya_bench.models.opencv_features import LocalFeatures, grey_images
from arogya_bench.types import FitReport, Predictor, Training

MODEL = OpenCVClassifier(image_size=32)
SMALL = OpenCVClassifier(image_size=64, vocabulary=30, neighbours=5)
FLAT = np.full((30, 50, 3), 90, dtype=np.uint8)
NAMES = ("zero", "one", "two")


def fit(model, train, validation, out):
    return model.fit(train, validation, training=Training(), seed=0, device="cpu", out=out)


def loaded(model, out, subset):
    return model.load(out, classes=subset.classes, device="cpu")


@pytest.fixture(scope="module")
def digits(subset_of):
    """Zeros, ones and twos: 60 to train, 30 to validate, 60 to test."""
    images, targets = load_digits(n_class=3, return_X_y=True)
    grey = (images.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    coloured = [np.stack([each] * 3, axis=2) for each in grey]
    return [subset_of(coloured[part], targets[part], NAMES) for part in (slice(0, 60), slice(60, 90), slice(90, 150))]


@dataclass(frozen=True)
class Fitted:
    model: OpenCVClassifier
    folder: Path
    report: FitReport
    predict: Predictor


KINDS = [
    ("hog", "svm", "detected"),
    ("hog", "knn", "detected"),
    ("orb", "svm", "detected"),
    ("orb", "knn", "grid"),
    ("sift", "svm", "grid"),
    ("sift", "knn", "detected"),
]


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def fitted(request, digits, tmp_path_factory):
    features, classifier, keypoints = request.param
    model = replace(SMALL, features=features, classifier=classifier, keypoints=keypoints)
    folder = tmp_path_factory.mktemp("-".join(request.param))
    report = fit(model, *digits[:2], folder)
    return Fitted(model, folder, report, loaded(model, folder, digits[0]))


def test_every_combination_tells_digits_apart(fitted, digits):
    rows = fitted.predict(list(digits[2].images()))

    assert (rows.argmax(axis=1) == digits[2].targets).mean() > 0.85


def test_rows_are_probabilities_even_without_keypoints(fitted):
    rows = fitted.predict([FLAT, np.zeros((8, 8, 3), np.uint8)])

    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-9)
    assert ((rows > 0) & (rows < 1)).all()


def test_a_row_depends_on_its_image_alone(fitted, digits):
    images = [FLAT, *list(digits[2].images())[:6], FLAT]
    for image in images:
        image.flags.writeable = False

    rows = fitted.predict(images)

    np.testing.assert_array_equal(rows[0], rows[-1])
    np.testing.assert_allclose(fitted.predict(images[::-1]), rows[::-1], atol=1e-9)
    np.testing.assert_allclose(np.concatenate([fitted.predict([image]) for image in images]), rows, atol=1e-9)
    assert fitted.predict([]).shape == (0, 3)


def test_same_seed_leaves_the_same_model_and_draws_from_no_global_generator(fitted, digits, tmp_path):
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    report = fit(fitted.model, *digits[:2], tmp_path)

    images = list(digits[2].images())[:9]
    again = loaded(fitted.model, tmp_path, digits[0])
    np.testing.assert_allclose(again(images), fitted.predict(images), atol=1e-9)
    assert report == fitted.report
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_every_saved_file_is_needed_and_guarded(fitted, digits, tmp_path):
    for file in fitted.folder.iterdir():
        for other in fitted.folder.iterdir():
            content = other.read_bytes()
            kept = content[: len(content) // 2] if other == file else content
            (tmp_path / other.name).write_bytes(kept)

        with pytest.raises(ModelError, match="damaged"):
            loaded(fitted.model, tmp_path, digits[0])


def test_validation_split_moves_the_calibration_and_nothing_else(fitted, digits, tmp_path):
    fit(fitted.model, digits[0], digits[2], tmp_path)

    changed = {
        file.name for file in fitted.folder.iterdir() if (tmp_path / file.name).read_bytes() != file.read_bytes()
    }
    assert changed - {"svm.skops"} == {"calibration.json"}
    if (tmp_path / "svm.skops").exists():
        assert support(tmp_path) == support(fitted.folder)


def support(folder):
    svm = read_support_vectors(folder).svm
    return svm.support_.tolist(), svm.dual_coef_.tolist()


def test_notes_say_what_was_learnt(fitted):
    first, *rest = fitted.report.notes

    kept = {"svm": "support vectors of 60", "knn": "60 training cases are the model"}
    assert kept[fitted.model.classifier] in first
    if fitted.model.features == "hog":
        assert not rest
    else:
        assert rest[0].startswith("30 visual words from ")
        assert rest[0].endswith(" descriptors of 60 training images")


@pytest.mark.parametrize("classes", [2, 3])
def test_easy_textures_are_learnt(stripes, tmp_path, classes):
    train, validation, test = (stripes(n, seed=n, classes=classes) for n in (60, 30, 90))
    report = fit(MODEL, train, validation, tmp_path)

    rows = loaded(MODEL, tmp_path, train)(list(test.images()))

    assert (rows.argmax(axis=1) == test.targets).mean() > 0.95
    assert "support vectors of 60" in report.notes[0]


@pytest.mark.parametrize("classifier", ["svm", "knn"])
def test_probabilities_follow_the_validation_split(subset_of, stripes, tmp_path, classifier):
    """Trained on equal classes, calibrated where one class is four times as frequent."""
    model = replace(MODEL, classifier=classifier)
    train = stripes(60, seed=1, noise=250)
    pool = stripes(200, seed=2, noise=250)
    kept = [i for i, target in enumerate(pool.targets) if target == 0 or i % 8 == 1]
    images = list(pool.images())
    validation = subset_of([images[i] for i in kept], pool.targets[kept], pool.classes)
    fit(model, train, validation, tmp_path)

    rows = loaded(model, tmp_path, train)(list(validation.images()))

    frequencies = np.bincount(validation.targets) / len(validation)
    np.testing.assert_allclose(rows.mean(axis=0), frequencies, atol=0.05)


@pytest.mark.parametrize("features", ["orb", "sift"])
def test_images_without_keypoints_are_counted_in_each_split(subset_of, digits, tmp_path, features):
    model = replace(SMALL, features=features)
    local = LocalFeatures(kind=features, keypoints="detected", image_size=64)
    without = [sum(not len(found) for found in local.descriptors(grey_images(s.images(), 64))) for s in digits[:2]]
    train, validation = (
        subset_of([*subset.images(), *[FLAT] * blank], [*subset.targets, *[0] * blank], NAMES)
        for subset, blank in zip(digits, (3, 2), strict=False)
    )

    report = fit(model, train, validation, tmp_path)

    assert report.notes[2:] == (
        f"{without[0] + 3} of 63 training images have no keypoints: a row of zeros",
        f"{without[1] + 2} of 32 validation images have no keypoints: a row of zeros",
    )


def test_flat_images_of_gradients_are_no_images_without_keypoints(subset_of, digits, tmp_path):
    train = subset_of([*digits[0].images(), FLAT], [*digits[0].targets, 0], NAMES)

    report = fit(SMALL, train, digits[1], tmp_path)

    assert len(report.notes) == 1


@pytest.mark.parametrize("classifier", ["svm", "knn"])
def test_class_without_training_cases_is_refused(stripes, subset_of, tmp_path, classifier):
    two = stripes(20, seed=0)
    train = subset_of(list(two.images()), two.targets, ("upright", "lying", "never"))

    with pytest.raises(ModelError, match="'never': 0"):
        fit(replace(MODEL, classifier=classifier), train, train, tmp_path)


def test_more_neighbours_than_training_cases_are_refused(stripes, tmp_path):
    train = stripes(10, seed=0)

    with pytest.raises(ModelError, match="neighbours is 15; the train split has 10") as refused:
        fit(replace(MODEL, classifier="knn"), train, train, tmp_path)

    assert "model.neighbours=10" in refused.value.fix


def test_images_with_too_few_descriptors_for_the_words_are_refused(subset_of, tmp_path):
    train = subset_of([FLAT] * 4, [0, 1, 0, 1], ("a", "b"))

    with pytest.raises(ModelError, match="too few for 200 visual words"):
        fit(replace(MODEL, features="orb"), train, train, tmp_path)


def test_another_image_size_is_refused_at_load(stripes, tmp_path):
    train = stripes(20, seed=0)
    fit(MODEL, train, train, tmp_path)

    with pytest.raises(ModelError, match="image_size=32; the model is configured with image_size=64"):
        loaded(replace(MODEL, image_size=64), tmp_path, train)


@pytest.mark.parametrize(
    "field", [{"features": "orb"}, {"classifier": "knn"}, {"keypoints": "grid"}, {"vocabulary": 9}]
)
def test_other_settings_are_refused_at_load(stripes, tmp_path, field):
    train = stripes(20, seed=0)
    fit(MODEL, train, train, tmp_path)

    with pytest.raises(ModelError, match=f"was fitted with {next(iter(field))}="):
        loaded(replace(MODEL, **field), tmp_path, train)


def test_words_of_another_shape_are_refused(digits, tmp_path):
    model = replace(SMALL, features="orb", classifier="knn")
    fit(model, *digits[:2], tmp_path)
    save_arrays(tmp_path / "vocabulary.npz", {"words": np.zeros((30, 7), np.float32)})

    with pytest.raises(ModelError, match=r"vocabulary\.npz is damaged: it holds float32 \(30, 7\)"):
        loaded(model, tmp_path, digits[0])


def test_json_without_its_keys_is_refused(stripes, tmp_path):
    train = stripes(20, seed=0)
    fit(MODEL, train, train, tmp_path)
    (tmp_path / "calibration.json").write_text(json.dumps({"scale": 1.0}))

    with pytest.raises(ModelError, match="does not hold scale and bias"):
        loaded(MODEL, tmp_path, train)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"features": "hogg"}, "Did you mean 'hog'"),
        ({"classifier": "kn"}, "Did you mean 'knn'"),
        ({"keypoints": "gird"}, "Did you mean 'grid'"),
        ({"image_size": 16}, "at least 32"),
        ({"image_size": 16, "features": "orb"}, "at least 32"),
        ({"image_size": 100}, "set image_size=96"),
        ({"vocabulary": 1}, "vocabulary is 1"),
        ({"neighbours": 0}, "neighbours is 0"),
        ({"C": 0.0}, "C is 0.0"),
        ({"gamma": -1.0}, "gamma is -1.0"),
    ],
)
def test_impossible_fields_are_refused_when_built(fields, says):
    with pytest.raises(ConfigError, match=says):
        OpenCVClassifier(**fields)


def test_words_take_images_of_any_size():
    assert OpenCVClassifier(features="sift", image_size=100).image_size == 100
