"""AB401 to AB404: whether something that no doctor would look at gives the label away."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path

import numpy as np

from arogya_bench.errors import UndefinedMetric
from arogya_bench.gate.contamination import normalise_name
from arogya_bench.gate.context import CaseInSplit, GateInput
from arogya_bench.gate.findings import GateFinding, finding
from arogya_bench.gate.shortcut_probe import PROBE_COUNT, ProbeClassifier, draw_trial, run_probe
from arogya_bench.types import Floats

MAX_CASES = 2000  # enough for a few per cent; more would take longer and say the same
# Of a class. Where the label is not given away, a probe then fires in half a percent of the sets;
# with 5 groups it would in one.
MIN_CASES, MIN_GROUPS = 10, 10


@dataclass(frozen=True, kw_only=True)
class ShortcutProbe:
    """One thing that should not know the label.

    Attributes:
        features: Of some cases, shape (n, d), or None where there is nothing to look at.
    """

    code: str
    features: Callable[[Sequence[CaseInSplit], GateInput], Floats | None]
    classifier: Callable[[Floats], ProbeClassifier]


def shortcuts(gate_input: GateInput, rng: np.random.Generator) -> Iterator[GateFinding]:
    """Fit a small classifier on each of file size, image size, border colour and source folder.

    It looks at the training part alone, so that nothing is learned of what is tested. A folder that
    is called like the class of its image, or like its number, is how the source writes labels down,
    and is taken out of the path first; what remains of the path may not know the label.

    Args:
        gate_input: Whose cases have facts.
        rng: Draws cases, folds and resamples.

    Raises:
        UndefinedMetric: If too few cases have labels and images, with the reason.
    """
    placed = choose_cases(gate_input, rng)
    labels = np.array([each.case.target for each in placed], dtype=np.int64)
    groups = np.unique([each.case.group_id for each in placed], return_inverse=True)[1]
    setup = draw_trial(labels, groups, rng)
    for probe in SHORTCUT_PROBES:
        features = probe.features(placed, gate_input)
        if features is None or (features == features[0]).all():
            continue
        reading = run_probe(features, setup, probe.classifier(features))
        if reading.is_shortcut:
            detail = (
                f"balanced accuracy {reading.score:.2f}, at least {reading.low:.2f} with 95 % "
                f"confidence over {PROBE_COUNT} probes; chance is {reading.chance:.2f}"
            )
            yield finding(probe.code, [], count=len(placed), detail=detail)


def choose_cases(gate_input: GateInput, rng: np.random.Generator) -> list[CaseInSplit]:
    """Choose training cases with a label and an image, the classes alike.

    Raises:
        UndefinedMetric: If images have no label, or fewer than two classes have enough cases.
    """
    task = gate_input.dataset.task
    if task != "classification":
        raise UndefinedMetric(f"images have no one label in {task}")
    known = range(len(gate_input.dataset.classes))
    usable = [
        each
        for each in gate_input.cases_in("train")
        if each.facts.pixels and each.case.target in known
    ]
    cases = Counter(each.case.target for each in usable)
    groups = Counter(target for target, _ in {(e.case.target, e.case.group_id) for e in usable})
    kept = [k for k in cases if cases[k] >= MIN_CASES and groups[k] >= MIN_GROUPS]
    if len(kept) < 2:
        raise UndefinedMetric(
            f"fewer than two classes have {MIN_CASES} labelled images in train, from "
            f"{MIN_GROUPS} groups"
        )
    most = MAX_CASES // len(kept)
    order = rng.permutation(len(usable))
    taken: list[CaseInSplit] = []
    for k in sorted(target for target in kept if target is not None):
        own = [usable[place] for place in order if usable[place].case.target == k]
        taken += own[:most]
    return taken


def encode_folders(cases: Sequence[CaseInSplit], gate_input: GateInput) -> Floats | None:
    """Number the folders that images come from, without what names their class, shape (n, 1)."""
    files = [gate_input.dataset.files.get(each.case.case_id) for each in cases]
    parents = [file.parent for file in files if file]
    if len(parents) < len(cases):
        return None
    root = Path(commonpath(parents))
    named = [
        tuple(
            part
            for part in parent.relative_to(root).parts
            if not _is_class_name(part, each, gate_input)
        )
        for parent, each in zip(parents, cases, strict=True)
    ]
    codes = {folder: number for number, folder in enumerate(sorted(set(named)))}
    return np.array([[codes[folder]] for folder in named], dtype=np.float64)


def _is_class_name(part: str, each: CaseInSplit, gate_input: GateInput) -> bool:
    target = each.case.target
    return target is not None and normalise_name(part) in (
        normalise_name(gate_input.dataset.classes[target]),
        str(target),
    )


def _file_size(cases: Sequence[CaseInSplit], _: GateInput) -> Floats | None:
    sizes = [each.facts.file_bytes for each in cases]
    known = [size for size in sizes if size is not None]
    return np.log([[size] for size in known]) if len(known) == len(sizes) else None


def _image_size(cases: Sequence[CaseInSplit], _: GateInput) -> Floats | None:
    sizes = np.array([(each.facts.width, each.facts.height) for each in cases], dtype=np.float64)
    return np.column_stack([sizes, sizes[:, 0] / sizes[:, 1]])


def _border_colour(cases: Sequence[CaseInSplit], _: GateInput) -> Floats | None:
    return np.array([each.facts.pixels.border for each in cases if each.facts.pixels])


# scikit-learn is imported where it is used: it takes a second that small sets never need.
def _build_tree(_: Floats) -> ProbeClassifier:
    from sklearn.tree import DecisionTreeClassifier

    tree: ProbeClassifier = DecisionTreeClassifier(
        max_leaf_nodes=16, min_samples_leaf=5, class_weight="balanced", random_state=0
    )
    return tree


def _build_naive_bayes(features: Floats) -> ProbeClassifier:
    from sklearn.naive_bayes import CategoricalNB

    folders = int(features.max()) + 1
    bayes: ProbeClassifier = CategoricalNB(fit_prior=False, min_categories=folders)
    return bayes


SHORTCUT_PROBES = (
    ShortcutProbe(code="AB401", features=_file_size, classifier=_build_tree),
    ShortcutProbe(code="AB402", features=_image_size, classifier=_build_tree),
    ShortcutProbe(code="AB403", features=_border_colour, classifier=_build_tree),
    ShortcutProbe(code="AB404", features=encode_folders, classifier=_build_naive_bayes),
)
