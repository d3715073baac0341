"""Read a Pascal VOC annotation file without expanding XML entities."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from arogya_bench.datasets.flags import is_unstated, parse_flag
from arogya_bench.errors import DatasetError
from arogya_bench.images.safe_errors import describe_read_error

EDGES = ("xmin", "ymin", "xmax", "ymax")


class VocAnnotation(NamedTuple):
    """Content of one XML file, unchecked.

    Attributes:
        width: Image width in pixels; 0 if it is not stated.
        height: Image height in pixels; 0 if it is not stated.
        objects: For each object its name, whether it is difficult, and (xmin, ymin, xmax, ymax).
        unstated: Texts of ``difficult`` that state nothing, such as ``Unspecified``.
    """

    filename: str
    width: float
    height: float
    objects: tuple[tuple[str, bool, tuple[float, ...]], ...]
    unstated: tuple[str, ...] = ()


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
        for node in root.iter():
            node.tag = node.tag.rpartition("}")[2]  # without its namespace
        return VocAnnotation(
            filename=root.findtext("filename", "").strip(),
            width=_parse_size(root, "width"),
            height=_parse_size(root, "height"),
            objects=tuple(_parse_object(node) for node in root.findall("object")),
            unstated=tuple(_unstated_flags(root)),
        )
    except _ValueProblem as problem:
        raise DatasetError(f"The annotation {path.name} cannot be read: {problem}.", fix=problem.fix) from problem
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        raise DatasetError(
            f"The annotation {path.name} cannot be read: {describe_read_error(error)}.",
            fix="write it as plain XML with size, and for each object name and bndbox",
        ) from error


class _ValueProblem(Exception):
    """An element whose text is not what belongs there."""

    def __init__(self, element: str, text: str, expected: str) -> None:
        super().__init__(f"<{element}> is {text.strip()!r}, not {expected}")
        self.fix = f"write {expected} in <{element}>"


def _parse_size(root: ET.Element, side: str) -> float:
    text = root.findtext(f"size/{side}") or ""
    return 0.0 if is_unstated(text) else _parse_number(text, side, "the number of pixels")


def _parse_object(node: ET.Element) -> tuple[str, bool, tuple[float, ...]]:
    name = (node.findtext("name") or "").strip()
    edges = [node.findtext(f"bndbox/{edge}") for edge in EDGES]
    if not name or None in edges:
        raise ValueError(f"an object ({name or 'without a name'}) lacks its name or its bndbox")
    difficult = node.findtext("difficult")
    try:
        flag = parse_flag(difficult)
    except ValueError as error:
        raise _ValueProblem("difficult", str(difficult), "0 or 1") from error
    return name, flag, tuple(_parse_edge(node, edge) for edge in EDGES)


def _parse_edge(node: ET.Element, edge: str) -> float:
    return _parse_number(node.findtext(f"bndbox/{edge}") or "", edge, "a number of pixels, as all edges of bndbox")


def _parse_number(text: str, element: str, expected: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise _ValueProblem(element, text, expected) from error


def _unstated_flags(root: ET.Element) -> Iterator[str]:
    for node in root.iterfind("object/difficult"):
        text = (node.text or "").strip()
        if text and is_unstated(text):
            yield text
