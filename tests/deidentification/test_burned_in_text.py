"""Text in pixels is seen, and pictures without text are left alone."""

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest

from arogya_bench.deidentification.burned_in_text import count_ocr_lines, count_text_rows

TEXTS = ("DOE^JANE 1961-03-04", "ID 4711-0815", "12.03.2021 14:05 F")


def written(grey, text, size, colour, where):
    height = size + 4 if where == "top" else grey.shape[0] - size - 6
    image = PIL.Image.fromarray(grey)
    font = PIL.ImageFont.load_default(size)
    PIL.ImageDraw.Draw(image).text((6, height - size), text, fill=colour, font=font)
    return np.asarray(image)


@pytest.fixture(scope="module")
def lesions():
    from arogya_bench.datasets.synthetic import Synthetic

    dataset = Synthetic(cases=24, classes=3, image_size=224).load()
    return [dataset.read(case)[..., 1] for case in dataset.cases]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [12, 16, 24])
@pytest.mark.parametrize("where", ["top", "bottom"])
def test_bright_text_on_black_is_seen(text, size, where):
    assert count_text_rows(written(np.zeros((256, 400), np.uint8), text, size, 255, where))


def test_dark_text_on_lesions_is_seen_in_nine_of_ten(lesions):
    seen = [count_text_rows(written(grey, TEXTS[0], 14, 5, "top")) > 0 for grey in lesions]

    assert np.mean(seen) >= 0.9


def test_lesions_with_hairs_and_rulers_raise_no_alarm(lesions):
    assert np.mean([count_text_rows(grey) > 0 for grey in lesions]) <= 0.05


def test_strokes_of_opencv_are_seen():
    grey = np.full((480, 640), 40, np.uint8)
    cv2.putText(grey, TEXTS[0], (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 230, 2, cv2.LINE_AA)

    assert count_text_rows(grey) >= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (28, 28), (3000, 40)])
def test_images_of_any_shape_can_be_searched(shape):
    rng = np.random.default_rng(0)

    assert count_text_rows(rng.integers(0, 256, shape, dtype=np.uint8)) == 0


def test_a_large_image_is_searched_in_small():
    grey = written(np.zeros((1500, 2400), np.uint8), TEXTS[0], 48, 255, "top")

    assert count_text_rows(grey)


@pytest.mark.slow
def test_ocr_counts_lines_and_keeps_no_word():
    pytest.importorskip("rapidocr_onnxruntime")
    grey = written(np.zeros((120, 400), np.uint8), TEXTS[0], 28, 255, "top")

    assert count_ocr_lines(np.ascontiguousarray(grey)) == 1
    assert count_ocr_lines(np.zeros((120, 400), np.uint8)) == 0
