"""Another package adds models, datasets, augmentations and metrics through one entry point."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from arogya_bench.cli import doctor
from arogya_bench.configuration.compose import RunRequest, compose_jobs, render_config
from arogya_bench.errors import ConfigError
from arogya_bench.evaluation.job import prepare
from arogya_bench.runtime.config_packages import discover
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

PACKAGE = Path(__file__).parents[1] / "plugin_package"
SCRIPTS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Announce a config package from a folder, as an installed distribution does."""
    before = set(sys.modules)

    def announce(value, *, name="acme-bench", place=tmp_path):
        info = tmp_path / f"{name.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n"
        (info / "METADATA").write_text(text, encoding="utf-8")
        points = f"[arogya_bench.conf]\n{name} = {value}\n"
        (info / "entry_points.txt").write_text(points, encoding="utf-8")
        for folder in {place, tmp_path}:
            monkeypatch.syspath_prepend(folder)

    yield announce
    for module in set(sys.modules) - before:
        if module.partition(".")[0] in ("acme_bench", "other_bench"):
            del sys.modules[module]


@pytest.fixture
def acme(environment):
    environment("acme_bench.conf", place=PACKAGE / "src")


def write(folder, **files):
    """Write files; the suffix and the folders of a name are set off by two underscores."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("/init", "/__init__.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(path.suffix or ".yaml").write_text(text, encoding="utf-8")
    return folder


def refusal(*overrides, **request):
    with pytest.raises(ConfigError) as refused:
        compose_jobs(RunRequest(overrides=overrides, **request))
    return refused.value


def test_the_options_of_a_package_stand_beside_ours(acme):
    found = compose_jobs(
        RunRequest(
            overrides=(
                "model=prior,acme_majority",
                "dataset=acme_shapes",
                "augmentation=acme_invert",
                "metric=acme_youden",
            ),
            multirun=True,
        )
    )

    assert [job.model_name for job in found] == ["prior", "acme_majority"]
    assert [each.name for each in found[0].conditions] == ["acme_invert_0.2", "acme_invert_1"]
    assert [each.name for each in found[0].metrics] == ["acme_youden"]


@pytest.mark.parametrize(
    ("override", "theirs"), [("model=acme_majorty", "acme_majority"), ("metric=acme_yuden", "acme_youden")]
)
def test_an_unknown_option_is_told_of_theirs(acme, override, theirs):
    error = refusal(override)

    assert f"Did you mean {theirs!r}?" in error.problem
    assert theirs in error.fix


def test_a_study_of_a_package_is_one_word(acme):
    found = compose_jobs(RunRequest(overrides=("experiment=acme_study",)))

    assert [job.model_name for job in found] == ["prior", "acme_majority"]
    assert {job.experiment for job in found} == {"acme_study"}


OWN = """\
defaults: [config, override model: acme_majority, override dataset: acme_shapes, _self_]
seed: 5
"""


def test_a_root_config_of_the_user_finds_ours_and_theirs(acme, tmp_path):
    folder = write(tmp_path / "mine", study=OWN)

    (job,) = compose_jobs(RunRequest(config_path=str(folder), config_name="study"))

    assert (job.model_name, job.seed) == ("acme_majority", 5)


def test_a_folder_of_the_user_comes_before_theirs(acme, tmp_path):
    prior = "_target_: arogya_bench.models.prior.Prior\n"
    folder = write(tmp_path / "mine", model__acme_majority=prior)

    text = render_config(RunRequest(overrides=("model=acme_majority",), config_dir=str(folder)))

    assert "models.prior.Prior" in text


def test_without_packages_there_are_none():
    assert discover() == ()


def test_looking_at_a_package_loads_no_adapter(acme):
    (package,) = discover()

    assert package.message == ""
    assert package.distribution == "acme-bench 1.2"
    assert "model/acme_majority" in package.configs
    assert "acme_bench.majority" not in sys.modules


@pytest.mark.parametrize(
    ("value", "files", "fault"),
    [
        ("other_bench.conf", {}, "it cannot be imported: No module named 'other_bench'"),
        (
            "other_bench.conf",
            {"other_bench__init": "1 / 0", "other_bench__conf__init": ""},
            "it cannot be imported: division by zero",
        ),
        ("other_bench.conf", {"other_bench__init": "", "other_bench__conf__init": ""}, "it contains no YAML file"),
        ("other_bench.conf", {"other_bench__init": "", "other_bench__conf__model__x": ""}, "it has no __init__.py"),
        ("other_bench:conf", {}, "its entry point does not name a package"),
    ],
)
def test_a_broken_package_is_named_and_the_rest_goes_on(acme, environment, tmp_path, capsys, value, files, fault):
    write(tmp_path, **files)
    environment(value, name="other-bench")

    (job,) = compose_jobs(RunRequest(overrides=("model=acme_majority",)))

    said = " ".join(capsys.readouterr().err.split())
    assert job.model_name == "acme_majority"
    assert f"The config package {value} of other-bench 1.2 is ignored: {fault}." in said


def test_a_broken_package_is_wrong_for_the_doctor(acme, environment, command):
    environment("other_bench.conf", name="other-bench")

    found = {each.component: each for each in doctor.run_checks()}

    assert found["configs acme_bench.conf"].state == "ok"
    assert "metric/acme_youden" in found["configs acme_bench.conf"].detail
    assert found["configs other_bench.conf"].state == "wrong"
    assert command("doctor").code == 2


def test_a_config_that_we_have_too_stays_ours_and_that_is_said(environment, tmp_path, capsys):
    shadow = "_target_: other_bench.Never\n"
    write(tmp_path, other_bench__init="", other_bench__conf__init="")
    write(tmp_path, other_bench__conf__model__prior=shadow)
    environment("other_bench.conf", name="other-bench")
    folder = write(tmp_path / "mine", study="defaults: [config, override model: prior]\n")

    for request in (RunRequest(overrides=("model=prior",)), RunRequest(config_path=str(folder), config_name="study")):
        assert "models.prior.Prior" in render_config(request)

    assert "contains model/prior, which an earlier package already contains" in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_metric_of_ours_cannot_be_replaced(acme, tmp_path):
    text = "accuracy: {function: acme_bench.metrics.youden, version: 1}\n"
    folder = write(tmp_path / "mine", metric__mine=text)

    error = refusal("metric=mine", config_dir=str(folder))

    assert error.problem == "metric.accuracy: 'accuracy' is taken."


def test_a_typo_in_a_metric_is_named_with_its_fields(acme, tmp_path):
    text = "acme_j: {functoin: acme_bench.metrics.youden, version: 1}\n"
    folder = write(tmp_path / "mine", metric__mine=text)

    error = refusal("metric=mine", config_dir=str(folder))

    assert "metric.acme_j has no field 'functoin'. Did you mean 'function'?" in error.problem


def test_cells_are_told_apart_by_the_metrics_of_others_alone(acme, tiny):
    def cells(*overrides):
        (job,) = compose_jobs(RunRequest(overrides=(*tiny, *overrides)))
        return prepare(job).cell_keys

    ours = cells()

    assert cells("metric=builtin") == ours
    theirs = cells("metric=acme_youden")
    assert theirs != ours
    assert cells("metric=acme_youden", "metric.acme_youden.version=2") not in (ours, theirs)


def test_a_dataset_of_boxes_refuses_a_metric_of_labels(acme, tiny):
    (job,) = compose_jobs(
        RunRequest(overrides=(*tiny, "model=yolov8_det", "dataset.task=detection", "metric=acme_youden"))
    )

    with pytest.raises(ConfigError, match="metric acme_youden evaluates labels") as refused:
        prepare(job)

    assert "metric=builtin" in refused.value.fix


def test_a_metric_that_does_not_exist_is_absent_with_its_reason(acme, command, tiny, tmp_path):
    ended = command("run", *tiny, "metric=acme_youden")

    (run,) = evaluations(tmp_path, "study")
    assert ended.code == 0, ended.err
    assert "acme_youden" not in run.metrics
    assert json.loads(run.tags["arogya.undefined_metrics"])["acme_youden"] == "3 classes, not two"


TALL = """
from arogya_bench.metrics.catalogue import metric

