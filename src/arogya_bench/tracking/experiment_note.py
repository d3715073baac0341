"""The description of an experiment in ``mlflow ui``: the text of its users, and a marked block of ours."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, RunRecord, experiment_tags, search_runs, tag_experiment
from arogya_bench.tracking.saved_views import describe_views
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tag_values import shorten_value
from arogya_bench.tracking.tags import COMPARED_AT, KIND, VERDICT, WHERE
from arogya_bench.tracking.ui_paths import run_path

NOTE = "mlflow.note.content"  # a tag of MLflow, in Markdown
START = "<!-- arogya-bench writes from here -->"
END = "<!-- to here; the rest is yours -->"
# Without another start in it: of a block whose end somebody deleted, nobody can say where it ended.
BLOCK = re.compile(f"{re.escape(START)}(?:(?!{re.escape(START)}).)*?{re.escape(END)}", re.DOTALL)
EARLIER_NOTE = re.compile(r"(Created|Made) by arogya-bench\. Open the \[leaderboard\]\([^\n]*")  # whole, before blocks
MAX_LENGTH = 5000  # characters that every version of MLflow takes
SHORTEST_VERDICT = 100  # characters; less says nothing
REPORT_FILE = "report.html"  # of a comparison run


def update_note(store: Store) -> None:
    """Write our block into the description of an experiment; the rest of it stays as its users wrote it.

    The block links the views, and the newest comparison with its verdict. A description without room for all of that
    gets a shorter verdict, or the links to the views only, or nothing.
    """
    before = experiment_tags(store).get(NOTE, "")
    views = describe_views(store.ui_path)
    newest = _describe_comparison(store)
    whole = with_block(before, f"{views}{newest.text}")
    shorter = newest.shortened(by=len(whole) - MAX_LENGTH)
    notes = [whole, *(with_block(before, text) for text in (f"{views}{shorter}", views))]
    after = next((note for note in notes if len(note) <= MAX_LENGTH), before)
    if after != before:
        tag_experiment(store, {NOTE: after})


def with_block(note: str, text: str) -> str:
    """A description with our block in its place, or after everything else if it has none."""
    block = f"{START}\n\n{text}\n\n{END}"
    if BLOCK.search(note):
        return BLOCK.sub(lambda _: block, note, count=1)
    written = "" if EARLIER_NOTE.fullmatch(note.strip()) else note.rstrip()
    return f"{written}\n\n{block}" if written else block


def report_path(store: Store, run_id: str) -> str:
    """Path of the report of a comparison run, relative to the URL of ``mlflow ui``."""
    return run_path(store.experiment_id, run_id, REPORT_FILE)


class _Description(NamedTuple):
    """What is said of the newest comparison; empty without one."""

    text: str
    verdict: str

    def shortened(self, *, by: int) -> str:
        """The text without the end of the verdict; empty if next to nothing of it would be left."""
        length = len(self.verdict) - by
        if length < SHORTEST_VERDICT:
            return ""
        return self.text.replace(self.verdict, shorten_value(self.verdict, length), 1)


def _describe_comparison(store: Store) -> _Description:
    comparisons = search_runs(store, f"tags.`{KIND}` = 'comparison' and attributes.status = 'FINISHED'")
    if not comparisons:
        return _Description("", "")
    newest = max(comparisons, key=_compared_at)
    when = datetime.fromtimestamp(_compared_at(newest) / 1000, UTC)
    scope = f", of the evaluations where {newest.tags[WHERE]}" if newest.tags.get(WHERE) else ""
    evaluations = search_runs(store, FINISHED_EVALUATIONS)
    outdated = any((run.end_time or 0) > _compared_at(newest) for run in evaluations)
    again = " Evaluations were added since; compare again." if outdated else ""
    verdict = newest.tags.get(VERDICT, "no verdict")
    text = (
        f"\n\n**Comparison of {when:%Y-%m-%d %H:%M} UTC** by {newest.params.get('metric', 'its metric')}{scope}: "
        f"{verdict} Open its [report]({report_path(store, newest.run_id).lstrip('/')})."
        f"{again}"
    )
    return _Description(text, verdict)


def _compared_at(run: RunRecord) -> int:
    return int(run.tags.get(COMPARED_AT, run.start_time))
