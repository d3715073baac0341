"""AB401 to AB404: shortcuts, which predict the label without the content of the image."""

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

MAX_CASES = 2000  # gives a precision of a few per cent; more cases only take longer
# Per class. Without a shortcut, a probe then reports one in 0.5 % of the datasets; with 5 groups in 1 %.
MIN_CASES, MIN_GROUPS = 10, 10


@dataclass(frozen=True, kw_only=True)
class ShortcutProbe:
    """A feature that should not predict the label.

    Attributes:
        features: Computes the features of n cases, shape (n, d); None if not applicable.
    """

    code: str
    features: Callable[[Sequence[CaseInSplit], GateInput], Floats | None]
    classifier: Callable[[Floats], ProbeClassifier]


def shortcuts(gate_input: GateInput, rng: np.random.Generator) -> Iterator[GateFinding]:
    """Fit a small classifier on each of file size, image size, border colour and source folder.

    Only training cases are used, so that nothing about the test cases is revealed. Folders named after the class of
    their images, or after its number, store the labels and are removed from the path first; the rest of the path should
    not predict the label.

    Raises:
        UndefinedMetric: If too few cases have a label and an image, with the reason.
    """
    cases = choose_cases(gate_input, rng)
    labels = np.array([case.case.target for case in cases], dtype=np.int64)
    groups = np.unique([case.case.group_id for case in cases], return_inverse=True)[1]
    trial = draw_trial(labels, groups, rng)
    for probe in SHORTCUT_PROBES:
        features = probe.features(cases, gate_input)
        if features is None or (features == features[0]).all():
            continue
        result = run_probe(features, trial, probe.classifier(features))
        if result.is_shortcut:
            detail = (
                f"balanced accuracy {result.score:.2f}, at least {result.low:.2f} with 95 % "
                f"confidence over {PROBE_COUNT} probes; chance is {result.chance:.2f}"
            )
            yield finding(probe.code, [], count=len(cases), detail=detail)


def choose_cases(gate_input: GateInput, rng: np.random.Generator) -> list[CaseInSplit]:
    """Choose training cases with a label and an image, equally many of each class.

    Raises:
        UndefinedMetric: If images have no label, or fewer than two classes have enough cases.
    """
    task = gate_input.dataset.task
    if task != "classification":
        raise UndefinedMetric(f"images have no single label in {task}")
    known = range(len(gate_input.dataset.classes))
    usable = [case for case in gate_input.cases_in("train") if case.facts.pixels and case.case.target in known]
    n_cases = Counter(case.case.target for case in usable)
    pairs = {(case.case.target, case.case.group_id) for case in usable}
    n_groups = Counter(target for target, _ in pairs)
    classes = [k for k in n_cases if n_cases[k] >= MIN_CASES and n_groups[k] >= MIN_GROUPS]
    if len(classes) < 2:
        raise UndefinedMetric(
            f"fewer than two classes have {MIN_CASES} labelled images in train, from {MIN_GROUPS} groups"
        )
    shuffled = [usable[position] for position in rng.permutation(len(usable))]
    chosen: list[CaseInSplit] = []
    for k in sorted(target for target in classes if target is not None):
        of_class = [case for case in shuffled if case.case.target == k]
        chosen += of_class[: MAX_CASES // len(classes)]
    return chosen


def encode_folders(cases: Sequence[CaseInSplit], gate_input: GateInput) -> Floats | None:
    """Encode the folder of each image as a number, without folders named after its class."""
    files = [gate_input.dataset.files.get(case.case.case_id) for case in cases]
    parents = [file.parent for file in files if file]
    if len(parents) < len(cases):
        return None
    root = Path(commonpath(parents))
    folders = [
        tuple(name for name in parent.relative_to(root).parts if not _is_class_name(name, case, gate_input))
        for parent, case in zip(parents, cases, strict=True)
    ]
    codes = {folder: code for code, folder in enumerate(sorted(set(folders)))}
    return np.array([[codes[folder]] for folder in folders], dtype=np.float64)


def _is_class_name(folder: str, case: CaseInSplit, gate_input: GateInput) -> bool:
    target = case.case.target
    return target is not None and normalise_name(folder) in (
        normalise_name(gate_input.dataset.classes[target]),
        str(target),
    )


def _file_size(cases: Sequence[CaseInSplit], _: GateInput) -> Floats | None:
    sizes = np.array([[case.facts.file_bytes] for case in cases], dtype=np.float64)  # NaN if unknown
    return None if np.isnan(sizes).any() else np.log(sizes)


def _image_size(cases: Sequence[CaseInSplit], _: GateInput) -> Floats | None:
    sizes = np.array([(case.facts.width, case.facts.height) for case in cases], dtype=np.float64)
    return np.column_stack([sizes, sizes[:, 0] / sizes[:, 1]])


def _border_colour(cases: Sequence[CaseInSplit], _: GateInput) -> Floats | None:
    return np.array([case.facts.pixels.border for case in cases if case.facts.pixels])


# scikit-learn is imported where needed, since it takes a second and small datasets do without.
def _build_tree(_: Floats) -> ProbeClassifier:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=5, class_weight="balanced", random_state=0)


def _build_naive_bayes(features: Floats) -> ProbeClassifier:
    from sklearn.naive_bayes import CategoricalNB

    return CategoricalNB(fit_prior=False, min_categories=int(features.max()) + 1)


SHORTCUT_PROBES = (
    ShortcutProbe(code="AB401", features=_file_size, classifier=_build_tree),
    ShortcutProbe(code="AB402", features=_image_size, classifier=_build_tree),
    ShortcutProbe(code="AB403", features=_border_colour, classifier=_build_tree),
    ShortcutProbe(code="AB404", features=encode_folders, classifier=_build_naive_bayes),
)
