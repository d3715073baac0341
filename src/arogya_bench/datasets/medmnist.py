"""Read a MedMNIST file, such as one downloaded with ``arogya-bench data fetch``."""

import hashlib
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from arogya_bench.datasets.exclusion import leave_out
from arogya_bench.datasets.medmnist_files import CITATION, DEFAULT_LICENCE, HOMEPAGE, PUBLISHED
from arogya_bench.datasets.published import check_class_names
from arogya_bench.datasets.source_map import group_by_source
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.errors import DatasetError
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.types import Case, Dataset, Image, Labels

SPLIT_KEYS = ("train", "val", "test")  # how a file names the parts of its split
# Errors that zipfile and NumPy raise for damaged files, found by flipping bytes.
READ_ERRORS = (BadZipFile, zlib.error, EOFError, KeyError, OSError, RuntimeError, SyntaxError, ValueError, TokenError)
LICENCE_SOURCE = "as stated by medmnist.com; cite MedMNIST and the source of the subset"
FRESH_COPY_HINT = "get the file again (arogya-bench data fetch NAME), or set dataset.path to an intact copy"


class _SplitArrays(NamedTuple):
    """The images and labels of one official split."""

    images: NDArray[np.uint8]  # (n, height, width) or (n, height, width, 3)
    labels: Labels  # (n,)


@dataclass(frozen=True, kw_only=True)
class MedMNIST:
    """A subset of MedMNIST, or another file in its layout, with its official split.

    The file names no patients, so every image is its own group, unless a table says which source file each image was
    made from.

    Attributes:
        path: The ``.npz`` file; relative to the working folder.
        licence: Licence of the file; by default the one that medmnist.com states for the subset.
        name: Name of the dataset; by default that of the file.
        classes: Class names in the order of the labels; by default those of MedMNIST.
        exclude: Text file or CSV table with the ids of cases to leave out, relative to the working folder or else to
            that of the file; None for none.
        external_api: ``allowed`` if the images may be sent to models behind APIs, else ``denied``.
        source_map: CSV table with the columns split, index and source, which names the source file of every image;
            relative to the working folder or else to that of the file. None if it is unknown.
        group: Regular expression with one group that captures the patient in the name of a source file; None takes
            each source file as a patient.
    """

    path: str
    licence: str | None = None
    name: str | None = None
    classes: list[str] = field(default_factory=list)
    version: str = "unstated"
    obtain: str = ""
    exclude: str | None = None
    external_api: str = "denied"
    source_map: str | None = None
    group: str | None = None

    def load(self) -> Dataset:
        """Decompress and check the file."""
        file = expand_home(self.path).absolute()
        arrays = _load_arrays(file)
        parts = {SPLIT_NAMES[key]: _build_split_arrays(arrays, key, file) for key in SPLIT_KEYS}
        subset = re.sub(r"(_derived)?(_(28|64|128|224))?$", "", file.stem.lower())
        present = np.unique(np.concatenate([part.labels for part in parts.values()]))
        published = PUBLISHED.get(subset)
        classes = _resolve_classes(present, self.classes or (published.classes if published else ()), file)
        licence = published.licence if published else DEFAULT_LICENCE
        dataset = Dataset(
            name=self.name or file.stem,
            task="classification",
            classes=classes,
            cases=_build_cases(parts),
            grouped=False,
            digest=_digest(parts, classes),
            licence=self.licence or f"{licence} ({LICENCE_SOURCE})",
            source=f"a file in the layout of MedMNIST, {HOMEPAGE}",
            version=self.version,
            read=partial(_read_image, {split: part.images for split, part in parts.items()}),
            citation=CITATION,
            ordinal=subset == "retinamnist",
            overlaps=("ham10000", "isic2019") if subset == "dermamnist" else (),
        )
        dataset = group_by_source(dataset, self.source_map, self.group, file.parent)
        return leave_out(dataset, self.exclude, file.parent)


def _load_arrays(file: Path) -> dict[str, NDArray[np.generic]]:
    try:
        if not file.is_file():
            raise DatasetError(
                f"No MedMNIST file at {file}.",
                fix="arogya-bench data fetch NAME downloads a subset, such as pneumoniamnist; "
                "then set dataset.path=/path/to/it.npz",
            )
        with ZipFile(file) as archive:
            return _read_members(archive, file)
    except READ_ERRORS as error:
        raise DatasetError(f"{file} cannot be read as an .npz file: {error}", fix=FRESH_COPY_HINT) from error
    except MemoryError as error:
        raise DatasetError(
            f"The arrays of {file} do not fit into memory: {error}", fix="use the same subset at a smaller image size"
        ) from error


