"""``arogya-bench model check``: what an MLflow model takes and answers, before a sweep."""

import argparse
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from arogya_bench.cli.arguments import Subparsers
from arogya_bench.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from arogya_bench.models.metadata_inputs import ImageOfCase
    from arogya_bench.models.pyfunc import PyFunc
    from arogya_bench.models.pyfunc_check import LoadedModel
    from arogya_bench.models.pyfunc_trial import Trial

CHECK_DESCRIPTION = """\
Load an MLflow model, show how it takes images and what it answers to a few of them, and print the
YAML that makes it a row of a sweep. Loading a model runs the code that it contains.

examples:
  arogya-bench model check models:/skin/3                          its signature; no code of it is run
  arogya-bench model check models:/skin/3 --images photos          and its answers to images of a folder
  arogya-bench model check runs:/RUN/net --images photos model.scale=255 --out conf/model/net.yaml
  arogya-bench model check my_model --dataset ham10000 dataset.path=FOLDER
"""


UNKNOWN_CLASSES = (
    "nothing here says which classes it knows: put images into folders named like the classes, or write the classes in "
    "the order of the model, such as model.classes=[a,b]"
)


def add_parser(commands: Subparsers) -> None:
    """Add the command ``model`` and its subcommand."""
    model = commands.add_parser(
        "model", help="try a model of your own", description="Try a model of your own before a sweep."
    )
    subcommands = model.add_subparsers(required=True, metavar="COMMAND", title="commands")
    check = subcommands.add_parser(
        "check",
        help="show what an MLflow model takes and answers",
        description=CHECK_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("uri", metavar="URI", help="models:/name/1, models:/name@alias, runs:/run_id/name, or a folder")
    check.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings, such as model.scale=255")
    source = check.add_mutually_exclusive_group()
    source.add_argument("--images", type=Path, metavar="DIR", help="folder of images; subfolders may name classes")
    source.add_argument("--dataset", metavar="NAME", help="dataset config, with its dataset.KEY=VALUE")
    check.add_argument(
        "--out", type=Path, metavar="FILE", help="also write the YAML to a file, such as conf/model/a.yaml"
    )
    check.set_defaults(command=_check)


def _check(arguments: argparse.Namespace) -> int:
    from arogya_bench.models.pyfunc_check import LoadedModel, config_file, describe_model

    question = _read_question(arguments)
    for fact in describe_model(question.model, question.columns):
        _print(f"{fact.subject:<10}{fact.text}")
    if question.items:
        _print_answers(LoadedModel.load(question.model), question)
    else:
        _print("\nGive --images DIR or --dataset NAME to see its answers.")
    _keep(config_file(question.model), question.model, arguments.out)
    return 0


class Question(NamedTuple):
    """What is asked of a model.

    Attributes:
        items: Images; none if only its files are described.
        names: Of the images.
        labels: Their classes; None where nobody knows.
        classes: Of all images; empty if nobody knows.
    """

    model: "PyFunc"
    items: "Sequence[ImageOfCase]" = ()
    names: Sequence[str] = ()
    labels: Sequence[str | None] = ()
    classes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the metadata."""
        return tuple(self.items[0].metadata) if self.items else ()


def _read_question(arguments: argparse.Namespace) -> Question:
    from arogya_bench.models.metadata_inputs import ImageOfCase
    from arogya_bench.models.sample_images import sample_folder

    if arguments.dataset:
        return _read_dataset(arguments)
    model = _build_model(arguments)
    if arguments.images is None:
        return Question(model)
    sample = sample_folder(arguments.images)
    items = [ImageOfCase(image=each.image) for each in sample.images]
    names, labels = [each.name for each in sample.images], [each.label for each in sample.images]
    return Question(model, items, names, labels, sample.classes)


def _build_model(arguments: argparse.Namespace) -> "PyFunc":
    from arogya_bench.configuration.schema import parse_settings
    from arogya_bench.configuration.validation import validate
    from arogya_bench.models.pyfunc import PyFunc

    settings = parse_settings((*arguments.overrides, f"model.uri={arguments.uri}"), ("model",))
    return validate(PyFunc, settings["model"], "model")


def _read_dataset(arguments: argparse.Namespace) -> Question:
    from arogya_bench.configuration.compose import RunRequest, compose_jobs
    from arogya_bench.models.pyfunc import PyFunc
    from arogya_bench.models.pyfunc_trial import read_items, sample_cases
    from arogya_bench.types import Subset

    words = ("model=pyfunc", f"model.uri={arguments.uri}", f"dataset={arguments.dataset}", *arguments.overrides)
    (job,) = compose_jobs(RunRequest(overrides=words, sweeps=False))
    if not isinstance(job.model, PyFunc):
        raise ConfigError("The overrides choose another model.", fix="leave model=... out.")
    dataset = job.load_dataset()
    everything = Subset(dataset=dataset, cases=dataset.cases)
    cases = sample_cases(everything)
    labels = [dataset.classes[case.target] for case in cases if case.target is not None]
    names = [case.case_id for case in cases]
    job.model.check_dataset(dataset)
    return Question(job.model, read_items(everything, cases), names, labels, dataset.classes)


def _print_answers(loaded: "LoadedModel", question: Question) -> None:
    from arogya_bench.models.pyfunc_check import (
        answers_hardly_differ,
        describe_answers,
        describe_raw,
        guess_classes,
        is_readable,
    )

    raw = loaded.raw_answers(question.items)
    stated = question.classes or loaded.classes
    classes = stated or guess_classes(raw[0])
    try:
        trial = loaded.answer(question.items, classes, **({} if stated else {"classes": list(classes)}))
    except ModelError:
        _print_table("image", "answer as it is", question.names, map(describe_raw, raw))
        if classes or not all(map(is_readable, raw)):
            raise
        _print(f"Note: {UNKNOWN_CLASSES}.")
        return
    _print_table("image", "answer", question.names, describe_answers(trial, classes))
    for note in (*trial.notes, *(() if stated else (UNKNOWN_CLASSES,))):
        _print(f"Note: {note}.")
    if answers_hardly_differ(trial):
        _print(
            "All answers are nearly the same, as from other pixel values than those that the model was trained with."
        )
    if question.classes:
        _print_agreement(loaded, question, trial)


def _print_agreement(loaded: "LoadedModel", question: Question, trial: "Trial") -> None:
    from arogya_bench.models.pyfunc_check import compare_pixels, count_agreeing

    count = len(question.items)
    agreed = count_agreeing(trial, question.classes, question.labels)
    _print(f"\n{agreed} of {count} answers are the class of the image.")
    if loaded.inputs(question.columns).takes_floats:
        _print("With other pixel values (take those of the training, not the luckiest):")
        for settings, agreed in compare_pixels(loaded, question.items, question.classes, question.labels).items():
            _print(f"  {agreed} of {count}  {settings}")


def _print_table(name: str, heading: str, names: Sequence[str], texts: Iterable[str]) -> None:
    width = max(map(len, (name, *names))) + 2
    _print(f"\n{name:<{width}}{heading}")
    for each, text in zip(names, texts, strict=True):
        _print(f"{each:<{width}}{text}")


def _keep(text: str, model: "PyFunc", out: Path | None) -> None:
    """Print the YAML of a model, and how it becomes a row."""
    from arogya_bench.models.pyfunc_check import config_name

    file = out or Path("conf") / "model" / f"{config_name(model)}.yaml"
    _print(f"\n# {file}\n{text}")
    if out is not None:
        _write(out, text)
    folder, name = file.parent.parent, file.stem
    _print(f"{'Written to' if out else 'Keep it as'} {file}; then it is a row of its own:")
    _print(f"  arogya-bench run --config-dir {shlex.quote(str(folder))} model={name} dataset=...")


def _write(file: Path, text: str) -> None:
    from arogya_bench.runtime.output_files import write_file

    if file.suffix != ".yaml":
        raise ConfigError(f"{file} is no YAML file.", fix="give --out a file such as conf/model/name.yaml.")
    write_file(file, text, fix="give --out a file in a folder that you may write to.")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
