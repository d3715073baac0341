"""Benchmark image models in MLflow: evaluations, statistical comparisons and a verdict."""

from importlib import import_module
from pathlib import Path

# A source checkout keeps arogya_bench.conf beside src; it is found there without installation.
_CHECKOUT = Path(__file__).parents[2]
if (_CHECKOUT / "conf" / "config.yaml").is_file():
    __path__.append(str(_CHECKOUT))

__all__ = ["Comparison", "Sweep", "UserError", "compare", "evaluate", "list_evaluations", "load_predictions", "run"]


def __getattr__(name: str) -> object:
    """Import the public functions on first access, because ``--help`` must not import MLflow."""
    if name == "__version__":
        from arogya_bench.errors import installed_version

        return installed_version()
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("arogya_bench.errors" if name == "UserError" else "arogya_bench.api"), name)
