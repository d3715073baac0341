from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from arogya_bench.errors import DatasetError
from arogya_bench.figures.contact_sheet import GAP, LABEL_WIDTH, MARGIN, MAX_ROWS, TILE_SIDE, draw_contact_sheet
from arogya_bench.figures.theme import COLOURS
from arogya_bench.types import Box, Case, Dataset

GREY = (128, 128, 128)


def grey(_case):
    return np.full((40, 40, 3), 128, dtype=np.uint8)


def cases(*targets, boxes=None):
    return tuple(
        Case(case_id=f"c{n}", group_id=f"g{n}", target=target, boxes=boxes) for n, target in enumerate(targets)
    )


def dataset(cases, *, classes=("normal", "ill"), read=grey, **options):
    facts = {
        "name": "chests",
        "task": "classification",
        "grouped": False,
        "digest": "0" * 32,
        "licence": "CC0",
        "source": "drawn",
        "version": "1",
        **options,
    }
    return Dataset(classes=classes, cases=cases, read=read, **facts)


def sheet(of, per_class=2, seed=1):
    png = draw_contact_sheet(of, per_class=per_class, rng=np.random.default_rng(seed))
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def tile(pixels, row, column, rows):
    """One square of a sheet, whose rows end at the lower margin."""
    top = len(pixels) - MARGIN + GAP - (rows - row) * (TILE_SIDE + GAP)
    left = MARGIN + LABEL_WIDTH + column * (TILE_SIDE + GAP)
    return pixels[top : top + TILE_SIDE, left : left + TILE_SIDE]


def share(pixels, colour):
    colour = [int(colour[k : k + 2], 16) for k in (1, 3, 5)] if isinstance(colour, str) else colour
    return float((pixels == colour).all(axis=-1).mean())


def test_images_stand_in_the_row_of_their_class(texts):
    def read(case):
        return np.full((30, 30, 3), (60, 200)[case.target], dtype=np.uint8)

    pixels = sheet(dataset(cases(0, 1, 0), read=read))

    assert pixels.shape[1] == 2 * MARGIN + LABEL_WIDTH + 2 * TILE_SIDE + GAP
    assert (tile(pixels, 0, 0, 2) == 60).all()
    assert (tile(pixels, 0, 1, 2) == 60).all()
    assert (tile(pixels, 1, 0, 2) == 200).all()
    assert (tile(pixels, 1, 1, 2) == 255).all()
    drawn = {text for text, _ in texts}
    assert drawn >= {"chests", "normal", "ill", "2 images", "1 image"}
    assert "classification · 3 images · 2 classes · CC0" in drawn
    assert min(size for text, size in texts if text) >= 10


def test_the_same_rng_gives_the_same_bytes():
    def read(case):
        return np.full((30, 30, 3), int(case.case_id[1:]), dtype=np.uint8)

    many = dataset(cases(*[0, 1] * 100), read=read)

    one, again, other = (draw_contact_sheet(many, rng=np.random.default_rng(k)) for k in (1, 1, 2))

    assert one == again != other


def test_an_unreadable_image_leaves_a_tile_with_its_name(texts):
    def read(case):
        if case.case_id == "c1":
            raise DatasetError("The image c1.png is truncated.", fix="download it again")
        return grey(case)

    pixels = sheet(dataset(cases(0, 1), read=read, classes=("normal", "ill", "neither")))

    assert [share(tile(pixels, row, 0, 3), GREY) for row in range(3)] == [1, 0, 0]
    assert {text for text, _ in texts} >= {"unreadable: c1", "no image"}


