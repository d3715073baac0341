"""Machines made of files, processes that wait, and measurements of models whose times are known."""

import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from system_files import SystemFiles
from timed_models import CASES, CLASSES, Reader

from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.measurement.results import ModelMeasurement
from arogya_bench.measurement.session import SessionControl, SessionModel, measure_models
from arogya_bench.measurement.worker import WorkerModel

TRIES = 3  # of what a busy machine may disturb


@pytest.fixture
def system(tmp_path, monkeypatch):
    """The files of a fixed and idle machine."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return SystemFiles(tmp_path)


@pytest.fixture
def python():
    """Start a Python program that prints when it is ready, and end it afterwards."""

    @contextmanager
    def start(code):
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        try:
            child.stdout.readline()
            yield child
        finally:
            child.kill()
            child.communicate()

    return start


@pytest.fixture
def short_protocol():
    """Build a protocol of a second or two; any field can be changed."""

    def build(**changes):
        fields = {
            "rounds": 2,
            "seconds": 0.4,
            "min_requests": 11,
            "max_seconds": 5.0,
            "batches": [],
            "batch_seconds": 0.1,
            "until_memory_ends": False,
            "pyfunc_seconds": 0.0,
            "server_limit_ms": None,
            "idle_seconds": 0.01,
            "warm_up_seconds": 0.3,
            "step_timeout": 20.0,
        }
        return MeasurementProtocol(**(fields | changes))

    return build


@pytest.fixture
def measured(short_protocol, tmp_path):
    """Measure models in turns; return their measurements or errors."""

    def measure(*models, read_seconds=0.0, postprocess=None, stop=lambda: None, **changes):
        session_models = [
            SessionModel(
                name=type(model).__name__,
                worker=WorkerModel(
                    model=model,
                    weights=tmp_path,
                    model_folder=None,
                    classes=CLASSES,
                    device="cpu",
                    threads=1,
                    cases=CASES,
                    read=Reader(read_seconds),
                    postprocess=postprocess,
                ),
            )
            for model in models
        ]
        control = SessionControl(progress=lambda _: None, stop=stop)
        return list(
            measure_models(session_models, short_protocol(**changes), rng=np.random.default_rng(0), control=control)
        )

    return measure


@pytest.fixture
def within(measured):
    """Measure up to three times until a number of the measurement is in a range; skip if the machine is too busy."""

    def check(number, low, high, *models, **options):
        values = []
        for _ in range(TRIES):
            outcomes = measured(*models, **options)
            failed = [outcome for outcome in outcomes if not isinstance(outcome, ModelMeasurement)]
            assert failed == []
            values.append(number(*outcomes))
            if low <= values[-1] <= high:
                return
        if any(outcome.grade.letter == "D" for outcome in outcomes):
            pytest.skip(f"the machine is too busy to measure: {outcomes[0].grade.reasons}, measured {values}")
        raise AssertionError(f"{values} are not within [{low}, {high}]")

    return check
