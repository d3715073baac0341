"""The Keras network."""

import os
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

from arogya_bench.errors import ConfigError, ModelError, is_installed
from arogya_bench.frameworks.fit_files import CLASSES_FILE
from arogya_bench.frameworks.keras_network import PREDICTION_BATCH_SIZE, WEIGHTS_FILE
from arogya_bench.frameworks.keras_runtime import prepare_tensorflow
from arogya_bench.models.keras_cnn import KerasConvNet
from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.runtime.threads import thread_count
from arogya_bench.types import Training

pytestmark = pytest.mark.skipif(not is_installed("tensorflow"), reason="needs the extra arogya-bench[tensorflow]")

MODEL = KerasConvNet(image_size=16)
TRAINING = Training(epochs=5, batch_size=16, patience=5)


@pytest.fixture(scope="module")
def splits(stripes):
    return [stripes(count, seed=count, size=16, noise=40) for count in (96, 32, 64)]


@pytest.fixture(scope="module")
def fitted(splits, tmp_path_factory):
    """The report and the folder of a fit that learnt."""
    train, validation, _ = splits
    out = tmp_path_factory.mktemp("fitted")
    return MODEL.fit(train, validation, training=TRAINING, seed=0, device="cpu", out=out), out


@pytest.mark.parametrize("form", ["sequential", "functional"])
def test_layers_are_as_specified(form):
    prepare_tensorflow("cpu")

    network = KerasConvNet(form=form)._build_network(7)

    layers = [layer for layer in network.layers if type(layer).__name__ != "InputLayer"]
    assert [type(layer).__name__ for layer in layers] == [
        *("Rescaling", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D"),
        *("Flatten", "Dense", "Dropout", "Dense"),
    ]
    kernels = [tuple(weight.shape) for weight in network.weights if weight.name == "kernel"]
    assert kernels == [(3, 3, 3, 32), (3, 3, 32, 64), (56 * 56 * 64, 128), (128, 7)]
    assert [layer.rate for layer in layers if layer.name == "dropout"] == [0.5]
    assert network.output_shape == (None, 7)


def test_half_precision_computes_between_full_precision_ends():
    prepare_tensorflow("cpu")

    network = MODEL._build_network(3, "mixed_float16")

    halved = {layer.name for layer in network.layers if layer.compute_dtype == "float16"}
    assert halved == {"conv1", "pool1", "conv2", "pool2", "flatten", "hidden", "dropout"}
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network(np.zeros((1, 16, 16, 3), np.uint8)).dtype.name == "float32"


def test_images_are_normalised_as_the_saved_preprocessing_says():
    prepare_tensorflow("cpu")
    images = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    saved = asdict(MODEL._preprocessing)

    seen = MODEL._build_network(2).get_layer("rescaling")(images).numpy()

    np.testing.assert_allclose(seen, (images / 255 - saved["mean"]) / saved["std"], rtol=0, atol=1e-6)


def test_easy_textures_are_learnt(fitted, splits):
    report, out = fitted
    train, _, test = splits

    rows = MODEL.load(out, classes=train.classes, device="cpu")(list(test.images()))

    assert (rows.argmax(axis=1) == test.targets).mean() > 0.95
    assert report.curves[-1]["train_loss"] < report.curves[0]["train_loss"]
    assert report.gpu_peak_mb is None


def test_both_forms_give_the_same_numbers(fitted, splits, tmp_path):
    train, validation, test = splits
    functional = KerasConvNet(image_size=16, form="functional")
    images = list(test.images())

    report = functional.fit(train, validation, training=TRAINING, seed=0, device="cpu", out=tmp_path)
    rows = functional.load(tmp_path, classes=train.classes, device="cpu")(images)

    assert report.curves == fitted[0].curves
    other = MODEL.load(fitted[1], classes=train.classes, device="cpu")(images)
    np.testing.assert_allclose(rows, other, rtol=0, atol=1e-6)


def test_a_row_depends_on_neither_the_size_nor_the_order_of_its_batch(fitted, splits):
    predict = MODEL.load(fitted[1], classes=splits[0].classes, device="cpu")
    images = list(splits[2].images())
    assert len(images) > PREDICTION_BATCH_SIZE

    rows = predict(images)

    for size in (1, 7, PREDICTION_BATCH_SIZE + 1):
        parts = [predict(images[i : i + size]) for i in range(0, len(images), size)]
        np.testing.assert_allclose(np.concatenate(parts), rows, rtol=0, atol=1e-5)
    np.testing.assert_allclose(predict(images[::-1])[::-1], rows, rtol=0, atol=1e-5)


def test_weights_of_another_network_are_refused(fitted, splits, tmp_path):
    """The settings are those of a larger network, the weights those of the smaller one."""
    larger = KerasConvNet(image_size=32)
    saved = (fitted[1] / CLASSES_FILE).read_text().replace('"image_size": 16', '"image_size": 32')
    (tmp_path / CLASSES_FILE).write_text(saved)
    (tmp_path / WEIGHTS_FILE).write_bytes((fitted[1] / WEIGHTS_FILE).read_bytes())

    with pytest.raises(ModelError, match=r"hidden/kernel has the shape \(1024, 128\)"):
        larger.load(tmp_path, classes=splits[0].classes, device="cpu")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"image_size": 3}, "at least 4"),
        ({"form": "sequental"}, "Did you mean 'sequential'"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
    ],
)
def test_impossible_fields_are_refused_when_built(fields, says):
    with pytest.raises(ConfigError, match=says):
        KerasConvNet(**fields)


