"""Which model answered: a provider may route a retired model to its successor, without an error."""

import re

from arogya_bench.errors import ApiError

# A release of the same model: gemini-3.5-flash-lite-001, -preview-09-2026, -2026-11-01; never -lite or -pro.
RELEASE = re.compile(r"(?:[-:@](?:\d[\w.-]*|preview[\w.-]*|exp[\w.-]*|latest|stable))?", re.IGNORECASE)


def check_model_version(model_id: str, version: str | None) -> None:
    """Check that the model that answered is a release of the one that was asked for.

    A service that does not name its model cannot be checked.

    Raises:
        ApiError: If it is another one.
    """
    if version is None or is_release_of(model_id, version):
        return
    raise ApiError(
        f"{model_id} was asked, and {version} answered.",
        fix=f"set model.id={version}, a row of its own, or model.allow_substitution=true to accept what answers.",
    )


def is_release_of(model_id: str, version: str) -> bool:
    """Whether a version names the model of an id: the id itself, or the id with a number or a date."""
    asked, answered = model_id.removeprefix("models/"), version.removeprefix("models/")
    return answered.startswith(asked) and RELEASE.fullmatch(answered[len(asked) :]) is not None
