"""The options of a curation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.runtime.digests import digest_of

CLEANING_VERSION = 3  # increased when the same options produce other files
BOXES_DRAWN_ON = ("stored", "upright")


@dataclass(frozen=True, kw_only=True)
class CurationOptions:
    """How to curate.

    Attributes:
        licence: Licence of the images and labels, recorded in the result.
        layout: Layout of the source, one of ``layouts.LAYOUTS``; None to detect it.
        dataset: Options of the reader of that layout, such as ``group`` or ``manifest``.
        keep: Metadata columns that identify nobody; all others are dropped.
        secret_file: File of mode 600 with the secret; by default the variable AROGYA_SECRET.
        key_file: File outside of the result that maps pseudonyms to original ids.
        boxes_drawn_on: Whether boxes and masks were drawn on the ``stored`` or ``upright`` image, where EXIF rotates
            it; None if unknown, or if no image is rotated.
        quality: JPEG quality, 1 to 100.
        text_check: Whether to search the pixels for rows of text.
        ocr: Whether to count the lines of text that OCR reads; needs the extra ``ocr``.
        split: How to divide the cases; None to keep the split of the source, if any.
        workers: Number of threads; by default the number of processors.
    """

    licence: str
    layout: str | None = None
    dataset: Mapping[str, object] = field(default_factory=dict)
    keep: Sequence[str] = ()
    secret_file: str | None = None
    key_file: str | None = None
    boxes_drawn_on: str | None = None
    quality: int = 95
    text_check: bool = True
    ocr: bool = False
    split: SplitPolicy | None = field(default_factory=SplitPolicy)
    workers: int | None = None

    @cached_property
    def cleaning_key(self) -> str:
        """Digest of the options that determine the bytes of a cleaned file."""
        values = {"quality": self.quality, "drawn_on": self.boxes_drawn_on}
        return digest_of({"recipe": CLEANING_VERSION, **values, "text_check": self.text_check, "ocr": self.ocr})
