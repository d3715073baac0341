"""Addresses of MLflow stores in messages, and how long to ask one that may not be there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlparse


def public(uri: str) -> str:
    """The address without user name and password, fit for messages and logs."""
    parts = urlparse(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def concealed(text: str, uri: str) -> str:
    """A text without the user name and password of an address, which MLflow's errors repeat."""
    login, at, _ = urlparse(uri).netloc.rpartition("@")
    return text.replace(f"{login}{at}", "") if at else text


@contextmanager
def impatient() -> Iterator[None]:
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
