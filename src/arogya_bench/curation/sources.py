"""Reads labels, groups, splits, masks and boxes of a source with the reader of its layout."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import PIL.Image

from arogya_bench.curation.layouts import DETECTION_LAYOUTS, build_reader, detect_layout
from arogya_bench.curation.options import CurationOptions
from arogya_bench.curation.unlabelled import list_image_mask_pairs, list_unlabelled
from arogya_bench.datasets.csv_tables import names_nobody
from arogya_bench.datasets.exclusion import leave_out
from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.deidentification.cleaned_file import CleaningError
from arogya_bench.deidentification.dicom import read_patient
from arogya_bench.deidentification.image_metadata import read_metadata
from arogya_bench.deidentification.orientation import TRANSPOSED_ORIENTATIONS, UPRIGHT
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import HEADER_BYTES, detect_format, is_image
from arogya_bench.images.discovery import list_files
from arogya_bench.images.file_hashes import hash_files
from arogya_bench.runtime.console import plural
from arogya_bench.types import Dataset

LISTED_LAYOUTS = ("pairs", "unlabelled")  # whose files are listed here, and not loaded by a reader
READER_OPTIONS = ("window", "values", "ordinal")


@dataclass(frozen=True, kw_only=True)
class CurationSource:
    """The source of a curation.

    Attributes:
        dataset: Dataset with the file of every image; its notes may name files.
        masks: Mask file by case id; empty without masks.
        digests: SHA-256 by file, at the time of reading.
        unused: Number of files that are not part of a case, by kind.
        options: Options of the reader that a reader of the result needs too.
    """

    dataset: Dataset
    masks: Mapping[str, Path]
    digests: Mapping[Path, str]
    unused: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)


def read_source(folder: Path, options: CurationOptions) -> CurationSource:
    """Read a source folder, without decoding images.

    Raises:
        ConfigError: If an option does not fit the layout.
        DatasetError: If the folder has no known layout, or is damaged.
    """
    if not folder.is_dir():
        raise DatasetError(f"No folder at {folder}.", fix="name the folder that holds the images")
    layout, detected = detect_layout(folder, options)
    options = replace(options, dataset={**detected, **options.dataset})
    reader = build_reader(folder, layout, options)
    masks: Mapping[str, Path] = {}
    without_patient = 0
    if layout in DETECTION_LAYOUTS:
        dataset = _read_with_boxes(folder, layout, options)
    else:
        if layout == "pairs":
            dataset, masks = list_image_mask_pairs(folder, reader)
        elif layout == "unlabelled":
            dataset = list_unlabelled(folder, reader)
        else:
            dataset = reader.load()
        if layout in LISTED_LAYOUTS:
            dataset = leave_out(dataset, reader.exclude, folder)
            masks = {name: mask for name, mask in masks.items() if name in dataset.files}
        dataset, without_patient = _group_by_patient(dataset)
    files = [*dataset.files.values(), *masks.values()]
    root = folder.absolute()
    relative_paths = {PurePosixPath(file.absolute().relative_to(root)): file for file in files}
    hashes = hash_files(root, list(relative_paths))
    kept_options = {name: getattr(reader, name, None) for name in READER_OPTIONS}
    return CurationSource(
        dataset=dataset,
        masks=masks,
        digests={relative_paths[path]: digest for path, digest in hashes.items()},
        unused={**_count_unused(folder, set(relative_paths)), "images without a patient": without_patient},
        options={name: value for name, value in kept_options.items() if value},
    )


def _count_unused(folder: Path, used: set[PurePosixPath]) -> dict[str, int]:
    """Count the files that are not part of a case, including the tables of the source."""
    unused = [file for file in list_files(folder) if file not in used]
    images = sum(is_image(file.name) for file in unused)
    return {"images left out": images, "other files left out": len(unused) - images}


def _group_by_patient(dataset: Dataset) -> tuple[Dataset, int]:
    """Group DICOM files by the patient in their header, unless the source defines groups.

    Returns:
        The dataset, and the number of images without a patient, each of which is its own group.
    """
    if dataset.grouped:
        return dataset, 0
    patients = {name: _read_patient_id(file) for name, file in dataset.files.items()}
    unnamed = [name for name, patient in patients.items() if not patient]
    if len(unnamed) == len(patients):
        return dataset, 0
    cases = tuple(replace(case, group_id=patients[case.case_id] or case.group_id) for case in dataset.cases)
    what = "Images without a patient, each its own group"
    notes = (*dataset.notes, *note_excluded(what, unnamed))
    return replace(dataset, cases=cases, grouped=True, notes=notes), len(unnamed)


def _read_patient_id(file: Path) -> str:
    """Return the patient in the header of a DICOM file; empty for other files, and if it names nobody."""
    try:
        with file.open("rb") as stream:
            head = stream.read(HEADER_BYTES)
        is_dicom = detect_format(head, file.name) == "dicom"
        patient = read_patient(file.read_bytes()) if is_dicom else ""
        return "" if names_nobody(patient) else patient
    except OSError:  # reported when the file is cleaned
        return ""


def _read_with_boxes(folder: Path, layout: str, options: CurationOptions) -> Dataset:
    orientations = dict(_find_rotated_images(folder))
    if not orientations:
        dataset: Dataset = build_reader(folder, layout, options).load()
        return dataset
    drawn_on = options.boxes_drawn_on
    if drawn_on is None:
        raise DatasetError(
            f"EXIF rotates {plural(len(orientations), 'image')}, and it is unknown whether the boxes were drawn on "
            f"the stored or the upright image: {shorten_list(list(map(str, orientations)))}.",
            fix="view one of them, and set boxes_drawn_on=stored or boxes_drawn_on=upright",
        )
    with _with_oriented_boxes(folder, orientations, drawn_on) as stage:
        dataset = build_reader(stage, layout, options).load()
    files = {name: folder / file.relative_to(stage) for name, file in dataset.files.items()}
    return replace(dataset, files=files)


def _find_rotated_images(folder: Path) -> Iterator[tuple[PurePosixPath, tuple[int, int, int]]]:
    """Yield each image that EXIF rotates, with its stored width, stored height and orientation."""
    for file in list_files(folder):
        if is_image(file.name):
            with suppress(CleaningError):  # reported when the file is cleaned
                metadata = read_metadata((folder / file).read_bytes())
                if metadata.orientation != UPRIGHT:
                    yield file, (metadata.width, metadata.height, metadata.orientation)


@contextmanager
def _with_oriented_boxes(
    folder: Path, orientations: Mapping[PurePosixPath, Sequence[int]], drawn_on: str
) -> Iterator[Path]:
    """Stage a copy of the folder in which no image is rotated.

    The readers of boxes use only the size of an image, so a blank image of the size on which the boxes were drawn
    replaces each rotated one. All other files are symbolic links.
    """
    with tempfile.TemporaryDirectory(prefix="arogya-") as stage_name:
        stage = Path(stage_name)
        for file in list_files(folder):
            (stage / file).parent.mkdir(parents=True, exist_ok=True)
            if file not in orientations:
                (stage / file).symlink_to(folder.absolute() / file)
                continue
            width, height, orientation = orientations[file]
            swapped = drawn_on == "upright" and orientation in TRANSPOSED_ORIENTATIONS
            size = (height, width) if swapped else (width, height)
            PIL.Image.new("1", size).save(stage / file, "PNG")
        yield stage
