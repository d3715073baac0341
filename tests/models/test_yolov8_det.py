"""YOLOv8 as a detector: boxes from memory in, boxes in pixels of the image out."""

import inspect
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from arogya_bench.errors import ConfigError, DatasetError, ModelError
from arogya_bench.frameworks.early_stopping import Epoch, best_index
from arogya_bench.frameworks.fit_files import save_classes
from arogya_bench.frameworks.torch_checkpoint import CHECKPOINT_FILE, read_checkpoint
from arogya_bench.frameworks.torch_network import save_network
from arogya_bench.frameworks.ultralytics_detection import detection_rank, load_examples
from arogya_bench.frameworks.ultralytics_network import load_start_weights
from arogya_bench.frameworks.ultralytics_training import isolate_ultralytics
from arogya_bench.models.yolov8_cls import YOLOv8Classifier
from arogya_bench.models.yolov8_det import YOLOv8Detector
from arogya_bench.testing.trial import run_trial
from arogya_bench.types import Box, Case, Dataset, Subset, Training

MODEL = YOLOv8Detector(image_size=64)
TRAINING = Training(epochs=3, batch_size=4, patience=3, rotation=5.0)
CLASSES = ("red", "blue")


def scenes(count, *, seed, size=(48, 64)):
    """Grey noise with one red or blue rectangle in each half."""
    rng, images, cases = np.random.default_rng(seed), [], []
    for number in range(count):
        image, boxes = rng.integers(90, 130, (*size, 3)).astype(np.uint8), []
        for start in (0, size[1] // 2):
            width, height = (int(side) for side in rng.integers(12, 24, 2))
            left, top = start + int(rng.integers(6)), int(rng.integers(size[0] - height))
            label = int(rng.integers(2))
            image[top : top + height, left : left + width] = ((220, 40, 40), (40, 40, 220))[label]
            boxes.append(Box(left=left, top=top, width=width, height=height, label=label))
        images.append(image)
        cases.append(Case(case_id=str(number), group_id=str(number), target=None, boxes=tuple(boxes)))
    dataset = Dataset(
        name="scenes",
        task="detection",
        classes=("red", "blue"),
        cases=tuple(cases),
        grouped=False,
        digest="0" * 32,
        licence="CC0-1.0",
        source="drawn by the test",
        version="1",
        read=lambda case: images[int(case.case_id)],
    )
    return Subset(dataset=dataset, cases=dataset.cases)


# A process of its own, without network: it imports Ultralytics, and is killed, as by the kernel,
# in the second step of the last epoch of a fit, when it has told what it left and asked for.
KILLED = """
import json, os, random, signal, socket, sys
from pathlib import Path
import cv2, numpy as np, torch
from arogya_bench.models import yolov8_det
from arogya_bench.types import Box, Case, Dataset, Subset, Training

def refused(*args, **named):
    asked.append(repr(args[:1]))
    raise OSError("no network here")

def killing(module, inputs):
    steps.append(module.training)
    if sum(steps) == 8:
        tracks = sorted(str(each) for each in Path.cwd().parent.rglob("*"))
        told = {"same": same, "asked": asked, "mlflow": "mlflow" in sys.modules, "tracks": tracks}
        Path(os.environ["TOLD"]).write_text(json.dumps(told))
        os.kill(os.getpid(), signal.SIGKILL)

def network(model, classes):
    made = plain(model, classes)
    made.model[0].register_forward_pre_hook(killing)
    return made

def state():
    return [dict(os.environ), torch.get_num_threads(), cv2.getNumThreads(), random.getstate(),
            repr(torch.get_rng_state()), repr(np.get_printoptions()), torch.save]

asked, steps, plain = [], [], yolov8_det.YOLOv8Detector._build_network
socket.getaddrinfo = socket.socket.connect = refused
torch.use_deterministic_algorithms = lambda *_, **__: None  # imports a compiler, for seconds
torch.set_num_threads(1)
before = state()
with yolov8_det.isolate_ultralytics():
    assert "ultralytics" in sys.modules
same = state() == before
yolov8_det.YOLOv8Detector._build_network = network
model, training = yolov8_det.YOLOv8Detector(image_size=64), TRAINING
model.fit(scenes(9, seed=1), scenes(6, seed=2), training=training, seed=0, device="cpu",
          out=Path(os.environ["OUT"]))
"""


@dataclass(frozen=True)
class Killed:
    """What is left of the process: where it fitted, what it printed, and what it told."""

    code: int
    folder: Path
    printed: str
    told: dict


@pytest.fixture(scope="module")
def train():
    """Nine images in batches of four: the last must not hold one alone."""
    return scenes(9, seed=1)


@pytest.fixture(scope="module")
def validation():
    return scenes(6, seed=2)


def fit(train, validation, out, *, model=MODEL, training=TRAINING):
    return model.fit(train, validation, training=training, seed=0, device="cpu", out=out)


@pytest.fixture(scope="module")
def whole(train, validation, tmp_path_factory):
    """A fit that nothing interrupted: its folder and its report."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, fit(train, validation, folder)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    home, out = folder / "user" / "home", folder / "out"
    home.mkdir(parents=True)
    out.mkdir()
    places = {"HOME": str(home), "OUT": str(out), "TOLD": str(folder / "told.json")}
    script = KILLED.replace("TRAINING", repr(TRAINING)).replace(
        "asked, steps", f"{inspect.getsource(scenes)}\nasked, steps", 1
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=home,
        env={**os.environ, **places, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )

    told = json.loads((folder / "told.json").read_text())
    return Killed(code=done.returncode, folder=out, printed=done.stdout + done.stderr, told=told)


def lively_state(classes):
    """Drawn weights, statistics of noise, and distances of a few cells: many different boxes."""
    with isolate_ultralytics(seed=1):
        network = YOLOv8Detector()._build_network(classes).train()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        with torch.no_grad():
            network(torch.rand(8, 3, 64, 64))
    state = network.state_dict()
    for level in range(3):
        state[f"model.22.cv2.{level}.2.weight"].mul_(10)
        state[f"model.22.cv2.{level}.2.bias"].copy_(-0.5 * torch.arange(16).repeat(4))
        state[f"{YOLOv8Detector.head_prefix}{level}.2.bias"].zero_()
    return state


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    """A detector of two classes that finds many different boxes in whatever it is shown."""
    folder = tmp_path_factory.mktemp("lively")
    preprocessing = MODEL._preprocessing
    save_network(lively_state(2), folder, classes=CLASSES, preprocessing=preprocessing)
    return folder


@pytest.fixture(scope="module")
def images():
    """Two wide and two tall ones, one of the size of the network, and a large one."""
    sizes = [(48, 64), (30, 90), (64, 48), (90, 30), (64, 64), (150, 200)]
    return [next(scenes(1, seed=at, size=size).images()) for at, size in enumerate(sizes)]


def boxes_by_ultralytics(state, image, model):
    """What the predictor of Ultralytics itself finds, as rows of edges and scores."""
    with isolate_ultralytics():
        from ultralytics import YOLO

        theirs = YOLO("yolov8n.yaml")
        theirs.model = YOLOv8Detector()._build_network(1)
        theirs.model.load_state_dict(state)
        (result,) = theirs.predict(
            np.ascontiguousarray(image[:, :, ::-1]),
            imgsz=model.image_size,
            conf=model.confidence,
            iou=model.nms_iou,
            max_det=model.max_detections,
            rect=False,
            verbose=False,
            device="cpu",
        )
    rows = result.boxes.data[:, :5].double().numpy()
    return rows[(rows[:, 2:4] > rows[:, :2]).all(axis=1)]  # not those in the padding alone


@pytest.mark.parametrize("size", [(48, 64), (90, 30), (64, 64), (150, 200)])
def test_detections_are_those_of_the_predictor_of_ultralytics(tmp_path, size):
    """With one class, since that predictor gives each box its best class alone."""
    state = lively_state(1)
    save_network(state, tmp_path, classes=("red",), preprocessing=MODEL._preprocessing)
    image = next(scenes(1, seed=5, size=size).images())

    (found,) = MODEL.load(tmp_path, classes=("red",), device="cpu")([image])

    edges = np.concatenate([found.boxes[:, :2], found.boxes[:, :2] + found.boxes[:, 2:]], axis=1)
    expected = boxes_by_ultralytics(state, image, MODEL)
    assert len(np.unique(expected.round(), axis=0)) > 20
    np.testing.assert_allclose(np.c_[edges, found.scores], expected, atol=2e-3)
    assert not found.labels.any()


def test_detections_lie_in_their_image_best_first_and_no_more_than_wanted(lively, images):
    model = replace(MODEL, max_detections=7, confidence=0.2)

    found = model.load(lively, classes=CLASSES, device="cpu")(images)

    assert len(found) == len(images)
    for image, each in zip(images, found, strict=True):
        height, width = image.shape[:2]
        far = each.boxes[:, :2] + each.boxes[:, 2:]
        assert 1 <= len(each.boxes) <= 7
        assert (each.boxes[:, :2] >= 0).all()
        assert (each.boxes[:, 2:] > 0).all()
        assert (far <= (width, height)).all()
        assert (np.diff(each.scores) <= 0).all()
        assert (each.scores > 0.2).all()
        assert set(each.labels.tolist()) <= {0, 1}
        assert (each.boxes.dtype, each.scores.dtype) == (np.float64, np.float64)
        assert each.labels.dtype == np.int64


def test_size_and_order_of_a_batch_are_irrelevant_and_images_stay(lively, images):
    detect = MODEL.load(lively, classes=CLASSES, device="cpu")
    before = [image.copy() for image in images]
    for image in images:
        image.flags.writeable = False

    together = detect(images)
    backwards = detect(images[::-1])[::-1]
    singly = [found for image in images for found in detect([image])]

    for one, two, three in zip(together, backwards, singly, strict=True):
        for other in (two, three):
            # A batch of another size is summed in another order: float32 rounds
            # differently then, and differently on every processor (1.3e-3 px seen).
            np.testing.assert_allclose(other.boxes, one.boxes, atol=5e-3)
            np.testing.assert_allclose(other.scores, one.scores, atol=1e-5)
            np.testing.assert_array_equal(other.labels, one.labels)
    assert all(map(np.array_equal, images, before))
    assert detect([]) == []


def test_fit_leaves_tensors_and_classes_alone(whole):
    folder, report = whole

    state = torch.load(folder / "model.pt", weights_only=True)

    assert {file.name for file in folder.iterdir()} == {"model.pt", "classes.json"}
    assert all(torch.is_tensor(value) for value in state.values())
    assert report.notes == ("trained from random weights",)
    names = {"train_loss", "val_mAP50", "val_mAP50_95", "learning_rate"}
    assert [set(curve) for curve in report.curves] == [names] * 3


def test_a_fit_that_was_killed_goes_on_with_the_same_numbers(whole, killed, train, validation):
    folder, report = whole
    left = {file.name for file in killed.folder.iterdir()}
    finished = len(read_checkpoint(killed.folder, device="cpu")["curves"])

    resumed = fit(train, validation, killed.folder)

    assert killed.code == -signal.SIGKILL, killed.printed
    assert left == {"model.pt", "classes.json", CHECKPOINT_FILE}
    assert finished == 2
    assert resumed.curves == report.curves
    assert resumed.best_epoch == report.best_epoch
    one, two = (torch.load(part / "model.pt", weights_only=True) for part in (folder, killed.folder))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert {file.name for file in killed.folder.iterdir()} == {"model.pt", "classes.json"}


def test_nothing_is_changed_sent_printed_or_left_in_the_folders_of_the_user(killed):
    assert killed.told["same"]
    assert killed.told["asked"] == []
    assert not killed.told["mlflow"]
    assert [Path(track).name for track in killed.told["tracks"]] == ["home"]
    assert killed.printed == ""


def test_weights_for_other_classes_are_a_start(tmp_path):
    """The part of the head that names the 80 classes of COCO even has another width."""
    with isolate_ultralytics(seed=1):
        from ultralytics import YOLO

        YOLO("yolov8n.yaml").save(tmp_path / "own.pt")
        network = YOLOv8Detector()._build_network(2)

        note = load_start_weights(network, tmp_path / "own.pt", head_prefix=YOLOv8Detector.head_prefix, classes=CLASSES)

    assert note == "started from own.pt; its head was initialised randomly"


def test_labels_are_centres_and_sizes_as_shares_of_the_image():
    image = np.zeros((50, 200, 3), np.uint8)
    boxes = (
        Box(left=20, top=10, width=40, height=20, label=1),
        Box(left=180, top=40, width=60, height=60, label=0),
        Box(left=0, top=0, width=200, height=50, label=0, crowd=True),
        Box(left=300, top=0, width=10, height=10, label=0),
    )
    case = Case(case_id="a", group_id="a", target=None, boxes=boxes)
    dataset = replace(scenes(1, seed=0).dataset, cases=(case,), read=lambda case: image)

    made = load_examples(Subset(dataset=dataset, cases=(case,)), 64)

    (label,) = made.labels
    np.testing.assert_allclose(label["bboxes"], [[0.2, 0.4, 0.2, 0.4], [0.95, 0.9, 0.1, 0.2]])
    assert label["cls"].tolist() == [[1], [0]]
    assert made.images[0].shape == (16, 64, 3)
    assert made.excluded_boxes == 2


@pytest.mark.parametrize(
    ("found", "losses", "best"),
    [
        ((0.0, 0.0, 0.0), (1.0, 2.0, 3.0), 2),
        ((0.0, 0.3, 0.2), (1.0, 9.0, 1.0), 1),
        ((0.3, 0.3, 0.0), (5.0, 4.0, 1.0), 1),
    ],
)
def test_best_epoch_finds_most_and_patience_waits_for_the_first_finds(found, losses, best):
    epochs = [
        Epoch(metrics={}, rank=detection_rank({"metrics/mAP50-95(B)": precision, "val/box_loss": loss}, number))
        for number, (precision, loss) in enumerate(zip(found, losses, strict=True))
    ]

    assert best_index(epochs) == best


def test_crowds_and_settings_that_do_not_apply_are_told(train, validation, tmp_path):
    crowd = Box(left=0, top=0, width=9, height=9, label=0, crowd=True)
    cases = tuple(replace(case, boxes=(*case.boxes, crowd)) for case in train.cases)
    training = replace(TRAINING, epochs=1, noise=(0.0, 0.1))

    report = fit(replace(train, cases=cases), validation, tmp_path, training=training)

    assert any(note.startswith("9 boxes") for note in report.notes)
    assert any("training.noise" in note for note in report.notes)


def test_a_case_without_any_word_on_boxes_is_refused(train, validation, tmp_path):
    cases = (replace(train.cases[0], boxes=None, target=0), *train.cases[1:])

    with pytest.raises(DatasetError, match="has no boxes") as caught:
        fit(replace(train, cases=cases), validation, tmp_path)

    assert "dataset for detection" in caught.value.fix


def test_training_images_without_a_single_box_are_refused(train, validation, tmp_path):
    empty = replace(train, cases=tuple(replace(case, boxes=()) for case in train.cases))

    with pytest.raises(DatasetError, match="None of the 9 training images"):
        fit(empty, validation, tmp_path)


def test_training_that_diverges_is_refused_with_advice(train, validation, tmp_path):
    with pytest.raises(ModelError, match="no longer finite"):
        fit(train, validation, tmp_path, model=replace(MODEL, learning_rate=1e30))


@pytest.mark.parametrize("classes", [CLASSES[::-1], ("red",)])
def test_another_class_order_is_refused(lively, classes):
    with pytest.raises(ModelError, match="in this order"):
        MODEL.load(lively, classes=classes, device="cpu")


def test_another_image_size_is_refused(lively):
    with pytest.raises(ModelError, match="image_size"):
        replace(MODEL, image_size=96).load(lively, classes=CLASSES, device="cpu")


@pytest.mark.parametrize("name", ["model.pt", "classes.json"])
def test_damaged_files_are_refused(lively, tmp_path, name):
    for file in lively.iterdir():
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(content[: len(content) // 2 if file.name == name else None])

    with pytest.raises(ModelError, match="damaged"):
        MODEL.load(tmp_path, classes=CLASSES, device="cpu")


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "model.pt")
    save_classes(tmp_path, CLASSES, {"image_size": 64, "mean": [0.0] * 3, "std": [1.0] * 3})

    with pytest.raises(ModelError, match="damaged"):
        MODEL.load(tmp_path, classes=CLASSES, device="cpu")


@pytest.mark.parametrize(
    "fields", [{"image_size": 100}, {"image_size": 0}, {"confidence": 1.5}, {"nms_iou": -0.1}, {"max_detections": 0}]
)
def test_fields_out_of_range_are_refused(fields):
    with pytest.raises(ConfigError):
        YOLOv8Detector(**fields)


def test_missing_weights_are_found_before_any_work():
    with pytest.raises(ModelError, match=r"is not a \.pt file"):
        YOLOv8Detector(weights="gone.pt").check(device="cpu")


BOTH = """
import sys
from pathlib import Path
from arogya_bench.models.yolov8_cls import YOLOv8Classifier
from arogya_bench.models.yolov8_det import YOLOv8Detector

for adapter, folder in zip((YOLOv8Classifier, YOLOv8Detector), sys.argv[1:]):
    adapter(image_size=64).load(Path(folder), classes=("stripes", "dots", "plain"), device="cpu")
"""


@pytest.mark.slow
def test_a_detector_can_be_loaded_after_a_classifier(tmp_path):
    """Loading builds the classifier without memory, in which Ultralytics's detector must not be imported."""
    for adapter, name in ((YOLOv8Classifier, "cls"), (YOLOv8Detector, "det")):
        run_trial(adapter(image_size=64), tmp_path / name)

    loading = [sys.executable, "-c", BOTH, str(tmp_path / "cls" / "fit"), str(tmp_path / "det" / "fit")]

    assert subprocess.run(loading, capture_output=True, text=True, check=False).stderr == ""
