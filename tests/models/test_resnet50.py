"""ResNet-50 and the weights that it starts from."""

from dataclasses import replace

import pytest
import torch

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.models.resnet50 import ResNet50
from arogya_bench.types import Training

MODEL = ResNet50(image_size=32, weights="none")
FROZEN = Training(epochs=1, batch_size=4, weight_decay=0.0)
IMAGENET_FILE = "resnet50-11ad3fa6.pth"


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A machine on which torchvision has never fetched anything."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Weights of a network for 5 classes, drawn from another seed."""
    file = tmp_path_factory.mktemp("weights") / "start.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        torch.save(MODEL._build_network(5).state_dict(), file)
    return file


def fit(model, subset, out):
    return model.fit(subset, subset, training=FROZEN, seed=0, device="cpu", out=out)


def test_uncached_imagenet_weights_are_refused_with_every_way_out(empty_cache):
    with pytest.raises(ModelError, match="not on this machine") as caught:
        ResNet50(weights="imagenet").check(device="cpu")

    for way in (
        f"https://download.pytorch.org/models/{IMAGENET_FILE}",
        str(empty_cache / IMAGENET_FILE),
        "model.download=true",
        "model.weights=/path/",
        "model.weights=none",
    ):
        assert way in caught.value.fix


def test_cached_imagenet_weights_pass_the_check(empty_cache):
    empty_cache.mkdir(parents=True)
    (empty_cache / IMAGENET_FILE).write_bytes(b"only its presence is checked here")

    ResNet50(weights="imagenet").check(device="cpu")


def test_permitted_download_passes_the_check(empty_cache):
    ResNet50(weights="imagenet", download=True).check(device="cpu")


def test_mistyped_weights_are_named_with_the_nearest():
    with pytest.raises(ModelError, match="Did you mean 'imagenet'"):
        ResNet50(weights="imagnet").check(device="cpu")


def test_features_start_from_the_file_and_the_head_is_drawn_anew(checkpoint, stripes, tmp_path):
    """With a vanishing learning rate the weights stay where they started."""
    model = replace(MODEL, weights=str(checkpoint), learning_rate=1e-30)
    model.check(device="cpu")

    report = fit(model, stripes(6, seed=0), tmp_path)

    start, end = torch.load(checkpoint), torch.load(tmp_path / "model.pt")
    assert torch.equal(start["layer4.2.conv3.weight"], end["layer4.2.conv3.weight"])
    assert end["fc.weight"].shape == (2, 2048)
    assert report.notes == (
        "started from start.pth weights; the last layer was initialised randomly for these classes",
    )


def test_head_for_as_many_classes_is_kept(checkpoint):
    model = replace(MODEL, weights=str(checkpoint))

    assert "fc.weight" in model._initial_weights(5).state
    assert "kept" in model._describe_origin(model._initial_weights(5))
    assert "fc.weight" not in model._initial_weights(2).state


def test_imagenet_weights_are_read_from_the_cache(empty_cache, checkpoint):
    empty_cache.mkdir(parents=True)
    (empty_cache / IMAGENET_FILE).symlink_to(checkpoint)

    start = replace(MODEL, weights="imagenet")._initial_weights(5)

    assert torch.equal(start.state["conv1.weight"], torch.load(checkpoint)["conv1.weight"])
    assert "fc.weight" not in start.state


def test_random_start_says_so(stripes, tmp_path):
    report = fit(MODEL, stripes(4, seed=0), tmp_path)

    assert report.notes == ("trained from random weights",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"other.weight": torch.zeros(1)}, "do not fit a ResNet-50"),
        ({"conv1.weight": torch.zeros(1)}, "do not fit a ResNet-50"),
        ([torch.zeros(1)], "does not hold a state dict"),
    ],
)
def test_weights_of_something_else_are_refused_before_any_work(content, says, tmp_path):
    torch.save(content, tmp_path / "start.pth")
    model = replace(MODEL, weights=str(tmp_path / "start.pth"))

    with pytest.raises(ModelError, match=says):
        model.check(device="cpu")


def test_damaged_weights_are_refused(tmp_path):
    (tmp_path / "start.pth").write_bytes(b"not a checkpoint")
    model = replace(MODEL, weights=str(tmp_path / "start.pth"))

    with pytest.raises(ModelError, match="damaged") as caught:
        model.check(device="cpu")

    assert "model.weights=none" in caught.value.fix


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"image_size": 31}, "at least 32"),
        ({"weights": ""}, "weights is empty"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
    ],
)
def test_impossible_fields_are_refused_when_built(fields, says):
    with pytest.raises(ConfigError, match=says):
        ResNet50(**fields)
