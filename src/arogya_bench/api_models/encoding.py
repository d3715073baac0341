"""Images as they are sent to an API: encoded again from their pixels, without names and metadata."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from arogya_bench.api_models.calls import EncodedImage
from arogya_bench.types import Image

FORMATS = {"png": ".png", "jpeg": ".jpg"}  # by name of the format, the suffix that OpenCV knows it by
PNG_COMPRESSION = 6  # of 0 to 9; changes the bytes, and with them the keys of requests
GREY = 128


@dataclass(frozen=True, kw_only=True)
class ImageEncoding:
    """Size, format and quality of the images that are sent.

    Attributes:
        size: Pixels of the longest side at most; smaller images are not enlarged.
        format: ``png``, which is lossless, or ``jpeg``.
        quality: Of JPEG, 1 to 100.
    """

    size: int
    format: str
    quality: int

    def encode(self, image: Image) -> EncodedImage:
        """Encode the pixels; nothing of the file that they come from is part of the result."""
        pixels = np.asarray(cv2.cvtColor(_shrink(image, self.size), cv2.COLOR_RGB2BGR), np.uint8)
        _, content = cv2.imencode(FORMATS[self.format], pixels, self._options())
        return EncodedImage(content=content.tobytes(), mime_type=f"image/{self.format}")

    def encode_blank(self, image: Image) -> EncodedImage:
        """Encode a uniform grey image that has the sent size of another: it shows nothing."""
        return self.encode(np.full_like(image, GREY))

    def describe(self) -> dict[str, object]:
        """The settings that change the bytes."""
        quality = {"quality": self.quality} if self.format == "jpeg" else {}
        return {"longest_side": self.size, "format": self.format, **quality}

    def _options(self) -> list[int]:
        if self.format == "jpeg":
            return [cv2.IMWRITE_JPEG_QUALITY, self.quality]
        return [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION]


def _shrink(image: Image, size: int) -> Image:
    height, width = image.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        return image
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    shrunk: Any = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8)
