from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Picture

from arogya_bench.figures.box_overlay import TILE_SIDE, draw_boxes
from arogya_bench.figures.theme import COLOURS
from arogya_bench.types import Box, Detections

CLASSES = ("red", "white", "platelet")


def grey(height, width):
    return np.full((height, width, 3), 128, dtype=np.uint8)


def found(*boxes):
    """Detections of (left, top, width, height, score, label)."""
    table = np.array(boxes, dtype=np.float64).reshape(-1, 6)
    return Detections(boxes=table[:, :4], scores=table[:, 4], labels=table[:, 5].astype(np.int64))


def box(left, top, width, height, label, *, crowd=False):
    return Box(left=left, top=top, width=width, height=height, label=label, crowd=crowd)


def sheet(images, truth, detections, classes=CLASSES):
    png = draw_boxes(images, truth, detections, classes, threshold=0.5)
    return np.asarray(Picture.open(BytesIO(png)).convert("RGB")).astype(int)


def rgb(label):
    return [int(COLOURS[label][start : start + 2], 16) for start in (1, 3, 5)]


def of_colour(pixels, label):
    return (pixels == rgb(label)).all(axis=-1)


def picture(pixels):
    """The grey image on the sheet, without legend and caption."""
    rows, columns = np.nonzero((pixels == 128).all(axis=-1))
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def legend(pixels):
    return pixels[: int(np.nonzero((pixels == 128).all(axis=-1))[0].min())]


def middle_row(pixels, label):
    """How many pixels of a colour lie on the row through the middle of the image."""
    return int(of_colour(pixels[len(pixels) // 2], label).sum())


def test_true_box_is_a_thick_frame_at_its_place():
    """In an image of half the size of its tile, edges lie at twice their distance."""
    side = TILE_SIDE // 2

    drawn = picture(sheet([grey(side, side)], [[box(60, 60, 100, 140, 1)]], [found()]))

    columns = np.flatnonzero(of_colour(drawn[len(drawn) // 2], 1))
    left, right = columns[columns < 200], columns[columns > 200]
    assert drawn.shape == (TILE_SIDE, TILE_SIDE, 3)
    assert (left.size, right.size) == (5, 5)
    assert (left.mean(), right.mean()) == (120, 320)


def test_found_box_is_thin_and_dashed_and_tagged():
    one = found((60, 60, 140, 140, 0.9, 0))

    drawn = picture(sheet([grey(TILE_SIDE, TILE_SIDE)], [[]], [one]))

    edge = of_colour(drawn[100:190, 60], 0)
    assert 0.3 < edge.mean() < 0.7
    assert np.abs(np.diff(edge.astype(int))).sum() >= 10
    assert of_colour(drawn[40:60, 60:140], 0).mean() > 0.3  # the tag, around its white letters


def test_found_box_shows_on_a_true_box_of_the_same_place_and_class():
    here = (60, 60, 300, 300)
    image = [grey(TILE_SIDE, TILE_SIDE)]

    alone = picture(sheet(image, [[box(*here, 0)]], [found()]))
    both = picture(sheet(image, [[box(*here, 0)]], [found((*here, 0.9, 0))]))

    white = (both[100:350, 58:63] == 255).all(axis=-1).any(axis=1)
    assert of_colour(alone[100:350, 60], 0).all()
    assert 0.3 < white.mean() < 0.7
    assert of_colour(both[100:350, 58:63], 0).any(axis=1).all()


def test_score_below_the_threshold_is_not_drawn_and_the_threshold_itself_is():
    image = [grey(TILE_SIDE, TILE_SIDE)]

    below = sheet(image, [[]], [found((60, 60, 140, 140, 0.499, 2))])
    at = sheet(image, [[]], [found((60, 60, 140, 140, 0.5, 2))])

    assert not of_colour(below, 2).any()
    assert of_colour(at, 2).any()


def test_legend_names_only_the_classes_that_are_shown():
    drawn = sheet([grey(TILE_SIDE, TILE_SIDE)], [[box(60, 200, 60, 60, 1)]], [found()])

    assert of_colour(legend(drawn), 1).any()
    assert not of_colour(legend(drawn), 0).any()


def test_crowd_is_thinner_than_a_box_and_explained():
    image, place = [grey(TILE_SIDE, TILE_SIDE)], (60, 60, 300, 300)

    plain = sheet(image, [[box(*place, 0)]], [found()])
    crowd = sheet(image, [[box(*place, 0, crowd=True)]], [found()])

    assert middle_row(picture(plain), 0) == 10
    assert middle_row(picture(crowd), 0) == 2
    assert (legend(crowd) < 100).sum() > 1.2 * (legend(plain) < 100).sum()


@pytest.mark.parametrize("size", [(28, 28), (480, 640), (1000, 700), (1, 900)])
def test_images_of_every_size_fill_their_tile(size):
    drawn = picture(sheet([grey(*size)], [[]], [found()]))

    assert max(drawn.shape) == TILE_SIDE
    assert drawn.shape[0] / drawn.shape[1] == pytest.approx(size[0] / size[1], abs=2 / TILE_SIDE)


@pytest.mark.parametrize("size", [(1, 900), (900, 1), (28, 28)])
def test_boxes_are_drawn_on_images_that_are_thinner_than_a_line(size):
    height, width = size
    whole = (0, 0, width, height)

    drawn = sheet([grey(height, width)], [[box(*whole, 0)]], [found((*whole, 0.9, 1))])

    assert of_colour(drawn, 1).any()


def test_lines_are_as_thick_on_a_tiny_image_as_on_a_large_one():
    tiny = picture(sheet([grey(28, 28)], [[box(7, 7, 14, 14, 0)]], [found()]))
    large = picture(sheet([grey(1000, 1000)], [[box(250, 250, 500, 500, 0)]], [found()]))

    assert middle_row(tiny, 0) == middle_row(large, 0) == 10


def test_box_beyond_the_rim_stays_visible():
    drawn = sheet([grey(100, 100)], [[box(-20, -20, 300, 300, 0)]], [found()])

    assert middle_row(drawn, 0) == 10


def test_two_classes_of_one_colour_are_told_apart_by_their_names():
    """The eleventh class has the colour of the first, so true boxes are named too."""
    names = [f"kind {number}" for number in range(11)]
    image = [grey(TILE_SIDE, TILE_SIDE)]

    first, last = (
        picture(sheet(image, [[box(60, 60, 300, 300, label)]], [found()], names))
        for label in (0, 10)
    )

    assert (first != last).any()


def test_six_images_stand_in_two_rows_and_inputs_stay_as_they_are():
    images = [grey(30, 40) for _ in range(6)]
    detections = [found((5, 5, 20, 20, 0.9, 1)) for _ in range(6)]

    png, again = (
        draw_boxes(images, [[]] * 6, detections, CLASSES, threshold=0.5) for _ in range(2)
    )

    width, height = Picture.open(BytesIO(png)).size
    assert png == again
    assert 3 * TILE_SIDE < width < 3.3 * TILE_SIDE
    assert 2 * 0.75 * TILE_SIDE < height < 2.5 * 0.75 * TILE_SIDE
    assert all((image == 128).all() for image in images)


@pytest.mark.parametrize(("images", "truth"), [(0, 0), (7, 7), (2, 1)])
def test_sheet_of_no_or_too_many_images_is_refused(images, truth):
    with pytest.raises(ValueError, match="from 1 to 6"):
        draw_boxes(
            [grey(20, 20)] * images, [[]] * truth, [found()] * images, CLASSES, threshold=0.5
        )
