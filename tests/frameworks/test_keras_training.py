"""Keras's own loop, told what every row is told."""

import gc
import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from arogya_bench.errors import ModelError, is_installed
from arogya_bench.frameworks.array_files import read_arrays
from arogya_bench.frameworks.batches import NetworkTraining
from arogya_bench.frameworks.keras_batches import KerasPlan
from arogya_bench.frameworks.keras_checkpoint import CHECKPOINT_FILE
from arogya_bench.frameworks.keras_network import WEIGHTS_FILE
from arogya_bench.frameworks.keras_training import _cross_entropy, train_network
from arogya_bench.models.keras_cnn import KerasConvNet
from arogya_bench.runtime.threads import thread_count
from arogya_bench.types import Training

pytestmark = pytest.mark.skipif(not is_installed("tensorflow"), reason="needs the extra arogya-bench[tensorflow]")

MODEL = KerasConvNet(image_size=16)
TRAINING = Training(epochs=6, batch_size=8, learning_rate=2e-3, patience=6)
ONCE = replace(TRAINING, epochs=1)


def fit(train, validation, out, *, model=MODEL, training=TRAINING, seed=0):
    out.mkdir(exist_ok=True)
    return model.fit(train, validation, training=training, seed=seed, device="cpu", out=out)


@pytest.fixture(scope="module")
def train(stripes):
    return stripes(33, seed=1, size=16, noise=120)


@pytest.fixture(scope="module")
def validation(stripes):
    return stripes(40, seed=2, size=16, noise=120)


@pytest.fixture(scope="module")
def whole(train, validation, tmp_path_factory):
    """The report and the folder of an uninterrupted fit."""
    out = tmp_path_factory.mktemp("whole")
    return fit(train, validation, out), out


