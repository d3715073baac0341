"""Parameters and operations, against published tables and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.measurement.model_size import count_parameters, folder_size_mb, measure_model_size
from arogya_bench.models.keras_cnn import KerasConvNet
from arogya_bench.models.prior import Prior
from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.testing.trial import run_trial

CASES = Path(__file__).parents[3] / "shared" / "oracles" / "cases" / "cost.json"
IMAGES = [np.zeros((40, 50, 3), np.uint8)]


def published():
    """Names, parameters and GMACs that torchvision publishes."""
    if not CASES.is_file():
        return []
    (case,) = [each for each in json.loads(CASES.read_text(encoding="utf-8")) if each["id"] == "cost.params"]
    columns = case["inputs"]["models"], case["expected"]["num_params"], case["expected"]["gmac"]
    return [pytest.param(*row, id=row[0]) for row in zip(*columns, strict=True)]


def steps_of(network, forward):
    return PredictionSteps(
        preprocess=list, forward=forward, postprocess=lambda rows, _: rows, class_count=None, network=network
    )


@pytest.mark.skipif(not CASES.is_file(), reason="cost.params: needs ../shared/oracles beside this repository")
@pytest.mark.parametrize(("name", "parameters", "gmacs"), published())
def test_counts_are_those_that_torchvision_publishes(name, parameters, gmacs):
    """On the device ``meta``, which computes shapes only."""
    import torch
    import torchvision

    with torch.device("meta"):
        network = torchvision.models.get_model(name).eval()

    def forward(_):
        with torch.inference_mode():
            return network(torch.empty(1, 3, 224, 224, device="meta"))

    size = measure_model_size(steps_of(network, forward), IMAGES)

    assert size.parameters == parameters
    assert size.gmacs == pytest.approx(gmacs, abs=0.005)
    assert size.reasons == {}


def test_a_keras_network_and_its_twin_in_pytorch_have_equal_counts(tmp_path):
    """Counted by hand: two convolutions of 3 x 3, pooling after each, and two dense layers."""
    keras = run_trial(KerasConvNet(image_size=16), tmp_path / "keras").predict
    torch = run_trial(ConvNet(image_size=16, channels=[32, 64], pool=4), tmp_path / "torch").predict
    convolutions = 16 * 16 * 32 * 27 + 8 * 8 * 64 * 288
    hidden = 4 * 4 * 64

    assert measure_model_size(keras, IMAGES).gmacs == (convolutions + hidden * 128 + 128 * 3) / 1e9
    assert measure_model_size(torch, IMAGES).gmacs == (convolutions + hidden * 256 + 256 * 3) / 1e9
    maps = 32 * (27 + 1) + 64 * (288 + 1)
    assert count_parameters(keras) == maps + 128 * (hidden + 1) + 3 * (128 + 1)
    assert count_parameters(torch) == maps + 256 * (hidden + 1) + 3 * (256 + 1)


def test_what_cannot_be_counted_is_absent_with_its_reason(tmp_path):
    prior = run_trial(Prior(), tmp_path).predict

    for predictor, reason in (
        (prior, "there is no neural network"),
        (lambda images: images, "the adapter does not offer the steps of its predictor"),
        (steps_of(object(), len), "object is no known kind of network"),
    ):
        size = measure_model_size(predictor, IMAGES)

        assert (size.parameters, size.gmacs) == (None, None)
        assert size.reasons == {"parameters": reason, "gmacs": reason}


def test_operations_that_cannot_be_counted_leave_the_parameters():
    import torch

    def failing(_):
        raise RuntimeError("no kernel")

    size = measure_model_size(steps_of(torch.nn.Linear(2, 3), failing), IMAGES)

    assert (size.parameters, size.gmacs) == (9, None)
    assert size.reasons == {"gmacs": "the operations cannot be counted (RuntimeError)"}


def test_the_size_of_a_folder_counts_all_files_below_it(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.bin").write_bytes(bytes(1_500_000))
    (tmp_path / "inner" / "b.bin").write_bytes(bytes(500_000))

    assert folder_size_mb(tmp_path) == 2.0
