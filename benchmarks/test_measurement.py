"""Our timing of requests against what others print, interleaved in one run.

ResNet50 against the timing loop that a person would write in a notebook, and ``yolov8_cls`` against the speed that
Ultralytics prints for the same network and images. Rounds alternate, so that drift hits both; what counts is the median
of the ratios of the rounds. Our forward span also normalises the images, which Ultralytics counts as preprocessing: it
is timed by itself beside each printed time, and added to it.
"""

import time
from statistics import median

import numpy as np
import torch

from arogya_bench.frameworks.torch_network import save_network, to_input_tensor
from arogya_bench.measurement.requests import BlockLimits, CaseFeed, run_block, time_steps
from arogya_bench.models.resnet50 import ResNet50
from arogya_bench.models.yolov8_cls import YOLOv8Classifier
from arogya_bench.types import Case

SIZE = 224  # pixels of the networks
IMAGES = 32
ROUNDS, REQUESTS = 7, 15  # per round
WARM_UP = 5
CLASSES = ("a", "b")
RESNET_LIMIT, YOLO_LIMIT = 0.03, 0.05  # largest deviation of the ratio from 1


def images_of(sizes):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]


IMAGE_LIST = images_of([(SIZE, SIZE)] * IMAGES)
CASES = tuple(Case(case_id=str(i), group_id=str(i), target=0) for i in range(IMAGES))


def loaded(model, folder):
    """Load an adapter with random weights, as its fit would leave them."""
    torch.manual_seed(0)
    network = model._build_network(len(CLASSES)).eval()
    save_network(network.state_dict(), folder, classes=CLASSES, preprocessing=model._preprocessing)
    return model.load(folder, classes=CLASSES, device="cpu")


def our_block(steps):
    feed = CaseFeed(cases=CASES, read=lambda case: IMAGE_LIST[int(case.case_id)], rng=np.random.default_rng(1))
    answer = time_steps(steps)

    def block():
        limits = BlockLimits(seconds=0.0, min_requests=REQUESTS)
        _, times, _ = run_block(answer, feed, limits, batch=1, synchronise=steps.synchronise)
        return times

    return block


def ratios(ours, theirs):
    """Ratio of the medians of each round, ours first in every other round."""
    ours(), theirs()
    found = []
    for number in range(ROUNDS):
        if number % 2:
            b, a = theirs(), ours()
        else:
            a, b = ours(), theirs()
        found.append(median(a) / median(b))
    return found


def test_resnet50_is_timed_as_by_a_bare_loop(benchmark, tmp_path):
    steps = loaded(ResNet50(image_size=SIZE), tmp_path)
    network = steps.network
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (ResNet50.mean, ResNet50.std))
    block = our_block(steps)

    def bare():
        times = []
        with torch.inference_mode():
            for image in IMAGE_LIST[:REQUESTS]:
                start = time.perf_counter()
                batch = torch.from_numpy(image[None]).permute(0, 3, 1, 2).float() / 255
                network((batch - mean) / std).double().softmax(dim=1).numpy()
                times.append(1e3 * (time.perf_counter() - start))
        return times

    found = benchmark.pedantic(lambda: ratios(lambda: block()[:, 4].tolist(), bare), rounds=1)

    print(f"\nresnet50, ours / bare loop: {median(found):.3f} of {np.round(found, 3).tolist()}")
    assert abs(median(found) - 1) <= RESNET_LIMIT


def test_yolov8_cls_is_timed_as_ultralytics_prints_it(benchmark, tmp_path):
    model = YOLOv8Classifier(image_size=SIZE)
    steps = loaded(model, tmp_path)
    theirs = ultralytics_model(steps.network)
    block = our_block(steps)

    def printed():
        times = []
        for image in IMAGE_LIST[:REQUESTS]:
            speed = theirs.predict(image[..., ::-1], imgsz=SIZE, verbose=False, device="cpu")[0].speed
            start = time.perf_counter()
            to_input_tensor(image[None], model._preprocessing, "cpu")
            times.append(speed["inference"] + 1e3 * (time.perf_counter() - start))
        return times

    found = benchmark.pedantic(lambda: ratios(lambda: block()[:, 2].tolist(), printed), rounds=1)

    rounds = np.round(found, 3).tolist()
    print(f"\nyolov8_cls, our forward / printed inference and normalising: {median(found):.3f} of {rounds}")
    assert abs(median(found) - 1) <= YOLO_LIMIT


def ultralytics_model(network):
    """Ultralytics's own predictor with the weights of our network, unfused as ours."""
    from ultralytics import YOLO

    theirs = YOLO("yolov8n-cls.yaml", verbose=False)
    theirs.model = type(network)("yolov8n-cls.yaml", nc=len(CLASSES), verbose=False)
    theirs.model.load_state_dict(network.state_dict())
    theirs.model.names = dict(enumerate(CLASSES))
    theirs.model.fuse = lambda *_, **__: theirs.model  # ours is not fused
    theirs.model.eval()
    return theirs
