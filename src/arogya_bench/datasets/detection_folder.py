"""Read a folder of images with boxes in COCO, Pascal VOC or YOLO format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from arogya_bench.datasets.box_formats import EXPECTED_FILES, ReaderOptions, detect_box_formats
from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.pascal_voc import PascalVOC
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.yolo import YOLO
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.images.files import find_dataset_folder
from arogya_bench.types import Dataset

READERS: Mapping[str, Callable[..., COCO | PascalVOC | YOLO]] = {"coco": COCO, "voc": PascalVOC, "yolo": YOLO}
TITLES = {"coco": "COCO", "voc": "Pascal VOC", "yolo": "YOLO"}


@dataclass(frozen=True, kw_only=True)
class DetectionFolder(GroupedDatasetOptions):
    """Images with boxes in any of the three formats.

    It finds the annotation files and delegates to the reader of their format; ``dataset=coco``, ``pascal_voc`` and
    ``yolo`` have more options.

    Attributes:
        format: ``coco``, ``voc`` or ``yolo``; ``auto`` detects it.
    """

    format: str = "auto"

    def load(self) -> Dataset:
        """Detect the format and read every annotation file; no image is decoded."""
        if self.format not in ("auto", *READERS):
            raise ConfigError(
                f"dataset.format={self.format!r} is unknown.{did_you_mean(self.format, READERS)}",
                fix=f"choose one of auto, {', '.join(READERS)}",
            )
        folder = find_dataset_folder(self.path, EXPECTED_FILES)
        detected = detect_box_formats(folder, tuple(READERS) if self.format == "auto" else (self.format,))
        if len(detected) != 1:
            raise _undetermined_format_error(folder, detected)
        ((name, options),) = detected.items()
        shared = {option.name: getattr(self, option.name) for option in fields(GroupedDatasetOptions)}
        dataset = READERS[name](**shared, **options).load()
        note = f"Read as {TITLES[name]}: {_format_options(options)}."
        return replace(dataset, notes=(note, *dataset.notes))


def _format_options(options: ReaderOptions) -> str:
    values = {key: value if isinstance(value, str) else ", ".join(value) for key, value in options.items()}
    return ", ".join(f"{key} {value}" for key, value in sorted(values.items()))


def _undetermined_format_error(folder: Path, detected: Mapping[str, object]) -> DatasetError:
    if detected:
        return DatasetError(
            f"{folder} holds boxes in several formats: {' and '.join(TITLES[name] for name in detected)}.",
            fix=f"choose one: dataset.format={' or '.join(detected)}",
        )
    return DatasetError(
        f"No boxes were found in {folder}; looked for {EXPECTED_FILES}.",
        fix="set dataset.path to the folder that holds them; if they have another layout, use "
        "dataset=coco, pascal_voc or yolo and name the files",
    )
