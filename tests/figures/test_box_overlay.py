from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from arogya_bench.figures.box_overlay import TILE_SIDE, draw_boxes
from arogya_bench.figures.theme import COLOURS
from arogya_bench.types import Box, Detections

CLASSES = ("red", "_white", "platelet $n$")


def grey(height=TILE_SIDE, width=TILE_SIDE):
    return np.full((height, width, 3), 128, dtype=np.uint8)


def detected(*boxes):
    """Detections of (left, top, width, height, score, label)."""
    table = np.array(boxes, dtype=np.float64).reshape(-1, 6)
    return Detections(boxes=table[:, :4], scores=table[:, 4], labels=table[:, 5].astype(np.int64))


def box(left, top, width, height, label, *, crowd=False):
    return Box(left=left, top=top, width=width, height=height, label=label, crowd=crowd)


def draw(image, boxes, detections, classes=CLASSES):
    """The pixels of the one image on a sheet, without legend and caption."""
    png = draw_boxes([image], [boxes], [detections], classes, threshold=0.5)
    pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB"))
    rows, columns = np.nonzero((pixels == 128).all(axis=-1))
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def of_colour(pixels, label):
    colour = [int(COLOURS[label][start : start + 2], 16) for start in (1, 3, 5)]
    return (np.abs(pixels.astype(int) - colour) < 30).all(axis=-1)


def middle_row(pixels, label):
    """Columns of a colour in the row through the middle of the image."""
    return np.flatnonzero(of_colour(pixels[len(pixels) // 2], label))


def test_true_box_is_a_thick_frame_at_its_place():
    """In an image of half the size of its tile, edges lie at twice their distance."""
    half = grey(TILE_SIDE // 2, TILE_SIDE // 2)

    columns = middle_row(draw(half, [box(60, 60, 100, 140, 1)], detected()), 1)

    left, right = columns[columns < 200], columns[columns > 200]
    assert (left.size, right.size) == pytest.approx((5, 5), abs=1)
    assert (left.mean(), right.mean()) == pytest.approx((120, 320), abs=1)


def test_detected_box_is_dashed_and_shows_on_a_true_box_of_the_same_place_and_class():
    here = (60, 60, 300, 300)

    alone = draw(grey(), [box(*here, 0)], detected())
    both = draw(grey(), [box(*here, 0)], detected((*here, 0.9, 0)))

    white = (both[100:350, 58:63] > 200).all(axis=-1).any(axis=1)
    assert of_colour(alone[100:350, 60], 0).all()
    assert 0.3 < white.mean() < 0.7
    assert of_colour(both[40:57, 60:100], 0).mean() > 0.3  # the tag, around its white letters


def test_legend_tags_and_caption_name_what_is_shown(texts):
    detections = detected((60, 60, 140, 140, 0.499, 2), (60, 60, 140, 140, 0.5, 0))
    boxes = [box(60, 200, 60, 60, 1), box(9, 9, 60, 60, 1, crowd=True)]

    pixels = draw(grey(), boxes, detections)

    assert not of_colour(pixels, 2).any()
    drawn = [text.strip() for text, _ in texts]
    assert {"_white", "red", "red 0.50", "1 true, 1 detected", "crowd, not counted"} <= set(drawn)
    assert "detected box, score 0.50 or more" in drawn
    assert not any("platelet" in text for text in drawn)
    assert min(size for text, size in texts if text) >= 10


def test_classes_of_one_colour_are_told_apart_by_their_names(texts):
    """The eleventh class has the colour of the first, so that true boxes are named too."""
    draw(grey(), [box(60, 60, 300, 300, 10)], detected(), [f"class {k}" for k in range(11)])

    assert [text for text, _ in texts].count("class 10") == 1


def test_letters_that_no_font_has_are_named_in_the_legend(texts, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    draw(grey(), [box(60, 60, 300, 300, 0)], detected(), ["\U0001fbff größe"])

    drawn = [text.strip() for text, _ in texts]
    assert "class 1: \N{REPLACEMENT CHARACTER} größe" in drawn
    assert any(text.endswith("no font of this machine has: U+1FBFF.") for text in drawn)


def test_tags_of_boxes_at_one_place_do_not_cover_each_other():
    here = (200, 200, 150, 150)

    pixels = draw(grey(), [], detected((*here, 0.9, 0), (*here, 0.8, 1)))

    tags = [int(of_colour(pixels, label).sum()) for label in (0, 1)]
    assert min(tags) > 500


@pytest.mark.parametrize("size", [(28, 28), (480, 640), (1000, 700)])
def test_images_of_every_size_fill_their_tile_and_have_lines_of_one_width(size):
    height, width = size

    drawn = draw(grey(*size), [box(width / 4, height / 4, width / 2, height / 2, 0)], detected())

    assert max(drawn.shape) == pytest.approx(TILE_SIDE, abs=1)
    assert drawn.shape[0] / drawn.shape[1] == pytest.approx(height / width, abs=4 / TILE_SIDE)
    assert middle_row(drawn, 0).size == pytest.approx(10, abs=2)


@pytest.mark.parametrize("size", [(1, 900), (900, 1), (28, 28)])
def test_boxes_beyond_the_rim_and_on_lines_of_pixels_are_visible(size):
    whole = (-20, -20, 2000, 2000)

    png = draw_boxes([grey(*size)], [[box(*whole, 0)]], [detected((*whole, 0.9, 1))], CLASSES, threshold=0.5)

    pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB"))
    below_legend = pixels[-60:]
    assert of_colour(below_legend, 0).any()
    assert of_colour(below_legend, 1).any()


def test_six_images_stand_in_two_rows_with_the_same_bytes_each_time():
    images = [grey(30, 40) for _ in range(6)]
    detections = [detected((5, 5, 20, 20, 0.9, 1)) for _ in range(6)]

    png, again = (draw_boxes(images, [[]] * 6, detections, CLASSES, threshold=0.5) for _ in range(2))

    width, height = Image.open(BytesIO(png)).size
    assert png == again
    assert 3 * TILE_SIDE < width < 3.3 * TILE_SIDE
    assert 2 * 0.75 * TILE_SIDE < height < 2.5 * 0.75 * TILE_SIDE
    assert all((image == 128).all() for image in images)


@pytest.mark.parametrize(("images", "truth"), [(0, 0), (7, 7), (2, 1)])
def test_sheet_of_no_or_too_many_images_is_refused(images, truth):
    with pytest.raises(ValueError, match="from 1 to 6"):
        draw_boxes([grey()] * images, [[]] * truth, [detected()] * images, CLASSES, threshold=0.5)
