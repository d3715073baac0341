"""Small pictures of cases for reports, without metadata, and the file in which a run keeps them."""

from base64 import b64encode

import cv2
import numpy as np

from arogya_bench.types import Image

ALLOWED, DENIED = "allowed", "denied"  # values of dataset.thumbnails
THUMBNAILS_FILE = "thumbnails.parquet"
THUMBNAIL_COLUMNS = ("case_id", "caption", "picture")  # of that file; the last holds the bytes of a JPEG
MAX_SIDE = 128  # pixels
JPEG_QUALITY = 75


def shrink(image: Image) -> Image:
    """Scale an image down so that its longer side has 128 pixels; smaller images stay as they are."""
    height, width = image.shape[:2]
    scale = MAX_SIDE / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def to_jpeg(image: Image) -> bytes:
    """Encode pixels as JPEG: nothing but them, whatever the file that they come from holds."""
    # Colours at full resolution, for thin coloured lines.
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, content = cv2.imencode(".jpg", image[..., ::-1], options)
    return content.tobytes()


def to_data_uri(jpeg: bytes) -> str:
    """A JPEG as the address of an image in a page."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode('ascii')}"
