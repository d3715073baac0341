"""A contact sheet shows images of every class as they are, and what it cannot show."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Picture

from arogya_bench.errors import DatasetError
from arogya_bench.figures.contact_page import MARGIN, MOST_ROWS, SIDE, SPACE
from arogya_bench.figures.contact_sheet import draw_contact_sheet
from arogya_bench.figures.contact_tiles import TILE
from arogya_bench.figures.theme import COLOURS, EMPTY
from arogya_bench.types import Box, Case, Dataset

GREY = (128, 128, 128)
WHITE = (255, 255, 255)


def rgb(colour):
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))


def grey(height=40, width=40):
    return np.full((height, width, 3), 128, dtype=np.uint8)


def cases(*targets, group=None):
    return tuple(
        Case(case_id=f"c{n}", group_id=group or f"g{n}", target=target)
        for n, target in enumerate(targets)
    )


def boxed(*labels_of_each):
    return tuple(
        Case(
            case_id=f"c{n}",
            group_id=f"g{n}",
            target=None,
            boxes=tuple(
                Box(left=10.0, top=10.0, width=20.0, height=20.0, label=label) for label in labels
            ),
        )
        for n, labels in enumerate(labels_of_each)
    )


def dataset(own, *, classes=("normal", "ill"), read=lambda _: grey(), **options):
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
    return Dataset(classes=classes, cases=own, read=read, **facts)


def sheet(of, per_class=2, seed=1):
    png = draw_contact_sheet(of, per_class=per_class, rng=np.random.default_rng(seed))
    assert png.startswith(b"\x89PNG")
    return np.asarray(Picture.open(BytesIO(png)).convert("RGB"))


def tiles(pixels, count):
    """The squares of the sheet, row by row; the first starts where the first is not white."""
    own = pixels[:, MARGIN + SIDE : MARGIN + SIDE + TILE]
    top = int(np.argmax((own != 255).any(axis=-1).all(axis=-1)))
    for row in range(count):
        start = top + row * (TILE + SPACE)
        yield pixels[start : start + TILE, MARGIN + SIDE :]


def tile(strip, place):
    left = place * (TILE + SPACE)
    return strip[:, left : left + TILE]


def share(pixels, colour):
    return float((pixels == colour).all(axis=-1).mean())


def is_blank(pixels):
    return bool((pixels == 255).all())


def test_every_class_has_a_row_of_its_images():
    first, second = tiles(sheet(dataset(cases(0, 0, 0, 1)), per_class=3), 2)

    assert [share(tile(first, place), GREY) for place in range(3)] == [1, 1, 1]
    assert share(tile(second, 0), GREY) == 1
    assert is_blank(tile(second, 1))


def test_at_most_so_many_images_of_a_class():
    pixels = sheet(dataset(cases(*[0, 1] * 20)), per_class=2)

    assert pixels.shape[1] == 2 * MARGIN + SIDE + 2 * TILE + SPACE


def test_an_image_of_a_class_stands_in_its_row():
    values = {0: 60, 1: 200}

    def read(case):
        return np.full((30, 30, 3), values[case.target], dtype=np.uint8)

    first, second = tiles(sheet(dataset(cases(0, 1, 0, 1), read=read), per_class=2), 2)

    assert (tile(first, 1) == 60).all()
    assert (tile(second, 1) == 200).all()


@pytest.mark.parametrize(("height", "width"), [(20, 40), (1000, 2000), (28, 56)])
def test_a_wide_image_keeps_its_proportions(height, width):
    (strip, _) = tiles(sheet(dataset(cases(0, 1), read=lambda _: grey(height, width))), 2)

    shown = tile(strip, 0)
    rows = np.nonzero((shown == GREY).all(axis=(1, 2)))[0]
    assert (rows.min(), rows.max()) == (TILE // 4, TILE - TILE // 4 - 1)
    assert share(shown[: TILE // 4], rgb(EMPTY)) == 1


def test_a_line_of_pixels_is_still_seen():
    strip, _ = tiles(sheet(dataset(cases(0, 1), read=lambda _: grey(1, 3000))), 2)

    assert (tile(strip, 0) == GREY).all(axis=-1).sum() == TILE


@pytest.mark.parametrize("side", [1, 7, 28, 64])
def test_small_images_are_not_smoothed(side):
    """Black and white in equal parts, and grey at most where two squares share a pixel."""
    checks = (np.indices((side, side)).sum(axis=0) % 2 * 254).astype(np.uint8)

    strip, _ = tiles(
        sheet(dataset(cases(0, 1), read=lambda _: np.repeat(checks[..., None], 3, axis=2))), 2
    )

    shown = tile(strip, 0)
    pure = np.isin(shown, (0, 254)).mean()
    assert pure == 1 if TILE % side == 0 else pure > 0.5
    assert shown.mean() == pytest.approx(checks.mean(), abs=2)


def test_a_large_image_is_smoothed():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2, (2000, 2000, 1), dtype=np.uint8).repeat(3, axis=2) * 255

    strip, _ = tiles(sheet(dataset(cases(0, 1), read=lambda _: noise)), 2)

    assert tile(strip, 0).std() < 30


def test_as_many_groups_as_possible_are_shown():
    """One patient with 50 images, and two with one each: all three are there."""
    many = [Case(case_id=f"a{n}", group_id="a", target=0) for n in range(50)]
    others = [Case(case_id=name, group_id=name, target=0) for name in ("b", "c")]
    opened = []

    def read(case):
        opened.append(case.group_id)
        return grey()

    sheet(dataset((*many, *others, *cases(1)), read=read), per_class=3)

    assert set(opened) >= {"a", "b", "c"}


def test_the_same_rng_gives_the_same_sheet():
    def read(case):
        return np.full((30, 30, 3), int(case.case_id[1:]), dtype=np.uint8)

    many = dataset(cases(*[0, 1] * 100), read=read)

    assert (sheet(many, seed=1) == sheet(many, seed=1)).all()
    assert not np.array_equal(sheet(many, seed=1), sheet(many, seed=2))


def test_an_unreadable_image_leaves_a_marked_gap_and_is_named():
    def read(case):
        if case.case_id == "c1":
            raise DatasetError("The image c1.png is cut off.", fix="get it again")
        return grey()

    whole = sheet(dataset(cases(0, 1, 1)), per_class=2)
    pixels = sheet(dataset(cases(0, 1, 1), read=read), per_class=2)

    first, second = tiles(pixels, 2)
    assert share(tile(first, 0), GREY) == 1
    assert sorted(share(tile(second, place), GREY) > 0.9 for place in range(2)) == [False, True]
    assert pixels.shape[0] > whole.shape[0]  # by the line that names it


def test_other_errors_of_a_reader_are_not_swallowed():
    def read(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sheet(dataset(cases(0, 1), read=read))


def test_a_class_without_images_is_shown_as_such():
    first, second, third = tiles(sheet(dataset(cases(0, 1), classes=("a", "b", "none"))), 3)

    assert share(tile(first, 0), GREY) == share(tile(second, 0), GREY) == 1
    assert 0.8 < share(tile(third, 0), rgb(EMPTY)) < 1


def test_images_with_a_label_outside_the_classes_have_a_row():
    of = dataset(cases(0, 1, None), stray_labels={"c2": "unknown"})

    *_, last = tiles(sheet(of), 3)

    assert share(tile(last, 0), GREY) == 1


def test_boxes_of_the_class_of_the_row_are_thicker():
    of = dataset(boxed((0,), (1,), (0, 1)), task="detection")

    first, second = tiles(sheet(of), 2)

    assert share(first, rgb(COLOURS[0])) > share(second, rgb(COLOURS[0]))
    assert share(second, rgb(COLOURS[1])) > share(first, rgb(COLOURS[1]))


def test_a_box_lies_where_the_object_is():
    """Of 40 pixels from 10 to 30: in a tile from a quarter to three quarters."""
    strip, _ = tiles(sheet(dataset(boxed((0,), (1,)), task="detection")), 2)

    rows, columns = np.nonzero((tile(strip, 0) == rgb(COLOURS[0])).all(axis=-1))
    edges = (rows.min(), rows.max(), columns.min(), columns.max())
    assert edges == (TILE // 4, 3 * TILE // 4 - 1, TILE // 4, 3 * TILE // 4 - 1)


def test_an_image_of_two_classes_is_shown_once_if_there_are_others():
    opened = []

    def read(case):
        opened.append(case.case_id)
        return grey()

    sheet(dataset(boxed(*[(0, 1)] * 4), task="detection", read=read), per_class=2)

    assert sorted(opened) == ["c0", "c1", "c2", "c3"]


def test_images_without_a_box_have_a_row():
    *_, last = tiles(sheet(dataset(boxed((0,), (1,), ()), task="detection")), 3)

    assert share(tile(last, 0), GREY) == 1


def disc(label):
    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[10:30, 10:30] = label
    return mask


def segmented(read_mask, count=4):
    classes = ("background", "lesion", "core")
    own = cases(*[None] * count)
    return dataset(own, classes=classes, task="segmentation", read_mask=read_mask)


def test_masks_are_outlined_in_the_row_of_their_class():
    pixels = sheet(segmented(lambda case: disc(1 + int(case.case_id[1:]) % 2)))

    lesion, core = tiles(pixels, 2)
    assert share(lesion, rgb(COLOURS[1])) > 0 == share(lesion, rgb(COLOURS[2]))
    assert share(core, rgb(COLOURS[2])) > 0 == share(core, rgb(COLOURS[1]))
    middle = tile(lesion, 0)[TILE // 2 - 20 : TILE // 2 + 20, TILE // 2 - 20 : TILE // 2 + 20]
    assert share(middle, GREY) == 1  # the rim alone


def test_an_image_whose_mask_is_unreadable_is_shown_without_it():
    def read_mask(case):
        if case.case_id == "c0":
            raise DatasetError("The mask c0.png is cut off.", fix="get it again")
        return disc(1)

    lesion, _, unreadable = tiles(sheet(segmented(read_mask)), 3)

    assert share(tile(lesion, 0), rgb(COLOURS[1])) > 0
    assert share(tile(unreadable, 0), GREY) == 1


def test_the_mask_of_a_whole_image_has_the_colour_of_its_class():
    of = dataset(cases(0, 1), read_mask=lambda _: disc(1))

    first, second = tiles(sheet(of), 2)

    assert share(first, rgb(COLOURS[0])) > 0
    assert share(second, rgb(COLOURS[1])) > 0


def test_many_masks_are_not_all_opened():
    opened = []

    def read_mask(case):
        opened.append(case.case_id)
        return disc(1)

    sheet(segmented(read_mask, count=500))

    assert len(set(opened)) == 60  # 20 for each of three classes


@pytest.mark.parametrize(("classes", "per_class"), [(2, 6), (10, 1)])
@pytest.mark.parametrize("name", ["class {}", "a very long name of a class {} " * 9, "x{}" * 200])
def test_no_name_reaches_into_an_image(classes, per_class, name):
    names = tuple(name.replace("{}", str(label)) for label in range(classes))

    pixels = sheet(dataset(cases(*range(classes)), classes=names), per_class=per_class)

    assert is_blank(pixels[:, MARGIN + SIDE - SPACE : MARGIN + SIDE][150:-MARGIN])
    for strip in tiles(pixels, classes):
        assert share(tile(strip, 0), GREY) == 1


def test_of_very_many_classes_the_first_are_shown():
    count = MOST_ROWS + 10
    names = tuple(f"class {label}" for label in range(count))
    own = cases(*range(count))

    pixels = sheet(dataset(own, classes=names), per_class=1)

    assert MOST_ROWS * TILE < pixels.shape[0] < (MOST_ROWS + 1) * (TILE + SPACE) + 200


def test_a_sheet_of_no_images_is_refused():
    with pytest.raises(ValueError, match="per_class=0"):
        sheet(dataset(cases(0, 1)), per_class=0)
