"""Caches the facts about images, so that the next run of the gate does not decode them again."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from arogya_bench.gate.image_facts import ImageFacts, PixelFacts
from arogya_bench.images.decoding import reader_identity
from arogya_bench.images.file_hashes import fingerprints, modified
from arogya_bench.runtime import cache
from arogya_bench.runtime.atomic_write import atomic_write
from arogya_bench.runtime.console import plural
from arogya_bench.runtime.digests import digest_of
from arogya_bench.types import Dataset

VERSION = 2  # increase it when a fact is computed differently
_SCHEMA = pa.schema(
    [
        ("case_id", pa.string()),
        ("file_bytes", pa.int64()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("mode", pa.string()),
        ("bits", pa.int64()),
        ("frames", pa.int64()),
        ("pixel_hash", pa.string()),
        ("perceptual_hash", pa.uint64()),
        ("red", pa.float64()),
        ("green", pa.float64()),
        ("blue", pa.float64()),
        ("flat", pa.bool_()),
    ]
)


def facts_path(dataset: Dataset) -> Path:
    """Return the cache file of a dataset, named by its content and its decoding."""
    key = digest_of({"dataset": dataset.digest, "read": reader_identity(dataset.read), "version": VERSION})
    return cache.cache_root(None) / "facts" / f"{key}.parquet"


def load_facts(dataset: Dataset) -> dict[str, ImageFacts]:
    """Load the cached facts of a dataset; a damaged cache counts as empty.

    Facts of images whose file is missing or has another size are left out.
    """
    try:
        table = pq.read_table(facts_path(dataset), page_checksum_verification=True)
        rows = table.cast(_SCHEMA).to_pylist() if table.schema.equals(_SCHEMA) else []
    except (OSError, pa.ArrowException):
        return {}
    facts = (_from_row(row) for row in rows)
    return {image.case_id: image for image in facts if _is_current(image, dataset.files)}


def save_facts(dataset: Dataset, facts: Iterable[ImageFacts]) -> str:
    """Write facts to the cache.

    Images with a problem are left out, since it may be fixed, as are files that changed after the
    dataset was loaded, since its digest no longer describes them.

    Returns:
        Why some facts were not written; empty if all were.
    """
    changed = {*modified(fingerprints({*dataset.files.values()}))}
    rows = [_to_row(image) for image in facts if image.pixels and dataset.files.get(image.case_id) not in changed]
    file = facts_path(dataset)
    try:
        with atomic_write(file) as partial_file:
            table = pa.Table.from_pylist(rows, schema=_SCHEMA)
            pq.write_table(table, partial_file, write_page_checksum=True)
    except OSError as error:
        return (
            f"The next run will inspect every image again: {file.parent} cannot be written "
            f"({error.strerror}); set the variable {cache.CACHE_VARIABLE} to a folder with space."
        )
    return _modified_files_note(changed)


def _modified_files_note(changed: Collection[Path]) -> str:
    if not changed:
        return ""
    return (
        f"{plural(len(changed), 'file')} changed after the dataset was loaded, first: "
        f"{min(changed).name}; run again when nothing writes to its folder."
    )


def _is_current(facts: ImageFacts, files: Mapping[str, Path]) -> bool:
    file = files.get(facts.case_id)
    try:
        return (file.stat().st_size if file else None) == facts.file_bytes
    except OSError:
        return False


def _to_row(image: ImageFacts) -> dict[str, object]:
    row = asdict(image)
    row |= row.pop("pixels")
    row["red"], row["green"], row["blue"] = row.pop("border")
    return {name: row[name] for name in _SCHEMA.names}


def _from_row(row: Mapping[str, object]) -> ImageFacts:
    values = dict(row)
    border = (values.pop("red"), values.pop("green"), values.pop("blue"))
    pixels = {name: values.pop(name) for name in ("pixel_hash", "perceptual_hash", "flat")}
    return ImageFacts(pixels=PixelFacts(border=border, **pixels), **values)  # type: ignore[arg-type]
