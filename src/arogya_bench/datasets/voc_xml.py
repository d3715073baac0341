"""Reads the XML file that Pascal VOC keeps beside an image, safely."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple, NoReturn

from arogya_bench.errors import DatasetError


class VocAnnotation(NamedTuple):
    """What one XML file says; sizes and edges as written.

    Attributes:
        width: In pixels; 0 if it does not say. So ``height``.
        objects: Name, whether difficult, and xmin, ymin, xmax, ymax.
    """

    filename: str
    width: float
    height: float
    objects: tuple[tuple[str, bool, tuple[float, ...]], ...]


class _NoDoctypeTreeBuilder(ET.TreeBuilder):
    """Builds a tree of a document without a type definition.

    Entities need one, and whoever defines entities can make a short file expand to gigabytes.
    The parser calls this before it reads any of them, in every encoding.
    """

    def doctype(self, name: str, *_identifiers: str | None) -> NoReturn:
        raise ValueError(f"it has a document type definition ({name})")


def read_annotation(path: Path) -> VocAnnotation:
    """Read one XML file; nothing that it names is opened.

    Raises:
        DatasetError: If it is no plain XML, or an object lacks its name or a number.
    """
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
