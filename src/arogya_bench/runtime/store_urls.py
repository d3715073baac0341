"""URIs of MLflow stores: credentials in messages, SQLite files, and short timeouts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse


def without_credentials(uri: str) -> str:
    """The URI without user name and password, for messages and logs."""
    parts = urlparse(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def strip_credentials(text: str, uri: str) -> str:
    """Remove the user name and password of a URI from a text, such as an error of MLflow."""
    login, at, _ = urlparse(uri).netloc.rpartition("@")
    return text.replace(f"{login}{at}", "") if at else text


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite store, or None for any other store.

    It is the file that SQLAlchemy opens: ``mlflow run`` and some users write a space as %20.
    """
    from sqlalchemy import make_url

    return Path(make_url(uri).database or "") if uri.startswith("sqlite:///") else None


def sqlite_uri(database: Path) -> str:
    """The URI of a SQLite file, percent-encoded only where necessary."""
    from sqlalchemy import URL

    plain = f"sqlite:///{database}"
    if sqlite_path(plain) == database:
        return plain
    return URL.create("sqlite", database=str(database)).render_as_string()


@contextmanager
def short_timeouts() -> Iterator[None]:
    """Limit requests to a server that may be unavailable to seconds instead of minutes of retries."""
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
