"""The version of the model that answers the cases of a cell, which must not change in between."""

from typing import Any

from arogya_bench.api_models.calls import ModelConnection
from arogya_bench.errors import ApiError


class CellVersion:
    """Checks the version of each answer of a cell."""

    def __init__(self, connection: ModelConnection[Any]) -> None:
        self._connection = connection
        self._first: str | None = None

    def check(self, version: str | None) -> None:
        """Raise ApiError if another model answered than was asked for, or another version than before."""
        self._connection.check_version(version)
        if version is None or not self._connection.one_version:
            return
        if self._first not in (None, version):
            raise ApiError(
                f"The model changed within a cell: {self._first} answered, and then {version}.",
                fix="set model.allow_substitution=true to accept both, or AROGYA_API_LEDGER to a new file to ask about "
                "every case again.",
            )
        self._first = version

    def accepts(self, version: str | None) -> bool:
        """Whether an answer of this version may stand: else the case is asked again."""
        try:
            self._connection.check_version(version)
        except ApiError:
            return False
        return True
