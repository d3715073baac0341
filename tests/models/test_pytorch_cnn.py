"""The custom network."""

import pytest
import torch
from torch import nn

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.runtime.digests import model_identity
from arogya_bench.types import Training

TRAINING = Training(epochs=8, batch_size=16, learning_rate=2e-3, patience=8)


def test_layers_are_as_specified():
    layers = list(ConvNet(pool=4)._build_network(7))

    assert [type(layer).__name__ for layer in layers] == [
        *("Conv2d", "ReLU", "MaxPool2d"),
        *("Conv2d", "ReLU", "MaxPool2d"),
        *("Conv2d", "ReLU", "AdaptiveAvgPool2d"),
        *("Flatten", "Linear", "ReLU", "Dropout", "Linear"),
    ]
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(3, 32), (32, 64), (64, 128)]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}
    hidden, last = (layer for layer in layers if isinstance(layer, nn.Linear))
    assert (hidden.in_features, hidden.out_features) == (128 * 4 * 4, 256)
    assert (last.in_features, last.out_features) == (256, 7)
    assert next(layer.p for layer in layers if isinstance(layer, nn.Dropout)) == 0.5


def test_channels_and_batch_normalisation_change_the_layers():
    layers = list(ConvNet(channels=[4, 8], batch_norm=True)._build_network(3))

    assert [type(layer).__name__ for layer in layers] == [
        *("Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"),
        *("Conv2d", "BatchNorm2d", "ReLU", "AdaptiveAvgPool2d"),
        *("Flatten", "Linear", "ReLU", "Dropout", "Linear"),
    ]
    assert [(c.in_channels, c.out_channels) for c in layers if isinstance(c, nn.Conv2d)] == [(3, 4), (4, 8)]
    assert next(layer.in_features for layer in layers if isinstance(layer, nn.Linear)) == 8


def test_new_fields_identify_a_network_only_where_they_are_changed():
    default, changed = model_identity(ConvNet()), model_identity(ConvNet(channels=[8], batch_norm=True))

    assert {"channels", "batch_norm"}.isdisjoint(default)
    assert (changed["channels"], changed["batch_norm"]) == ([8], True)


@pytest.mark.parametrize("size", [8, 64, 96])
def test_any_image_size_gives_one_logit_per_class(size):
    network = ConvNet()._build_network(3).eval()

    assert network(torch.zeros(2, 3, size, size)).shape == (2, 3)


def test_easy_textures_are_learnt(stripes, tmp_path):
    train, validation, test = (stripes(n, seed=n) for n in (96, 32, 64))
    model = ConvNet(image_size=32)
    report = model.fit(train, validation, training=TRAINING, seed=0, device="cpu", out=tmp_path)

    rows = model.load(tmp_path, classes=train.classes, device="cpu")(list(test.images()))

    assert (rows.argmax(axis=1) == test.targets).mean() > 0.95
    assert report.curves[-1]["train_loss"] < report.curves[0]["train_loss"]


def test_weights_of_another_architecture_are_refused(stripes, tmp_path):
    train = stripes(8, seed=0)
    once = Training(epochs=1)
    ConvNet(image_size=32, pool=2).fit(train, train, training=once, seed=0, device="cpu", out=tmp_path)

    with pytest.raises(ModelError, match=r"hidden\.weight"):
        ConvNet(image_size=32, pool=4).load(tmp_path, classes=train.classes, device="cpu")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"image_size": 4}, "at least 8"),
        ({"image_size": 8, "channels": [8, 8, 8, 8, 8]}, "at least 16"),
        ({"pool": 0}, "pool is 0"),
        ({"channels": []}, r"channels is \[\]"),
        ({"channels": [32, 0]}, r"channels is \[32, 0\]"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
    ],
)
def test_impossible_fields_are_refused_when_built(fields, says):
    with pytest.raises(ConfigError, match=says):
        ConvNet(**fields)
