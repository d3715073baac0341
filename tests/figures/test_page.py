from io import BytesIO

import numpy as np
import pytest
from matplotlib import rc_context
from PIL import Image

from arogya_bench.figures.page import create_grid, fit_text, page_style, show_image, text_width, to_png


def pixels(figure):
    return np.asarray(Image.open(BytesIO(to_png(figure, margin=0))).convert("RGB"))


def shown(image, side=196):
    with page_style():
        figure, grid = create_grid(1, [side], side, (0, 0))
        show_image(grid[0, 0], image)
        return pixels(figure)


def write(text):
    with page_style():
        figure, _ = create_grid(1, [300], 40, (0, 0))
        figure.text(0, 0.5, text)
        return pixels(figure)


def test_a_grid_has_exactly_its_size():
    with page_style():
        figure, grid = create_grid(3, [200, 77, 77], 33, (8, 5))
        grid[2, 1].set_facecolor("black")
        drawn = pixels(figure)

    rows, columns = np.nonzero((drawn == 0).all(axis=-1))
    assert drawn.shape == (3 * 33 + 2 * 5, 200 + 2 * 77 + 2 * 8, 3)
    assert (rows.min(), rows.max() + 1) == (2 * 38, 3 * 33 + 2 * 5)
    assert (columns.min(), columns.max() + 1) == (208, 285)


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

    assert text == "Naevus Ž $x$ невус � ��"
    assert (write(text) < 255).any()


def test_a_page_does_not_depend_on_the_settings_of_the_user():
    before = write("the same")
    with rc_context({"font.size": 30, "savefig.facecolor": "red", "figure.dpi": 200, "savefig.dpi": 300}):
        after = write("the same")

    assert (before == after).all()


def test_empty_text_stays_empty():
    assert fit_text("  ", size=14, width=100, max_lines=1) == ""
