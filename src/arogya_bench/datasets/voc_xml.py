"""Read a Pascal VOC annotation file without expanding XML entities."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple, NoReturn

from arogya_bench.errors import DatasetError


class VocAnnotation(NamedTuple):
    """Content of one XML file, unchecked.

    Attributes:
        width: Image width in pixels; 0 if it is not stated.
        height: Image height in pixels; 0 if it is not stated.
        objects: For each object its name, whether it is difficult, and (xmin, ymin, xmax, ymax).
    """

    filename: str
    width: float
    height: float
    objects: tuple[tuple[str, bool, tuple[float, ...]], ...]


class _NoDoctypeTreeBuilder(ET.TreeBuilder):
    """Tree builder that rejects document type definitions.

    Entities are defined there, and a short file with nested entities can expand to gigabytes.
    """

    def doctype(self, name: str, *_identifiers: str | None) -> NoReturn:
        raise ValueError(f"it has a document type definition ({name})")


def read_annotation(path: Path) -> VocAnnotation:
    """Read one XML file; no file named in it is opened."""
    try:
        root = ET.fromstring(path.read_bytes(), ET.XMLParser(target=_NoDoctypeTreeBuilder()))
        return VocAnnotation(
            filename=root.findtext("filename", "").strip(),
            width=float(root.findtext("size/width") or 0),
            height=float(root.findtext("size/height") or 0),
            objects=tuple(_parse_object(node) for node in root.findall("object")),
        )
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        raise DatasetError(
            f"The annotation {path.name} cannot be read: {error}.",
            fix="write it as plain XML with size, and for each object name and bndbox",
        ) from error


def _parse_object(node: ET.Element) -> tuple[str, bool, tuple[float, ...]]:
    name = (node.findtext("name") or "").strip()
    edges = [node.findtext(f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")]
    if not name or None in edges:
        raise ValueError(f"an object ({name or 'without a name'}) lacks its name or its bndbox")
    difficult = (node.findtext("difficult") or "0").strip()
    return name, bool(int(difficult)), tuple(float(edge or math.nan) for edge in edges)
