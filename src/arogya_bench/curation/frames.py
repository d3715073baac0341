"""The compressed frames of a DICOM file: what JPEG keeps beside the pixels is left out of them."""

import struct

from arogya_bench.curation.containers import segments

JPEG, JPEG_2000 = b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
# What says how to read the colours, and how long it is: JFIF without its thumbnail, Adobe's, and
# the colour transform that HP's JPEG-LS states.
COLOURS = {b"JFIF\0": 14, b"Adobe": 12, b"mrfx": 5}
COMMENT_2000, TILE_2000 = 0xFF64, 0xFF90  # ITU-T T.800, annex A


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
        if marker != COMMENT_2000:
            kept.append(frame[place : place + 2 + length])
        place += 2 + length
    return b"".join(kept) + frame[place:]
