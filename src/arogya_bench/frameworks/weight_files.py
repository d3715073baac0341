"""Files of weights as trainers leave them, read without running their code.

State dicts of PyTorch, alone or nested in a checkpoint, and safetensors. Other objects in a checkpoint, such as the
arguments of a trainer, are replaced by empty stand-ins.
"""

import json
import pickle
import re
import shlex
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.pickle_globals import pickled_globals
from arogya_bench.frameworks.safetensors_files import read_safetensors
from arogya_bench.frameworks.torch_checkpoint import UNREADABLE_ERRORS

if TYPE_CHECKING:
    import torch

# What damaged or planted files make the readers raise.
DAMAGE_ERRORS = (
    *UNREADABLE_ERRORS, zipfile.BadZipFile, zlib.error, struct.error, IndexError, AttributeError, TypeError,
    AssertionError, StopIteration, RecursionError, MemoryError,
)  # fmt: skip
MAX_DEPTH = 4  # of mappings in mappings
OPTIMIZER = re.compile("optim|sched|scaler|rng")  # keys of what a training resumes from, and a network does not have
CLASS_KEYS = ("classes", "class_names", "class_to_idx", "label2id", "idx_to_class", "id2label")
CONFIG_KEYS = ("hyper_parameters", "hparams", "config", "cfg", "args", "meta", "metadata")  # where they may lie too
LEGACY_MAGIC = b"l\xfc\x9cF\xf9 j\xa8P\x19"  # in the first bytes of what PyTorch wrote before 1.6
ARRAY_CLASSES = re.compile(r"numpy\..*_reconstruct")
# Expressions for the weights in ``m``, which was loaded.
STATE_DICT = 'm.state_dict() if hasattr(m, "state_dict") else m'
ARRAYS_AS_TENSORS = "{k: torch.as_tensor(v) for k, v in m.items()}"
OTHER_FORMATS = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "run `git lfs pull` in its repository."),
    (b"\x89HDF", "an HDF5 file, such as Keras writes", "use weights of PyTorch."),
    (b"<", "a page or XML, not weights", "download the file again, by the link of the file itself."),
    (b"\x1f\x8b", "a compressed archive", "unpack it, and name the file of weights in it."),
    (b"", "no file of PyTorch or safetensors, or is damaged", "download or export the file again."),
)


@dataclass(frozen=True, kw_only=True)
class NamedTensors:
    """The tensors of one mapping in a file; ``key`` is where it lies, such as ``ema.state_dict``, empty at the top."""

    key: str
    tensors: "Mapping[str, torch.Tensor]"


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """What a file of weights holds.

    Attributes:
        tables: Every mapping of names to tensors in it, at least one.
        classes: Class names in the order of the outputs, if the file states them.
    """

    file: Path
    tables: tuple[NamedTensors, ...]
    classes: tuple[str, ...] = ()


class StandIn:
    """Takes the place of an object whose class is not loaded; it takes everything and does nothing."""

    path: ClassVar[str] = ""  # dotted name of the class

    def __new__(cls, *_: object, **__: object) -> "StandIn":
        """Ignore all arguments."""
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        """Ignore all arguments."""

    def __setstate__(self, _: object) -> None:
        """Ignore the state."""


def read_weight_file(file: Path) -> WeightFile:
    """Read all named tensors of a file, without running code that it holds.

    Raises:
        ModelError: If it holds none, with what it is instead and how to get a state dict from it.
    """
    if _is_safetensors(file):
        return WeightFile(file=file, tables=(NamedTensors(key="", tensors=read_safetensors(file)),))
    content = _load_with_stand_ins(file)
    tables = tuple(_tables(content, ()))
    if not tables:
        raise _no_tensors_error(file, content)
    return WeightFile(file=file, tables=tables, classes=_class_names(content))


def _is_safetensors(file: Path) -> bool:
    """Whether a file is one of safetensors by its first bytes, whatever it is called; a damaged one by its name."""
    with file.open("rb") as opened:
        start = opened.read(9)
    named = file.suffix.lower() == ".safetensors" and not start.startswith((b"PK", b"\x80"))
    return named or start[8:] == b"{"


def _load_with_stand_ins(file: Path) -> object:
    """Unpickle tensors and plain values; everything else becomes a ``StandIn`` of its class's name."""
    import torch

    try:
        _check_format(file)
        names = pickled_globals(file)
        stand_ins = [(type(name.rpartition(".")[2], (StandIn,), {"path": name}), name) for name in names]
        quiet = warnings.catch_warnings(action="ignore")
        with torch.serialization.safe_globals(stand_ins), quiet, file.open("rb") as opened:
            return torch.load(opened, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{file} is damaged, or holds more than tensors and plain values in a form that is not read safely.",
            fix=f"download or export the file again; if you trust it, {_saving_line(file)}",
        ) from error
    except DAMAGE_ERRORS as error:
        raise ModelError(f"{file} is damaged.", fix="download or export the file again.") from error


