"""Learns labels, groups, splits, masks and boxes of a folder from the reader of its layout."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from arogya_bench.curation.box_orientation import find_rotated_images, with_oriented_boxes
from arogya_bench.curation.layouts import (
    DETECTION_LAYOUTS,
    SourceLayout,
    build_reader,
    detect_layout,
)
from arogya_bench.curation.unlabelled import list_image_mask_pairs, list_unlabelled
from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.deidentification import dicom as dicom_cleaning
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import HEADER_BYTES, detect_format, is_image
from arogya_bench.images.discovery import list_files
from arogya_bench.images.file_hashes import hash_files
from arogya_bench.types import Dataset

READER_OPTIONS = ("window", "values", "ordinal")


@dataclass(frozen=True, kw_only=True)
class CurationSource:
    """What is to be curated.

    Attributes:
        dataset: With the place of every image in ``files``; its notes may name files.
        masks: Case id to file; empty without masks.
        digests: File to the sha256 of its content, when it was looked at.
        unused: How many files became no case, by kind; without what they are called.
        options: Of the reader, as the result needs them too.
    """

    dataset: Dataset
    masks: Mapping[str, Path]
    digests: Mapping[Path, str]
    unused: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)


def read_source(folder: Path, source_layout: SourceLayout) -> CurationSource:
    """Read what a folder holds, without decoding an image.

    Raises:
        ConfigError: If an option does not fit.
        DatasetError: If the folder holds nothing that is known, or is damaged.
    """
    if not folder.is_dir():
        raise DatasetError(f"No folder at {folder}.", fix="name the folder that holds the images")
    layout, detected = detect_layout(folder, source_layout)
    source_layout = replace(source_layout, dataset={**detected, **source_layout.dataset})
    reader = build_reader(folder, layout, source_layout)
    masks: Mapping[str, Path] = {}
    alone = 0
    if layout in DETECTION_LAYOUTS:
        dataset = _read_with_boxes(folder, layout, source_layout)
    else:
        if layout == "pairs":
            dataset, masks = list_image_mask_pairs(folder, reader)
        elif layout == "unlabelled":
            dataset = list_unlabelled(folder, reader)
        else:
            dataset = reader.load()
        dataset, alone = _group_by_patient(dataset)
    files = [*dataset.files.values(), *masks.values()]
    root = folder.absolute()
    below = {PurePosixPath(file.absolute().relative_to(root)): file for file in files}
    known = hash_files(root, list(below))
    stated = {name: getattr(reader, name, None) for name in READER_OPTIONS}
    return CurationSource(
        dataset=dataset,
        masks=masks,
        digests={below[place]: content for place, content in known.items()},
        unused={**_count_unused(folder, set(below)), "images without a patient": alone},
        options={name: value for name, value in stated.items() if value},
    )


def _count_unused(folder: Path, used: set[PurePosixPath]) -> dict[str, int]:
    """Count the files that became no case: tables and lists of the source are among them."""
    rest = [file for file in list_files(folder) if file not in used]
    images = sum(is_image(file.name) for file in rest)
    return {"images left out": images, "other files left out": len(rest) - images}


def _group_by_patient(dataset: Dataset) -> tuple[Dataset, int]:
    """Group DICOM files by the patient that they name, where the source names none.

    Returns:
        The dataset, and how many of its images name no patient; each of those is its own group.
    """
    if dataset.grouped:
        return dataset, 0
    patients = {name: _read_patient_id(file) for name, file in dataset.files.items()}
    alone = [name for name, patient in patients.items() if not patient]
    if len(alone) == len(patients):
        return dataset, 0
    cases = tuple(
        replace(case, group_id=patients[case.case_id] or case.group_id) for case in dataset.cases
    )
    what = "Images that name no patient, each of which is its own group"
    notes = (*dataset.notes, *note_excluded(what, alone))
    return replace(dataset, cases=cases, grouped=True, notes=notes), len(alone)


def _read_patient_id(file: Path) -> str:
    """The patient that a DICOM file names; empty for other files."""
    try:
        with file.open("rb") as stream:
            head = stream.read(HEADER_BYTES)
        is_dicom = detect_format(head, file.name) == "dicom"
        return dicom_cleaning.read_patient(file.read_bytes()) if is_dicom else ""
    except OSError:  # said when it is read
        return ""


def _read_with_boxes(folder: Path, layout: str, source_layout: SourceLayout) -> Dataset:
    turns = dict(find_rotated_images(folder))
    if not turns:
        loaded: Dataset = build_reader(folder, layout, source_layout).load()
        return loaded
    drawn_on = source_layout.boxes_drawn_on
    if drawn_on is None:
        raise DatasetError(
            f"EXIF turns {len(turns)} images, and it is not known whether their boxes were drawn "
            f"on the image as it is stored or upright: {shorten_list([str(file) for file in turns])}.",
            fix="look at one of them, and set boxes_drawn_on=stored or boxes_drawn_on=upright",
        )
    with with_oriented_boxes(folder, turns, drawn_on) as stage:
        dataset: Dataset = build_reader(stage, layout, source_layout).load()
    files = {name: folder / file.relative_to(stage) for name, file in dataset.files.items()}
    return replace(dataset, files=files)
