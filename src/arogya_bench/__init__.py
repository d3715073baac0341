"""Benchmark image models in MLflow: evaluations, statistical comparisons and a verdict."""

from importlib import import_module
from pathlib import Path

# A source checkout keeps arogya_bench.conf beside src; it is found there without installation.
_CHECKOUT = Path(__file__).parents[2]
if (_CHECKOUT / "conf" / "config.yaml").is_file():
    __path__.append(str(_CHECKOUT))

__all__ = ["Comparison", "compare", "evaluate", "list_evaluations", "load_predictions"]


def __getattr__(name: str) -> object:
    """Import the public functions on first access, because ``--help`` must not import MLflow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("arogya_bench.api"), name)
