"""Reads the header of an image file and lists its metadata, as Pillow reports them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

import PIL.Image
import PIL.ImageFile

from arogya_bench.deidentification.cleaned_file import CleaningError
from arogya_bench.deidentification.orientation import ORIENTATIONS, TRANSPOSED_ORIENTATIONS, UPRIGHT
from arogya_bench.images.decoding import PHOTOMETRIC_TAG, bits_per_channel
from arogya_bench.images.files import DECODE_ERRORS, FORMATS, ORIENTATION_TAG, count_frames

MAX_PIXELS = 178_956_970  # Pillow refuses larger images as decompression bombs
ALLOWED_BITS = (1, 8, 16)
# Pillow finds these chunks only by decoding where they follow the pixels.
PNG_METADATA_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
PNG_END = b"IEND\xaeB`\x82"
JPEG_END = b"\xff\xd9"
JPEG_SEGMENTS = (
    ("APP0", b"JFIF\0", None),
    ("APP0", b"JFXX\0", "thumbnail"),
    ("APP1", b"Exif\0\0", "EXIF"),
    ("APP1", b"http://ns.adobe.com/", "XMP"),
    ("APP2", b"ICC_PROFILE\0", "ICC"),
    ("APP2", b"MPF\0", "preview"),
    ("APP13", b"Photoshop 3.0\0", "IPTC"),
    ("APP14", b"Adobe", None),
    ("COM", b"", "comment"),
)
INFO_KINDS = {"exif": "EXIF", "xmp": "XMP", "icc_profile": "ICC"}
TIFF_KINDS = {700: "XMP", 33723: "IPTC", 34377: "IPTC", 34665: "EXIF", 34853: "EXIF", 34675: "ICC"}
# Tags that describe how the pixels are stored: TIFF 6.0, sections 3 to 10, 15 and 19 to 22.
TIFF_PIXEL_TAGS = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283),
    *(284, 290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 322, 323, 324, 325, 332, 336),
    *(338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532),
}


@dataclass(frozen=True, kw_only=True)
class ImageMetadata:
    """What the header of an image file states.

    Attributes:
        format: Pillow's name of the format.
        mode: Pillow's name of the pixel type.
        width: In pixels, as stored; likewise ``height``.
        bits: Bits per channel.
        white_is_zero: Whether larger values are darker, as in some TIFF files.
        removed: Number of metadata items by kind.
        orientation: EXIF or XMP orientation, 1 to 8.
        profile: ICC profile; None without one.
    """

    format: str
    mode: str
    width: int
    height: int
    bits: int
    white_is_zero: bool
    removed: Mapping[str, int]
    orientation: int
    profile: bytes | None


def read_metadata(content: bytes) -> ImageMetadata:
    """Read the header of an image file.

    Raises:
        CleaningError: If the file is damaged, truncated, or not a single image of 1 to 16 bits.
    """
    try:
        with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
            return _read_opened(image, content)
    except PIL.Image.DecompressionBombError as error:
        raise CleaningError(f"it has more than {MAX_PIXELS} pixels") from error
    except DECODE_ERRORS as error:
        raise CleaningError("it is not a readable image") from error


def _read_opened(image: PIL.ImageFile.ImageFile, content: bytes) -> ImageMetadata:
    bits = bits_per_channel(image)
    if count_frames(image) > 1:
        raise CleaningError("it holds several frames")
    if bits not in ALLOWED_BITS:
        raise CleaningError(f"it has {bits} bits per channel")
    removed = Counter({"trailing bytes": int(_has_trailing_bytes(image, content))})
    orientation = UPRIGHT
    if image.format != "PNG" or any(chunk in content for chunk in PNG_METADATA_CHUNKS):
        orientation = _read_orientation(image)
    removed += _count_metadata(image)  # adding also drops the kinds that were not found
    # Pillow applies the orientation of a TIFF when it decodes, and states the upright size.
    swapped = image.format == "TIFF" and orientation in TRANSPOSED_ORIENTATIONS
    width, height = image.size[::-1] if swapped else image.size
    return ImageMetadata(
        format=str(image.format),
        mode=image.mode,
        width=width,
        height=height,
        bits=bits,
        white_is_zero=getattr(image, "tag_v2", {}).get(PHOTOMETRIC_TAG) == 0,
        removed=removed,
        orientation=orientation,
        profile=image.info.get("icc_profile") or None,
    )


def _has_trailing_bytes(image: PIL.ImageFile.ImageFile, content: bytes) -> bool:
    """Look behind the end marker of the first image.

    Raises:
        CleaningError: If a JPEG or PNG file has no end marker.
    """
    if image.format == "WEBP":
        return len(content) > 8 + int.from_bytes(content[4:8], "little")
    marker = {"JPEG": JPEG_END, "MPO": JPEG_END, "PNG": PNG_END}.get(str(image.format))
    if marker is None:
        return False
    # Pillow has read up to the compressed pixels, in which the marker cannot occur.
    start = image.fp.tell() if image.fp else 0
    _, has_marker, trailing = content[start:].partition(marker)
    if not has_marker:
        raise CleaningError("it is truncated")
    return bool(trailing.strip(b"\0"))


def _read_orientation(image: PIL.ImageFile.ImageFile) -> int:
    try:
        if image.format == "PNG":
            image.load()
        orientation = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
    except DECODE_ERRORS:  # viewers ignore EXIF that they cannot read
        return UPRIGHT
    return orientation if orientation in ORIENTATIONS else UPRIGHT


def _count_metadata(image: PIL.ImageFile.ImageFile) -> Counter[str]:
    if image.format in ("JPEG", "MPO"):
        segments = getattr(image, "applist", ())
        return Counter(filter(None, (_segment_kind(name, body) for name, body in segments)))
    if image.format == "TIFF":
        tags = set(getattr(image, "tag_v2", ())) - TIFF_PIXEL_TAGS
        return Counter(TIFF_KINDS.get(tag, "other tag") for tag in tags)
    kinds = Counter(kind for key, kind in INFO_KINDS.items() if image.info.get(key))
    if image.format == "GIF":
        kinds["comment"] = int("comment" in image.info)
    if image.format == "PNG":
        texts = {key for key, value in image.info.items() if isinstance(value, str)}
        kinds["text chunk"] = len(texts - {"XML:com.adobe.xmp"})
        kinds["other chunk"] = len(getattr(image, "private_chunks", ()))
    return kinds


def _segment_kind(name: str, body: bytes) -> str | None:
    for known_name, head, kind in JPEG_SEGMENTS:
        if name == known_name and body.startswith(head):
            has_thumbnail = head == b"JFIF\0" and body[12:14] not in (b"\0\0", b"")
            return "thumbnail" if has_thumbnail else kind
    return "other segment"