def test_other_errors_of_a_reader_are_not_swallowed():
    def read(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sheet(dataset(cases(0, 1), read=read))


def test_boxes_lie_on_their_object_and_are_thicker_in_the_row_of_their_class():
    """Of 40 pixels the box takes those from 10 to 30: from a quarter to three quarters."""
    boxes = tuple(Box(left=10.0, top=10.0, width=20.0, height=20.0 - 10 * label, label=label) for label in (0, 1))

    pixels = sheet(dataset(cases(None, boxes=boxes), task="detection"))

    first, second = (tile(pixels, row, 0, 2) for row in range(2))
    rows, columns = np.nonzero((first != GREY).any(axis=-1))
    quarter = TILE_SIDE // 4
    edges = [rows.min(), rows.max(), columns.min(), columns.max()]
    assert edges == pytest.approx([quarter, 3 * quarter, quarter, 3 * quarter], abs=3)
    assert share(first, COLOURS[0]) > share(second, COLOURS[0])
    assert share(second, COLOURS[1]) > share(first, COLOURS[1])


def square(label):
    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[10:30, 10:30] = label
    return mask


def test_masks_are_outlined_in_the_colour_of_their_class(texts):
    def read_mask(case):
        if case.case_id == "c0":
            raise DatasetError("The mask c0.png is truncated.", fix="download it again")
        return square(1 + int(case.case_id[1:]) % 2)

    classes = ("background", "lesion", "core")
    of = dataset(cases(*[None] * 4), classes=classes, task="segmentation", read_mask=read_mask)
    pixels = sheet(of)

    lesion, core, unreadable = (tile(pixels, row, 0, 3) for row in range(3))
    assert share(lesion, COLOURS[1]) > 0 == share(lesion, COLOURS[2])
    assert share(core, COLOURS[2]) > 0 == share(core, COLOURS[1])
    assert share(lesion[80:116, 80:116], GREY) == 1
    assert share(unreadable, GREY) > 0.5
    assert "mask unreadable: c0" in {text for text, _ in texts}


def test_the_mask_of_a_classified_image_has_the_colour_of_its_class():
    pixels = sheet(dataset(cases(0, 1), read_mask=lambda _: square(1)))

    assert share(tile(pixels, 0, 0, 2), COLOURS[0]) > 0
    assert share(tile(pixels, 1, 0, 2), COLOURS[1]) > 0


def test_an_empty_mask_and_one_that_fills_the_image_can_be_drawn():
    full = np.ones((3000, 20), dtype=np.uint8)

    for mask in (full, full * 0):
        sheet(dataset(cases(0, 1), read_mask=lambda _, mask=mask: mask))


@pytest.mark.parametrize("name", ["a very long name of a class {} " * 9, "x{}" * 200])
def test_no_name_reaches_into_an_image(name):
    pixels = sheet(dataset(cases(0, 1), classes=(name.format(0, *[0] * 200), "b")), per_class=1)

    assert (pixels[:, MARGIN + LABEL_WIDTH - GAP : MARGIN + LABEL_WIDTH][-2 * TILE_SIDE :] == 255).all()
    assert share(tile(pixels, 0, 0, 2), GREY) == 1


def test_of_very_many_classes_the_first_are_shown(texts):
    count = MAX_ROWS + 10
    names = tuple(f"class {label}" for label in range(count))

    pixels = sheet(dataset(cases(*range(count)), classes=names), per_class=1)

    assert MAX_ROWS * TILE_SIDE < len(pixels) < (MAX_ROWS + 1) * (TILE_SIDE + GAP) + 200
    assert "Not shown: the last 10 classes." in " ".join(text for text, _ in texts).replace("\n", " ")


def test_a_name_that_no_font_can_draw_is_numbered_and_its_letters_are_named(texts, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    sheet(dataset(cases(0, 1), classes=("größe", "\U0001fbff")))

    written = [text for text, _ in texts]
    assert "größe" in written
    assert "class 2: \N{REPLACEMENT CHARACTER}" in written
    assert any("no font of this machine has: U+1FBFF." in text for text in written)


def test_a_sheet_of_no_images_is_refused():
    with pytest.raises(ValueError, match="per_class=0"):
        sheet(dataset(cases(0, 1)), per_class=0)
