"""Which image model should we deploy? An MLflow plugin that answers with evidence."""

from importlib import import_module
from pathlib import Path

# A checkout keeps arogya_bench.conf beside src; found there, it need not be installed.
_CHECKOUT = Path(__file__).parents[2]
if (_CHECKOUT / "conf" / "config.yaml").is_file():
    __path__.append(str(_CHECKOUT))

_PUBLIC = {
    "compare": "arogya_bench.comparison.comparison",
    "evaluate": "arogya_bench.api",
    "load_predictions": "arogya_bench.comparison.comparison",
}

__all__ = ["compare", "evaluate", "load_predictions"]


def __getattr__(name: str) -> object:
    """Import a public function when it is first asked for: `--help` must not wait for MLflow."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
