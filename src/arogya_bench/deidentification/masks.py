"""One mask written anew: the same values, lying as its image does."""

from io import BytesIO

import PIL.Image

from arogya_bench.deidentification.image_metadata import inspect
from arogya_bench.deidentification.images import (
    TURNED_BY_PILLOW,
    Cleaned,
    Uncleanable,
    checked,
    opened,
)
from arogya_bench.deidentification.orientation import SIDEWAYS, UPRIGHT

TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


def clean(content: bytes, image: Cleaned, *, drawn_on: str | None) -> Cleaned:
    """Write a mask anew as PNG with the same values, turned as its image was.

    Args:
        content: Of the file.
        image: The cleaned image that the mask belongs to.
        drawn_on: ``stored`` or ``upright``: on which of the two the mask was drawn; None where
            its size has to tell.

    Raises:
        Uncleanable: If the mask is damaged, does not fit its image, or it is not known how it
            lies.
    """
    container = checked(inspect(content))
    mask = opened(content)
    turn = container.orientation if container.format != TURNED_BY_PILLOW else UPRIGHT
    if container.orientation == UPRIGHT and image.orientation != UPRIGHT:
        turn = _mask_turn(mask, image, drawn_on)
    if turn != UPRIGHT:
        mask = mask.transpose(TURNS[turn])
    if mask.size != _upright_size(image):
        raise Uncleanable("the mask has another size than its image")
    bare = PIL.Image.frombytes(mask.mode, mask.size, mask.tobytes())
    if mask.mode == "P":
        bare.putpalette(mask.getpalette() or [])
    buffer = BytesIO()
    # With a palette of few colours, Pillow would pack the values into fewer bits than they have.
    bare.save(buffer, "PNG", **({"bits": 8} if mask.mode == "P" else {}))
    return Cleaned(content=buffer.getvalue(), suffix=".png", removed=container.extras)


def _upright_size(image: Cleaned) -> tuple[int, int]:
    size = (image.width, image.height)
    return size[::-1] if image.orientation in SIDEWAYS else size


def _mask_turn(mask: PIL.Image.Image, image: Cleaned, drawn_on: str | None) -> int:
    stored = (image.width, image.height)
    if image.orientation in SIDEWAYS and image.width != image.height:
        return image.orientation if mask.size == stored else UPRIGHT
    if drawn_on is None:
        raise Uncleanable(
            "EXIF turns its image, and it is not known whether the mask was drawn on the image as "
            "it is stored or upright: set boxes_drawn_on"
        )
    return image.orientation if drawn_on == "stored" else UPRIGHT
