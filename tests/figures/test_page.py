from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from arogya_bench.figures.page import Page, fit_text, show_image, text_width


def pixels(page):
    return np.asarray(Image.open(BytesIO(page.to_png())).convert("RGB"))


def shown(image, side=196):
    page = Page(side, side)
    show_image(page.add_axes(0, 0, side, side), image, longest_side=side)
    return pixels(page)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (333, 77), (1460, 1234)])
def test_a_page_has_exactly_its_size(width, height):
    assert pixels(Page(width, height)).shape == (height, width, 3)


@pytest.mark.parametrize(("height", "width"), [(20, 40), (1000, 2000), (150, 300)])
def test_an_image_keeps_its_proportions_and_is_centred(height, width):
    drawn = shown(np.full((height, width, 3), 128, dtype=np.uint8))

    rows = np.flatnonzero((drawn == 128).all(axis=(1, 2)))
    assert (rows.min(), rows.max()) == (196 // 4, 196 - 196 // 4 - 1)


def test_an_image_thinner_than_a_pixel_of_the_page_is_visible():
    drawn = shown(np.full((1, 3000, 3), 128, dtype=np.uint8))

    assert (drawn == 128).all(axis=-1).sum() == 196


@pytest.mark.parametrize("side", [1, 7, 28, 64])
def test_pixels_of_a_small_image_become_squares(side):
    checks = (np.indices((side, side)).sum(axis=0) % 2 * 254).astype(np.uint8)

    drawn = shown(np.repeat(checks[..., np.newaxis], 3, axis=2))

    assert np.isin(drawn, (0, 254)).all()
    assert drawn.mean() == pytest.approx(checks.mean(), abs=2)


def test_a_large_image_is_smoothed():
    noise = np.random.default_rng(0).integers(0, 2, (2000, 2000, 1), dtype=np.uint8) * 255

    assert shown(noise.repeat(3, axis=2)).std() < 30


@pytest.mark.parametrize("text", ["a few words", "long words " * 40, "x" * 300, "W" * 99])
def test_text_fits_its_lines(text):
    lines = fit_text(text, size=14, width=150, max_lines=3).split("\n")

    assert len(lines) <= 3
    assert max(text_width(line, 14) for line in lines) <= 150
    assert "".join("".join(lines).split()).rstrip("…") in text.replace(" ", "")
    assert lines[-1].endswith("…") == (len(text) > 50)


def test_text_of_any_script_is_drawn_without_warnings():
    text = fit_text("Naevus Ž $x$ невус 痣 \udc80\x07", size=14, width=500, max_lines=1)
    page = Page(500, 40)
    page.write(5, 5, text, size=14)

    assert text == "Naevus Ž $x$ невус � ��"
    assert (pixels(page) < 255).any()


def test_equal_pages_give_equal_bytes():
    def draw():
        page = Page(300, 40)
        page.write(5, 5, "the same", size=14)
        return page.to_png()

    assert draw() == draw()


def test_empty_text_stays_empty():
    assert fit_text("  ", size=14, width=100, max_lines=1) == ""
