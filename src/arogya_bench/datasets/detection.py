"""From annotated images, whatever their format, to a checked dataset of the detection task."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.boxes import Drawn, Fitted, class_names, fitted
from arogya_bench.datasets.group_patterns import few, groups_of
from arogya_bench.errors import DatasetError
from arogya_bench.images.files import Facts, decoded
from arogya_bench.types import Case, Dataset

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Annotated:
    """One image, and what its source says of it.

    Attributes:
        case_id: Unique; follows from the name of the file.
        file: Below the folder of the dataset.
        facts: Of the file.
        drawn: Its boxes, unchecked.
        split: ``train``, ``validation`` or ``test``, or None if the source fixes none.
        metadata: The same keys for every image.
    """

    case_id: str
    file: PurePosixPath
    facts: Facts
    drawn: tuple[Drawn, ...]
    split: str | None
    metadata: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Card:
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


def dataset_of(
    folder: Path,
    images: Sequence[Annotated],
    card: Card,
    *,
    listed: Sequence[str],
    chosen: Sequence[str],
    notes: Sequence[str] = (),
) -> Dataset:
    """Check the images and their boxes, and make a dataset of them.

    Args:
        folder: Where the files lie.
        images: In any order.
        card: For the record.
        listed: The classes of the source, in its order.
        chosen: The classes in the order that the user wants; empty for that of the source.
        notes: What the reader of the format has to say already.

    Raises:
        DatasetError: If ids repeat, there is no box, or one of them cannot be true.
    """
    ordered = sorted(images, key=lambda image: image.case_id)
    used = {box.name for image in ordered for box in image.drawn}
    _refuse_unusable(ordered, used, folder)
    classes = class_names(listed, chosen, used)
    boxes = {
        image.case_id: fitted(image.drawn, image.facts, classes, case=image.case_id)
        for image in ordered
    }
    groups = groups_of(list(boxes), card.group)
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
        name=card.name,
        task="detection",
        classes=classes,
        cases=cases,
        grouped=card.group is not None,
        digest=_digest(classes, cases, ordered),
        licence=card.licence,
        source=card.source,
        version=card.version,
        read=partial(decoded, folder, files),
        notes=(*notes, *_notes_on_boxes(boxes), *_notes_on_copies(ordered)),
        citation=card.citation,
        files={case_id: folder / file for case_id, file in files.items()},
    )


def homes(parts: Mapping[str, Iterable[str]]) -> dict[str, str | None]:
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


def require_size(facts: Facts, width: float, height: float, where: str) -> None:
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


def _refuse_unusable(images: Sequence[Annotated], used: Collection[str], folder: Path) -> None:
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


def _digest(classes: Sequence[str], cases: Sequence[Case], images: Sequence[Annotated]) -> str:
    # Names and bytes, not places: the folder may move. Over the files, since decoding all of
    # them at every load would take minutes for a large dataset.
    digest = hashlib.sha256(json.dumps(classes).encode())
    for case, image in zip(cases, images, strict=True):
        boxes = [astuple(box) for box in case.boxes or ()]
        said = [case.case_id, case.group_id, dict(case.metadata), boxes, image.facts.content]
        line = json.dumps(said, sort_keys=True)
        digest.update(f"\n{line}".encode())
    return digest.hexdigest()[:32]


def _notes_on_boxes(boxes: Mapping[str, Fitted]) -> Iterator[str]:
    empty = [
        f"{case} ({box.name} at {box.left:g}, {box.top:g})"
        for case, own in boxes.items()
        for box in own.without_area
    ]
    if empty:
        yield f"Boxes without area that were left out: {len(empty)}: {few(empty)}."
    beyond = [pixels for own in boxes.values() for pixels in own.beyond]
    if beyond:
        yield (
            f"Boxes that reached outside their image and were clipped: {len(beyond)}, by up to "
            f"{max(beyond):.1f} pixels: {few([case for case, own in boxes.items() if own.beyond])}."
        )
    repeated = {case: own.repeated for case, own in boxes.items() if own.repeated}
    if repeated:
        yield (
            f"Boxes that are there twice and were kept: {sum(repeated.values())}: {few(repeated)}."
        )
    crowds = sum(box.crowd for own in boxes.values() for box in own.boxes)
    if crowds:
        yield (
            f"Boxes marked as difficult or as a crowd: {crowds}; neither finding nor missing one "
            "counts."
        )


def _notes_on_copies(images: Sequence[Annotated]) -> Iterator[str]:
    same: defaultdict[str, list[Annotated]] = defaultdict(list)
    for image in images:
        same[image.facts.content].append(image)
    copies = [own for own in same.values() if len(own) > 1]
    if copies:
        straddling = sum(len({image.split for image in own}) > 1 for own in copies)
        yield (
            f"Files that are there more than once: {len(copies)}, of which {straddling} in several "
            f"parts of the split: {few([' = '.join(i.case_id for i in own) for own in copies])}."
        )
