"""The loop that the PyTorch rows share."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from arogya_bench.errors import ModelError
from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.models.torch_training import Epoch
from arogya_bench.types import Training

MODEL = ConvNet(image_size=16, pool=2)
TRAINING = Training(epochs=6, batch_size=8, learning_rate=5e-3, patience=6)


def fit(train, validation, out, *, model=MODEL, training=TRAINING, seed=0):
    out.mkdir(exist_ok=True)
    return model.fit(train, validation, training=training, seed=seed, device="cpu", out=out)


def weights(folder):
    return torch.load(folder / "model.pt", weights_only=True)


@pytest.fixture(scope="module")
def train(stripes):
    return stripes(33, seed=1, size=16, noise=120)


@pytest.fixture(scope="module")
def validation(stripes):
    return stripes(40, seed=2, size=16, noise=120)


def test_saved_weights_are_those_of_the_best_epoch(train, validation, tmp_path):
    report = fit(train, validation, tmp_path)

    rows = MODEL.load(tmp_path, classes=train.classes, device="cpu")(list(validation.images()))

    scores = [curve["val_f1_macro"] for curve in report.curves]
    assert scores[report.best_epoch - 1] == max(scores)
    assert f1_score(validation.targets, rows.argmax(axis=1), average="macro") == max(scores)
    weighted = -np.log(rows[np.arange(len(rows)), validation.targets]).mean()
    assert report.curves[report.best_epoch - 1]["val_loss"] == pytest.approx(weighted, rel=0.05)


def test_same_seed_gives_the_same_weights_and_another_seed_others(train, validation, tmp_path):
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder, seed in zip(folders, (5, 5, 6), strict=True):
        fit(train, validation, folder, seed=seed)

    one, two, three = map(weights, folders)

    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["conv1.weight"], three["conv1.weight"])


def test_patience_ends_a_training_that_no_longer_improves(train, validation, tmp_path):
    """A vanishing learning rate: epoch 1 is never beaten by more than a lower loss."""
    stuck = replace(MODEL, learning_rate=1e-30)

    report = fit(train, validation, tmp_path, model=stuck, training=replace(TRAINING, patience=2))

    assert report.best_epoch == 1
    assert len(report.curves) == 3


def test_curves_follow_the_schedule(train, validation, tmp_path):
    report = fit(train, validation, tmp_path, training=replace(TRAINING, warmup=0.5))

    rates = [curve["learning_rate"] for curve in report.curves]
    assert rates[2] == pytest.approx(5e-3)
    assert rates == [*sorted(rates[:3]), *sorted(rates[3:], reverse=True)]
    assert rates[-1] < 1e-3


def test_training_that_diverges_is_refused_with_advice(train, validation, tmp_path):
    with pytest.raises(ModelError, match="no longer finite") as caught:
        fit(train, validation, tmp_path, model=replace(MODEL, learning_rate=1e30))

    assert "learning rate" in caught.value.fix


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"batch_size": 0}])
def test_training_of_nothing_is_refused(train, validation, tmp_path, changes):
    with pytest.raises(ModelError, match="nothing to train"):
        fit(train, validation, tmp_path, training=replace(TRAINING, **changes))


def test_one_case_is_too_few(stripes, validation, tmp_path):
    with pytest.raises(ModelError, match="1 case"):
        fit(stripes(1, seed=0, size=16), validation, tmp_path)


def test_class_that_only_validation_holds_leaves_the_loss_finite(subset_of, train, tmp_path):
    images = list(train.images())
    classes = ("upright", "lying", "rare")
    seen = subset_of(images, train.targets, classes)
    held_out = subset_of(images[:6], [2] * 6, classes)

    report = fit(seen, held_out, tmp_path, training=replace(TRAINING, epochs=1))

    assert np.isfinite(report.curves[0]["val_loss"])


def epoch(f1_macro, loss):
    return Epoch(number=1, train_loss=0.0, val_loss=loss, val_f1_macro=f1_macro, learning_rate=0.0)


def test_macro_f1_decides_before_the_loss():
    assert epoch(0.9, 5.0).beats(epoch(0.8, 0.1))
    assert epoch(0.9, 0.1).beats(epoch(0.9, 0.2))
    assert not epoch(0.9, 0.2).beats(epoch(0.9, 0.2))
