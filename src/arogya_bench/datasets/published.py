"""What a config states of a dataset of labelled images: whose it is, its terms, its counts."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class PublishedDataset:
    """The fields that every reader of labelled images has.

    Attributes:
        path: Folder of the dataset; relative to the working folder.
        licence: Of the images and labels.
        name: Of the dataset; by default that of the folder.
        classes: In the order wanted; a label that is not among them is reported, not used.
        counts: How many images each class has in a whole copy, which are compared; empty or None:
            not compared.
        window: Two stored values that become black and white, for 16 bits and DICOM.
        source: Where it came from, for the record.
        citation: What its authors ask to be cited.
        version: Of the copy, where the user knows it.
        overlaps: Names of other datasets that share images with this one.
        obtain: Where it is to be had, what to accept, and where to unpack it.
    """

    path: str
    licence: str
    name: str | None = None
    classes: list[str] = field(default_factory=list)
    counts: dict[str, int] | None = None
    window: list[float] | None = None
    source: str | None = None
    citation: str = ""
    version: str = "unstated"
    overlaps: list[str] = field(default_factory=list)
    obtain: str = ""
