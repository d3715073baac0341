"""Learns labels, groups, splits, masks and boxes of a folder from the reader of its layout."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from arogya_bench.curation.box_orientation import staged, turned
from arogya_bench.curation.layouts import DETECTION, Description, layout_of, reader_of
from arogya_bench.curation.unlabelled import paired, unlabelled
from arogya_bench.datasets.classification import left_out
from arogya_bench.datasets.group_patterns import few
from arogya_bench.deidentification import dicom as dicom_cleaning
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import HEAD_BYTES, is_image, kind_of
from arogya_bench.images.discovery import files_below
from arogya_bench.images.file_hashes import contents
from arogya_bench.types import Dataset

READ_BACK = ("window", "values", "ordinal")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is to be curated.

    Attributes:
        dataset: With the place of every image in ``files``; its notes may name files.
        masks: Case id to file; empty without masks.
        contents: File to the sha256 of its content, when it was looked at.
        unused: How many files became no case, by kind; without what they are called.
        options: Of the reader, as the result needs them too.
    """

    dataset: Dataset
    masks: Mapping[str, Path]
    contents: Mapping[Path, str]
    unused: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)


def source_of(folder: Path, description: Description) -> Source:
    """Read what a folder holds, without decoding an image.

    Raises:
        ConfigError: If an option does not fit.
        DatasetError: If the folder holds nothing that is known, or is damaged.
    """
    if not folder.is_dir():
        raise DatasetError(f"No folder at {folder}.", fix="name the folder that holds the images")
    layout = layout_of(folder, description)
    reader = reader_of(folder, layout, description)
    masks: Mapping[str, Path] = {}
    alone = 0
    if layout in DETECTION:
        dataset = _with_boxes(folder, layout, description)
    else:
        if layout == "pairs":
            dataset, masks = paired(folder, reader)
        elif layout == "unlabelled":
            dataset = unlabelled(folder, reader)
        else:
            dataset = reader.load()
        dataset, alone = _grouped(dataset)
    files = [*dataset.files.values(), *masks.values()]
    root = folder.absolute()
    below = {PurePosixPath(file.absolute().relative_to(root)): file for file in files}
    known = contents(root, list(below))
    stated = {name: getattr(reader, name, None) for name in READ_BACK}
    return Source(
        dataset=dataset,
        masks=masks,
        contents={below[place]: content for place, content in known.items()},
        unused={**_unused(folder, set(below)), "images without a patient": alone},
        options={name: value for name, value in stated.items() if value},
    )


def _unused(folder: Path, used: set[PurePosixPath]) -> dict[str, int]:
    """Count the files that became no case: tables and lists of the source are among them."""
    rest = [file for file in files_below(folder) if file not in used]
    images = sum(is_image(file.name) for file in rest)
    return {"images left out": images, "other files left out": len(rest) - images}


def _grouped(dataset: Dataset) -> tuple[Dataset, int]:
    """Group DICOM files by the patient that they name, where the source names none.

    Returns:
        The dataset, and how many of its images name no patient; each of those is its own group.
    """
    if dataset.grouped:
        return dataset, 0
    patients = {name: _patient(file) for name, file in dataset.files.items()}
    alone = [name for name, patient in patients.items() if not patient]
    if len(alone) == len(patients):
        return dataset, 0
    cases = tuple(
        replace(case, group_id=patients[case.case_id] or case.group_id) for case in dataset.cases
    )
    what = "Images that name no patient, each of which is its own group"
    notes = (*dataset.notes, *left_out(what, alone))
    return replace(dataset, cases=cases, grouped=True, notes=notes), len(alone)


def _patient(file: Path) -> str:
    """The patient that a DICOM file names; empty for other files."""
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        is_dicom = kind_of(head, file.name) == "dicom"
        return dicom_cleaning.patient_of(file.read_bytes()) if is_dicom else ""
    except OSError:  # said when it is read
        return ""


def _with_boxes(folder: Path, layout: str, description: Description) -> Dataset:
    turns = dict(turned(folder))
    if not turns:
        loaded: Dataset = reader_of(folder, layout, description).load()
        return loaded
    drawn_on = description.boxes_drawn_on
    if drawn_on is None:
        raise DatasetError(
            f"EXIF turns {len(turns)} images, and it is not known whether their boxes were drawn "
            f"on the image as it is stored or upright: {few([str(file) for file in turns])}.",
            fix="look at one of them, and set boxes_drawn_on=stored or boxes_drawn_on=upright",
        )
    with staged(folder, turns, drawn_on) as stage:
        dataset: Dataset = reader_of(stage, layout, description).load()
    files = {name: folder / file.relative_to(stage) for name, file in dataset.files.items()}
    return replace(dataset, files=files)
