"""Checkpoints as trainers leave them: taken, or told apart."""

import argparse
import contextlib
import io
import pickle
import random
import shlex
import struct
import subprocess
import sys
import zipfile

import pytest
import torch
from torch import nn

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.torch_weights import NetworkFamily
from arogya_bench.frameworks.weight_files import read_weight_file

FAMILY = NetworkFamily(name="a test network", source="this test", pretrained_option=None)


def build(classes, width=4):
    body = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
    return nn.ModuleDict({"body": body, "fc": nn.Linear(width, classes)})


STATE = build(2).state_dict()
BODY = {name: value for name, value in STATE.items() if name.startswith("body.")}

LEGACY = io.BytesIO()
torch.save(STATE, LEGACY, _use_new_zipfile_serialization=False)
LEGACY = LEGACY.getvalue()


class Trainer:
    """What a checkpoint may hold besides weights."""

    def __init__(self):
        self.rate = 0.1


def prefixed(prefix, state=None):
    return {f"{prefix}{name}": value for name, value in (STATE if state is None else state).items()}


def load(file, *, classes=2, needs_head=False):
    return FAMILY.load(read_weight_file(file), build, classes, needs_head=needs_head)


@pytest.fixture
def saved(tmp_path):
    def save(content, name="start.pth", **options):
        torch.save(content, tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        *({key: STATE, "epoch": 3} for key in ("state_dict", "model", "model_state_dict", "net", "ema", "weights")),
        {"ema": {"module": prefixed("module.")}},
        *(prefixed(prefix) for prefix in ("module.", "model.", "backbone.", "_orig_mod.", "module._orig_mod.")),
        {"state_dict": prefixed("model."), "hyper_parameters": argparse.Namespace(rate=0.1), "trainer": Trainer()},
        {"state_dict": {**prefixed("model."), "criterion.weight": torch.ones(2)}},
        {"model": STATE, "optimizer": {"state": {0: {"exp_avg": torch.zeros(9)}}}},
        {**prefixed("module."), "n_averaged": torch.tensor(3)},
        {name: value for name, value in STATE.items() if not name.endswith("num_batches_tracked")},
        {name: value.half() for name, value in STATE.items()},
    ],
)
def test_wrapped_and_prefixed_weights_are_taken_whole(saved, content):
    start = load(saved(content))

    assert start.has_head
    assert all(
        torch.allclose(start.state[f"fc.{name}"].float(), STATE[f"fc.{name}"], atol=1e-3) for name in ("weight",)
    )
    build(2).load_state_dict(start.state, strict=False)


def test_final_weights_may_lie_beside_those_of_a_loss(saved):
    assert load(saved({**STATE, "criterion.weight": torch.ones(2)}), needs_head=True).has_head


def test_pytorch_files_may_be_called_safetensors(saved):
    assert load(saved(STATE, "start.safetensors")).has_head


def test_files_of_old_pytorch_are_taken(saved):
    start = load(saved({"args": argparse.Namespace(), "net": STATE}, _use_new_zipfile_serialization=False))

    assert start.has_head


@pytest.mark.parametrize("name", ["model.safetensors", "model.bin", "MODEL.SAFETENSORS"])
def test_safetensors_are_taken(tmp_path, name):
    header, body = {}, b""
    for name, value in STATE.items():
        content = value.numpy().tobytes()
        kind = "I64" if value.dtype == torch.int64 else "F32"
        header[name] = {
            "dtype": kind,
            "shape": list(value.shape),
            "data_offsets": [len(body), len(body) + len(content)],
        }
        body += content
    text = str(header).replace("'", '"').encode()
    file = tmp_path / name
    file.write_bytes(struct.pack("<Q", len(text)) + text + body)

    start = load(file)

    assert all(torch.equal(start.state[name], STATE[name]) for name in STATE)