def _check_format(file: Path) -> None:
    """Raise ModelError for a file that PyTorch's ``save`` did not write, with what it is."""
    if zipfile.is_zipfile(file):
        _check_archive(file)
        return
    with file.open("rb") as opened:
        start = opened.read(64)
    if start[:1] == b"\x80" and LEGACY_MAGIC in start:
        return
    if start[:1] == b"\x80":
        raise ModelError(
            f"{file} is a pickle that PyTorch's save did not write, or is damaged.",
            fix=f"save the weights with torch.save; if you trust the file, {_saving_line(file, plain_pickle=True)}",
        )
    if not start:
        raise ModelError(f"{file} is empty.", fix="download or export the file again.")
    what, fix = next((what, fix) for magic, what, fix in OTHER_FORMATS if start.lstrip().startswith(magic))
    raise ModelError(f"{file} is {what}.", fix=fix)


def _check_archive(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        names = [name.partition("/")[2] or name for name in archive.namelist()]
    if "data.pkl" not in names:
        what = "a model of Keras" if "config.json" in archive.namelist() else "an archive without weights of PyTorch"
        raise ModelError(f"{file} is {what}.", fix="use weights of PyTorch; unpack an archive that holds such a file.")
    if "constants.pkl" in names:
        loaded = f'torch.jit.load({json.dumps(str(file))}, map_location="cpu")'
        line = f"torch.save({loaded}.state_dict(), {json.dumps(_saved_name(file))})"
        raise ModelError(
            f"{file} is a TorchScript program, not weights alone.",
            fix=f"if you trust it, run {_python(line)}, and set {_setting(file)}.",
        )


def _tables(content: object, path: Sequence[str]) -> Iterator[NamedTensors]:
    """Every mapping that names at least one tensor, the outermost first."""
    import torch

    if not isinstance(content, Mapping):
        return
    tensors = {name: value for name, value in content.items() if isinstance(name, str) and torch.is_tensor(value)}
    if tensors:
        yield NamedTensors(key=".".join(path), tensors=tensors)
    if len(path) < MAX_DEPTH:
        for name, value in content.items():
            if not OPTIMIZER.search(str(name)):
                yield from _tables(value, (*path, str(name)))


def _no_tensors_error(file: Path, content: object) -> ModelError:
    """Tell a pickled model, alone or in a checkpoint, from a file without one."""
    models = {"": content} if not isinstance(content, Mapping) else {str(k): v for k, v in content.items()}
    for key, value in models.items():
        if isinstance(value, StandIn) and ARRAY_CLASSES.fullmatch(value.path):
            return ModelError(
                f"{file} holds arrays of NumPy, such as {key!r}, not tensors of PyTorch.",
                fix=f"if you trust it, {_saving_line(file, weights=ARRAYS_AS_TENSORS)}",
            )
        if isinstance(value, StandIn):
            where = f" under the key {key!r}" if key else ""
            return ModelError(
                f"{file} holds{where} a pickled object of the class {value.path}, not its "
                "weights alone; to read it would run code of the file.",
                fix=f"if you trust it, {_saving_line(file, key)}",
            )
    return ModelError(
        f"{file} does not hold a state dict, a mapping of names to tensors.",
        fix="save one with torch.save(network.state_dict(), file).",
    )


def _saving_line(file: Path, key: str = "", *, weights: str = STATE_DICT, plain_pickle: bool = False) -> str:
    """Advise how to save the weights of a pickled model, or the plain ones, where its classes can be imported."""
    name = json.dumps(str(file))
    loaded = f'torch.load({name}, map_location="cpu", weights_only=False)'
    if plain_pickle:
        loaded = f"pickle.loads(pathlib.Path({name}).read_bytes())"
    inner = f"[{json.dumps(key)}]" if key else ""
    imports = "import pathlib, pickle; " if plain_pickle else ""
    line = f"{imports}m = {loaded}{inner}; torch.save({weights}, {json.dumps(_saved_name(file))})"
    return f"run {_python(line)} where its classes can be imported, and set {_setting(file)}."


def _setting(file: Path) -> str:
    return shlex.quote(f"model.weights={_saved_name(file)}")


def _python(line: str) -> str:
    return f"`python -c {shlex.quote(f'import torch; {line}')}`"


def _saved_name(file: Path) -> str:
    return str(file.with_name(f"{file.stem}_state_dict.pth"))


def _class_names(content: object) -> tuple[str, ...]:
    """Class names that a checkpoint states, at its top or among its settings; empty if it states none."""
    if not isinstance(content, Mapping):
        return ()
    settings = [content, *(value for key in CONFIG_KEYS if isinstance(value := content.get(key), Mapping))]
    stated = (_ordered_names(mapping.get(key)) for mapping in settings for key in CLASS_KEYS)
    return next(filter(None, stated), ())


def _ordered_names(stated: object) -> tuple[str, ...]:
    """Names from a list, from a mapping to indices or from one of indices to names; empty from anything else."""
    if isinstance(stated, Mapping):
        indices = [str(number) for number in range(len(stated))]
        for names in (stated, {name: index for index, name in stated.items() if isinstance(name, str)}):
            by_index = {str(index): name for name, index in names.items() if isinstance(name, str)}
            if sorted(by_index) == sorted(indices):
                stated = [by_index[index] for index in indices]
                break
    if isinstance(stated, list | tuple) and stated and all(isinstance(name, str) for name in stated):
        return tuple(stated)
    return ()
