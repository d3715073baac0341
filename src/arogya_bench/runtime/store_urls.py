"""Addresses of MLflow stores in messages, and how long to ask one that may not be there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse


def without_credentials(uri: str) -> str:
    """The address without user name and password, fit for messages and logs."""
    parts = urlparse(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def strip_credentials(text: str, uri: str) -> str:
    """A text without the user name and password of an address, which MLflow's errors repeat."""
    login, at, _ = urlparse(uri).netloc.rpartition("@")
    return text.replace(f"{login}{at}", "") if at else text


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite store, or None for any other kind of store.

    It is what SQLAlchemy opens: ``mlflow run`` writes a space as %20, and so do some people.
    """
    from sqlalchemy import make_url

    return Path(make_url(uri).database or "") if uri.startswith("sqlite:///") else None


def sqlite_uri(database: Path) -> str:
    """The address of a SQLite file, with marks of percent only where they are needed."""
    from sqlalchemy import URL

    plain = f"sqlite:///{database}"
    if sqlite_path(plain) == database:
        return plain
    return URL.create("sqlite", database=str(database)).render_as_string()


@contextmanager
def short_timeouts() -> Iterator[None]:
    """Ask a server that may not be there for seconds, not for MLflow's minutes of retries."""
    names = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
