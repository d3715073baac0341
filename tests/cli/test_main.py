import os
import sys
from importlib.metadata import version

import pytest
import yaml

import arogya_bench
from arogya_bench.cli.main import main

COMMANDS = ("run", "compare", "report", "data", "doctor")


def test_help_names_every_command(command):
    ended = command("--help")

    assert ended.code == 0
    assert all(name in ended.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command, name):
    ended = command(name, "--help")

    assert ended.code == 0
    assert f"usage: arogya-bench {name}" in ended.out


def test_no_command_is_an_error_of_use(command):
    assert command().code == 2


def test_an_unknown_command_lists_the_known_ones(command):
    ended = command("rnu")

    assert ended.code == 2
    commands = (
        "run",
        "measure",
        "import",
        "compare",
        "report",
        "require",
        "promote",
        "verify",
        "data",
        "model",
        "doctor",
    )
    assert ", ".join(f"'{name}'" for name in commands) in ended.err


@pytest.mark.parametrize("words", [("run", "--bogus"), ("report", "one", "two"), ("doctor", "x")])
def test_what_is_left_over_is_an_error_of_use(command, words):
    ended = command(*words)

    assert ended.code == 2
    assert "unrecognized arguments" in ended.err


def test_the_arguments_of_the_process_are_the_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["arogya-bench", "run", "model=prior", "--cfg", "job"])

    code = main()

    assert code == 0
    assert "prior.Prior" in capsys.readouterr().out


def test_a_printed_config_leaves_nothing_behind(command):
    ended = command("run", "model=prior", "seed=3", "--cfg", "job")

    assert (ended.code, ended.left, ended.err) == (0, [], "")
    assert "seed: 3" in ended.out


def test_the_settings_of_a_launcher_are_printed_with_hydras_own(command):
    ended = command("run", "hydra/launcher=pool", "--cfg", "hydra")

    printed = yaml.safe_load(ended.out)
    assert (ended.code, ended.left, ended.err) == (0, [], "")
    assert set(printed) == {"hydra"}
    assert "AROGYA_WORKERS" in printed["hydra"]["launcher"]["n_jobs"]


@pytest.mark.parametrize("part", ["job", "hydra"])
def test_several_jobs_are_not_printed(command, part):
    ended = command("run", "-m", "seed=1,2", "--cfg", part)

    assert ended.code == 2
    assert f"seed=1,2 selects several jobs, but --cfg {part} prints one." in ended.err


def test_overrides_may_stand_on_both_sides_of_an_option(command):
    ended = command("run", "model=prior", "--cfg", "job", "seed=3")

    assert ended.code == 0
    assert "prior.Prior" in ended.out
    assert "seed: 3" in ended.out


def test_overrides_come_in_one_string_from_mlflow(command):
    ended = command("run", "--cfg", "job", "--overrides=model=prior 'device=cpu'")

    assert ended.code == 0
    assert "prior.Prior" in ended.out
    assert "device: cpu" in ended.out


def test_an_empty_string_of_overrides_is_the_default(command):
    ended = command("run", "--cfg", "job", "--overrides=")

    assert ended.code == 0
    assert "OpenCVClassifier" in ended.out


@pytest.mark.parametrize(
    "words", ["dataset.path=HAM (1) seed=3", "'dataset.path=HAM (1)' seed=3", "seed=3 dataset.path=HAM (1)"]
)
def test_paths_in_one_string_may_hold_spaces_and_brackets(command, words):
    ended = command("run", "--cfg", "job", "dataset=image_folder", f"--overrides={words}")

    assert ended.code == 0, ended.err
    assert yaml.safe_load(ended.out)["dataset"]["path"] == "HAM (1)"
    assert "seed: 3" in ended.out


def test_the_version_is_that_of_the_package(command):
    ended = command("--version")

    assert (ended.code, ended.out) == (0, f"arogya-bench {version('arogya-bench')}\n")
    assert arogya_bench.__version__ == version("arogya-bench")


def test_the_help_of_a_run_lists_groups_options_and_keys(command):
    ended = command("run", "--help")

    for word in ("medmnist, oral_cancer", "gaussian_noise, jpeg_compression", "seed=42", "sweep.resume=true", "pool"):
        assert word in ended.out


def test_an_open_quotation_is_a_problem_with_a_fix(command):
    ended = command("run", "--overrides=model='prior")

    assert ended.code == 2
    assert "Fix: close the quotation; " in ended.err


def test_a_problem_is_said_once_with_its_fix(command):
    ended = command("run", "model=opncv")

    assert ended.code == 2
    assert ended.err == (
        "arogya-bench: There is no model 'opncv'. Did you mean 'opencv'?\n"
        "Fix: choose one of: cnn, efficientnet_lite0, efficientnet_lite0_frozen, gemini, keras, "
        "openai_compatible, opencv, opencv_soft, prior, pyfunc, pytorch, resnet50, timm_model, "
        "torchvision_model, yolov8_cls, yolov8_det\n"
    )


def test_mlflow_reports_nothing_about_its_user(command, monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)

    command("run", "--cfg", "job")

    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_comparison_without_a_store_says_where_to_go(command):
    ended = command("compare")

    assert (ended.code, ended.left) == (2, [])
    assert "There is no MLflow store" in ended.err
    assert "Fix: " in ended.err


def test_a_report_in_an_unknown_format_names_the_nearest(command):
    ended = command("report", "--format", "hmtl")

    assert (ended.code, ended.left) == (2, [])
    assert "Did you mean 'html'?" in ended.err


def test_a_comparison_is_printed_and_written(command, study):
    ended = command("compare", study.experiment)

    assert ended.code == 0
    assert "prior" in ended.out
    assert "opencv" in ended.out
    assert "reports" in ended.left


def test_a_logged_comparison_is_written_again(command, study, tmp_path):
    command("compare", study.experiment)

    ended = command("report", study.experiment, "--format", "json, csv", "--out", "again")

    assert ended.code == 0
    assert (tmp_path / "again" / "comparison.json").is_file()
