"""Versions, machine and git state behind a result, without names of people or folders."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions, version

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
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": cpu_name(),
        "cpu_count": os.cpu_count(),
        "packages": installed_packages(),
    }
    return json.dumps(facts, indent=2)


@cache
def environment_facts() -> Mapping[str, str]:
    """The facts that users filter runs by."""
    installed = installed_packages()
    recorded = [f"{name}=={installed[name]}" for name in RECORDED_PACKAGES if name in installed]
    facts = {
        "version": version("arogya-bench"),
        "python": platform.python_version(),
        "packages": " ".join(recorded),
        "cpu": f"{cpu_name()}, {os.cpu_count()} cores",
    }
    state = git_state()
    return facts | ({"git": state} if state else {})


def installed_packages() -> dict[str, str]:
    """Versions by name, sorted; broken installations without a name are omitted."""
    versions = {package.metadata["Name"]: package.version for package in distributions()}
    return {name: versions[name] for name in sorted(filter(None, versions))}


def cpu_name() -> str:
    """Model name of the processor, or its architecture if the system does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


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
