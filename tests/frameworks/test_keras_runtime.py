"""TensorFlow in this process: quiet, with our threads, on the device asked for."""

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

from arogya_bench.errors import ConfigError, ModelError, is_installed
from arogya_bench.frameworks.keras_runtime import (
    DETERMINISM_MODULE,
    GLOBAL_SYMBOLS_MODULE,
    check_keras,
    common_device_name,
    deterministic_ops,
    prepare_tensorflow,
    use_device,
)
from arogya_bench.runtime.threads import thread_count

pytestmark = pytest.mark.skipif(not is_installed("tensorflow"), reason="needs the extra arogya-bench[tensorflow]")


@pytest.fixture(scope="module")
def tensorflow():
    """TensorFlow, ready to compute on a CPU; it takes its settings when it first computes."""
    prepare_tensorflow("cpu")
    import tensorflow as tf

    tf.zeros(1)
    return tf


# Of each kind one line, and a line that is not TensorFlow's.
TALKING = r"""
import os, sys
from arogya_bench.frameworks.keras_runtime import _filter_log_lines, check_keras

check_keras("cpu")
assert not {"tensorflow", "keras"} & set(sys.modules)

with _filter_log_lines():
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are ...\n")
    os.write(2, b"I0000 00:00:1795367882.409800    2021 port.cc:153] oneDNN is on\n")
    os.write(2, b"E0000 00:00:1795367882.409800    2021 cuda.cc:1] no CUDA\n")
    os.write(2, b"a warning of somebody else\n")

os.environ["KERAS_BACKEND"] = "jax"
try:
    check_keras("cpu")
except Exception as error:
    print(error)
"""


def test_lines_of_others_pass_and_another_backend_is_refused_without_an_import():
    done = subprocess.run([sys.executable, "-c", TALKING], capture_output=True, text=True, check=True)

    assert done.stderr == "a warning of somebody else\n"
    assert "backend 'jax'; this model needs 'tensorflow'" in done.stdout
    assert "unset KERAS_BACKEND" in done.stdout


def test_threads_are_those_of_every_library(tensorflow):
    found = tensorflow.config.threading

    assert found.get_intra_op_parallelism_threads() == thread_count()
    assert found.get_inter_op_parallelism_threads() == thread_count()


def test_another_number_of_threads_is_refused_once_tensorflow_computes(tensorflow, monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", str(thread_count() + 1))

    with pytest.raises(ModelError, match=f"{thread_count()} were requested") as caught:
        prepare_tensorflow("cpu")

    assert "a process of its own" in caught.value.fix


def test_the_cpu_is_taken_as_it_is(tensorflow):
    assert prepare_tensorflow("cpu") == "CPU:0"


def test_an_absent_gpu_is_refused_with_advice(tensorflow):
    count = len(tensorflow.config.list_physical_devices("GPU"))

    with pytest.raises(ModelError, match=f"TensorFlow sees {count} GPUs here") as caught:
        check_keras(f"cuda:{count}")

    assert "device=cpu" in caught.value.fix


def test_auto_falls_back_to_the_cpu(tensorflow):
    if tensorflow.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")

    assert prepare_tensorflow("auto") == "CPU:0"


@pytest.mark.parametrize("device", ["gpu", "cuda:", "CPU", ""])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(ConfigError, match="Unknown device"):
        check_keras(device)


def test_the_place_and_the_precision_hold_inside_the_block_only(tensorflow):
    before = tensorflow.config.experimental.tensor_float_32_execution_enabled()

    with use_device("CPU:0"):
        placed = tensorflow.zeros(1).device
        inside = tensorflow.config.experimental.tensor_float_32_execution_enabled()

    assert placed.endswith("CPU:0")
    assert not inside
    assert tensorflow.config.experimental.tensor_float_32_execution_enabled() == before


def test_private_modules_of_tensorflow_still_exist(tensorflow):
    """If this fails, revise ``keras_runtime``: it hides the one and calls the other."""
    assert find_spec(GLOBAL_SYMBOLS_MODULE)
    assert callable(import_module(DETERMINISM_MODULE).disable_op_determinism)


def test_determinism_is_on_request_and_handed_back(tensorflow):
    is_op_determinism_enabled = import_module(DETERMINISM_MODULE).is_op_determinism_enabled
    states = []
    for wanted in (False, True):
        with deterministic_ops(wanted):
            states.append(is_op_determinism_enabled())
    states.append(is_op_determinism_enabled())

    assert states == [False, True, False]


def test_what_the_user_said_in_the_environment_stays(tensorflow):
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"]


@pytest.mark.parametrize(("device", "name"), [("CPU:0", "cpu"), ("GPU:0", "cuda:0"), ("GPU:1", "cuda:1")])
def test_devices_have_the_names_of_the_config(device, name):
    assert common_device_name(device) == name
