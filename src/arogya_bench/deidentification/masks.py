"""De-identifies one mask: encodes the same values as PNG, in the orientation of its image."""

from io import BytesIO

import PIL.Image
import PIL.ImageOps

from arogya_bench.deidentification.cleaned_file import CleanedFile, CleaningError
from arogya_bench.deidentification.image_metadata import read_metadata
from arogya_bench.deidentification.images import PILLOW_ROTATED_FORMAT, decode_with_pillow
from arogya_bench.deidentification.orientation import TRANSPOSED_ORIENTATIONS, UPRIGHT
from arogya_bench.images.files import ORIENTATION_TAG


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
    stripped = PIL.Image.frombytes(mask.mode, mask.size, mask.tobytes())
    if mask.mode == "P":
        stripped.putpalette(mask.getpalette() or [])
    stripped.getexif()[ORIENTATION_TAG] = orientation
    PIL.ImageOps.exif_transpose(stripped, in_place=True)
    if stripped.size != _upright_size(image):
        raise CleaningError("the mask has another size than its image")
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
            "EXIF rotates its image, and it is ambiguous whether the mask was drawn on the stored or the upright "
            "image: set boxes_drawn_on"
        )
    return image.orientation if drawn_on == "stored" else UPRIGHT
