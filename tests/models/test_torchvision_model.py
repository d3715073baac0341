"""Any classifier of torchvision by its name: trained, or evaluated with the weights of a file."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.models.torchvision_model import TorchvisionModel
from arogya_bench.types import Training

MODEL = TorchvisionModel(architecture="shufflenet_v2_x0_5", image_size=32)
ONE_EPOCH = Training(epochs=1, batch_size=4, weight_decay=0.0)


def fit(model, subset, out):
    return model.fit(subset, subset, training=ONE_EPOCH, seed=0, device="cpu", out=out)


@pytest.fixture(scope="module")
def subset(stripes):
    return stripes(6, seed=0)


@pytest.fixture(scope="module")
def network():
    """A network for two classes, drawn from another seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        return MODEL._build_network(2).eval()


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "start.pth"
    torch.save({"model": {f"module.{name}": value for name, value in network.state_dict().items()}}, file)
    return str(file)


def test_final_weights_answer_as_the_network_that_they_come_from(checkpoint, network, subset, tmp_path):
    """Outputs that the model has in another order come in the order of the dataset."""
    classes = list(subset.classes)
    model = replace(MODEL, weights=checkpoint, trained="none", classes=classes[::-1])
    model.check(device="cpu")
    model.check_dataset(subset.dataset)

    report = fit(model, subset, tmp_path)
    images = list(subset.images())
    rows = model.load(tmp_path, classes=subset.classes, device="cpu")(images)

    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = network((pixels - mean) / std).softmax(dim=1).numpy()
    assert np.allclose(rows, expected[:, ::-1], atol=1e-5)
    assert report.notes == (
        "the weights in start.pth were used as they are",
        "weights taken from its key 'model' and the prefix 'module.' of start.pth",
    )
    assert not model.trains
    assert not model.seeded


def test_the_head_alone_is_trained_on_frozen_features(checkpoint, network, subset, tmp_path):
    model = replace(MODEL, weights=checkpoint, trained="head")

    report = fit(model, subset, tmp_path)

    start, end = network.state_dict(), torch.load(tmp_path / "model.pt")
    assert all(torch.equal(start[name], end[name]) for name in start if not name.startswith("fc."))
    assert not torch.equal(start["fc.weight"], end["fc.weight"])
    assert report.notes[0].endswith("the last layer was kept; trained the last layer alone")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"classes": []}, "Nothing says which class each output of start.pth stands for"),
        ({"classes": ["a", "b", "c"]}, "'fc.weight' is 2 x 1024 in the file and 3 x 1024 in the network"),
    ],
)
def test_final_weights_need_their_classes_before_any_work(checkpoint, fields, says):
    model = replace(MODEL, weights=checkpoint, trained="none", **fields)

    with pytest.raises(ModelError, match=says) as caught:
        model.check(device="cpu")

    assert "model.classes" in caught.value.fix
    assert "model.weights=none" not in caught.value.fix


def test_final_weights_for_other_classes_than_those_of_the_dataset_are_refused(checkpoint, subset):
    model = replace(MODEL, weights=checkpoint, trained="none", classes=["a", "b"])

    with pytest.raises(ModelError, match=r"stand for \['a', 'b'\], and the dataset has"):
        model.check_dataset(subset.dataset)


def test_another_order_than_the_file_states_is_refused(network, tmp_path):
    torch.save({"model": network.state_dict(), "classes": ["b", "a"]}, tmp_path / "named.pth")
    model = replace(MODEL, weights=str(tmp_path / "named.pth"), trained="none", classes=["a", "b"])

    with pytest.raises(ModelError, match=r"order \['b', 'a'\], and model\.classes is \['a', 'b'\]"):
        model.check(device="cpu")


def test_the_network_that_was_asked_for_is_not_the_advice(tmp_path):
    state = MODEL._build_network(2).state_dict()
    torch.save({name: value for name, value in state.items() if not name.startswith("fc.")}, tmp_path / "start.pth")
    model = replace(MODEL, weights=str(tmp_path / "start.pth"), trained="none", classes=["a", "b"])

    with pytest.raises(ModelError, match="2 tensors of the network are missing") as caught:
        model.check(device="cpu")

    assert "They fit" not in caught.value.problem
    assert "model.trained=head" in caught.value.fix


def test_class_names_that_yaml_reads_as_something_else_are_those_of_the_dataset(checkpoint):
    model = replace(MODEL, weights=checkpoint, trained="none", classes=["True", "False"])

    assert model._class_order(model._read_file(), ("no", "yes")) == ("yes", "no")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"architecture": "resnet19"}, "Did you mean 'resnet18'"),
        ({"architecture": "fcn_resnet50"}, "no classifier 'fcn_resnet50'"),
        ({"architecture": "vit_b_16", "image_size": 100}, "cannot take images of 100 pixels"),
    ],
)
def test_what_torchvision_cannot_build_is_refused_before_any_work(fields, says):
    with pytest.raises(ModelError, match=says):
        replace(MODEL, **fields).check(device="cpu")


def test_weights_of_a_sister_are_named(tmp_path):
    sister = replace(MODEL, architecture="shufflenet_v2_x1_0")
    torch.save(sister._build_network(3).state_dict(), tmp_path / "start.pth")

    with pytest.raises(ModelError, match=r"have another shape: .* They fit torchvision's shufflenet_v2_x1_0") as caught:
        replace(MODEL, weights=str(tmp_path / "start.pth")).check(device="cpu")

    assert "model.architecture=shufflenet_v2_x1_0" in caught.value.fix


@pytest.mark.parametrize("architecture", ["regnet_y_400mf", "inception_v3", "maxvit_t", "vit_b_32"])
@pytest.mark.slow
def test_architectures_with_habits_of_their_own_are_built(architecture):
    """One reads numbers while it is built, one has a second output, two are built for a size."""
    replace(MODEL, architecture=architecture, image_size=224).check(device="cpu")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"trained": "none"}, "nothing would be trained"),
        ({"trained": "some"}, "Unknown trained 'some'"),
        ({"mean": [0.5]}, r"mean is \[0.5\]"),
        ({"std": [0.0, 1.0, 1.0]}, r"std is \[0.0, 1.0, 1.0\]"),
    ],
)
def test_impossible_fields_are_refused_when_built(fields, says):
    with pytest.raises(ConfigError, match=says):
        TorchvisionModel(**fields)


def test_rows_are_named_by_their_architecture():
    assert MODEL.display_name == "torchvision/shufflenet_v2_x0_5"
