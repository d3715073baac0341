"""Errors of MLflow and its stores, translated into problems with a fix."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from arogya_bench.errors import TrackingError
from arogya_bench.runtime.redaction import redact
from arogya_bench.runtime.store_urls import strip_credentials, without_credentials

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
            fix="free disk space and check the permissions of the artifact folder, or choose another store.",
        ) from error
    except s3_errors() as error:
        raise TrackingError(
            f"The artifacts of {without_credentials(uri)} are on S3, which rejected the request: {error}",
            fix="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and MLFLOW_S3_ENDPOINT_URL if "
            "it is not Amazon's; check the network.",
        ) from error
    except (MlflowException, SQLAlchemyError, sqlite3.Error, ModuleNotFoundError) as error:
        cause, advice = LOGIN_ERRORS.get(getattr(error, "error_code", ""), (_first_line(error, uri), fix))
        raise TrackingError(
            f"The tracking store {without_credentials(uri)} does not respond as expected: {cause}",
            fix=advice
            or "start it (mlflow server --port 5000), or choose another one with "
            "tracking.uri=... or MLFLOW_TRACKING_URI; sqlite:///mlflow.db needs no server.",
        ) from error


def _first_line(error: Exception, uri: str) -> str:
    """The first line of a message of MLflow; the others are internals of an HTTP library."""
    first = redact(strip_credentials(str(error), uri)).strip().partition("\n")[0][:300]
    return f"no server responds at {without_credentials(uri)}" if "Max retries exceeded" in first else first


def s3_errors() -> tuple[type[Exception], ...]:
    """The errors of boto3 if it is loaded; MLflow passes many of them on unchanged."""
    if not sys.modules.get("boto3"):
        return ()
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return Boto3Error, BotoCoreError, ClientError
