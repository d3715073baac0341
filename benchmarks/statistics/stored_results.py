"""Results of finished settings in a JSON file, so that an interrupted calibration goes on where it stopped."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import arogya_bench
from arogya_bench.runtime.atomic_write import atomic_write

PACKAGES = ("statistics", "metrics", "scoring", "analysis")  # what a verdict is computed by


@dataclass(frozen=True, kw_only=True)
class StoredResults:
    """One result per name, each with a digest of everything that it depends on."""

    file: Path

    def get(self, name: str, digest: str) -> dict[str, Any] | None:
        """The result of this name; None if there is none, or if it is of another digest."""
        stored = self._read().get(name)
        return stored["result"] if stored and stored["digest"] == digest else None

    def put(self, name: str, digest: str, result: Mapping[str, Any]) -> None:
        """Keep a result in place of an earlier one of this name."""
        results = {**self._read(), name: {"digest": digest, "result": result}}
        with atomic_write(self.file) as partial:
            partial.write_text(json.dumps(results, indent=1), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        if not self.file.exists():
            return {}
        results: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return results


@cache
def code_digest(modules: Iterable[str]) -> str:
    """A digest of the code of the product that computes verdicts, and of these modules of the simulation."""
    product = Path(arogya_bench.__file__).parent
    files = [product / "types.py", *(file for name in PACKAGES for file in sorted((product / name).glob("*.py")))]
    files += [Path(__file__).with_name(f"{module}.py") for module in modules]
    text = hashlib.sha256()
    for file in files:
        text.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return text.hexdigest()[:32]
