"""From annotated images, whatever their format, to a checked dataset of the detection task."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.boxes import ClippedBoxes, RawBox, clip_boxes, resolve_classes
from arogya_bench.datasets.group_patterns import extract_groups, shorten_list
from arogya_bench.errors import DatasetError
from arogya_bench.images.files import ImageFileInfo, decode_case
from arogya_bench.types import Case, Dataset

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class BoxedImage:
    """One image, and what its source says of it.

    Attributes:
        case_id: Unique; follows from the name of the file.
        file: Below the folder of the dataset.
        facts: Of the file.
        raw_boxes: Its boxes, unchecked.
        split: ``train``, ``validation`` or ``test``, or None if the source fixes none.
        metadata: The same keys for every image.
    """

    case_id: str
    file: PurePosixPath
    facts: ImageFileInfo
    raw_boxes: tuple[RawBox, ...]
    split: str | None
    metadata: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DetectionDatasetInfo:
    """What a dataset is called, and how its images are grouped.

    Attributes:
        group: Regular expression, searched in the case id; its one group is the patient.
        citation: What its authors ask to be cited.
    """

    name: str
    licence: str
    source: str
    version: str
    group: str | None
    citation: str = ""


def build_detection_dataset(
    folder: Path,
    images: Sequence[BoxedImage],
    info: DetectionDatasetInfo,
    *,
    source_classes: Sequence[str],
    requested_classes: Sequence[str],
    notes: Sequence[str] = (),
) -> Dataset:
    """Check the images and their boxes, and make a dataset of them.

    Args:
        folder: Where the files lie.
        images: In any order.
        info: For the record.
        source_classes: The classes of the source, in its order.
        requested_classes: The classes in the order that the user wants; empty for that of the source.
        notes: What the reader of the format has to say already.

    Raises:
        DatasetError: If ids repeat, there is no box, or one of them cannot be true.
    """
    ordered = sorted(images, key=lambda image: image.case_id)
    used = {box.name for image in ordered for box in image.raw_boxes}
    _check_images(ordered, used, folder)
    classes = resolve_classes(source_classes, requested_classes, used)
    boxes = {
        image.case_id: clip_boxes(image.raw_boxes, image.facts, classes, case=image.case_id)
        for image in ordered
    }
    groups = extract_groups(list(boxes), info.group)
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
        name=info.name,
        task="detection",
        classes=classes,
        cases=cases,
        grouped=info.group is not None,
        digest=_digest(classes, cases, ordered),
        licence=info.licence,
        source=info.source,
        version=info.version,
        read=partial(decode_case, folder, files),
        notes=(*notes, *_notes_on_boxes(boxes), *_notes_on_duplicates(ordered)),
        citation=info.citation,
        files={case_id: folder / file for case_id, file in files.items()},
    )


def split_by_file(parts: Mapping[str, Iterable[str]]) -> dict[str, str | None]:
    """Say which part of the official split each image belongs to.

    A source with one part divides nothing: its images then have no split.

    Args:
        parts: Split to names; at least one.

    Raises:
        DatasetError: If an image is listed twice.
    """
    found: dict[str, str | None] = {}
    for split, names in parts.items():
        for name in names:
            if name in found:
                raise DatasetError(
                    f"The image {name} is listed twice: in {found[name]} and in {split}.",
                    fix="list every image once, in one part",
                )
            found[name] = split
    return found if len(parts) > 1 else dict.fromkeys(found)


def check_image_size(facts: ImageFileInfo, width: float, height: float, where: str) -> None:
    """Refuse boxes that were drawn on an image of another size.

    Raises:
        DatasetError: If the stated size is not that of the file.
    """
    if (width, height) != (facts.width, facts.height):
        raise DatasetError(
            f"{where} states an image of {width:g} x {height:g} pixels; the file has "
            f"{facts.width} x {facts.height}.",
            fix="use the images that the boxes were drawn on, or draw the boxes again",
        )


def _check_images(images: Sequence[BoxedImage], used: Collection[str], folder: Path) -> None:
    names = Counter(image.case_id for image in images)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        files = [str(image.file) for image in images if image.case_id == twice[0]]
        raise DatasetError(
            f"{len(files)} images have the name {twice[0]}: {', '.join(files)}.",
            fix="give every image a name of its own, its suffix aside",
        )
    if not used:
        raise DatasetError(
            f"None of the {len(images)} images in {folder} has a box.",
            fix="set dataset.path to a folder with annotated images",
        )


def _digest(classes: Sequence[str], cases: Sequence[Case], images: Sequence[BoxedImage]) -> str:
    # Names and bytes, not places: the folder may move. Over the files, since decoding all of
    # them at every load would take minutes for a large dataset.
    digest = hashlib.sha256(json.dumps(classes).encode())
    for case, image in zip(cases, images, strict=True):
        boxes = [astuple(box) for box in case.boxes or ()]
        said = [case.case_id, case.group_id, dict(case.metadata), boxes, image.facts.sha256]
        line = json.dumps(said, sort_keys=True)
        digest.update(f"\n{line}".encode())
    return digest.hexdigest()[:32]


def _notes_on_boxes(boxes: Mapping[str, ClippedBoxes]) -> Iterator[str]:
    empty = [
        f"{case} ({box.name} at {box.left:g}, {box.top:g})"
        for case, own in boxes.items()
        for box in own.without_area
    ]
    if empty:
        yield f"Boxes without area that were left out: {len(empty)}: {shorten_list(empty)}."
    beyond = [pixels for own in boxes.values() for pixels in own.overhangs]
    if beyond:
        yield (
            f"Boxes that reached outside their image and were clipped: {len(beyond)}, by up to "
            f"{max(beyond):.1f} pixels: {shorten_list([case for case, own in boxes.items() if own.overhangs])}."
        )
    repeated = {case: own.duplicates for case, own in boxes.items() if own.duplicates}
    if repeated:
        yield (
            f"Boxes that are there twice and were kept: {sum(repeated.values())}: {shorten_list(repeated)}."
        )
    crowds = sum(box.crowd for own in boxes.values() for box in own.boxes)
    if crowds:
        yield (
            f"Boxes marked as difficult or as a crowd: {crowds}; neither finding nor missing one "
            "counts."
        )


def _notes_on_duplicates(images: Sequence[BoxedImage]) -> Iterator[str]:
    same: defaultdict[str, list[BoxedImage]] = defaultdict(list)
    for image in images:
        same[image.facts.sha256].append(image)
    copies = [own for own in same.values() if len(own) > 1]
    if copies:
        straddling = sum(len({image.split for image in own}) > 1 for own in copies)
        yield (
            f"Files that are there more than once: {len(copies)}, of which {straddling} in several "
            f"parts of the split: {shorten_list([' = '.join(i.case_id for i in own) for own in copies])}."
        )
