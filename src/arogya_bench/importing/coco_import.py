"""Detections as COCO results against a COCO annotation file."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.datasets.boxes import RawBox, clip_boxes
from arogya_bench.datasets.coco_json import CocoListing, JsonRecord, get_number, read_coco_json
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.errors import DatasetError
from arogya_bench.images.files import ImageFileInfo
from arogya_bench.importing.cells import ImportedCell
from arogya_bench.importing.coco_images import CocoImages, FoundBox, case_id_of, images_of_split
from arogya_bench.importing.identity import known_dataset, own_dataset
from arogya_bench.importing.rows import DEFAULT_SEED
from arogya_bench.importing.run_items import ImportSource
from arogya_bench.importing.runs import ImportPlan
from arogya_bench.importing.table_files import read_file
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.types import Box

GROUP_FIELDS = ("patient_id", "patient", "group_id", "group", "subject_id", "subject")  # of an image record
DEFAULT_THRESHOLD = 0.5
RESULTS_FIX = 'write a list of {"image_id", "category_id", "bbox": [left, top, width, height], "score"}.'


@dataclass(frozen=True, kw_only=True)
class BoxRequest:
    """What the user asks for.

    Attributes:
        annotations: COCO file with the true boxes.
        seed: Of the training; empty if it is not known.
        group_field: Of the image records, with the patient; empty for an obvious one.
        threshold: Minimum score of detections in precision, recall and F1.
    """

    model: str
    dataset: str
    annotations: Path
    seed: str = ""
    group_field: str = ""
    threshold: float = DEFAULT_THRESHOLD


def plan_boxes(results: Path, request: BoxRequest, *, split: DatasetSplit | None, resamples: int) -> ImportPlan:
    """Check a COCO results file, and plan its run.

    Args:
        results: The file.
        request: What the user asks for.
        split: Of the dataset that the images belong to; None to take the annotation file as a dataset of its own.
        resamples: Number of bootstrap resamples; 0 for no intervals.
    """
    content = read_file(results)
    read_file(request.annotations)
    listing = _read_annotations(expand_home(request.annotations))
    field = "" if split else request.group_field or _obvious_group(listing)
    images = _own_images(listing, field) if split is None else images_of_split(listing, split)
    found = _by_image(results.name, _parse_results(results.name, content), listing, images)
    predictions = images.predictions(found, request.threshold)
    cell = ImportedCell(
        model=request.model,
        seed=request.seed or DEFAULT_SEED,
        seeded=bool(request.seed),
        condition=CLEAN,
        augmentation=CLEAN,
        severity=None,
        level=0,
        part="test",
        predictions=predictions,
    )
    source_text = f"boxes imported from {results.name}, annotations of {request.annotations.name}"
    notes = [f"There are no validation boxes: precision, recall and F1 use the score threshold {request.threshold:g}."]
    if split is None:
        notes.append(f"Groups are those of the field {field!r}." if field else "Every image is a group of its own.")
    own = partial(own_dataset, request.dataset, predictions, grouped=bool(field), source=source_text)
    return ImportPlan(
        source=ImportSource(name=results.name, digest=hashlib.sha256(content).hexdigest()[:32], notes=tuple(notes)),
        on=own() if split is None else known_dataset(split),
        cells=(cell,),
        resamples=resamples,
    )


def _read_annotations(file: Path) -> CocoListing:
    return read_coco_json(file.parent, PurePosixPath(file.name))


def _obvious_group(listing: CocoListing) -> str:
    fields = [field for field in GROUP_FIELDS if all(field in record for record in listing.images)]
    return fields[0] if fields and listing.images else ""


def _parse_results(name: str, content: bytes) -> Sequence[JsonRecord]:
    try:
        records = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{name} cannot be read as JSON: {error}.", fix=RESULTS_FIX) from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DatasetError(f"{name} is not a list of detections.", fix=RESULTS_FIX)
    return records


def _own_images(listing: CocoListing, field: str) -> CocoImages:
    """Every image of an annotation file, in the order of their names."""
    images = sorted(listing.images, key=case_id_of)
    ids = tuple(case_id_of(record) for record in images)
    repeated = [one for one, other in itertools.pairwise(ids) if one == other]
    if repeated:
        raise DatasetError(
            f"{listing.name} lists the image {repeated[0]!r} twice.", fix="give every image its own file name."
        )
    return CocoImages(
        image_ids=tuple(record["id"] for record in images),
        classes=listing.classes,
        case_ids=ids,
        group_ids=tuple(_group(listing, record, field) for record in images) if field else ids,
        truth=tuple(_true_boxes(listing, record) for record in images),
    )


def _group(listing: CocoListing, record: JsonRecord, field: str) -> str:
    value = record.get(field)
    if value is None or value == "":
        raise DatasetError(
            f"{listing.name}, image {record['id']}, has no {field!r}.",
            fix="fill it for every image, or name another field with --group-field.",
        )
    return str(value)


def _true_boxes(listing: CocoListing, record: JsonRecord) -> tuple[Box, ...]:
    """The annotated boxes, clipped to the image where its size is known."""
    where = f"{listing.name}, image {record['id']},"
    raw: tuple[RawBox, ...] = listing.raw_boxes[record["id"]]
    if "width" not in record or "height" not in record:
        size = max([1.0, *(edge for box in raw for edge in (box.right, box.bottom))])
        facts = ImageFileInfo(width=int(np.ceil(size)), height=int(np.ceil(size)), sha256="")
    else:
        width, height = (int(get_number(record, key, where)) for key in ("width", "height"))
        facts = ImageFileInfo(width=width, height=height, sha256="")
    return clip_boxes(raw, facts, listing.classes, case=case_id_of(record)).boxes


def _by_image(
    name: str, records: Sequence[JsonRecord], listing: CocoListing, images: CocoImages
) -> Mapping[int | str, list[FoundBox]]:
    """The detections of each image, every record checked."""
    by_image: dict[int | str, list[FoundBox]] = {image_id: [] for image_id in images.image_ids}
    names = {key: listing.categories[label] for key, label in listing.category_labels.items()}
    labels = {key: images.classes.index(name) for key, name in names.items() if name in images.classes}
    for number, record in enumerate(records, start=1):
        where = f"Entry {number} of {name}"
        image = record.get("image_id")
        if isinstance(image, bool) or not isinstance(image, int | str) or image not in by_image:
            raise DatasetError(
                f"{where} has the image {image!r}, which is none of the {len(by_image)} evaluated images.",
                fix="give the annotation file that the results belong to, and results on the test images only.",
            )
        category = record.get("category_id")
        if category not in labels:
            raise DatasetError(
                f"{where} has the category {category!r}; {listing.name} has {', '.join(map(str, labels))}.",
                fix="write the category ids of the annotation file.",
            )
        by_image[image].append(FoundBox(box=_box(record, where), score=_score(record, where), label=labels[category]))
    return by_image


def _box(record: JsonRecord, where: str) -> tuple[float, float, float, float]:
    box = record.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise DatasetError(f"{where} has the bbox {box!r}.", fix=RESULTS_FIX)
    left, top, width, height = (get_number({"bbox": edge}, "bbox", where) for edge in box)
    if width < 0 or height < 0:
        raise DatasetError(
            f"{where} has the width {width:g} and the height {height:g}.",
            fix="write left, top, width, height, not two corners.",
        )
    return left, top, width, height


def _score(record: JsonRecord, where: str) -> float:
    score = record.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise DatasetError(f"{where} has the score {score!r}, which is not from 0 to 1.", fix=RESULTS_FIX)
    return float(score)
