"""The compressed frames of a DICOM file: what JPEG keeps beside the pixels is left out of them."""

import struct
from itertools import accumulate

from arogya_bench.deidentification.image_metadata import segments
from arogya_bench.deidentification.images import Uncleanable

KNOWN = JPEG, JPEG_2000 = b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
# What says how to read the colours, and how long it is: JFIF without its thumbnail, Adobe's, and
# the colour transform that HP's JPEG-LS states.
COLOURS = {b"JFIF\0": 14, b"Adobe": 12, b"mrfx": 5}
# ITU-T T.800, annex A: what the main header may hold beside comments, and where tiles begin.
MAIN_2000 = {
    *(0xFF50, 0xFF51, 0xFF52, 0xFF53, 0xFF55, 0xFF56, 0xFF57, 0xFF59, 0xFF5C, 0xFF5D, 0xFF5E),
    *(0xFF5F, 0xFF60, 0xFF63),
}
COMMENT_2000, TILE_2000, DATA_2000, END_2000 = 0xFF64, 0xFF90, 0xFF93, b"\xff\xd9"
RLE_HEADER, RLE_SEGMENTS = 64, 15  # bytes, and at most so many (PS3.5 annex G)


def bare(frame: bytes) -> bytes:
    """Leave out comments and application data; the compressed pixels stay as they are.

    Args:
        frame: JPEG, lossless JPEG, JPEG-LS or a codestream of JPEG 2000; others stay whole.
    """
    if frame.startswith(JPEG):
        return _bare_jpeg(frame)
    if frame.startswith(JPEG_2000):
        return _bare_2000(frame)
    return frame


def _bare_jpeg(frame: bytes) -> bytes:
    kept, place = [frame[:2]], 2
    for marker, start, end in segments(frame):
        head = start - (2 if marker == 0xD9 else 4)
        kept.append(frame[place:head])  # compressed pixels, if any
        place = end
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            kept.append(_colours(marker, frame[start:end]))
        else:
            kept.append(frame[head:end])
    return b"".join(kept)


def _colours(marker: int, body: bytes) -> bytes:
    for head, length in COLOURS.items():
        if body.startswith(head):
            known = body[: 12 if head == b"JFIF\0" else length].ljust(length, b"\0")
            return struct.pack(">BBH", 0xFF, marker, length + 2) + known
    return b""


def _bare_2000(frame: bytes) -> bytes:
    kept, place = [frame[:2]], 2
    while place + 4 <= len(frame):
        marker, length = struct.unpack_from(">HH", frame, place)
        if marker == TILE_2000:
            break
        if marker in MAIN_2000:
            kept.append(frame[place : place + 2 + length])
        place += 2 + length
    return b"".join(kept) + _tiles_2000(frame[place:])


def _tiles_2000(rest: bytes) -> bytes:
    """Keep the tiles up to the end of the codestream, and nothing behind it."""
    place = 0
    while place + 12 <= len(rest) and rest.startswith(b"\xff\x90", place):
        _refuse_comment(rest, place + 12)
        (length,) = struct.unpack_from(">I", rest, place + 6)
        # 0: up to the end, whose marker no pixels hold.
        end = place + length if length else rest.find(END_2000, place)
        if not place < end <= len(rest):
            raise Uncleanable("its compressed pixels are truncated")
        place = end
    return rest[:place] + END_2000


def _refuse_comment(rest: bytes, place: int) -> None:
    """Look through the header of a tile; its length stands elsewhere, so nothing is taken out."""
    while place + 4 <= len(rest):
        marker, length = struct.unpack_from(">HH", rest, place)
        if marker == DATA_2000:
            return
        if marker == COMMENT_2000:
            raise Uncleanable("a comment lies within its compressed pixels")
        place += 2 + length
    raise Uncleanable("its compressed pixels are truncated")


def bare_rle(frame: bytes, pixels: int) -> bytes:
    """Cut the segments of a run-length frame where the last pixel is (PS3.5 annex G).

    Args:
        frame: As stored.
        pixels: Of the frame, and so bytes of a segment when it is unpacked.

    Raises:
        Uncleanable: If it is damaged.
    """
    if len(frame) < RLE_HEADER:
        raise Uncleanable("its compressed pixels are truncated")
    count, *offsets = struct.unpack_from(f"<{RLE_SEGMENTS + 1}L", frame)
    if not 1 <= count <= RLE_SEGMENTS:
        raise Uncleanable("its compressed pixels are damaged")
    ends = [*offsets[1:count], len(frame)]
    parts = [_bare_segment(frame[a:b], pixels) for a, b in zip(offsets[:count], ends, strict=True)]
    starts = list(accumulate(map(len, parts[:-1]), initial=RLE_HEADER))
    empty = [0] * (RLE_SEGMENTS - count)
    return struct.pack(f"<{RLE_SEGMENTS + 1}L", count, *starts, *empty) + b"".join(parts)


def _bare_segment(segment: bytes, pixels: int) -> bytes:
    place = unpacked = 0
    while unpacked < pixels:
        if place >= len(segment):
            raise Uncleanable("its compressed pixels are truncated")
        run = segment[place]
        if run < 128:  # so many bytes as they are, and one
            place, unpacked = place + run + 2, unpacked + run + 1
        else:  # one byte, repeated; 128 stands for nothing
            place, unpacked = place + 1 + (run > 128), unpacked + (257 - run if run > 128 else 0)
    if unpacked > pixels or place > len(segment):
        raise Uncleanable("its compressed pixels are damaged")
    return segment[:place] + bytes(place % 2)
