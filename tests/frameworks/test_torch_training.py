"""The loop that the PyTorch rows share."""

import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.torch_checkpoint import CHECKPOINT_FILE, read_checkpoint, save_checkpoint
from arogya_bench.models.pytorch_cnn import ConvNet
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


# A process of its own that is killed, as by the kernel, in the third epoch.
KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np, torch
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.frameworks.batches import NetworkTraining
from arogya_bench.frameworks.torch_training import train_network
from arogya_bench.types import Case, Dataset, Subset, Training

arrays, out = np.load(sys.argv[1]), Path(sys.argv[2])
model = ConvNet(image_size=16, pool=2)
calls = []

def killing(module, inputs):
    if module.training:
        calls.append(1)
    if len(calls) == 12:  # 5 batches an epoch: two epochs are over
        os.kill(os.getpid(), signal.SIGKILL)

def network(classes):
    built = model._build_network(classes)
    built.register_forward_pre_hook(killing)
    return built

def subset(part):
    images, targets = arrays[part], arrays[part + "_targets"]
    cases = tuple(
        Case(case_id=str(i), group_id=str(i), target=int(t)) for i, t in enumerate(targets)
    )
    dataset = Dataset(
        name="drawn", task="classification", classes=("upright", "lying"), cases=cases,
        grouped=False, digest="0" * 32, licence="CC0", source="", version="1",
        read=lambda case: images[int(case.case_id)],
    )
    return Subset(dataset=dataset, cases=cases)

torch.set_num_threads(1)
training = Training(epochs=6, batch_size=8, learning_rate=5e-3, patience=6)
settings = NetworkTraining(build_network=network, preprocessing=model._preprocessing, training=training,
                learning_rate=5e-3, seed=0, device="cpu")
train_network(settings, subset("train"), subset("validation"), out=out)
"""


def test_a_training_that_was_killed_goes_on_with_the_same_numbers(train, validation, tmp_path):
    whole = fit(train, validation, tmp_path / "whole")
    killed = tmp_path / "killed"
    killed.mkdir()
    arrays = {"train": list(train.images()), "validation": list(validation.images())}
    targets = {"train_targets": train.targets, "validation_targets": validation.targets}
    np.savez(tmp_path / "data.npz", **arrays, **targets)

    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "data.npz", killed], check=False)
    left = read_checkpoint(killed, device="cpu")
    resumed = fit(train, validation, killed)

    assert ended.returncode == -signal.SIGKILL
    assert len(left["epochs"]) == 2
    assert resumed.curves == whole.curves
    one, two = weights(tmp_path / "whole"), weights(killed)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert {file.name for file in killed.iterdir()} == {"model.pt", "classes.json"}


def test_a_damaged_checkpoint_is_said_and_the_training_starts_again(train, validation, tmp_path, capsys):
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"half of a file")

    report = fit(train, validation, tmp_path)

    assert len(report.curves) == 6
    assert "starts again" in capsys.readouterr().err


def test_determinism_is_on_request_and_handed_back(train, validation, tmp_path):
    fit(train, validation, tmp_path, training=replace(TRAINING, epochs=1, deterministic=True))

    assert not torch.are_deterministic_algorithms_enabled()


def test_the_policy_changes_what_is_learnt(train, validation, tmp_path):
    """With the policy on, the loss of the same seed is another one."""
    plain = fit(train, validation, tmp_path / "plain")
    drawn = fit(train, validation, tmp_path / "drawn", training=replace(TRAINING, rotation=15.0))

    assert plain.curves[0]["train_loss"] != drawn.curves[0]["train_loss"]


def test_the_global_generators_of_the_caller_stay(train, validation, tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)

    fit(train, validation, tmp_path, training=replace(TRAINING, epochs=1))

    assert torch.equal(torch.rand(3), expected)


def test_a_checkpoint_of_another_device_starts_the_training_again(train, validation, tmp_path, capsys):
    fit(train, validation, tmp_path / "whole")
    (tmp_path / "moved").mkdir()
    save_checkpoint(tmp_path / "moved", {"scaler": {}}, device="cuda:0")

    report = fit(train, validation, tmp_path / "moved")

    assert len(report.curves) == 6
    assert "was not written by PyTorch" in capsys.readouterr().err
