"""Where a model computes."""

import pytest
import torch

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.devices import check_torch, torch_device

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


def test_cpu_is_taken_as_it_is():
    assert torch_device("cpu") == "cpu"


@needs_no_gpu
def test_auto_falls_back_to_the_cpu():
    assert torch_device("auto") == "cpu"


@needs_no_gpu
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_absent_gpu_is_refused_with_advice(device):
    with pytest.raises(ModelError, match="PyTorch sees 0 GPUs here") as caught:
        check_torch(device)

    assert "device=cpu" in caught.value.fix


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_unknown_device_is_refused(device):
    with pytest.raises(ConfigError, match="Unknown device"):
        check_torch(device)