def test_saved_weights_are_those_of_the_best_epoch(whole, train, validation):
    report, out = whole

    rows = MODEL.load(out, classes=train.classes, device="cpu")(list(validation.images()))

    scores = [curve["val_f1_macro"] for curve in report.curves]
    best = report.curves[report.best_epoch - 1]
    assert best["val_f1_macro"] == max(scores)
    assert f1_score(validation.targets, rows.argmax(axis=1), average="macro") == max(scores)
    losses = -np.log(rows[np.arange(len(rows)), validation.targets])
    weights = np.array([33 / (2 * 17), 33 / (2 * 16)])[validation.targets]
    assert best["val_loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-5)


def test_a_finished_fit_leaves_weights_and_classes_alone(whole):
    assert {file.name for file in whole[1].iterdir()} == {"model.npz", "classes.json"}


def test_curves_follow_the_schedule(whole):
    rates = [curve["learning_rate"] for curve in whole[0].curves]

    assert rates == sorted(rates, reverse=True)
    assert rates[0] < 2e-3
    assert rates[-1] < 2e-5


# A process of its own that is killed, as by the kernel, once it wrote down its second epoch and
# before it saved the weights of that epoch.
KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from arogya_bench.frameworks import keras_training
from arogya_bench.models.keras_cnn import KerasConvNet
from arogya_bench.types import Case, Dataset, Subset, Training

arrays, out = np.load(sys.argv[1]), Path(sys.argv[2])
save = keras_training.save_checkpoint
saved = []

def save_and_die(*args):
    save(*args)
    saved.append(1)
    if len(saved) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

keras_training.save_checkpoint = save_and_die

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

training = Training(epochs=6, batch_size=8, learning_rate=2e-3, patience=6)
KerasConvNet(image_size=16).fit(
    subset("train"), subset("validation"), training=training, seed=0, device="cpu", out=out
)
"""


@dataclass(frozen=True)
class Killed:
    """A fit in a process of its own, the folder that it leaves, and what it says."""

    process: subprocess.Popen
    out: Path
    said: Path


@pytest.fixture(scope="module")
def killed(train, validation, tmp_path_factory):
    """Start the fit that is killed; it runs beside the uninterrupted one."""
    folder = tmp_path_factory.mktemp("killed")
    arrays = {"train": list(train.images()), "validation": list(validation.images())}
    targets = {"train_targets": train.targets, "validation_targets": validation.targets}
    np.savez(folder / "data.npz", **arrays, **targets)
    out, said = folder / "out", folder / "said"
    out.mkdir()
    with said.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, folder / "data.npz", out],
            env={**os.environ, "TF_NUM_INTRAOP_THREADS": str(thread_count())},
            stderr=stream,
        )
    yield Killed(process=process, out=out, said=said)
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_with_the_same_numbers(killed, whole, train, validation, tmp_path):
    ended = killed.process.wait()
    out = shutil.copytree(killed.out, tmp_path / "out")

    resumed = fit(train, validation, out)

    assert (ended, killed.said.read_text()) == (-signal.SIGKILL, "")
    assert resumed.best_epoch == whole[0].best_epoch
    for one, two in zip(resumed.curves, whole[0].curves, strict=True):
        assert one == pytest.approx(two, rel=0, abs=1e-6)
    weights = read_arrays(whole[1] / WEIGHTS_FILE)
    for name, value in read_arrays(out / WEIGHTS_FILE).items():
        np.testing.assert_allclose(value, weights[name], rtol=0, atol=1e-6)
    assert {file.name for file in out.iterdir()} == {"model.npz", "classes.json"}


def test_a_kill_between_a_checkpoint_and_its_weights_loses_neither(killed, train, validation, tmp_path):
    """Nothing is left to train here: the weights come from the checkpoint."""
    killed.process.wait()
    out = shutil.copytree(killed.out, tmp_path / "out")
    checkpoint = read_arrays(out / CHECKPOINT_FILE)

    report = fit(train, validation, out, training=replace(TRAINING, epochs=2))

    assert report.best_epoch == 2
    assert len(report.curves) == 2
    for index, value in enumerate(read_arrays(out / WEIGHTS_FILE).values()):
        np.testing.assert_array_equal(value, checkpoint[str(index)])


def test_a_damaged_checkpoint_is_said_and_the_training_starts_again(train, validation, tmp_path, capsys):
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"half of a file")

    report = fit(train, validation, tmp_path, training=ONCE)

    assert len(report.curves) == 1
    assert "starts again" in capsys.readouterr().err


def test_patience_ends_a_training_that_no_longer_improves(train, validation, tmp_path):
    """A vanishing learning rate: epoch 1 is never beaten by more than a lower loss."""
    stuck = replace(MODEL, learning_rate=1e-30)

    report = fit(train, validation, tmp_path, model=stuck, training=replace(TRAINING, patience=2))

    assert report.best_epoch == 1
    assert len(report.curves) == 3


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

    report = fit(seen, held_out, tmp_path, training=ONCE)

    assert np.isfinite(report.curves[0]["val_loss"])


def test_seed_policy_and_dropout_change_what_is_learnt(train, validation, tmp_path):
    fits = {
        "plain": fit(train, validation, tmp_path / "plain", training=ONCE),
        "seed": fit(train, validation, tmp_path / "seed", training=ONCE, seed=1),
        "policy": fit(train, validation, tmp_path / "policy", training=replace(ONCE, rotation=15.0)),
        "dropout": fit(train, validation, tmp_path / "dropout", training=ONCE, model=replace(MODEL, dropout=0)),
    }

    losses = {name: report.curves[0]["train_loss"] for name, report in fits.items()}

    assert len(set(losses.values())) == 4


def test_determinism_gives_the_same_bits_and_the_callers_generators_stay(train, validation, tmp_path):
    training = replace(ONCE, deterministic=True)
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002

    one, two = (fit(train, validation, tmp_path / name, training=training) for name in "ab")

    assert one.curves == two.curves
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


def test_the_loss_is_that_of_the_torch_rows():
    rng = np.random.default_rng(0)
    scores, targets, weights = rng.normal(size=(9, 3)), np.arange(9) % 3, np.array([0.5, 1.0, 2.0])
    criterion = torch.nn.CrossEntropyLoss(weight=torch.from_numpy(weights))

    expected = criterion(torch.from_numpy(scores), torch.from_numpy(targets))

    assert _cross_entropy(scores, targets, weights) == pytest.approx(float(expected))


def test_a_fit_leaves_neither_images_nor_variables_nor_filters_in_the_process(train, validation, tmp_path):
    """TensorFlow keeps all that it compiled; several fits in one process would fill the memory."""
    import tensorflow as tf

    def plans():
        gc.collect()
        return sum(type(each) is KerasPlan for each in gc.get_objects())

    networks, filters, before = [], list(tf.get_logger().filters), plans()

    def network(classes, precision):
        networks.append(MODEL._build_network(classes, precision))
        return networks[-1]

    settings = NetworkTraining(
        build_network=network,
        preprocessing=MODEL._preprocessing,
        training=ONCE,
        learning_rate=1e-3,
        seed=0,
        device="cpu",
    )
    train_network(settings, train, validation, out=tmp_path)

    variables = [*networks[0].variables, *networks[0].optimizer.variables]
    held = [tf.raw_ops.ReadVariableOp(resource=v.value.handle, dtype=v.dtype) for v in variables]
    assert {tuple(value.shape) for value in held} == {(0,)}
    networks.clear()
    assert plans() == before
    assert tf.get_logger().filters == filters