@metric(best="high", low=0.0, high=1.0)
def tall(targets, probabilities):
    return 2.0
"""


def test_a_metric_that_leaves_its_range_fails_the_cell_by_name(environment, command, tiny, tmp_path):
    write(tmp_path, other_bench__init="", other_bench__conf__init="")
    write(tmp_path, **{"other_bench__tall.py": TALL})
    spec = "other_tall: {function: other_bench.tall.tall, version: 1}\n"
    write(tmp_path, other_bench__conf__metric__other_tall=spec)
    environment("other_bench.conf", name="other-bench")

    ended = command("run", *tiny, "metric=other_tall")

    (run,) = evaluations(tmp_path, "study")
    assert ended.code == 3
    assert (run.status, run.tags["arogya.error"]) == ("FAILED", "MetricError")
    assert "other_tall (other_bench.tall.tall) returned 2 on" in run.tags["arogya.error_message"]


def ran(*words, cwd, **variables):
    """Run a program of this environment to its end."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**os.environ, "PATH": SCRIPTS, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel of the package, built and installed into a folder of its own."""
    copy = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("package") / "acme")
    dist, target = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    built = ran("-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), cwd=copy)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = dist.glob("*.whl")
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)],
        check=True,
        env={**os.environ, "PATH": SCRIPTS},
    )
    return target