def test_it_is_said_where_weights_lie_and_what_is_not_used(saved):
    content = {"model": {**prefixed("module."), "module.loss.weight": torch.zeros(1)}, "model_ema": STATE}

    start = load(saved(content))

    assert start.notes == (
        "weights taken from its key 'model' and the prefix 'module.' of start.pth",
        "its averaged weights under 'model_ema' were not used",
        "1 other tensor, such as 'loss.weight', was not used",
    )


def test_the_last_layer_may_have_another_name_if_it_is_one_layer(saved):
    renamed = {name.replace("fc.", "fc.1."): value for name, value in STATE.items()}

    start = load(saved({"model": prefixed("module.", renamed)}), needs_head=True)

    assert all(torch.equal(start.state[name], STATE[name]) for name in STATE)
    assert "its last layer is called 'fc.1' there" in start.notes


@pytest.mark.parametrize(
    ("head", "advice"),
    [
        ({}, "model.trained=head"),
        ({"fc.weight": torch.zeros(1, 4), "fc.bias": torch.zeros(1)}, "train it for the classes"),
        ({"a.weight": torch.zeros(2, 4), "a.bias": torch.zeros(2), "b.bias": torch.zeros(2)}, "model.trained=head"),
    ],
)
def test_final_weights_without_a_fitting_last_layer_can_be_trained(saved, head, advice):
    with pytest.raises(ModelError, match="do not fit a test network") as caught:
        load(saved({**BODY, **head}), needs_head=True)

    assert caught.value.fix.startswith("train")
    assert advice in caught.value.fix


OTHER = {name: value + 1 for name, value in STATE.items()}


@pytest.mark.parametrize(
    ("content", "origins"),
    [
        ({"fold0": STATE, "fold1": OTHER}, "in its key 'fold0', its key 'fold1'"),
        ({**prefixed("a."), **prefixed("b.", OTHER)}, "in the prefix 'a.', the prefix 'b.'"),
    ],
)
def test_several_sets_of_weights_that_fit_are_refused(saved, content, origins):
    with pytest.raises(ModelError, match=f"holds 2 sets of weights that fit a test network: {origins}"):
        load(saved(content))


def test_the_same_weights_under_two_keys_are_taken(saved):
    assert load(saved({"model": STATE, "best_model": dict(STATE)})).has_head


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"head.weight": torch.zeros(5, 4)},
        {"fc.weight": torch.zeros(5, 4), "fc.bias": torch.zeros(5)},
        {"fc.1.weight": torch.zeros(2, 4)},
    ],
)
def test_without_its_last_layer_only_training_can_start(saved, head):
    file = saved({**prefixed("backbone.", BODY), **prefixed("backbone." if "fc.1.weight" in head else "", head)})

    start = load(file)

    assert not start.has_head
    assert set(start.state) == set(BODY)
    with pytest.raises(ModelError, match="fc"):
        load(file, needs_head=True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            build(2, width=5).state_dict(),
            "'body.0.weight' is 5 x 3 x 3 x 3 in the file and 4 x 3 x 3 x 3 in the network",
        ),
        (
            {**STATE, "body.2.weight": torch.zeros(4)},
            "1 tensor of it is unknown to the network, such as 'body.2.weight'",
        ),
        ({"fc.weight": STATE["fc.weight"]}, "tensors of the network are missing in it, such as 'body.0.weight'"),
        ({"encoder.weight": torch.zeros(1)}, "none of its names, such as 'encoder.weight', is one of this network"),
        ({**STATE, "body.0.weight": STATE["body.0.weight"] * float("nan")}, "its training diverged"),
    ],
)
def test_weights_of_another_network_are_told_apart(saved, content, says):
    with pytest.raises(ModelError, match=says):
        load(saved(content))


@pytest.fixture(params=["", "model"])
def whole(saved, request):
    """A pickled model, whose class is PyTorch's own, so that the advised line can be run anywhere."""
    network = nn.Linear(4, 2)
    return saved({"epoch": 3, request.param: network} if request.param else network, "whole.pth")


