"""Errors of MLflow and its stores, translated into problems with a fix."""

import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from arogya_bench.errors import TrackingError
from arogya_bench.runtime.redaction import redact
from arogya_bench.runtime.store_urls import strip_credentials, without_credentials

START_ADVICE = (
    "start it (mlflow server --port 5000), or choose another one with "
    "tracking.uri=... or MLFLOW_TRACKING_URI; sqlite:///mlflow.db needs no server."
)
KIND_ADVICE = (
    "set tracking.uri or MLFLOW_TRACKING_URI to a store that MLflow writes, such as sqlite:///mlflow.db, "
    "postgresql://HOST/NAME or http://HOST:5000."
)
MAX_CAUSE = 300  # characters of a foreign message
OWN_VARIABLES = (  # that we set ourselves, or that concern no store
    "MLFLOW_DISABLE_TELEMETRY",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_LOGGING_LEVEL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT",
)
LOGIN_ERRORS = {  # by error code of MLflow: the cause and the fix
    "UNAUTHENTICATED": (
        "it requires a login, and yours is missing or wrong",
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment.",
    ),
    "PERMISSION_DENIED": (
        "your login does not permit this",
        "ask its administrator for the permission, or set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD to those of a user who has it.",
    ),
}


@contextmanager
def translate_errors(uri: str, fix: str | None = None) -> Iterator[None]:
    """Turn errors of MLflow, its database and S3 into TrackingError.

    Args:
        uri: Of the store; its credentials are left out of the message.
        fix: What to do; None suggests to start the server or choose another store.
    """
    try:
        yield
    except OSError as error:
        raise TrackingError(
            f"The files of {without_credentials(uri)} cannot be written: {strip_credentials(str(error), uri)}",
            fix="free disk space and check the permissions of the artifact folder, or choose another store."
            + _settings(),
        ) from error
    except s3_errors() as error:
        raise TrackingError(
            f"The artifacts of {without_credentials(uri)} are on S3, which rejected the request: {error}",
            fix="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and MLFLOW_S3_ENDPOINT_URL if "
            "it is not Amazon's; check the network.",
        ) from error
    except (MlflowException, SQLAlchemyError, sqlite3.Error, ModuleNotFoundError) as error:
        advice = fix or _start_advice(uri) + _settings()
        cause, advice = LOGIN_ERRORS.get(getattr(error, "error_code", ""), (_first_line(error, uri), advice))
        raise TrackingError(
            f"The tracking store {without_credentials(uri)} does not respond as expected: {cause}", fix=advice
        ) from error


def _settings() -> str:
    """The variables of the environment that change how MLflow works; their values may be secret."""
    names = sorted(name for name in os.environ if name.startswith("MLFLOW_") and name not in OWN_VARIABLES)
    return f" Set in the environment: {', '.join(names)}." if names else ""


def _first_line(error: Exception, uri: str) -> str:
    """The first line of a message of MLflow; the others are internals of an HTTP library."""
    first = redact(strip_credentials(str(error), uri)).strip().partition("\n")[0]
    if "Max retries exceeded" in first:
        return f"no server responds at {without_credentials(uri)}"
    return whole_sentences(first)


def whole_sentences(text: str) -> str:
    """As much of a message as fits, without links and without half a sentence where there is a whole one."""
    plain = re.sub(r"(\s*\b(See|Visit|Refer to):?)?\s*https?://\S+", "", text).strip()
    if len(plain) <= MAX_CAUSE:
        return plain
    end = max(plain.rfind(mark, 0, MAX_CAUSE) for mark in (". ", "; "))
    return f"{plain[:end]}." if end > 0 else f"{plain[:MAX_CAUSE]} …"


def _start_advice(uri: str) -> str:
    """How to get a store that works: one of a kind that MLflow writes, or the server that should answer."""
    return START_ADVICE if uri.startswith(("http:", "https:")) else KIND_ADVICE


def s3_errors() -> tuple[type[Exception], ...]:
    """The errors of boto3 if it is loaded; MLflow passes many of them on unchanged."""
    if not sys.modules.get("boto3"):
        return ()
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return Boto3Error, BotoCoreError, ClientError
