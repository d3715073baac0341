"""Verify a file that holds a comparison: tables as JSON, or a page."""

from pathlib import Path

from arogya_bench.comparison.verification import FIX, Verification, verify_tables
from arogya_bench.errors import ConfigError
from arogya_bench.report.page_verification import verify_page

PAGE_SUFFIXES = (".html", ".htm")


def verify_file(path: Path, *, tracking_uri: str | None) -> Verification:
    """Recompute the comparison of a file from MLflow and compare every number and text.

    Raises:
        ConfigError: If the file is no comparison.
        TrackingError: If the store cannot be read, or lacks the experiment.
    """
    text = _read(path)
    if path.suffix.lower() in PAGE_SUFFIXES or text.lstrip()[:1] == "<":
        return verify_page(text, tracking_uri=tracking_uri)
    return verify_tables(text, tracking_uri=tracking_uri)


def _read(path: Path) -> str:
    if path.suffix.lower() == ".pdf":
        raise ConfigError(
            f"{path} is a PDF, whose numbers cannot be compared.", fix="verify its report.html or comparison.json."
        )
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file {path}.", fix=FIX) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text: {error}.", fix=FIX) from error
