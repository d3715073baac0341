"""What an image file holds beside its pixels, found without decoding them."""

import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO

import PIL.Image

from arogya_bench.deidentification.image_metadata_parts import (
    JPEG_SEGMENTS,
    METADATA_CHUNKS,
    PIXEL_CHUNKS,
    TIFF_PIXELS,
    TIFF_TAGS,
    WEBP_PIXELS,
)
from arogya_bench.deidentification.orientation import ORIENTATIONS, TRANSPOSED_ORIENTATIONS, UPRIGHT
from arogya_bench.images.files import DECODE_ERRORS, FORMATS, ORIENTATION_TAG

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Restarts, FF 00, and in JPEG-LS FF with less than 80, belong to the pixels.
NEXT_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
START_OF_FRAME_MARKERS = {*range(0xC0, 0xD0)} - {
    0xC4,
    0xC8,
    0xCC,
}  # start of frame, ITU-T T.81 table B.1


@dataclass(frozen=True, kw_only=True)
class Container:
    """An image file from outside.

    Attributes:
        format: As Pillow names it.
        width: In pixels, as stored; so ``height``.
        bits: Per channel.
        plain: Whether the pixels are grey or RGB, without palette or transparency.
        frames: Above 1 for an animation or a stack.
        complete: Whether the file has an end.
        extras: What it holds beside the pixels, by kind, and how often.
        orientation: 1 to 8, of EXIF or XMP.
        profile: The ICC profile; None without one.
    """

    format: str
    width: int
    height: int
    bits: int
    plain: bool
    frames: int
    complete: bool
    extras: Mapping[str, int]
    orientation: int = UPRIGHT
    profile: bytes | None = None


@dataclass(kw_only=True)
class _ContainerFields:
    width: int = 0
    height: int = 0
    bits: int = 0
    channels: int = 0
    frames: int = 1
    end: int = 0
    has_transparency: bool = False


def inspect_container(content: bytes) -> Container | None:
    """Look into an image file; None if it is none that is known, or damaged at its head."""
    try:
        if content.startswith(b"\xff\xd8\xff"):
            container = _inspect_jpeg(content)
        elif content.startswith(PNG_SIGNATURE):
            container = _inspect_png(content)
        else:
            return _inspect_with_pillow(content)
        if container.extras.keys() & {"EXIF", "XMP", "ICC", "text chunk"}:
            return _with_pillow_metadata(container, content)
        return container
    except DECODE_ERRORS:
        return None


def _inspect_jpeg(content: bytes) -> Container:
    extras: dict[str, int] = {}
    found = _ContainerFields()
    for marker, start, end in iter_jpeg_segments(content):
        if marker in START_OF_FRAME_MARKERS:
            shape = struct.unpack_from(">BHHB", content, start)
            found.bits, found.height, found.width, found.channels = shape
        elif marker == 0xD9:
            found.end = start
        elif marker >= 0xE0:
            kind = _segment_kind(marker, content[start : min(end, start + 32)])
            if kind:
                extras[kind] = extras.get(kind, 0) + 1
    if found.end and content[found.end :].strip(b"\0"):
        extras["trailing bytes"] = 1
    return Container(
        format="JPEG",
        width=found.width,
        height=found.height,
        bits=found.bits,
        plain=found.channels in (1, 3),
        frames=1,
        complete=bool(found.end),
        extras=extras,
    )


def iter_jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of the body of every segment, up to the end of the image."""
    place = 2
    while match := NEXT_MARKER.search(content, place):
        place = match.end()
        marker = content[place - 1]
        if marker == 0xD9:
            yield marker, place, place
            return
        if marker != 0xD8:
            end = place + int.from_bytes(content[place : place + 2], "big")
            yield marker, place + 2, end
            place = max(end, place)


def _segment_kind(marker: int, body: bytes) -> str | None:
    for known, head, kind in JPEG_SEGMENTS:
        if marker == known and body.startswith(head):
            if head == b"JFIF\0" and body[12:14] not in (b"\0\0", b""):
                return "thumbnail"
            return kind
    return "other segment"


def _inspect_png(content: bytes) -> Container:
    extras: Counter[str] = Counter()
    found = _ContainerFields()
    place = len(PNG_SIGNATURE)
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        body = content[place + 8 : place + 8 + min(length, 32)]
        if kind == b"IHDR":
            found.width, found.height, found.bits, found.channels = struct.unpack(
                ">IIBB", body[:10]
            )
        elif kind == b"acTL":
            (found.frames,) = struct.unpack(">I", body[:4])
        elif kind == b"tRNS":
            found.has_transparency = True
        if kind not in PIXEL_CHUNKS:
            extras[_text_kind(METADATA_CHUNKS.get(kind, "other chunk"), body)] += 1
        place += 12 + length
        if kind == b"IEND":
            found.end = place
            break
    if found.end and len(content) > found.end:
        extras["trailing bytes"] += 1
    return Container(
        format="PNG",
        width=found.width,
        height=found.height,
        bits=found.bits,
        plain=found.channels in (0, 2) and not found.has_transparency,
        frames=found.frames,
        complete=0 < found.end <= len(content),
        extras=extras,
    )


def _text_kind(kind: str, body: bytes) -> str:
    return "XMP" if kind == "text chunk" and body.startswith(b"XML:com.adobe.xmp") else kind


def _with_pillow_metadata(container: Container, content: bytes) -> Container:
    """Add what Pillow reads from EXIF, XMP and ICC."""
    with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
        return replace(
            container,
            orientation=_read_orientation(image),
            profile=image.info.get("icc_profile") or None,
        )


def _read_orientation(image: PIL.Image.Image) -> int:
    try:
        turn = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
    except DECODE_ERRORS:  # EXIF that nobody can read turns nothing
        return UPRIGHT
    return turn if turn in ORIENTATIONS else UPRIGHT


def _inspect_with_pillow(content: bytes) -> Container:
    with PIL.Image.open(BytesIO(content), formats=FORMATS) as image:
        tiff = image.format == "TIFF"
        extras = _tiff_extras(image) if tiff else _webp_extras(content)
        turn = _read_orientation(image)
        # Pillow turns a TIFF when it decodes, and states the size that it will have.
        size = image.size[::-1] if tiff and turn in TRANSPOSED_ORIENTATIONS else image.size
        return Container(
            format=str(image.format),
            width=size[0],
            height=size[1],
            bits=_bits_per_channel(image),
            plain=image.mode in ("L", "RGB"),
            frames=getattr(image, "n_frames", 1),
            complete=True,  # Pillow says so itself when it decodes
            extras=extras,
            orientation=turn,
            profile=image.info.get("icc_profile") or None,
        )


def _bits_per_channel(image: PIL.Image.Image) -> int:
    tags = getattr(image, "tag_v2", {})
    stated = tags.get(258, (8,))
    return max(stated) if isinstance(stated, tuple) else int(stated)


def _tiff_extras(image: PIL.Image.Image) -> Counter[str]:
    tags = getattr(image, "tag_v2", {})
    return Counter(TIFF_TAGS.get(tag, "other tag") for tag in tags if tag not in TIFF_PIXELS)


def _webp_extras(content: bytes) -> Counter[str]:
    extras: Counter[str] = Counter()
    if not content.startswith(b"RIFF"):
        return extras
    place = 12
    while place + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, place)
        if kind not in WEBP_PIXELS:
            extras[METADATA_CHUNKS.get(kind, "other chunk")] += 1
        place += 8 + length + length % 2
    return extras
