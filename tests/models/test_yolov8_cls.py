"""YOLOv8 as a classifier: our data, schedule and choice of epoch around Ultralytics's loop."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.schedule import learning_rate_factor
from arogya_bench.frameworks.torch_checkpoint import CHECKPOINT_FILE
from arogya_bench.frameworks.ultralytics_training import isolate_ultralytics
from arogya_bench.models.yolov8_cls import YOLOv8Classifier
from arogya_bench.types import Training

MODEL = YOLOv8Classifier(image_size=32)
TRAINING = Training(epochs=3, batch_size=8, patience=3)


def fit(train, validation, out, *, model=MODEL, training=TRAINING):
    out.mkdir(exist_ok=True)
    return model.fit(train, validation, training=training, seed=0, device="cpu", out=out)


@pytest.fixture(scope="module")
def train(stripes):
    """17 images in batches of 8: the last must not hold one alone."""
    return stripes(17, seed=1)


@pytest.fixture(scope="module")
def validation(stripes):
    return stripes(12, seed=2)


@pytest.fixture(scope="module")
def whole(train, validation, tmp_path_factory):
    """A fit that nothing interrupted: its folder and its report."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, fit(train, validation, folder)


def test_saved_weights_are_those_of_the_best_epoch(whole, validation):
    folder, report = whole

    rows = MODEL.load(folder, classes=validation.classes, device="cpu")(list(validation.images()))

    best = report.curves[report.best_epoch - 1]
    score = f1_score(validation.targets, rows.argmax(axis=1), average="macro")
    assert best["val_f1_macro"] == max(curve["val_f1_macro"] for curve in report.curves) == score
    loss = -np.log(rows[np.arange(len(rows)), validation.targets]).mean()
    assert best["val_loss"] == pytest.approx(loss, rel=0.1)  # classes weigh 17/16 and 17/18


def test_curves_follow_the_schedule_of_the_other_rows(whole):
    _, report = whole

    rates = [curve["learning_rate"] for curve in report.curves]
    assert rates == pytest.approx([1e-3 * learning_rate_factor(at, steps=9, warmup=0.1) for at in (2, 5, 8)])
    assert all(set(curve) == {"train_loss", "val_loss", "val_f1_macro", "learning_rate"} for curve in report.curves)


def test_fit_leaves_tensors_and_classes_alone(whole):
    folder, report = whole

    state = torch.load(folder / "model.pt", weights_only=True)

    assert {file.name for file in folder.iterdir()} == {"model.pt", "classes.json"}
    assert all(torch.is_tensor(value) for value in state.values())
    assert report.notes == ("trained from random weights",)


def test_interrupted_fit_goes_on_with_the_same_numbers(whole, train, validation, tmp_path, monkeypatch):
    """It breaks in the eighth step, the second of the last epoch, of which there are three."""
    folder, report = whole
    steps, plain = [], YOLOv8Classifier._build_network

    def breaking(module, inputs):
        steps.append(module.training)
        if module.training and sum(steps) == 8:
            raise RuntimeError("pulled the plug")

    def network(model, classes):
        made = plain(model, classes)
        made.model[0].register_forward_pre_hook(breaking)
        return made

    monkeypatch.setattr(YOLOv8Classifier, "_build_network", network)
    with pytest.raises(RuntimeError, match="plug"):
        fit(train, validation, tmp_path)
    left = {file.name for file in tmp_path.iterdir()}
    resumed = fit(train, validation, tmp_path)

    assert left == {"model.pt", "classes.json", CHECKPOINT_FILE}
    assert sum(steps) == 8 + 3
    assert resumed.curves == report.curves
    one, two = (torch.load(part / "model.pt", weights_only=True) for part in (folder, tmp_path))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_weights_of_ultralytics_are_a_start_with_a_lower_rate(train, validation, tmp_path):
    """They were made for the 1000 classes of ImageNet."""
    with isolate_ultralytics():
        from ultralytics import YOLO

        YOLO("yolov8n-cls.yaml").save(tmp_path / "own.pt")
    model = replace(MODEL, weights=str(tmp_path / "own.pt"))
    out = tmp_path / "out"

    report = fit(train, validation, out, model=model, training=replace(TRAINING, epochs=1))

    assert report.notes == ("started from own.pt; its head was initialised randomly",)
    assert 0 < report.curves[0]["learning_rate"] <= 1e-4


def test_policy_and_class_weights_change_what_is_learnt(whole, train, validation, tmp_path):
    _, report = whole
    once = replace(TRAINING, epochs=1)

    turned = fit(train, validation, tmp_path / "a", training=replace(once, rotation=20.0))
    flat = fit(train, validation, tmp_path / "b", training=replace(once, class_weights=False))

    losses = [each.curves[0]["train_loss"] for each in (report, turned, flat)]
    assert len(set(losses)) == 3


def test_patience_ends_a_training_that_no_longer_improves(train, validation, tmp_path):
    """Running statistics go astray at first, so the loss rises while the score stays."""
    model = replace(MODEL, learning_rate=1e-30)

    report = fit(train, validation, tmp_path, model=model, training=replace(TRAINING, patience=1))

    assert len(report.curves) == report.best_epoch + 1 < 3


def test_training_that_diverges_is_refused_with_advice(train, validation, tmp_path):
    with pytest.raises(ModelError, match="no longer finite") as caught:
        fit(train, validation, tmp_path, model=replace(MODEL, learning_rate=1e30))

    assert "learning rate" in caught.value.fix


def test_deterministic_training_warns_of_nothing_and_is_handed_back(train, validation, tmp_path):
    fit(train, validation, tmp_path, training=replace(TRAINING, epochs=1, deterministic=True))

    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"batch_size": 0}])
def test_training_of_nothing_is_refused(train, validation, tmp_path, changes):
    with pytest.raises(ModelError, match="nothing to train"):
        fit(train, validation, tmp_path, training=replace(TRAINING, **changes))


def test_one_case_is_too_few(stripes, validation, tmp_path):
    with pytest.raises(ModelError, match="1 case"):
        fit(stripes(1, seed=0), validation, tmp_path)


def test_another_image_size_is_refused(whole, train):
    folder, _ = whole

    with pytest.raises(ModelError, match="image_size"):
        replace(MODEL, image_size=64).load(folder, classes=train.classes, device="cpu")


@pytest.mark.parametrize("fields", [{"image_size": 16}, {"learning_rate": 0.0}])
def test_fields_out_of_range_are_refused(fields):
    with pytest.raises(ConfigError):
        YOLOv8Classifier(**fields)


def test_missing_weights_are_found_before_any_work():
    with pytest.raises(ModelError, match=r"is not a \.pt file"):
        YOLOv8Classifier(weights="gone.pt").check(device="cpu")


def test_a_file_of_something_else_is_refused_before_any_work(tmp_path):
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pt")

    with pytest.raises(ModelError, match=r"other\.pt cannot be read as a checkpoint of Ultralytics"):
        YOLOv8Classifier(weights=str(tmp_path / "other.pt")).check(device="cpu")
