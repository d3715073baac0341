"""TensorFlow and Keras in this process: imported quietly, with our threads, on one device."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import BinaryIO, cast

from arogya_bench.errors import ModelError, needs_extra, check_extra
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.runtime.threads import thread_count

EXTRA = "tensorflow"
CPU = "CPU:0"
# Read by TensorFlow and Keras when they are imported; what the user has set stays.
ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
GLOBAL_SYMBOLS_MODULE = "tensorflow.python.pywrap_dlopen_global_flags"
LOG_LINE_PATTERN = re.compile(rb"[IWEF]\d{4} |WARNING: All log messages before absl::InitializeLog")


def check_keras(device: str) -> None:
    """Check that TensorFlow, Keras on top of it and ``device`` are there.

    Nothing is imported, unless a GPU is asked for by name: only TensorFlow knows what it sees.

    Raises:
        MissingExtra: If tensorflow or keras is not installed.
        ConfigError: If ``device`` is not a known name.
        ModelError: If Keras computes with another backend, or the GPU is not there.
    """
    check_device_name(device)
    check_extra(EXTRA, "tensorflow", "keras")
    _check_backend()
    if device.startswith("cuda"):
        _import_quietly()
        _tf_device(device)


def prepare_tensorflow(device: str) -> str:
    """Import TensorFlow and Keras, and settle what TensorFlow takes only once in a process.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.

    Returns:
        The device in the words of TensorFlow, such as ``CPU:0`` or ``GPU:1``.

    Raises:
        MissingExtra: If tensorflow or keras is not installed.
        ConfigError: If ``device`` is not a known name.
        ModelError: If Keras computes with another backend, the GPU is not there, or TensorFlow
            computes with another number of threads already.
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

    On a CPU it costs no time that could be measured with such networks. On a GPU, TensorFlow
    warns that it comes at the expense of speed.
    """
    import tensorflow as tf

    # TensorFlow exports the way in, but no way back.
    from tensorflow.python.framework import config as switches

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
    found = (
        loaded.backend.backend()
        if loaded is not None
        else os.environ.get("KERAS_BACKEND") or "tensorflow"
    )
    if found != "tensorflow":
        raise ModelError(
            f"Keras computes with the backend {found!r}; this model needs 'tensorflow'.",
            fix="unset KERAS_BACKEND (or set it to tensorflow) and start a new process.",
        )


def _import_quietly() -> None:
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        return
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with needs_extra(EXTRA), _hide_global_symbols(), _filter_log_lines():
        import keras  # noqa: F401  (the first import is the one that talks)
        import tensorflow as tf  # noqa: F401  (likewise)
    _check_backend()  # a keras.json in the home folder may have named another


@contextmanager
def _hide_global_symbols() -> Iterator[None]:
    """Load TensorFlow so that its symbols are not those of every library that comes later.

    In 2.20 and 2.21 they are: after them PyTorch finds TensorFlow's stand-in for CUDA instead of
    the GPU, and Triton, which PyTorch loads late, crashes the process on TensorFlow's LLVM. Wheels
    without the module that is hidden here load as they should (tensorflow/tensorflow#124205).
    """
    modules = cast("dict[str, None]", sys.modules)
    modules[GLOBAL_SYMBOLS_MODULE] = None  # what cannot be imported, in the words of Python
    try:
        yield
    finally:
        del modules[GLOBAL_SYMBOLS_MODULE]


@contextmanager
def _filter_log_lines() -> Iterator[None]:
    """Hold back what C++ code logs before it reads TF_CPP_MIN_LOG_LEVEL; pass on the rest.

    Those lines go past Python straight to the file of standard error.
    """
    with ExitStack() as stack:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error that could be soiled
            yield
            return
        stack.callback(os.close, kept)
        held = stack.enter_context(tempfile.TemporaryFile())
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            _forward_lines(held, kept)


def _forward_lines(held: BinaryIO, target: int) -> None:
    held.seek(0)
    for line in held:
        if not LOG_LINE_PATTERN.match(line):
            os.write(target, line)


def _enable_memory_growth() -> None:
    """Leave the memory of a GPU to others as well; TensorFlow would take all of it."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        # Once the GPU is in use, or cut up, its memory is as its first user wanted it.
        with suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)


def _set_thread_count(count: int) -> None:
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    except RuntimeError as error:
        found = tf.config.threading.get_intra_op_parallelism_threads()
        raise ModelError(
            f"TensorFlow computes with {found or 'a default number of'} threads in this process "
            f"and takes a number only once; {count} were asked for.",
            fix="run this model in a process of its own (restart a notebook)"
            + (f", or set threads={found}." if found else "."),
        ) from error


def _tf_device(device: str) -> str:
    import tensorflow as tf

    if device == "cpu":
        return CPU
    count = len(tf.config.get_visible_devices("GPU"))
    if device == "auto":
        return "GPU:0" if count else CPU
    index = int(device.partition(":")[2] or 0)
    if index >= count:
        raise ModelError(
            f"device={device} was asked for, but TensorFlow sees {count} GPUs here.",
            fix="set device=auto or device=cpu, or install the driver and `tensorflow[and-cuda]`.",
        )
    return f"GPU:{index}"
