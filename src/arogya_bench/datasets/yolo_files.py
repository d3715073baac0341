"""Read the text files of Ultralytics YOLO: data.yaml, image lists and label files."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import yaml

from arogya_bench.datasets.boxes import RawBox
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.errors import DatasetError
from arogya_bench.images.discovery import is_visible, list_files
from arogya_bench.images.files import SUFFIXES, ImageFileInfo, parse_relative_path, read_name_list
from arogya_bench.images.safe_errors import describe_read_error


def read_header(file: Path) -> Mapping[str, object]:
    """Read ``data.yaml``; a download script in it is not run."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        content = yaml.safe_load(text)
        as_written = yaml.load(text, Loader=yaml.BaseLoader)  # reads every value as text
    except FileNotFoundError as error:
        raise DatasetError(
            f"No {file.name} in {file.parent}.",
            fix="set dataset.path to the folder that holds it, or dataset.file to its name",
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise _format_error(f"{file.name} cannot be read: {describe_read_error(error)}") from error
    if not isinstance(content, dict):
        raise _format_error(f"{file.name} holds no keys")
    # A class may have a name that YAML reads as something else, such as no, 01 or 1e3.
    names = {"names": as_written["names"]} if "names" in as_written else {}
    return {str(key): value for key, value in content.items()} | names


def parse_classes(content: Mapping[str, object], file: str) -> tuple[str, ...]:
    """Return the class names in the order of their numbers."""
    names = content.get("names")
    if isinstance(names, dict) and sorted(map(str, names)) == sorted(map(str, range(len(names)))):
        names = [{str(key): name for key, name in names.items()}[str(n)] for n in range(len(names))]
    if isinstance(names, dict) and names:
        raise _format_error(f"{file} numbers its names {', '.join(map(str, names))}, and not 0, 1, 2 and so on")
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names or [()]):
        raise _format_error(f"{file} has no names as a list, or as a mapping from 0, 1, 2 and so on")
    if "" in names:
        raise _format_error(f"{file} has an empty name for the class {names.index('')}")
    if str(content.get("nc", len(names))) != str(len(names)):
        raise _format_error(f"{file} gives nc as {content['nc']}, but {len(names)} names")
    return tuple(map(str, names))


def list_images(content: Mapping[str, object], folder: Path, file: str) -> dict[str, list[str]]:
    """List the images of every part in ``data.yaml``, as paths relative to the folder.

    The ``path`` of the file is used only if it is relative. A leading ``../``, which Roboflow writes, is dropped, as
    Ultralytics does.
    """
    parts: dict[str, list[str]] = {}
    for key, part in SPLIT_NAMES.items():
        value = content.get(key)
        entries = value if isinstance(value, list) else [value]
        for entry in entries if value else ():
            path = _resolve_entry(str(entry), content, folder, f"{key} in {file}")
            parts.setdefault(part, []).extend(_list_entry_images(path, folder))
    if not parts:
        raise _format_error(f"{file} names none of train, val and test")
    return parts


def label_file(image: PurePosixPath) -> PurePosixPath:
    """Path of the label file of an image: the last folder ``images`` becomes ``labels``."""
    parts = list(image.parts)
    folders = parts[:-1]
    if "images" in folders:
        last = len(folders) - 1 - folders[::-1].index("images")
        parts[last] = "labels"
    return PurePosixPath(*parts).with_suffix(".txt")


def read_boxes(folder: Path, file: PurePosixPath, facts: ImageFileInfo, classes: tuple[str, ...]) -> Iterator[RawBox]:
    """Read the boxes of one image: class number, relative centre and relative size."""
    try:
        lines = (folder / file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _format_error(f"{file} cannot be read: {describe_read_error(error)}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _parse_box(line, facts, classes, f"{file}, line {number},")


def _resolve_entry(entry: str, content: Mapping[str, object], folder: Path, where: str) -> PurePosixPath:
    path = parse_relative_path(entry.removeprefix("../"), where)
    existing = [candidate for candidate in (_inner_folder(content) / path, path) if (folder / candidate).exists()]
    if not existing:
        raise DatasetError(
            f"{where} names {entry!r}, which is not in {folder}.",
            fix="unpack the images there, and write the path relative to that folder",
        )
    return existing[0]


def _inner_folder(content: Mapping[str, object]) -> PurePosixPath:
    try:
        return parse_relative_path(str(content.get("path") or "."), "path")
    except DatasetError:  # an absolute path, of the computer that wrote the file
        return PurePosixPath()


def _list_entry_images(path: PurePosixPath, folder: Path) -> list[str]:
    if (folder / path).is_dir():
        names = [str(path / file) for file in list_files(folder / path)]
    else:
        # As in Ultralytics, "./" is relative to the list, anything else to the dataset.
        lines = read_name_list(folder / path)
        beside = (f"{path.parent}/{line}" if line.startswith("./") else line for line in lines)
        names = [str(parse_relative_path(line, str(path))) for line in beside if is_visible(line)]
    images = [name for name in names if name.lower().endswith(SUFFIXES)]
    if not images:
        raise DatasetError(
            f"{path} holds no image, but {len(names)} other files or lines.",
            fix=f"put images there ({', '.join(SUFFIXES)}), or remove it from the YAML file",
        )
    return images


def _parse_box(line: str, facts: ImageFileInfo, classes: tuple[str, ...], where: str) -> RawBox:
    cells = line.split()
    if len(cells) != 5:
        raise _format_error(
            f"{where} has {len(cells)} columns, not 5: class, x, y, width, height"
            f"{'; polygons are not read' if len(cells) > 6 else ''}"
        )
    try:
        number, *shares = map(float, cells)
    except ValueError as error:
        raise _format_error(f"{where} is not a row of numbers: {error}") from error
    if number not in range(len(classes)):
        raise _format_error(f"{where} has the class {cells[0]}; there are {len(classes)}, counted from 0")
    if max(map(abs, shares)) > 2:  # a box that reaches outside is clipped later
        raise _format_error(f"{where} gives {', '.join(cells[1:])}, which are not fractions of the image")
    x, y, width, height = shares
    return RawBox(
        name=classes[int(number)],
        left=(x - width / 2) * facts.width,
        top=(y - height / 2) * facts.height,
        right=(x + width / 2) * facts.width,
        bottom=(y + height / 2) * facts.height,
    )


def _format_error(problem: str) -> DatasetError:
    return DatasetError(
        f"{problem}.",
        fix="correct it to the format of https://docs.ultralytics.com/datasets/detect: "
        "names, train, val and test in data.yaml; rows of class, x, y, width and height as fractions of the image",
    )
