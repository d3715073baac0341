"""The compressed frames of a DICOM file: what JPEG keeps beside the pixels is left out of them."""

import struct
from itertools import accumulate

from arogya_bench.deidentification.image_metadata import iter_jpeg_segments
from arogya_bench.deidentification.images import CleaningError

KNOWN_SIGNATURES = JPEG_SIGNATURE, JPEG_2000_SIGNATURE = b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
# What says how to read the colours, and how long it is: JFIF without its thumbnail, Adobe's, and
# the colour transform that HP's JPEG-LS states.
COLOUR_SEGMENTS = {b"JFIF\0": 14, b"Adobe": 12, b"mrfx": 5}
# ITU-T T.800, annex A: what the main header may hold beside comments, and where tiles begin.
JPEG_2000_MAIN_MARKERS = {
    *(0xFF50, 0xFF51, 0xFF52, 0xFF53, 0xFF55, 0xFF56, 0xFF57, 0xFF59, 0xFF5C, 0xFF5D, 0xFF5E),
    *(0xFF5F, 0xFF60, 0xFF63),
}
JPEG_2000_COMMENT, JPEG_2000_TILE, JPEG_2000_DATA, JPEG_2000_END = (
    0xFF64,
    0xFF90,
    0xFF93,
    b"\xff\xd9",
)
RLE_HEADER_BYTES, MAX_RLE_SEGMENTS = 64, 15  # bytes, and at most so many (PS3.5 annex G)


def strip_metadata(frame: bytes) -> bytes:
    """Leave out comments and application data; the compressed pixels stay as they are.

    Args:
        frame: JPEG, lossless JPEG, JPEG-LS or a codestream of JPEG 2000; others stay whole.
    """
    if frame.startswith(JPEG_SIGNATURE):
        return _strip_jpeg(frame)
    if frame.startswith(JPEG_2000_SIGNATURE):
        return _strip_jpeg_2000(frame)
    return frame


def _strip_jpeg(frame: bytes) -> bytes:
    kept, place = [frame[:2]], 2
    for marker, start, end in iter_jpeg_segments(frame):
        head = start - (2 if marker == 0xD9 else 4)
        kept.append(frame[place:head])  # compressed pixels, if any
        place = end
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            kept.append(_keep_colour_segment(marker, frame[start:end]))
        else:
            kept.append(frame[head:end])
    return b"".join(kept)


def _keep_colour_segment(marker: int, body: bytes) -> bytes:
    for head, length in COLOUR_SEGMENTS.items():
        if body.startswith(head):
            known = body[: 12 if head == b"JFIF\0" else length].ljust(length, b"\0")
            return struct.pack(">BBH", 0xFF, marker, length + 2) + known
    return b""


def _strip_jpeg_2000(frame: bytes) -> bytes:
    kept, place = [frame[:2]], 2
    while place + 4 <= len(frame):
        marker, length = struct.unpack_from(">HH", frame, place)
        if marker == JPEG_2000_TILE:
            break
        if marker in JPEG_2000_MAIN_MARKERS:
            kept.append(frame[place : place + 2 + length])
        place += 2 + length
    return b"".join(kept) + _trim_jpeg_2000_tiles(frame[place:])


def _trim_jpeg_2000_tiles(rest: bytes) -> bytes:
    """Keep the tiles up to the end of the codestream, and nothing behind it."""
    place = 0
    while place + 12 <= len(rest) and rest.startswith(b"\xff\x90", place):
        _check_no_comment(rest, place + 12)
        (length,) = struct.unpack_from(">I", rest, place + 6)
        # 0: up to the end, whose marker no pixels hold.
        end = place + length if length else rest.find(JPEG_2000_END, place)
        if not place < end <= len(rest):
            raise CleaningError("its compressed pixels are truncated")
        place = end
    return rest[:place] + JPEG_2000_END


def _check_no_comment(rest: bytes, place: int) -> None:
    """Look through the header of a tile; its length stands elsewhere, so nothing is taken out."""
    while place + 4 <= len(rest):
        marker, length = struct.unpack_from(">HH", rest, place)
        if marker == JPEG_2000_DATA:
            return
        if marker == JPEG_2000_COMMENT:
            raise CleaningError("a comment lies within its compressed pixels")
        place += 2 + length
    raise CleaningError("its compressed pixels are truncated")


def trim_rle(frame: bytes, pixels: int) -> bytes:
    """Cut the segments of a run-length frame where the last pixel is (PS3.5 annex G).

    Args:
        frame: As stored.
        pixels: Of the frame, and so bytes of a segment when it is unpacked.

    Raises:
        Uncleanable: If it is damaged.
    """
    if len(frame) < RLE_HEADER_BYTES:
        raise CleaningError("its compressed pixels are truncated")
    count, *offsets = struct.unpack_from(f"<{MAX_RLE_SEGMENTS + 1}L", frame)
    if not 1 <= count <= MAX_RLE_SEGMENTS:
        raise CleaningError("its compressed pixels are damaged")
    ends = [*offsets[1:count], len(frame)]
    parts = [
        _trim_rle_segment(frame[a:b], pixels) for a, b in zip(offsets[:count], ends, strict=True)
    ]
    starts = list(accumulate(map(len, parts[:-1]), initial=RLE_HEADER_BYTES))
    empty = [0] * (MAX_RLE_SEGMENTS - count)
    return struct.pack(f"<{MAX_RLE_SEGMENTS + 1}L", count, *starts, *empty) + b"".join(parts)


def _trim_rle_segment(segment: bytes, pixels: int) -> bytes:
    place = unpacked = 0
    while unpacked < pixels:
        if place >= len(segment):
            raise CleaningError("its compressed pixels are truncated")
        run = segment[place]
        if run < 128:  # so many bytes as they are, and one
            place, unpacked = place + run + 2, unpacked + run + 1
        else:  # one byte, repeated; 128 stands for nothing
            place, unpacked = place + 1 + (run > 128), unpacked + (257 - run if run > 128 else 0)
    if unpacked > pixels or place > len(segment):
        raise CleaningError("its compressed pixels are damaged")
    return segment[:place] + bytes(place % 2)