def bench(installed, folder, *words):
    """Run the command line in a folder, with the package installed."""
    ended = ran("-m", "arogya_bench.cli.main", *words, cwd=folder, PYTHONPATH=str(installed))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def evaluations(folder, experiment="arogya-bench"):
    store = open_store(f"sqlite:///{folder}/mlflow.db", experiment, create=False)
    return search_runs(store, "tags.`arogya.kind` = 'evaluation'")


SWEEP = (
    "run",
    "-m",
    "model=prior,acme_majority",
    "dataset=acme_shapes",
    "augmentation=[clean,acme_invert]",
    "metric=acme_youden",
    "statistics.resamples=2000",
)


@pytest.fixture(scope="module")
def swept(installed, tmp_path_factory):
    """The folder of a finished sweep over their options."""
    folder = tmp_path_factory.mktemp("swept")
    bench(installed, folder, *SWEEP)
    return folder


@pytest.fixture
def cells(swept):
    """The runs of the sweep by model and condition."""
    return {(run.tags["arogya.model"], run.tags["arogya.condition"]): run for run in evaluations(swept)}


@pytest.mark.slow
@pytest.mark.xdist_group("plugin")
def test_a_sweep_over_the_options_of_an_installed_package(cells):
    metrics = {key: run.metrics for key, run in cells.items()}
    skilled = metrics["acme_majority", "clean"]
    low, high = skilled["acme_youden.ci_low"], skilled["acme_youden.ci_high"]

    assert {run.status for run in cells.values()} == {"FINISHED"}
    assert set(cells) == {
        (model, condition)
        for model in ("prior", "acme_majority")
        for condition in ("clean", "acme_invert_0.2", "acme_invert_1")
    }
    assert skilled["acme_youden"] == pytest.approx(skilled["sensitivity"] + skilled["specificity"] - 1)
    assert 0 < low < skilled["acme_youden"] <= high
    assert metrics["prior", "clean"]["acme_youden"] == 0
    assert metrics["acme_majority", "acme_invert_1"]["acme_youden"] < low


