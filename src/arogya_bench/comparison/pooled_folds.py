"""The folds of one cross-validation as one block: out-of-fold predictions, every case once per repeat."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from arogya_bench.analysis.conditions import CLEAN, StoredCondition
from arogya_bench.comparison.missing_cells import NEVER_RUN, CellKey, cell_key, missing_row
from arogya_bench.comparison.selection import BlockKey
from arogya_bench.runtime.digests import digest_of
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import MODEL_CONFIG_DIGEST, SEED, SPLIT, SPLIT_DIGEST

FOLD_NAME_PATTERN = re.compile(r"kfold-(?P<folds>\d+)-f(?P<fold>\d+)-r(?P<repeat>\d+)-(?P<settings>.+)")

Fold = tuple[int, int]  # repeat and index


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """The evaluations of the folds of one cross-validation.

    Attributes:
        name: Of its splits, without fold and repeat, such as ``kfold-5-s42``.
        folds: Number of folds of each repeat.
        runs: Evaluations and skipped cells of each fold that was started, oldest first.
    """

    name: str
    folds: int
    runs: Mapping[Fold, Sequence[RunRecord]]

    @property
    def all_runs(self) -> list[RunRecord]:
        """The runs of all folds, oldest first."""
        return sorted((run for runs in self.runs.values() for run in runs), key=lambda run: run.start_time)

    @property
    def digest(self) -> str:
        """Digest of the splits that are pooled."""
        splits = {self.runs[fold][0].tags[SPLIT_DIGEST] for fold in self.pooled_folds}
        return digest_of({"splits": sorted(splits)})

    @property
    def repeats(self) -> list[int]:
        """The repeats that are pooled."""
        return sorted({repeat for repeat, _ in self.pooled_folds})

    @cached_property
    def pooled_folds(self) -> tuple[Fold, ...]:
        """The folds whose predictions are pooled: the same cases in each repeat.

        All folds of the repeats that every row with a finished repeat has finished on clean images, so that all rows
        learnt from the same training sets; of every finished repeat, if they share none. If there is no such repeat,
        those folds of one repeat that the furthest row has finished.
        """
        best = {repeat: self._furthest(repeat) for repeat in sorted({repeat for repeat, _ in self.runs})}
        complete = [repeat for repeat, folds in best.items() if len(folds) == self.folds]
        chosen = self._shared_repeats or complete or [max(best, key=lambda repeat: len(best[repeat]))]
        return tuple((repeat, fold) for repeat in chosen for fold in sorted(best[repeat]))

    @cached_property
    def _shared_repeats(self) -> list[int]:
        """The repeats of which every row that has finished one has all folds with one seed."""
        folds: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        for (repeat, _), finished in self._finished.items():
            for row, condition, seed in finished:
                folds[row, seed, repeat] += condition == CLEAN
        done: defaultdict[str, set[int]] = defaultdict(set)
        for (row, _, repeat), count in folds.items():
            if count == self.folds:
                done[row].add(repeat)
        return sorted(set.intersection(*done.values())) if done else []

    @property
    def unfinished_folds(self) -> list[Fold]:
        """Folds of the started repeats that are not pooled."""
        started = sorted({repeat for repeat, _ in self.runs})
        expected = [(repeat, fold) for repeat in started for fold in range(self.folds)]
        return [fold for fold in expected if fold not in self.pooled_folds]

    def pool(self) -> dict[CellKey, tuple[RunRecord, ...]]:
        """The newest finished runs of each (row, condition, seed and repeat) that has all pooled folds, one a fold."""
        keys = dict.fromkeys(key for fold in self.pooled_folds for key in self._finished[fold])
        pooled = {}
        for (row, condition, seed), repeat in ((key, repeat) for key in keys for repeat in self.repeats):
            folds = [fold for fold in self.pooled_folds if fold[0] == repeat]
            parts = [self._finished[fold].get((row, condition, seed)) for fold in folds]
            finished = tuple(part for part in parts if part is not None)
            if len(finished) == len(folds):
                pooled[row, condition, self._seed_name(seed, repeat)] = finished
        return pooled

    def folds_of(self, seed: str) -> list[Fold]:
        """The folds behind the name of a seed in ``pool``, in the order of its runs."""
        return [fold for fold in self.pooled_folds if seed == self._seed_name(seed.split("-r")[0], fold[0])]

    def repeats_of(self, seeds: Sequence[str]) -> tuple[str, ...]:
        """The repeat that each name of a seed in ``pool`` belongs to; empty with a single repeat."""
        return () if len(self.repeats) == 1 else tuple(seed.rpartition("-r")[2] for seed in seeds)

    def missing(self, names: Mapping[str, str], conditions: Sequence[StoredCondition]) -> list[Mapping[str, str]]:
        """The cells without a finished run, of every fold of each started repeat."""
        return list(self._missing(names, conditions))

    def incomplete_rows(self) -> dict[str, tuple[RunRecord, str]]:
        """Rows with a clean evaluation of some folds that cannot be pooled: their newest run, and what they lack."""
        pooled = {row for row, condition, _ in self.pool() if condition == CLEAN}
        clean = [(key, run) for fold in self._finished for key, run in self._finished[fold].items() if key[1] == CLEAN]
        found = {}
        for (row, _, _), run in clean:
            if row not in pooled:
                found[row] = (run, self._lacking(row))
        return found

    @cached_property
    def _finished(self) -> dict[Fold, dict[CellKey, RunRecord]]:
        return {
            fold: {cell_key(run): run for run in runs if run.status == "FINISHED"} for fold, runs in self.runs.items()
        }

    def _furthest(self, repeat: int) -> frozenset[int]:
        """The folds that the furthest row has finished; of several rows, the most frequent set."""
        folds: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        for (of_repeat, fold), finished in self._finished.items():
            for row, condition, seed in finished:
                if of_repeat == repeat and condition == CLEAN:
                    folds[row, seed].add(fold)
        if not folds:
            return frozenset(fold for of_repeat, fold in self.runs if of_repeat == repeat)
        counts = Counter(map(frozenset, folds.values()))
        return max(counts, key=lambda chosen: (len(chosen), counts[chosen], sorted(chosen, reverse=True)))

    def _lacking(self, row: str) -> str:
        done = {fold for fold, runs in self._finished.items() if any(key[:2] == (row, CLEAN) for key in runs)}
        lacking = [_fold_name(fold) for fold in self.pooled_folds if fold not in done]
        return f"it lacks {', '.join(lacking)}" if lacking else "no seed of it has all folds of one repeat"

    def _seed_name(self, seed: str, repeat: int) -> str:
        return seed if self.repeats == [0] else f"{seed}-r{repeat}"

    def _missing(self, names: Mapping[str, str], conditions: Sequence[StoredCondition]) -> Iterator[Mapping[str, str]]:
        latest = {fold: {cell_key(run): run for run in runs} for fold, runs in self.runs.items()}
        seeds = sorted({(run.tags[MODEL_CONFIG_DIGEST], run.tags[SEED]) for run in self.all_runs})
        for row, condition in ((row, condition) for row in names for condition in conditions):
            for seed in (seed for of_row, seed in seeds if of_row == row):
                key = (row, condition.name, seed)
                for fold in sorted({*self.pooled_folds, *self.unfinished_folds}):
                    if key in self._finished.get(fold, {}):
                        continue
                    run = latest.get(fold, {}).get(key)
                    state = missing_row(run) if run else {"status": NEVER_RUN}
                    cell = {"model": names[row], "condition": condition.name, "seed": f"{seed}, {_fold_name(fold)}"}
                    yield {**state, **cell}


def find_cross_validations(
    blocks: Mapping[BlockKey, Sequence[RunRecord]],
) -> dict[tuple[BlockKey, ...], CrossValidation]:
    """Find the cross-validations among runs by block: those with several folds, by the keys of their blocks.

    Two versions may split one fold differently: the split with more finished rows is taken, and the other one stays a
    block of its own.
    """
    studies: defaultdict[tuple[str, ...], defaultdict[Fold, list[BlockKey]]] = defaultdict(lambda: defaultdict(list))
    for key, runs in blocks.items():
        if match := FOLD_NAME_PATTERN.fullmatch(runs[0].tags.get(SPLIT, "")):
            name, digest, _, task = key
            study = (name, digest, task, match["folds"], match["settings"])
            studies[study][int(match["repeat"]), int(match["fold"])].append(key)
    found = {}
    for (*_, folds, settings), keys in studies.items():
        chosen = {fold: max(keys[fold], key=lambda key: _finished_rows(blocks[key])) for fold in sorted(keys)}
        if len(chosen) > 1:
            found[tuple(chosen.values())] = CrossValidation(
                name=f"kfold-{folds}-{settings}",
                folds=int(folds),
                runs={fold: blocks[key] for fold, key in chosen.items()},
            )
    return found


def fold_caveats(study: CrossValidation) -> list[str]:
    """What must be known of pooled predictions, one sentence each."""
    count = len([fold for fold in study.pooled_folds if fold[0] == study.repeats[0]])
    caveats = [
        f"Cross-validation: every case was predicted by the one of {count} fits that had not seen it. Intervals and "
        "verdict are about other patients; how much other training sets change the scores is in the tables of folds.",
        "Metrics that rank all cases by their scores (AUROC, average precision, mAP) pool the scores of different "
        "fits, which need not be on one scale.",
    ]
    if left_out := study.unfinished_folds:
        names = ", ".join(map(_fold_name, left_out))
        are = "is" if len(left_out) == 1 else "are"
        caveats.append(f"Not every model can be pooled with {names}, which {are} left out.")
    return caveats


def _finished_rows(runs: Sequence[RunRecord]) -> tuple[int, int]:
    rows = {run.tags[MODEL_CONFIG_DIGEST] for run in runs if run.status == "FINISHED"}
    return len(rows), max(run.start_time for run in runs)


def _fold_name(fold: Fold) -> str:
    repeat, index = fold
    return f"fold {index}" if repeat == 0 else f"fold {index} of repeat {repeat}"
