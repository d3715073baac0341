"""Requests: every image is sent once per cycle, no two are equal, and blocks end when they should."""

import time

import numpy as np
from timed_models import CASES

from arogya_bench.measurement.requests import BlockLimits, CaseFeed, run_block, time_call


def feed_of(image=None):
    def read(case):
        return np.zeros((4, 4, 3), np.uint8) if image is None else image

    return CaseFeed(cases=CASES, read=read, rng=np.random.default_rng(0))


def test_every_case_comes_once_before_any_comes_again():
    feed = feed_of()

    taken = [case.case_id for case in feed.take(len(CASES))]

    assert sorted(taken) == sorted(case.case_id for case in CASES)
    assert taken != [case.case_id for case in CASES]


def test_copies_of_one_image_differ_in_their_lowest_bits_only():
    image = np.random.default_rng(1).integers(0, 256, (5, 3, 3), np.uint8)
    image.setflags(write=False)
    feed = feed_of(image)

    numbered = feed.number([image] * 300)

    assert len({copy.tobytes() for copy in numbered}) == 300
    assert all(np.abs(copy.astype(int) - image).max() <= 3 for copy in numbered)
    assert all((copy.reshape(-1)[16:] == image.reshape(-1)[16:]).all() for copy in numbered)


def test_an_image_that_cannot_be_written_is_not_changed():
    image = np.zeros((2, 2, 3), np.uint8)
    image.setflags(write=False)

    (numbered,) = feed_of(image).number([image])

    assert numbered.any()
    assert not image.any()


def test_a_block_ends_after_its_seconds_and_its_requests():
    assert not BlockLimits(seconds=1, min_requests=10).is_done(9, 5.0)
    assert BlockLimits(seconds=1, min_requests=10).is_done(10, 1.0)
    assert not BlockLimits(seconds=1, min_requests=10).is_done(20, 0.5)
    assert BlockLimits(seconds=1, min_requests=10, max_requests=20).is_done(20, 0.5)
    assert BlockLimits(seconds=1, min_requests=10, max_seconds=3).is_done(2, 3.0)
    assert not BlockLimits(seconds=0, min_requests=1, max_seconds=0).is_done(0, 3.0)


def test_a_block_counts_images_and_not_requests():
    batches = []

    case_ids, times, seconds = run_block(
        time_call(lambda images: batches.append(len(images))),
        feed_of(),
        BlockLimits(seconds=0, min_requests=3),
        batch=5,
        synchronise=lambda: None,
    )

    assert batches == [5, 5, 5]
    assert len(case_ids) == 3
    assert times.shape == (3, 5)
    assert seconds > 0
    assert np.isnan(times[:, 1:4]).all()


def test_large_images_are_not_copied_within_the_time_of_a_block():
    """Numbering a shared image copies it, which is no work of the model."""
    image = np.zeros((1200, 1200, 3), np.uint8)
    image.setflags(write=False)
    limits = BlockLimits(seconds=0.0, min_requests=20)

    feed = feed_of(image)

    _, times, seconds = run_block(
        time_call(lambda images: time.sleep(0.001)), feed, limits, batch=8, synchronise=lambda: None
    )

    assert feed.harness_s > 0.005  # 100 MB are copied
    assert seconds - times[:, 4].sum() / 1e3 < 0.3 * feed.harness_s


def test_an_image_of_its_own_is_numbered_in_place():
    image = np.zeros((4, 4, 3), np.uint8)

    (numbered,) = feed_of().number([image])

    assert numbered is image
