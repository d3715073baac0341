"""Ultralytics in this process: what it may change, and what it starts from."""

import os
import random
import warnings

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.ultralytics_hooks import YoloBatches
from arogya_bench.frameworks.ultralytics_network import find_start_weights, load_start_weights, read_architecture
from arogya_bench.frameworks.ultralytics_training import isolate_ultralytics
from arogya_bench.models.yolov8_cls import YOLOv8Classifier

CLASSES = ("upright", "lying", "slanted")
HEAD_PREFIX = YOLOv8Classifier.head_prefix


class Poison:
    def __reduce__(self):
        return os.system, ("touch poisoned",)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint as Ultralytics saves it, in a folder with an apostrophe in its name."""
    file = tmp_path_factory.mktemp("it's here") / "own.pt"
    with isolate_ultralytics(seed=3):
        from ultralytics import YOLO
        from ultralytics.nn.tasks import ClassificationModel

        made = YOLO("yolov8n-cls.yaml")
        torch.manual_seed(3)
        made.model = ClassificationModel(read_architecture("yolov8-cls"), nc=len(CLASSES), verbose=False)
        made.model.names = dict(enumerate(CLASSES))
        made.save(file)
    return file


def built(classes, seed=4):
    with isolate_ultralytics(seed):
        return YOLOv8Classifier()._build_network(classes)


def state_of_process():
    return {
        "environment": dict(os.environ),
        "threads": (torch.get_num_threads(), cv2.getNumThreads()),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
        "printed": (np.get_printoptions(), repr(torch.rand(2))),
        "exact": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic,
            torch.utils.deterministic.fill_uninitialized_memory,
        ),
        "replaced": (torch.save, Image.open),
        "warnings": list(warnings.filters),
    }


def test_nothing_that_is_set_within_outlasts_the_block():
    torch.manual_seed(0)
    before = state_of_process()
    torch.manual_seed(0)

    with isolate_ultralytics(seed=5):
        from ultralytics.utils.torch_utils import init_seeds, select_device

        select_device("cpu")
        init_seeds(9, deterministic=True)
        warnings.simplefilter("ignore")
        np.set_printoptions(precision=1)
        torch.set_printoptions(precision=1)
        cv2.setNumThreads(0)
        os.environ["LEFT"] = "behind"

    assert state_of_process() == before


def test_determinism_that_the_caller_asked_for_stays():
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with isolate_ultralytics():
            torch.use_deterministic_algorithms(False)

        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_weights_are_drawn_from_the_seed():
    one, two, three = (built(2, seed).state_dict() for seed in (1, 1, 2))

    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one[f"{HEAD_PREFIX}weight"], three[f"{HEAD_PREFIX}weight"])


def test_batches_are_those_of_the_epoch_that_is_set():
    batches = YoloBatches(range(5), 2, lambda epoch: [{"epoch": epoch}] * 2)

    batches.epoch = 4

    assert len(batches) == 2
    assert batches.batch_size == 3
    assert [batch["epoch"] for batch in batches] == [4, 4]


def test_weights_for_the_same_classes_are_taken_over_whole(checkpoint):
    network = built(3)

    with isolate_ultralytics():
        note = load_start_weights(
            network, find_start_weights(str(checkpoint)), head_prefix=HEAD_PREFIX, classes=CLASSES
        )

    expected = built(3, seed=3).state_dict()
    assert "kept" in note
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value.float(), expected[name].half().float(), msg=name)


@pytest.mark.parametrize("classes", [("upright", "lying"), CLASSES[::-1]])
def test_head_for_other_classes_is_initialised_randomly(checkpoint, classes):
    network = built(len(classes))
    drawn = network.state_dict()[f"{HEAD_PREFIX}weight"].clone()
    stem = network.state_dict()["model.0.conv.weight"].clone()

    with isolate_ultralytics():
        note = load_start_weights(network, checkpoint, head_prefix=HEAD_PREFIX, classes=classes)

    assert "initialised randomly" in note
    assert torch.equal(network.state_dict()[f"{HEAD_PREFIX}weight"], drawn)
    assert not torch.equal(network.state_dict()["model.0.conv.weight"], stem)


def test_reading_weights_widens_nothing_that_may_be_unpickled_later(checkpoint):
    before = set(torch.serialization.get_safe_globals())

    with isolate_ultralytics():
        load_start_weights(built(3), checkpoint, head_prefix=HEAD_PREFIX, classes=CLASSES)

    assert set(torch.serialization.get_safe_globals()) == before


def test_code_in_a_weights_file_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Poison()}, tmp_path / "poison.pt")

    with isolate_ultralytics(), pytest.raises(ModelError, match="cannot be read"):
        load_start_weights(built(3), tmp_path / "poison.pt", head_prefix=HEAD_PREFIX, classes=CLASSES)

    assert not (tmp_path / "poisoned").exists()


@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_damaged_weights_are_refused_with_advice(tmp_path, content):
    (tmp_path / "cut.pt").write_bytes(content)

    with isolate_ultralytics(), pytest.raises(ModelError, match="cannot be read") as caught:
        load_start_weights(built(3), tmp_path / "cut.pt", head_prefix=HEAD_PREFIX, classes=CLASSES)

    assert "weights=none" in caught.value.fix


def test_weights_without_a_network_are_refused(tmp_path):
    torch.save({"epoch": 1}, tmp_path / "other.pt")

    with isolate_ultralytics(), pytest.raises(ModelError, match="cannot be read"):
        load_start_weights(built(3), tmp_path / "other.pt", head_prefix=HEAD_PREFIX, classes=CLASSES)


def test_weights_of_another_network_are_refused(tmp_path):
    with isolate_ultralytics():
        from ultralytics import YOLO

        YOLO("yolov8s-cls.yaml").save(tmp_path / "small.pt")
        with pytest.raises(ModelError, match="does not fit this network"):
            load_start_weights(built(3), tmp_path / "small.pt", head_prefix=HEAD_PREFIX, classes=CLASSES)


@pytest.mark.parametrize("weights", ["nowhere.pt", "non", "weights.onnx"])
def test_weights_that_are_not_there_are_refused(weights):
    with pytest.raises(ModelError, match=r"is not a \.pt file"):
        find_start_weights(weights)


def test_no_weights_are_none():
    assert find_start_weights("none") is None
