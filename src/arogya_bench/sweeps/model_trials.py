"""Models that are brought from elsewhere are tried on a few images of the dataset before the first job."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

from rich.markup import escape

from arogya_bench.errors import UserError
from arogya_bench.evaluation.job import PlannedJob, check_dataset_fits
from arogya_bench.models.pyfunc_trial import sample_cases
from arogya_bench.runtime.child_process import run_isolated
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.digests import digest_of, model_identity
from arogya_bench.runtime.progress import show_activity
from arogya_bench.types import Image

_PASSED: set[tuple[str, str]] = set()  # seeds and conditions of one row are one question


@runtime_checkable
class TriedModel(Protocol):
    """A model with ``check_images``; see ``types.Model``."""

    def check_images(
        self, images: Sequence[Image], rows: Sequence[Mapping[str, str | float]], *, classes: tuple[str, ...]
    ) -> Sequence[str]:
        """Return notes on its answers; raise UserError if they are none for these classes."""


def try_on_dataset(planned: PlannedJob) -> None:
    """Check that the model of a job answers for its dataset; its code runs in a process of its own.

    Raises:
        UserError: If it does not, or if its process is killed.
    """
    model, dataset = planned.job.model, planned.dataset
    check_dataset_fits(model, dataset)
    if not isinstance(model, TriedModel):
        return
    key = (digest_of(model_identity(model)), dataset.digest)
    if key in _PASSED:
        return
    cases = sample_cases(planned.split.test)
    images, rows = [dataset.read(case) for case in cases], [dict(case.metadata) for case in cases]
    check = partial(model.check_images, images, rows, classes=dataset.classes)
    with show_activity(f"trying {planned.job.row_name} on {plural(len(images), 'image')}"):
        ended = run_isolated(_call, check, fresh=True)
    if ended.error is not None:
        raise ended.error
    if isinstance(ended.result, UserError):
        raise ended.result
    _PASSED.add(key)
    for note in ended.result:
        echo(f"{escape(planned.job.row_name)}: {escape(note)}.")


def _call(check: Callable[[], Sequence[str]]) -> Sequence[str] | UserError:
    try:
        return check()
    except UserError as error:
        return error
