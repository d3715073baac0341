"""Models whose time, memory and failures are known, for the tests of measurements.

They are importable by name, since a measurement starts a fresh interpreter for every model.
"""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.types import Case, FitReport

CLASSES = ("a", "b")
MB = 1_000_000


def half(count):
    return np.full((count, 2), 0.5)


@dataclass(frozen=True, kw_only=True)
class TimedModel:
    """Answers at once; subclasses change one step."""

    adapter_name: ClassVar[str] = "timed"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = None
    seeded: ClassVar[bool] = False

    def check(self, *, device):
        pass

    def fit(self, train, validation, *, training, seed, device, out):
        (out / "weights.txt").write_text("none")
        return FitReport()

    def load(self, weights, *, classes, device):
        return PredictionSteps(
            preprocess=np.stack,
            forward=self.forward,
            postprocess=lambda outputs, images: outputs,
            class_count=2,
            equal_sizes=True,
        )

    def forward(self, inputs):
        return half(len(inputs))


@dataclass(frozen=True, kw_only=True)
class SleepingModel(TimedModel):
    """Sleeps in its forward pass."""

    seconds: float = 0.01
    adapter_name: ClassVar[str] = "timed_sleeping"

    def forward(self, inputs):
        time.sleep(self.seconds)
        return half(len(inputs))


@dataclass(frozen=True, kw_only=True)
class AllocatingModel(TimedModel):
    """Writes to so much memory in every forward pass."""

    megabytes: int = 300
    adapter_name: ClassVar[str] = "timed_allocating"

    def forward(self, inputs):
        block = np.ones(self.megabytes * MB, np.uint8)
        time.sleep(0.05)
        return half(len(inputs)) + 0 * block[0]


@dataclass(frozen=True, kw_only=True)
class QueueingModel(TimedModel):
    """Returns before its work is done, as a GPU does."""

    seconds: float = 0.01
    synchronised: bool = True
    adapter_name: ClassVar[str] = "timed_queueing"

    def load(self, weights, *, classes, device):
        pool, pending = ThreadPoolExecutor(1), []

        def forward(inputs):
            pending.append(pool.submit(time.sleep, self.seconds))
            return half(len(inputs))

        def synchronise():
            while pending:
                pending.pop().result()

        return PredictionSteps(
            preprocess=np.stack,
            forward=forward,
            postprocess=lambda outputs, images: outputs,
            class_count=2,
            synchronise=synchronise if self.synchronised else lambda: None,
        )


@dataclass(frozen=True, kw_only=True)
class RememberingModel(TimedModel):
    """Sleeps for an image that it has not seen, and remembers its answer."""

    seconds: float = 0.01
    adapter_name: ClassVar[str] = "timed_remembering"

    def load(self, weights, *, classes, device):
        answers = {}

        def forward(inputs):
            key = inputs.tobytes()
            if key not in answers:
                time.sleep(self.seconds)
                answers[key] = half(len(inputs))
            return answers[key]

        return PredictionSteps(
            preprocess=np.stack, forward=forward, postprocess=lambda outputs, images: outputs, class_count=2
        )


@dataclass(frozen=True, kw_only=True)
class WarmingModel(TimedModel):
    """Is slow for its first requests, as a model that compiles."""

    slow_requests: int = 5
    adapter_name: ClassVar[str] = "timed_warming"

    def load(self, weights, *, classes, device):
        seen = []

        def forward(inputs):
            seen.append(len(inputs))
            time.sleep(0.1 if len(seen) <= self.slow_requests else 0.002)
            return half(len(inputs))

        return PredictionSteps(
            preprocess=np.stack, forward=forward, postprocess=lambda outputs, images: outputs, class_count=2
        )


@dataclass(frozen=True, kw_only=True)
class LimitedModel(TimedModel):
    """Has no memory for batches of ``memory_ends`` images or more."""

    memory_ends: int = 64
    adapter_name: ClassVar[str] = "timed_limited"

    def forward(self, inputs):
        if len(inputs) >= self.memory_ends:
            raise MemoryError(f"cannot hold {len(inputs)} images")
        time.sleep(0.001)
        return half(len(inputs))


@dataclass(frozen=True, kw_only=True)
class FailingModel(TimedModel):
    """After some requests it dies, hangs or raises."""

    after: int = 5
    how: str = "dies"
    adapter_name: ClassVar[str] = "timed_failing"

    def load(self, weights, *, classes, device):
        seen = []

        def forward(inputs):
            seen.append(len(inputs))
            if len(seen) > self.after:
                if self.how == "dies":
                    os.kill(os.getpid(), signal.SIGKILL)
                if self.how == "hangs":
                    time.sleep(3600)
                raise RuntimeError("the weights are on fire")
            return half(len(inputs))

        return PredictionSteps(
            preprocess=np.stack, forward=forward, postprocess=lambda outputs, images: outputs, class_count=2
        )


@dataclass(frozen=True, kw_only=True)
class PlainModel(TimedModel):
    """Offers no steps, only a function."""

    adapter_name: ClassVar[str] = "timed_plain"

    def load(self, weights, *, classes, device):
        def predict(images):
            time.sleep(0.002)
            return half(len(images))

        return predict


def sleep_5_ms(outputs):
    """Calibrate nothing, slowly."""
    time.sleep(0.005)
    return outputs


@dataclass(frozen=True)
class Reader:
    """Reads an image after a while; each case has its own."""

    seconds: float = 0.0
    images: dict = field(default_factory=dict)

    def __call__(self, case):
        if self.seconds:
            time.sleep(self.seconds)
        if case.case_id not in self.images:
            self.images[case.case_id] = np.full((8, 8, 3), int(case.case_id), np.uint8)
        return self.images[case.case_id]


CASES = tuple(Case(case_id=str(number), group_id=str(number), target=number % 2) for number in range(20))
