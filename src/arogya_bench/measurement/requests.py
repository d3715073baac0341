"""Times requests: decode, preprocess, forward, postprocess, with nothing else inside the timed loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import NamedTuple

import numpy as np

from arogya_bench.types import Case, Detector, Floats, Image, ImageBatch, Predictor, SteppedPredictor

STAMP_BYTES = 16  # of an image, whose two lowest bits number the request
SPANS = ("decode", "preprocess", "forward", "postprocess", "end_to_end")


class RequestTimes(NamedTuple):
    """Durations of one request in milliseconds; NaN for steps that the model does not offer.

    ``preprocess`` includes ``decode``.
    """

    decode: float
    preprocess: float
    forward: float
    postprocess: float
    end_to_end: float


Answer = Callable[[ImageBatch], tuple[float, float, float, float]]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Consecutive requests of one model in one scenario and round.

    Attributes:
        scenario: ``single_stream``, ``offline`` or ``pyfunc``.
        round: From 0.
        batch: Images per request.
        case_ids: Of the first image of each request.
        times: Shape (requests, 5), milliseconds, in the order of ``SPANS``.
        seconds: Duration of the whole block, without numbering images and freeing them.
    """

    scenario: str
    round: int
    batch: int
    case_ids: tuple[str, ...]
    times: Floats
    seconds: float

    @property
    def images(self) -> int:
        """Number of images of all requests."""
        return self.batch * len(self.times)

    def span(self, name: str) -> Floats:
        """Milliseconds of one span, shape (requests,)."""
        return self.times[:, SPANS.index(name)]


@dataclass
class CaseFeed:
    """Test images in random order, again and again, no two of which are equal.

    The lowest bits of the first pixels number the requests, so that a model that keeps its answers cannot answer from
    them. Numbering an image is not timed.

    Attributes:
        harness_s: Seconds spent so far on numbering images and on freeing them, which no model does.
    """

    cases: Sequence[Case]
    read: Callable[[Case], Image]
    rng: np.random.Generator
    requests: int = 0
    harness_s: float = 0.0
    _order: list[int] = field(default_factory=list)

    def take(self, count: int) -> list[Case]:
        """Return the next cases; every case comes once before any comes again."""
        taken = []
        for _ in range(count):
            if not self._order:
                self._order = self.rng.permutation(len(self.cases)).tolist()
            taken.append(self.cases[self._order.pop()])
        return taken

    def number(self, images: Sequence[Image]) -> list[Image]:
        """Return images with the number of the request in their lowest bits; those that others share are copied."""
        start = perf_counter_ns()
        numbered = [self._number_one(image) for image in images]
        self.harness_s += (perf_counter_ns() - start) / 1e9
        return numbered

    def _number_one(self, image: Image) -> Image:
        self.requests += 1
        owned = image.flags.writeable and image.flags.owndata and image.flags.c_contiguous
        numbered = image if owned else np.array(image)
        pixels = numbered.reshape(-1)[:STAMP_BYTES]
        digits = (self.requests >> (2 * np.arange(len(pixels)))) & 3
        pixels[:] = (pixels & 0xFC) | digits.astype(np.uint8)
        return numbered


def time_request(
    answer: Answer, feed: CaseFeed, cases: Sequence[Case], synchronise: Callable[[], None]
) -> RequestTimes:
    """Time one request from the files of its images to its answer.

    The device is synchronised before the first and after each further span, so that work in its queue is counted where
    it was requested.
    """
    synchronise()
    start = perf_counter_ns()
    images = [feed.read(case) for case in cases]
    decode = (perf_counter_ns() - start) / 1e6
    images = feed.number(images)
    preprocess, forward, postprocess, total = answer(images)
    answered = perf_counter_ns()
    del images  # copies of shared images take as long to free as to make
    feed.harness_s += (perf_counter_ns() - answered) / 1e9
    return RequestTimes(decode, decode + preprocess, forward, postprocess, decode + total)


def time_steps(predictor: SteppedPredictor) -> Answer:
    """Return a function that times the steps of a predictor on one batch, in milliseconds."""

    def answer(images: ImageBatch) -> tuple[float, float, float, float]:
        start = perf_counter_ns()
        inputs = predictor.preprocess(images)
        prepared = perf_counter_ns()
        outputs = predictor.forward(inputs)
        predictor.synchronise()
        computed = perf_counter_ns()
        predictor.postprocess(outputs, images)
        predictor.synchronise()
        end = perf_counter_ns()
        return (prepared - start) / 1e6, (computed - prepared) / 1e6, (end - computed) / 1e6, (end - start) / 1e6

    return answer


def time_call(predict: "Predictor | Detector | Callable[[ImageBatch], object]") -> Answer:
    """Return a function that times a predictor without steps on one batch, in milliseconds."""

    def answer(images: ImageBatch) -> tuple[float, float, float, float]:
        start = perf_counter_ns()
        predict(images)
        return np.nan, np.nan, np.nan, (perf_counter_ns() - start) / 1e6

    return answer


@dataclass(frozen=True, kw_only=True)
class BlockLimits:
    """When a block ends: after ``seconds`` and ``min_requests``, but not after ``max_requests`` or ``max_seconds``."""

    seconds: float
    min_requests: int = 1
    max_requests: int | None = None
    max_seconds: float | None = None

    def is_done(self, requests: int, seconds: float) -> bool:
        """Whether a block ends after so many requests and seconds."""
        if self.max_requests is not None and requests >= self.max_requests:
            return True
        if self.max_seconds is not None and seconds >= self.max_seconds and requests:
            return True
        return seconds >= self.seconds and requests >= self.min_requests


def run_block(
    answer: Answer, feed: CaseFeed, limits: BlockLimits, *, batch: int, synchronise: Callable[[], None]
) -> tuple[tuple[str, ...], Floats, float]:
    """Send one request after the other; return the case ids, the times and the duration in seconds."""
    times: list[RequestTimes] = []
    case_ids: list[str] = []
    start, harness_s = perf_counter_ns(), feed.harness_s
    seconds = 0.0
    while not limits.is_done(len(times), seconds):
        cases = feed.take(batch)
        times.append(time_request(answer, feed, cases, synchronise))
        case_ids.append(cases[0].case_id)
        seconds = (perf_counter_ns() - start) / 1e9 - (feed.harness_s - harness_s)
    return tuple(case_ids), np.array(times, dtype=np.float64), seconds
