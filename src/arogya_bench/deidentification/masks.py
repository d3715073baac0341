"""De-identifies one mask: encodes the same values as PNG, in the orientation of its image."""

from io import BytesIO

import PIL.Image

from arogya_bench.deidentification.cleaned_file import CleanedFile, CleaningError
from arogya_bench.deidentification.image_metadata import read_metadata
from arogya_bench.deidentification.images import PILLOW_ROTATED_FORMAT, decode_with_pillow
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
    """Encode a mask as PNG with the same values, rotated like its image.

    Args:
        content: Bytes of the file.
        image: The cleaned image that the mask belongs to.
        drawn_on: Whether the mask was drawn on the ``stored`` or ``upright`` image; None if only its size can tell.

    Raises:
        CleaningError: If the mask is damaged, does not fit its image, or its orientation is ambiguous.
    """
    metadata = read_metadata(content)
    mask = decode_with_pillow(content)
    if metadata.orientation == UPRIGHT and image.orientation != UPRIGHT:
        orientation = _mask_orientation(mask, image, drawn_on)
    else:
        is_upright = metadata.format == PILLOW_ROTATED_FORMAT
        orientation = UPRIGHT if is_upright else metadata.orientation
    if orientation != UPRIGHT:
        mask = mask.transpose(TRANSPOSE_METHODS[orientation])
    if mask.size != _upright_size(image):
        raise CleaningError("the mask has another size than its image")
    stripped = PIL.Image.frombytes(mask.mode, mask.size, mask.tobytes())
    if mask.mode == "P":
        stripped.putpalette(mask.getpalette() or [])
    buffer = BytesIO()
    # With a small palette, Pillow would pack the values into fewer bits than they need.
    stripped.save(buffer, "PNG", **({"bits": 8} if mask.mode == "P" else {}))
    return CleanedFile(content=buffer.getvalue(), suffix=".png", removed=metadata.removed)


def _upright_size(image: CleanedFile) -> tuple[int, int]:
    size = (image.width, image.height)
    return size[::-1] if image.orientation in TRANSPOSED_ORIENTATIONS else size


def _mask_orientation(mask: PIL.Image.Image, image: CleanedFile, drawn_on: str | None) -> int:
    stored_size = (image.width, image.height)
    if image.orientation in TRANSPOSED_ORIENTATIONS and image.width != image.height:
        return image.orientation if mask.size == stored_size else UPRIGHT
    if drawn_on is None:
        raise CleaningError(
            "EXIF rotates its image, and it is ambiguous whether the mask was drawn on the stored "
            "or the upright image: set boxes_drawn_on"
        )
    return image.orientation if drawn_on == "stored" else UPRIGHT