@pytest.mark.slow
@pytest.mark.xdist_group("plugin")
def test_a_run_says_which_function_judged_it(cells):
    assert {run.tags["arogya.metrics"] for run in cells.values()} == {
        '{"acme_youden": {"function": "acme_bench.metrics.youden", "version": 1, "resamples": null}}'
    }


@pytest.mark.slow
@pytest.mark.xdist_group("plugin")
def test_a_comparison_decides_by_their_metric(installed, swept, cells, tmp_path):
    out = str(tmp_path)

    shown = bench(installed, swept, "compare", "--metric", "acme_youden", "--out", out)

    board = (tmp_path / "tables" / "leaderboard.csv").read_text(encoding="utf-8")
    heads, first, _ = board.splitlines()
    row = dict(zip(heads.split(","), first.split(","), strict=True))
    logged = cells["acme_majority", "clean"].metrics["acme_youden"]
    assert "acme_youden" in shown
    assert row["model"] == "acme_majority"
    assert float(row["acme_youden"]) == pytest.approx(logged)
    assert float(row["acme_youden.ci_low"]) < logged


@pytest.mark.slow
@pytest.mark.xdist_group("plugin")
def test_without_the_package_their_metric_names_what_to_install(command, swept):
    def compare(*words):
        return command("compare", "--tracking-uri", f"sqlite:///{swept}/mlflow.db", *words)

    plain, theirs, typo = compare(), compare("--metric", "acme_youden"), compare("--metric", "acm")

    assert plain.code == 0, plain.err
    assert (theirs.code, typo.code) == (2, 2)
    assert "acme_bench.metrics.youden" in theirs.err
    assert "install the package that holds it" in theirs.err
    assert "acme_youden" in typo.err


STUDY = """\
# @package _global_
defaults:
  - override /dataset: acme_shapes
  - override /augmentation: acme_invert
tracking: {experiment: mine}
statistics: {resamples: 2000}
hydra: {mode: MULTIRUN, sweeper: {params: {model: 'prior,acme_majority', seed: '1,2'}}}
"""


@pytest.mark.slow
@pytest.mark.xdist_group("plugin")
def test_a_study_in_a_folder_of_the_user(installed, tmp_path):
    folder = write(tmp_path / "configs", experiment__mine=STUDY)

    bench(installed, tmp_path, "run", "--config-dir", str(folder), "experiment=mine")

    found = {(run.tags["arogya.model"], run.tags["arogya.seed"]) for run in evaluations(tmp_path, "mine")}
    assert found == {(m, s) for m in ("prior", "acme_majority") for s in ("1", "2")}


@pytest.mark.slow
@pytest.mark.xdist_group("plugin")
def test_a_root_config_of_the_user_on_top_of_both(installed, tmp_path):
    write(tmp_path / "mine", study=f"{OWN}statistics: {{resamples: 2000}}\n")
    words = ("--config-path", "mine", "--config-name", "study", "metric=acme_youden")

    bench(installed, tmp_path, "run", *words)

    (run,) = evaluations(tmp_path)
    assert run.tags["arogya.model"] == "acme_majority"
    assert run.tags["arogya.seed"] == "5"
    assert "acme_youden" in run.metrics


@pytest.mark.slow
@pytest.mark.xdist_group("plugin")
def test_a_study_of_the_package_in_the_workers_of_a_launcher(installed, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    launcher = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")

    bench(installed, tmp_path, "run", "experiment=acme_study", *launcher)

    found = evaluations(tmp_path, "acme_study")
    assert [run.status for run in found] == ["FINISHED"] * 6
    assert all("acme_youden" in run.metrics for run in found)


@pytest.mark.slow
def test_the_adapter_of_the_package_keeps_the_promises(acme, tmp_path):
    from acme_bench.majority import Majority

    from arogya_bench.testing.adapter import check_adapter

    assert check_adapter(Majority(), tmp_path / "trial") == []