def test_a_torch_row_beside_it_keeps_its_numbers(fitted, splits, tmp_path):
    """Both frameworks are loaded; neither fit moves the other's."""
    train, validation, test = splits
    torch_row, images = ConvNet(image_size=16, pool=2), list(test.images())
    training = Training(epochs=1, batch_size=16)

    def torch_numbers(name):
        out = tmp_path / name
        out.mkdir()
        torch_row.fit(train, validation, training=training, seed=0, device="cpu", out=out)
        return torch_row.load(out, classes=train.classes, device="cpu")(images)

    before = torch_numbers("before")
    predict = MODEL.load(fitted[1], classes=train.classes, device="cpu")
    rows = predict(images)
    after = torch_numbers("after")

    np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(predict(images), rows)


BOTH = """
import sys
from importlib.util import find_spec
from pathlib import Path
import numpy as np
from arogya_bench.models.keras_cnn import KerasConvNet
from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.types import Case, Dataset, Subset, Training

rng = np.random.default_rng(0)
images = rng.integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
cases = tuple(Case(case_id=str(i), group_id=str(i), target=i % 2) for i in range(24))
dataset = Dataset(
    name="noise", task="classification", classes=("a", "b"), cases=cases, grouped=False,
    digest="0" * 32, licence="CC0", source="", version="1",
    read=lambda case: images[int(case.case_id)],
)
subset = Subset(dataset=dataset, cases=cases)
rows = {"torch": ConvNet(image_size=16), "keras": KerasConvNet(image_size=16)}
for turn in range(2):
    for name in sys.argv[2:]:
        out = Path(sys.argv[1], f"{name}{turn}")
        out.mkdir()
        report = rows[name].fit(
            subset, subset, training=Training(epochs=2, batch_size=8), seed=0, device="cpu", out=out
        )
        found = rows[name].load(out, classes=("a", "b"), device="cpu")(list(subset.images()))
        assert np.isfinite(found).all()
        assert np.isfinite([list(curve.values()) for curve in report.curves]).all()
if find_spec("triton"):  # PyTorch loads it late, and TensorFlow could make it crash
    import triton
"""


@pytest.mark.slow  # two processes that import both frameworks
def test_both_frameworks_work_in_one_process_in_either_order_and_quietly(tmp_path):
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": str(thread_count())}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    started = []
    for order in (("torch", "keras"), ("keras", "torch")):
        out = tmp_path / order[0]
        out.mkdir()
        command = [sys.executable, "-c", BOTH, str(out), *order]
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment))

    ended = [(process.communicate()[1], process.returncode) for process in started]

    assert ended == [("", 0), ("", 0)]
