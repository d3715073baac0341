"""Caches the facts about images, so that the next run of the gate does not decode them again."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from arogya_bench.gate.image_facts import ImageFacts, PixelFacts
from arogya_bench.images.decoding import reader_identity
from arogya_bench.images.file_hashes import fingerprints, modified_files
from arogya_bench.runtime import cache
from arogya_bench.runtime.atomic_write import atomic_write
from arogya_bench.runtime.console import plural
from arogya_bench.runtime.digests import digest_of
from arogya_bench.types import Dataset

VERSION = 4  # increase it when a fact is computed or stored differently
_PIXELS = {
    "pixel_hash": pa.string(),
    "perceptual_hash": pa.uint64(),
    "border": pa.list_(pa.float64()),
    "flat": pa.bool_(),
    "drawn": pa.bool_(),
}
_SCHEMA = pa.schema(
    {
        "case_id": pa.string(),
        **dict.fromkeys(("file_bytes", "width", "height", "bits", "frames"), pa.int64()),
        "mode": pa.string(),
        "pixels": pa.struct(_PIXELS),
    }
)


def facts_path(dataset: Dataset) -> Path:
    """Return the cache file of a dataset, named by its content and its decoding."""
    key = digest_of({"dataset": dataset.digest, "read": reader_identity(dataset.read), "version": VERSION})
    return cache.cache_root(None) / "facts" / f"{key}.parquet"


def load_facts(dataset: Dataset) -> dict[str, ImageFacts]:
    """Load the cached facts of a dataset; a damaged cache counts as empty.

    Facts of images whose file is missing or has another size are skipped.
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

    Images with a problem are skipped, since it may be fixed, and so are files that changed after the dataset was
    loaded, since its digest no longer describes them.

    Returns:
        Why some facts were not written; empty if all were.
    """
    changed = {*modified_files(fingerprints({*dataset.files.values()}))}
    rows = [asdict(image) for image in facts if image.pixels and dataset.files.get(image.case_id) not in changed]
    file = facts_path(dataset)
    try:
        with atomic_write(file) as partial_file:
            table = pa.Table.from_pylist(rows, schema=_SCHEMA)
            pq.write_table(table, partial_file, write_page_checksum=True)
    except OSError as error:
        return (
            f"The next run will inspect every image again: {file.parent} cannot be written "
            f"({error.strerror}); set the variable {cache.CACHE_VARIABLE} to a folder with free space."
        )
    if not changed:
        return ""
    return (
        f"{plural(len(changed), 'file')} changed after the dataset was loaded, first: "
        f"{min(changed).name}; run again when no process is writing to its folder."
    )


def _is_current(facts: ImageFacts, files: Mapping[str, Path]) -> bool:
    file = files.get(facts.case_id)
    try:
        return (file.stat().st_size if file else None) == facts.file_bytes
    except OSError:
        return False


def _from_row(row: dict[str, Any]) -> ImageFacts:
    pixels = row.pop("pixels")
    return ImageFacts(pixels=PixelFacts(border=tuple(pixels.pop("border")), **pixels), **row)
