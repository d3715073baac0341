"""Importing TensorFlow and Keras without log output, and setting their threads and device."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from typing import BinaryIO, cast

from arogya_bench.errors import ModelError, check_extra, needs_extra
from arogya_bench.frameworks.devices import check_device_name, gpu_name
from arogya_bench.runtime.threads import thread_count

EXTRA = "tensorflow"
CPU = "CPU:0"
# TensorFlow and Keras read these when they are imported; values that the user has set are kept.
ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
# Private modules of TensorFlow. The first is hidden at import (see ``_hide_global_symbols``); the
# second turns determinism off again, for which there is no public function.
GLOBAL_SYMBOLS_MODULE = "tensorflow.python.pywrap_dlopen_global_flags"
DETERMINISM_MODULE = "tensorflow.python.framework.config"
LOG_LINE_PATTERN = re.compile(rb"[IWEF]\d{4} |WARNING: All log messages before absl::InitializeLog")


def check_keras(device: str) -> None:
    """Check that TensorFlow and Keras are installed, that Keras uses TensorFlow, and that ``device`` exists.

    Nothing is imported, unless ``device`` names a GPU, which only TensorFlow can look up.
    """
    check_device_name(device)
    check_extra(EXTRA, "tensorflow", "keras")
    _check_backend()
    if device.startswith("cuda"):
        _import_quietly()
        _tf_device(device)


def prepare_tensorflow(device: str) -> str:
    """Import TensorFlow and Keras, and set what TensorFlow accepts only once in a process.

    Returns:
        The device as TensorFlow names it, such as ``CPU:0`` or ``GPU:1``.
    """
    check_keras(device)
    _import_quietly()
    _enable_memory_growth()
    _set_thread_count(thread_count())
    return _tf_device(device)


@contextmanager
def use_device(device: str) -> Iterator[None]:
    """Place variables and operations on one device, without TF32 where that is a GPU."""
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        with tf.device(device):
            yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


@contextmanager
def deterministic_ops(enabled: bool) -> Iterator[None]:
    """Allow only operations that give the same bits every time, and undo that afterwards.

    No slower on a CPU; TensorFlow warns that it is slower on a GPU.
    """
    import tensorflow as tf

    switches = import_module(DETERMINISM_MODULE)
    before = switches.is_op_determinism_enabled()
    if enabled and not before:
        tf.config.experimental.enable_op_determinism()
    try:
        yield
    finally:
        if enabled and not before:
            switches.disable_op_determinism()


def _check_backend() -> None:
    loaded = sys.modules.get("keras")
    backend = loaded.backend.backend() if loaded is not None else os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":
        raise ModelError(
            f"Keras uses the backend {backend!r}; this model needs 'tensorflow'.",
            fix="unset KERAS_BACKEND (or set it to tensorflow) and start a new process.",
        )


def _import_quietly() -> None:
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        return
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with needs_extra(EXTRA), _hide_global_symbols(), _filter_log_lines():
        import keras  # noqa: F401  (the first import is the one that logs)
        import tensorflow as tf  # noqa: F401  (likewise)
    _check_backend()  # a keras.json in the home folder may name another


@contextmanager
def _hide_global_symbols() -> Iterator[None]:
    """Load TensorFlow without exporting its symbols to libraries that are loaded later.

    TensorFlow 2.20 and 2.21 export them. PyTorch then finds TensorFlow's stub of CUDA instead of the GPU, and Triton,
    which PyTorch loads late, crashes the process on TensorFlow's LLVM. Wheels without the hidden module do not export
    them (tensorflow/tensorflow#124205).
    """
    modules = cast("dict[str, None]", sys.modules)
    modules[GLOBAL_SYMBOLS_MODULE] = None  # makes its import fail
    try:
        yield
    finally:
        del modules[GLOBAL_SYMBOLS_MODULE]


@contextmanager
def _filter_log_lines() -> Iterator[None]:
    """Hide what C++ code logs before it reads TF_CPP_MIN_LOG_LEVEL; forward all other lines.

    Those lines bypass Python and go straight to the file descriptor of standard error.
    """
    with ExitStack() as stack:
        try:
            stderr = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        stack.callback(os.close, stderr)
        captured = stack.enter_context(tempfile.TemporaryFile())
        sys.stderr.flush()
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            _forward_lines(captured, stderr)


def _forward_lines(captured: BinaryIO, target: int) -> None:
    captured.seek(0)
    for line in captured:
        if not LOG_LINE_PATTERN.match(line):
            os.write(target, line)


def _enable_memory_growth() -> None:
    """Let TensorFlow allocate GPU memory as needed; by default it takes all of it."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        # TensorFlow refuses once the GPU is in use, or split into virtual devices.
        with suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)


def _set_thread_count(count: int) -> None:
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    except RuntimeError as error:
        current = tf.config.threading.get_intra_op_parallelism_threads()
        raise ModelError(
            f"TensorFlow already uses {current or 'a default number of'} threads in this process, "
            f"which cannot be changed; {count} were requested.",
            fix="run this model in a process of its own (restart a notebook)"
            + (f", or set threads={current}." if current else "."),
        ) from error


def common_device_name(device: str) -> str:
    """Name a device of TensorFlow as PyTorch does: ``CPU:0`` is ``cpu``, ``GPU:1`` is ``cuda:1``."""
    return "cpu" if device == CPU else device.replace("GPU", "cuda")


def _tf_device(device: str) -> str:
    import tensorflow as tf

    if device == "cpu":
        return CPU
    count = len(tf.config.get_visible_devices("GPU"))
    gpu = gpu_name(device, count, framework="TensorFlow", install="`tensorflow[and-cuda]`")
    return gpu.replace("cuda", "GPU") if gpu else CPU
