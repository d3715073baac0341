"""Weights and trainings under way, on disk."""

import numpy as np
import pytest

from arogya_bench.errors import ModelError, is_installed
from arogya_bench.frameworks.array_files import read_arrays, save_arrays
from arogya_bench.frameworks.fit_files import drop_checkpoint
from arogya_bench.frameworks.keras_checkpoint import (
    CHECKPOINT_FILE,
    get_weights,
    restore_checkpoint,
    save_checkpoint,
    set_weights,
)
from arogya_bench.frameworks.keras_runtime import prepare_tensorflow
from arogya_bench.models.keras_cnn import KerasConvNet

pytestmark = pytest.mark.skipif(not is_installed("tensorflow"), reason="needs the extra arogya-bench[tensorflow]")


@pytest.fixture(scope="module")
def trained():
    """Build a network that has taken a step, so that its optimizer holds moments."""
    prepare_tensorflow("cpu")

    def build():
        network = KerasConvNet(image_size=8)._build_network(2)
        network.compile(optimizer="adamw", loss="mse", jit_compile=False)
        network.optimizer.build(network.trainable_variables)
        return network

    network = build()
    images = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(1, 8, 8, 3)
    network.train_on_batch(images, np.ones((1, 2), np.float32))
    return network, build


def test_a_checkpoint_holds_weights_optimizer_and_epochs(trained, tmp_path):
    network, build = trained
    other = build()

    save_checkpoint(tmp_path, network, "[1, 2]")
    epochs = restore_checkpoint(tmp_path, other)

    assert epochs == "[1, 2]"
    for name, value in get_weights(network).items():
        np.testing.assert_array_equal(get_weights(other)[name], value)
    pairs = list(zip(network.optimizer.variables, other.optimizer.variables, strict=True))
    assert int(other.optimizer.iterations.numpy()) == 1
    assert sum(np.abs(one.numpy()).sum() for one, _ in pairs[2:]) > 0
    for one, two in pairs:
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_no_checkpoint_restores_nothing(trained, tmp_path):
    network, _ = trained
    save_checkpoint(tmp_path, network, "[]")

    drop_checkpoint(tmp_path)

    assert restore_checkpoint(tmp_path, network) is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_checkpoint_is_said_and_changes_nothing(trained, tmp_path, capsys):
    network, _ = trained
    before = get_weights(network)
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"half of a file")

    assert restore_checkpoint(tmp_path, network) is None

    assert "starts again" in capsys.readouterr().err
    for name, value in before.items():
        np.testing.assert_array_equal(get_weights(network)[name], value)


def test_weights_are_named_by_layer(trained):
    network, _ = trained

    assert list(get_weights(network)) == [
        f"{layer}/{kind}" for layer in ("conv1", "conv2", "hidden", "classes") for kind in ("kernel", "bias")
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"conv1/kernel": np.zeros((3, 3, 1, 32))}, r"conv1/kernel has the shape \(3, 3, 1, 32\)"),
        ({"conv9/kernel": np.zeros(1)}, "conv9/kernel .* needs None"),
    ],
)
def test_weights_of_another_network_are_refused(trained, change, says):
    network, _ = trained

    with pytest.raises(ValueError, match=says):
        set_weights(network, {**get_weights(network), **change})


def test_a_file_that_would_run_code_is_refused(tmp_path):
    file = tmp_path / "evil.npz"
    np.savez(file, weights=np.array([print], dtype=object))

    with pytest.raises(ModelError, match="damaged"):
        read_arrays(file)


def test_arrays_come_back_bit_by_bit_and_nothing_is_left_beside_them(tmp_path):
    values = {"a/b": np.float32([[1.5, -0.0]]), "n": np.int64(3), "text": np.array('{"é": 1}')}

    save_arrays(tmp_path / "file.npz", values)
    found = read_arrays(tmp_path / "file.npz")

    assert {name: (v.dtype, v.tobytes()) for name, v in found.items()} == {
        name: (v.dtype, v.tobytes()) for name, v in values.items()
    }
    assert [path.name for path in tmp_path.iterdir()] == ["file.npz"]