def test_a_whole_model_is_refused_by_its_class(whole):
    with pytest.raises(ModelError, match=r"a pickled object of the class torch\.nn\.modules\.linear\.Linear"):
        read_weight_file(whole)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda file: torch.save(STATE, file, pickle_protocol=4), "in a form that is not read safely"),
        (lambda file: file.write_bytes(pickle.dumps(STATE)), "a pickle that PyTorch's save did not write"),
        (lambda file: torch.save({k: v.numpy() for k, v in STATE.items()}, file), "holds arrays of NumPy, such as"),
    ],
)
def test_plain_weights_in_another_form_are_refused_with_a_line_that_works(tmp_path, write, says):
    file = tmp_path / "start.pth"
    write(file)

    with pytest.raises(ModelError, match=says) as caught:
        read_weight_file(file)

    _, _, code = shlex.split(caught.value.fix.split("`")[1])
    exec(code)
    assert load(file.with_name("start_state_dict.pth")).has_head


@pytest.mark.fuzz
def test_a_damaged_file_is_never_a_traceback(saved, tmp_path):
    content = saved({"net": STATE, "args": argparse.Namespace(rate=1)}).read_bytes()
    rng = random.Random(0)
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 8, 64))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (tmp_path / "damaged.pth").write_bytes(
            damaged[: rng.randrange(len(damaged))] if rng.random() < 0.2 else damaged
        )
        with contextlib.suppress(ModelError):
            load(tmp_path / "damaged.pth")


@pytest.mark.slow
def test_the_advised_line_saves_the_state_dict_of_a_whole_model(whole):
    with pytest.raises(ModelError) as caught:
        read_weight_file(whole)

    _, *arguments = shlex.split(caught.value.fix.split("`")[1])
    subprocess.run([sys.executable, *arguments], check=True)

    saved_weights = torch.load(whole.with_name("whole_state_dict.pth"), weights_only=True)
    assert set(saved_weights) == {"weight", "bias"}


def test_reading_runs_no_code_of_the_file(saved, tmp_path):
    class Planted:
        def __reduce__(self):
            return open, (str(tmp_path / "planted"), "w")

    start = load(saved({"net": STATE, "planted": Planted()}))

    assert start.has_head
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<!doctype html>", "is a page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"\x80\x02cut", "is damaged"),
        (LEGACY[:-9], "is damaged.\nFix: download or export the file again.$"),
        (b"text", "no file of PyTorch"),
    ],
    ids=["empty", "page", "pointer", "hdf5", "cut short", "cut off", "text"],
)
def test_other_files_are_named(tmp_path, content, says):
    (tmp_path / "start.pth").write_bytes(content)

    with pytest.raises(ModelError, match=says):
        read_weight_file(tmp_path / "start.pth")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("config.json", "model.weights.h5"), "a model of Keras"),
        (("x/data.pkl", "x/constants.pkl"), "a TorchScript program"),
        (("a.pth",), "an archive without weights"),
    ],
)
def test_other_archives_are_named(tmp_path, names, says):
    with zipfile.ZipFile(tmp_path / "start.pth", "w") as archive:
        for name in names:
            archive.writestr(name, "")

    with pytest.raises(ModelError, match=says):
        read_weight_file(tmp_path / "start.pth")


@pytest.mark.parametrize(
    ("stated", "classes"),
    [
        ({"classes": ["no", "yes"]}, ("no", "yes")),
        ({"class_to_idx": {"b": 0, "a": 1}}, ("b", "a")),
        ({"idx_to_class": {1: "a", 0: "b"}}, ("b", "a")),
        ({"config": {"id2label": {"0": "b", "1": "a"}}}, ("b", "a")),
        ({"hyper_parameters": {"classes": ["b", "a"]}}, ("b", "a")),
        ({"id2label": {"0": "a", "1": "a"}}, ()),
        ({"classes": 2}, ()),
        ({"class_to_idx": {"b": 0, "a": 2}}, ()),
    ],
)
def test_class_names_are_read_where_they_are_stated(saved, stated, classes):
    assert read_weight_file(saved({"net": STATE, **stated})).classes == classes
