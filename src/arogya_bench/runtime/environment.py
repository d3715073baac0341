"""Versions, machine and git state behind a result, without names of people or folders."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions, version

from arogya_bench.runtime.hardware import read_hardware

RECORDED_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "opencv-python",
    "torch",
    "torchvision",
    "tensorflow",
    "keras",
    "ultralytics",
    "mlflow",
)


@cache
def environment_json() -> str:
    """Machine and installed packages, as JSON for the artifact ``environment.json``."""
    hardware = read_hardware()
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": hardware.cpu,
        "cpu_count": os.cpu_count(),
        "hardware": hardware.facts(),
        "packages": installed_packages(),
    }
    return json.dumps(facts, indent=2)


@cache
def environment_facts() -> Mapping[str, str]:
    """The facts that users filter runs by; the driver, CUDA and git are absent where there are none."""
    hardware = read_hardware()
    installed = installed_packages()
    recorded = [f"{name}=={installed[name]}" for name in RECORDED_PACKAGES if name in installed]
    facts = {
        "version": version("arogya-bench"),
        "python": platform.python_version(),
        "packages": " ".join(recorded),
        "cpu": hardware.processors(),
        "ram": hardware.memory(),
        "gpu": hardware.devices() or "none",
    }
    optional = {"driver": hardware.driver, "cuda": hardware.cuda, "git": git_state()}
    return facts | {name: value for name, value in optional.items() if value}


def installed_packages() -> dict[str, str]:
    """Versions by name, sorted; broken installations without a name are omitted."""
    versions = {package.metadata["Name"]: package.version for package in distributions()}
    return {name: versions[name] for name in sorted(filter(None, versions))}


@cache
def git_state() -> str | None:
    """Commit of the working folder, with ``+changes`` if files differ; None outside a repository."""
    try:
        commit = _run_git("rev-parse", "HEAD")
        return f"{commit}{'+changes' if _run_git('status', '--porcelain', '-uno') else ''}"
    except (OSError, subprocess.SubprocessError):
        return None


def _run_git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, timeout=10)
    return run.stdout.strip()