def _read_members(archive: ZipFile, file: Path) -> dict[str, NDArray[np.generic]]:
    keys = [f"{split}_{array}" for split in SPLIT_KEYS for array in ("images", "labels")]
    present = [name.removesuffix(".npy") for name in archive.namelist()]
    missing = [key for key in keys if key not in present]
    if missing:
        raise DatasetError(
            f"{file} lacks {', '.join(missing)}; it holds: {', '.join(sorted(present))}.",
            fix="use a file of MedMNIST: {train,val,test}_images and _labels",
        )
    arrays = {}
    for key in keys:
        with archive.open(f"{key}.npy") as stream:
            arrays[key] = np.lib.format.read_array(stream, allow_pickle=False)
            stream.read()  # zipfile compares the checksum at the end
    return arrays


def _build_split_arrays(arrays: Mapping[str, NDArray[np.generic]], key: str, file: Path) -> _SplitArrays:
    images, labels = arrays[f"{key}_images"], arrays[f"{key}_labels"]
    flat = _flatten_labels(labels, f"{key}_labels of {file}")
    what = f"{key}_images of {file}"
    shape = " x ".join(map(str, images.shape))
    grey, colour = images.ndim == 3, images.ndim == 4 and images.shape[-1] == 3
    if images.dtype != np.uint8 or not (grey or colour):
        raise DatasetError(
            f"{what} is {images.dtype} of shape {shape}, not 8-bit grey (n x height x width) "
            "or RGB (n x height x width x 3).",
            fix="use a 2-D subset of MedMNIST; volumes are not supported",
        )
    if not images.size:
        raise DatasetError(f"{what} is empty: its shape is {shape}.", fix=FRESH_COPY_HINT)
    if len(images) != len(flat):
        raise DatasetError(f"{what} holds {len(images)} images, but there are {len(flat)} labels.", fix=FRESH_COPY_HINT)
    return _SplitArrays(images.astype(np.uint8, copy=False), flat)


def _flatten_labels(labels: NDArray[np.generic], what: str) -> Labels:
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise DatasetError(
            f"{what} gives {labels.shape[1]} labels to each image; multi-label is not supported.",
            fix="use a subset with one label per image, such as pneumoniamnist",
        )
    if labels.dtype.kind not in "iu" or labels.ndim not in (1, 2):
        raise DatasetError(
            f"{what} is {labels.dtype} of shape {labels.shape}, not whole numbers (n x 1).",
            fix="store one class index per image, counted from 0",
        )
    return labels.reshape(-1).astype(np.int64)


def _resolve_classes(present: Labels, names: Sequence[str], file: Path) -> tuple[str, ...]:
    if len(present) < 2:
        raise DatasetError(
            f"Every image of {file} has the label {present[0]}; at least two classes are needed.",
            fix="use a file with at least two classes",
        )
    check_class_names(names)
    known = len(names) or len(present)
    unknown = [int(label) for label in present if not 0 <= label < known]
    if unknown:
        raise DatasetError(
            f"{file} holds the label {unknown[0]}, but has {known} classes, 0 to {known - 1}.",
            fix="name every class, in the order of the labels: dataset.classes=[first,second,...]",
        )
    return tuple(names) or tuple(f"class_{label}" for label in present)


def _build_cases(parts: Mapping[str, _SplitArrays]) -> tuple[Case, ...]:
    return tuple(
        Case(case_id=f"{split}-{index:05d}", group_id=f"{split}-{index:05d}", target=int(target), split=split)
        for split, part in parts.items()
        for index, target in enumerate(part.labels)
    )


def _digest(parts: Mapping[str, _SplitArrays], classes: tuple[str, ...]) -> str:
    # Over the arrays rather than the file, so that recompressing does not change it.
    digest = hashlib.sha256(repr(classes).encode())
    for split, part in parts.items():
        digest.update(f"{split} {part.images.shape}".encode())
        digest.update(np.ascontiguousarray(part.images).data)
        digest.update(part.labels.astype("<i8").tobytes())
    return digest.hexdigest()[:32]


def _read_image(images: Mapping[str, NDArray[np.uint8]], case: Case) -> Image:
    split, _, index = case.case_id.rpartition("-")
    try:
        pixels = images[split][int(index)]
    except (KeyError, ValueError, IndexError) as error:
        raise DatasetError(f"No image belongs to case {case.case_id!r}.", fix="use a case of this dataset") from error
    # A copy, so that callers may modify it.
    return np.repeat(pixels[..., np.newaxis], 3, axis=2) if pixels.ndim == 2 else pixels.copy()
