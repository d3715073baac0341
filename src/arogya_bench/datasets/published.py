"""The options that the readers of image files share."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """Options of every reader of image files.

    Attributes:
        path: Folder of the dataset; relative to the working folder.
        licence: Licence of the images and labels.
        name: Name of the dataset; by default that of the folder.
        classes: Class names in the desired order; by default those of the source.
        source: Origin of the files, recorded with the results.
        citation: Publication that the authors ask to be cited.
        version: Version of the copy, if known.
    """

    path: str
    licence: str
    name: str | None = None
    classes: list[str] = field(default_factory=list)
    source: str | None = None
    citation: str = ""
    version: str = "unstated"


@dataclass(frozen=True, kw_only=True)
class GroupedDatasetOptions(DatasetOptions):
    """Options of the readers that find patients in file names.

    Attributes:
        group: Regular expression with one group, searched in the id of each case (the path of the image without
            suffix); what it captures is the patient. By default every case is its own group.
    """

    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class PublishedDataset(DatasetOptions):
    """Options of every reader of labelled images.

    Attributes:
        counts: Expected number of images per class; a copy that differs is refused. Not checked if empty or None.
        window: Two stored values that become black and white, for 16-bit images and DICOM.
        overlaps: Names of other datasets that share images with this one.
        obtain: Instructions for obtaining the dataset.
    """

    counts: dict[str, int] | None = None
    window: list[float] | None = None
    overlaps: list[str] = field(default_factory=list)
    obtain: str = ""
