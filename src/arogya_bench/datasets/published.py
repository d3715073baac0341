"""Options, records and checks that the readers of image files share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from arogya_bench.errors import ConfigError, DatasetError


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """Options of every reader of image files.

    ``load`` of a reader raises ``ConfigError`` for an invalid option, ``DatasetError`` for missing, damaged or
    inconsistent files, and ``MissingExtra`` if a file format needs a library that is not installed.

    Attributes:
        path: Folder of the dataset; relative to the working folder.
        licence: Licence of the images and labels.
        name: Name of the dataset; by default that of the folder.
        classes: Class names in the desired order; by default those of the source.
        source: Origin of the files, recorded with the results.
        citation: Publication that the authors ask to be cited.
        version: Version of the copy, if known.
        exclude: Text file or CSV table with the ids of cases to leave out, relative to the working folder or else to
            ``path``; None for none.
        external_api: ``allowed`` if the images may be sent to models behind APIs, else ``denied``.
    """

    path: str
    licence: str
    name: str | None = None
    classes: list[str] = field(default_factory=list)
    source: str | None = None
    citation: str = ""
    version: str = "unstated"
    exclude: str | None = None
    external_api: str = "denied"


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


@dataclass(frozen=True, kw_only=True)
class SourceImage:
    """One image as its source lists it.

    Attributes:
        case_id: Unique id, independent of the location of the folder.
        file: Path relative to the folder of the dataset.
        split: ``train``, ``validation`` or ``test``; None without an official split.
        metadata: Metadata columns; the same keys for every image.
    """

    case_id: str
    file: PurePosixPath
    split: str | None = None
    metadata: Mapping[str, str | float] = field(default_factory=dict)


def check_unique_ids(images: Sequence[SourceImage]) -> None:
    """Check that no two images have the same id."""
    case_id, count = Counter(image.case_id for image in images).most_common(1)[0]
    if count > 1:
        files = [str(image.file) for image in images if image.case_id == case_id]
        raise DatasetError(
            f"{count} images have the name {case_id}: {', '.join(files)}.",
            fix="give every image a unique name; the suffix does not count; if one is a mask, move it away",
        )


def check_class_names(classes: Sequence[str]) -> None:
    """Check that no class is configured twice."""
    if len(set(classes)) < len(classes):
        raise ConfigError(
            f"dataset.classes repeats a name: {', '.join(classes)}.", fix="give every class a unique name"
        )
