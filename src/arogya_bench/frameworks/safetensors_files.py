"""The format safetensors: a header of JSON, then the bytes of all tensors."""

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arogya_bench.errors import ModelError

if TYPE_CHECKING:
    import torch

DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def read_safetensors(file: Path) -> "dict[str, torch.Tensor]":
    """Read all tensors of a file.

    Raises:
        ModelError: If the file is damaged, or holds numbers of a kind that PyTorch's networks do not load.
    """
    content = bytearray(file.read_bytes())
    try:
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        header.pop("__metadata__", None)
        body = memoryview(content)[8 + length :]
        return {name: _tensor(entry, body) for name, entry in header.items()}
    except (struct.error, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ModelError(
            f"{file} is no safetensors file of numbers that PyTorch loads, or is damaged.",
            fix="download or export the file again.",
        ) from error


def _tensor(entry: dict[str, Any], body: memoryview) -> "torch.Tensor":
    import torch

    start, end = entry["data_offsets"]
    dtype = getattr(torch, DTYPES[entry["dtype"]])
    if start == end:
        return torch.empty(entry["shape"], dtype=dtype)
    return torch.frombuffer(body[start:end], dtype=dtype).reshape(entry["shape"])
