"""Every image is looked at once, and what a reader refuses is a problem with a reason."""

import os

import numpy as np
import PIL.Image
import pytest

from arogya_bench.errors import DatasetError, MissingExtra
from arogya_bench.gate.image_facts import measure_pixels
from arogya_bench.gate.scanning import scan_image, scan_images
from arogya_bench.images.decoding import decode
from arogya_bench.types import Case

CASE = Case(case_id="a", group_id="a", target=0)
IMAGE = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


def test_an_image_without_a_file_has_pixels_and_size():
    facts = scan_image(CASE, None, lambda case: IMAGE)

    assert (facts.width, facts.height, facts.pixels) == (6, 4, measure_pixels(IMAGE))
    assert (facts.file_bytes, facts.mode, facts.bits, facts.frames) == (None,) * 4


def test_the_size_is_that_of_the_upright_image(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(IMAGE).save(tmp_path / "a.jpg", exif=exif)

    facts = scan_image(CASE, tmp_path / "a.jpg", lambda case: decode(tmp_path / "a.jpg"))

    assert (facts.width, facts.height) == (4, 6)


@pytest.mark.parametrize("error", [DatasetError("No such case.", fix="x"), ValueError("No such case.")])
def test_what_the_reader_says_is_the_reason(error):
    def read(case):
        raise error

    facts = scan_image(CASE, None, read)

    assert (facts.problem, facts.reason, facts.pixels) == ("AB201", "No such case.", None)


def test_a_sound_file_that_the_reader_refuses_is_unreadable(tmp_path):
    PIL.Image.fromarray(IMAGE).save(tmp_path / "a.png")

    def read(case):
        raise DatasetError("The image is of the wrong kind.", fix="x")

    facts = scan_image(CASE, tmp_path / "a.png", read)

    assert (facts.problem, facts.reason) == ("AB201", "The image is of the wrong kind.")
    assert facts.file_bytes == (tmp_path / "a.png").stat().st_size


def test_sixteen_bits_with_a_window_are_fine(tmp_path):
    PIL.Image.fromarray(np.full((4, 6), 3000, dtype=np.uint16)).save(tmp_path / "a.png")

    facts = scan_image(CASE, tmp_path / "a.png", lambda case: decode(tmp_path / "a.png", window=(0, 4000)))

    assert (facts.problem, facts.bits) == (None, 16)


def test_a_file_that_changes_during_the_scan_is_a_problem(tmp_path):
    PIL.Image.fromarray(IMAGE).save(tmp_path / "a.bmp")

    def read(case):
        PIL.Image.fromarray(255 - IMAGE).save(tmp_path / "a.bmp")
        os.utime(tmp_path / "a.bmp", (1, 1))
        return decode(tmp_path / "a.bmp")

    facts = scan_image(CASE, tmp_path / "a.bmp", read)

    assert (facts.problem, facts.pixels) == ("AB201", None)
    assert facts.reason == "it changed while it was read; run again when no process is writing to it"


@pytest.mark.parametrize("moment", ["header", "read"])
def test_a_file_that_vanishes_during_the_scan_is_missing(tmp_path, moment):
    PIL.Image.fromarray(IMAGE).save(tmp_path / "a.png")

    def read(case):
        (tmp_path / "a.png").unlink()
        if moment == "header":
            return IMAGE
        return decode(tmp_path / "a.png")

    facts = scan_image(CASE, tmp_path / "a.png", read)

    assert (facts.problem, facts.pixels) == ("AB210", None)


@pytest.mark.parametrize(
    ("image", "code", "reason"),
    [
        (np.full((4, 6, 3), np.nan), "AB209", "72 of 72 values are NaN or infinite"),
        (np.zeros((4, 6, 3)), "AB201", "float64 of shape 4 x 6 x 3, not 8-bit RGB"),
        (np.zeros((4, 6), dtype=np.uint8), "AB201", "uint8 of shape 4 x 6, not"),
        (np.zeros((0, 6, 3), dtype=np.uint8), "AB201", "shape 0 x 6 x 3"),
    ],
)
def test_what_is_no_image_is_a_problem(image, code, reason):
    facts = scan_image(CASE, None, lambda case: image)

    assert facts.problem == code
    assert reason in facts.reason


def test_a_missing_library_stops_the_gate(tmp_path):
    def read(case):
        raise MissingExtra("no pydicom", fix="pip install")

    with pytest.raises(MissingExtra):
        scan_image(CASE, None, read)


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_the_order_is_that_of_the_cases(workers):
    cases = [Case(case_id=str(i), group_id=str(i), target=0) for i in range(50)]

    facts = scan_images(cases, {}, lambda case: IMAGE + np.uint8(int(case.case_id)), workers)

    assert [each.case_id for each in facts] == [case.case_id for case in cases]
    assert len({each.pixels.pixel_hash for each in facts}) == 50
