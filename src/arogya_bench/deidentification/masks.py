"""One mask written anew: the same values, lying as its image does."""

from io import BytesIO

import PIL.Image

from arogya_bench.deidentification.image_metadata import inspect_container
from arogya_bench.deidentification.images import (
    PILLOW_ROTATED_FORMAT,
    CleanedFile,
    CleaningError,
    check_container,
    decode_with_pillow,
)
from arogya_bench.deidentification.orientation import TRANSPOSED_ORIENTATIONS, UPRIGHT

TRANSPOSE_METHODS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


def clean(content: bytes, image: CleanedFile, *, drawn_on: str | None) -> CleanedFile:
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
    container = check_container(inspect_container(content))
    mask = decode_with_pillow(content)
    turn = container.orientation if container.format != PILLOW_ROTATED_FORMAT else UPRIGHT
    if container.orientation == UPRIGHT and image.orientation != UPRIGHT:
        turn = _mask_orientation(mask, image, drawn_on)
    if turn != UPRIGHT:
        mask = mask.transpose(TRANSPOSE_METHODS[turn])
    if mask.size != _upright_size(image):
        raise CleaningError("the mask has another size than its image")
    bare = PIL.Image.frombytes(mask.mode, mask.size, mask.tobytes())
    if mask.mode == "P":
        bare.putpalette(mask.getpalette() or [])
    buffer = BytesIO()
    # With a palette of few colours, Pillow would pack the values into fewer bits than they have.
    bare.save(buffer, "PNG", **({"bits": 8} if mask.mode == "P" else {}))
    return CleanedFile(content=buffer.getvalue(), suffix=".png", removed=container.extras)


def _upright_size(image: CleanedFile) -> tuple[int, int]:
    size = (image.width, image.height)
    return size[::-1] if image.orientation in TRANSPOSED_ORIENTATIONS else size


def _mask_orientation(mask: PIL.Image.Image, image: CleanedFile, drawn_on: str | None) -> int:
    stored = (image.width, image.height)
    if image.orientation in TRANSPOSED_ORIENTATIONS and image.width != image.height:
        return image.orientation if mask.size == stored else UPRIGHT
    if drawn_on is None:
        raise CleaningError(
            "EXIF turns its image, and it is not known whether the mask was drawn on the image as "
            "it is stored or upright: set boxes_drawn_on"
        )
    return image.orientation if drawn_on == "stored" else UPRIGHT
