"""Build a checked detection dataset from images with boxes of any format."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

from arogya_bench.datasets.boxes import ClippedBoxes, RawBox, clip_boxes, resolve_classes
from arogya_bench.datasets.group_patterns import extract_groups, note_excluded, shorten_list
from arogya_bench.datasets.published import GroupedDatasetOptions, SourceImage, check_unique_ids
from arogya_bench.datasets.reserved_columns import BOX_COLUMNS, rename_reserved
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.errors import DatasetError
from arogya_bench.images.file_hashes import digest_records
from arogya_bench.images.files import ImageFileInfo, decode_case
from arogya_bench.runtime.console import plural
from arogya_bench.types import Case, Dataset


@dataclass(frozen=True, kw_only=True)
class BoxedImage(SourceImage):
    """One image and its annotations in the source.

    Attributes:
        facts: Size and hash of the file.
        raw_boxes: Boxes, not yet checked.
    """

    facts: ImageFileInfo
    raw_boxes: tuple[RawBox, ...]


def build_detection_dataset(
    folder: Path,
    images: Sequence[BoxedImage],
    options: GroupedDatasetOptions,
    *,
    source_classes: Sequence[str],
    default_source: str,
    notes: Sequence[str] = (),
) -> Dataset:
    """Check the images and their boxes, and build a dataset from them.

    Args:
        folder: Folder of the dataset.
        images: Images in any order.
        options: Options of the reader.
        source_classes: Classes of the source, in its order.
        default_source: Description of the source, used if the user gives none.
        notes: Notes on excluded files and the like.
    """
    ordered, renaming_notes = rename_reserved(sorted(images, key=lambda image: image.case_id), BOX_COLUMNS)
    used = {box.name for image in ordered for box in image.raw_boxes}
    _check_images(ordered, used, folder)
    classes = resolve_classes(source_classes, options.classes, used)
    boxes = {image.case_id: clip_boxes(image.raw_boxes, image.facts, classes, case=image.case_id) for image in ordered}
    groups = extract_groups(list(boxes), options.group)
    files = {image.case_id: image.file for image in ordered}
    cases = tuple(
        Case(
            case_id=image.case_id,
            group_id=groups[image.case_id],
            target=None,
            metadata=image.metadata,
            split=image.split,
            boxes=boxes[image.case_id].boxes,
        )
        for image in ordered
    )
    return Dataset(
        name=options.name or folder.name,
        task="detection",
        classes=classes,
        cases=cases,
        grouped=options.group is not None,
        digest=_digest(classes, cases, ordered),
        licence=options.licence,
        source=options.source or default_source,
        version=options.version,
        read=partial(decode_case, folder, files),
        notes=(*notes, *renaming_notes, *_notes_on_boxes(boxes), *_notes_on_duplicates(ordered)),
        citation=options.citation,
        files={case_id: folder / file for case_id, file in files.items()},
    )


def split_by_file(parts: Mapping[str, Iterable[str]]) -> dict[str, str | None]:
    """Map each image, listed once, to its part of the official split.

    Images of a file that belongs to no part map to None.
    """
    splits: dict[str, str | None] = {}
    for split, names in parts.items():
        for name in names:
            if name in splits:
                raise DatasetError(
                    f"The image {name} is listed twice: in {splits[name]} and in {split}.",
                    fix="list every image once, in one split",
                )
            splits[name] = split
    return {name: split if split in PARTS else None for name, split in splits.items()}


def check_image_size(facts: ImageFileInfo, width: float, height: float, where: str) -> None:
    """Check that boxes were drawn on an image of this size."""
    if (width, height) != (facts.width, facts.height):
        raise DatasetError(
            f"{where} states an image of {width:g} x {height:g} pixels; the file has {facts.width} x {facts.height}.",
            fix="use the images that the boxes were drawn on, or draw the boxes again",
        )


def _check_images(images: Sequence[BoxedImage], used: Collection[str], folder: Path) -> None:
    if not used:
        raise DatasetError(
            f"There is no box on {plural(len(images), 'image')} in {folder}.",
            fix="set dataset.path to a folder with annotated images",
        )
    check_unique_ids(images)


def _digest(classes: Sequence[str], cases: Sequence[Case], images: Sequence[BoxedImage]) -> str:
    # Bytes rather than paths, so that the folder may move, or pixels, whose decoding would take minutes.
    records: list[object] = [classes]
    for case, image in zip(cases, images, strict=True):
        boxes = [astuple(box) for box in case.boxes or ()]
        records.append([case.case_id, case.group_id, dict(case.metadata), boxes, image.facts.sha256])
    return digest_records(records)


def _notes_on_boxes(boxes: Mapping[str, ClippedBoxes]) -> Iterator[str]:
    empty = [
        f"{case} ({box.name} at {box.left:g}, {box.top:g})"
        for case, clipped in boxes.items()
        for box in clipped.without_area
    ]
    yield from note_excluded("Boxes without area, excluded", empty)
    overhangs = [pixels for clipped in boxes.values() for pixels in clipped.overhangs]
    if overhangs:
        cases = [case for case, clipped in boxes.items() if clipped.overhangs]
        yield (
            f"Boxes clipped at the edge of their image: {len(overhangs)}, by up to "
            f"{max(overhangs):.1f} pixels: {shorten_list(cases)}."
        )
    duplicates = {case: clipped.duplicates for case, clipped in boxes.items() if clipped.duplicates}
    if duplicates:
        yield f"Duplicate boxes, kept: {sum(duplicates.values())}: {shorten_list(duplicates)}."
    crowds = sum(box.crowd for clipped in boxes.values() for box in clipped.boxes)
    if crowds:
        yield f"Boxes marked as difficult or as a crowd: {crowds}; they are ignored in the evaluation."


def _notes_on_duplicates(images: Sequence[BoxedImage]) -> Iterator[str]:
    by_hash: defaultdict[str, list[BoxedImage]] = defaultdict(list)
    for image in images:
        by_hash[image.facts.sha256].append(image)
    copies = [group for group in by_hash.values() if len(group) > 1]
    if copies:
        across_splits = sum(len({image.split for image in group}) > 1 for group in copies)
        names = [" = ".join(image.case_id for image in group) for group in copies]
        yield (
            f"Files with several copies: {len(copies)}, of which {across_splits} in several "
            f"splits: {shorten_list(names)}."
        )
