"""What the gate found and which class is positive is said at the start; copies are kept with the sweep."""

from dataclasses import dataclass, replace
from io import StringIO

import pandas as pd
from picture_fixture import picture

from arogya_bench.configuration.compose import RunRequest, compose_jobs
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.evaluation.job import prepare
from arogya_bench.sweeps.gate_summary import gate_items, print_gate_summary
from arogya_bench.tracking.items import Text

__all__ = ["picture"]


@dataclass(frozen=True)
class Copies:
    """Sixty patients of two classes; the source tests a third, and one patient has the image of another."""

    roster: type

    def load(self):
        whole = self.roster(visits=1).load()
        numbered = enumerate(whole.cases)
        cases = [replace(case, target=n % 2, split=None if n % 3 else "test") for n, case in numbered]
        cases[1] = replace(cases[1], split="train")
        shown = {cases[1].case_id: cases[0]}
        return replace(
            whole,
            classes=("=benign", "malignant"),
            cases=tuple(cases),
            read=lambda case: whole.read(shown.get(case.case_id, case)),
        )


def planned(job_of, roster):
    return prepare(job_of(source=Copies(roster), split=SplitPolicy(), gate="warn", positive="=benign"))


def test_copies_are_a_file_of_the_sweep(job_of, roster):
    items = list(gate_items([planned(job_of, roster)]))

    (copies,) = [item for item in items if isinstance(item, Text)]
    table = pd.read_csv(StringIO(copies.text))
    assert copies.file.endswith("-copies.csv")
    assert table["code"].tolist() == ["AB102", "AB103"]
    assert set(table["first_class"]) | set(table["second_class"]) == {"'=benign", "malignant"}  # no formula
    assert table[["first", "second", "second_split"]].iloc[0].tolist() == ["c001-0", "c000-0", "test"]


def test_the_completed_split_and_the_positive_class_are_said(job_of, roster, capsys):
    print_gate_summary([planned(job_of, roster)])

    said = " ".join(capsys.readouterr().err.split())
    assert "39 of 60 cases have no part in the source, which states train 1, test 20: they are training cases." in said
    assert "The positive class is '=benign', as dataset.positive says." in said


def test_left_out_files_and_cases_are_said_once(picture, tmp_path, capsys):
    for label in ("a", "b"):
        for number in range(12):
            picture(f"set/{label}/{number}.png", size=(12, 12))
        picture(f"set/{label}/0_mask.png", size=(12, 12))
    (tmp_path / "list.txt").write_text("a/11\n")
    overrides = (
        "model=prior", "dataset=image_folder", f"dataset.path={tmp_path / 'set'}", "dataset.licence=CC0-1.0",
        f"dataset.exclude={tmp_path / 'list.txt'}",
    )  # fmt: skip
    (job,) = compose_jobs(RunRequest(overrides=overrides))

    print_gate_summary([prepare(job), prepare(job)])

    said = capsys.readouterr().err.replace("\n", " ")
    assert said.count("dataset.manifest=FILE), excluded: 2: a/0_mask.png, b/0_mask.png.") == 1
    assert said.count("Cases left out by dataset.exclude: 1: a/11.") == 1
