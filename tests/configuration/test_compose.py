import shlex
import subprocess
import sys

import pytest
from hydra.core.global_hydra import GlobalHydra

from arogya_bench.configuration.compose import RunRequest, compose_jobs, render_config
from arogya_bench.errors import ConfigError
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.runtime.digests import digest_of, model_identity


def composed(*overrides, **request):
    return compose_jobs(RunRequest(overrides=overrides, **request))


def refusal(*overrides, **request):
    """Compose what cannot be composed."""
    with pytest.raises(ConfigError) as refused:
        composed(*overrides, **request)
    return refused.value


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(folder)


def test_the_default_is_one_job():
    (job,) = composed()

    assert job.model == OpenCVClassifier()
    assert [each.name for each in job.conditions] == ["clean"]


def test_a_sweep_is_every_combination_in_the_order_of_hydra():
    made = composed("model=prior,opencv", "seed=1,2", multirun=True)

    assert [(job.model_name, job.seed) for job in made] == [("prior", 1), ("prior", 2), ("opencv", 1), ("opencv", 2)]


def test_a_range_and_a_pattern_sweep_too():
    made = composed("model=glob([pr*,pyt*])", "seed=range(1,3)", "image_size=32", multirun=True)

    assert {job.model_name for job in made} == {"prior", "pytorch"}
    assert {job.seed for job in made} == {1, 2}


def test_the_last_of_two_values_wins():
    (job,) = composed("model=opencv", "seed=1", "model=prior", "seed=2")

    assert (job.model, job.seed) == (Prior(), 2)


def test_an_experiment_sweeps_without_a_flag():
    made = composed("experiment=demo")

    assert [job.model_name for job in made] == ["prior", "opencv", "opencv_soft", "pytorch", "cnn"]


def test_a_value_on_the_command_line_replaces_the_sweep_of_an_experiment():
    (job,) = composed("experiment=demo", "model=prior")

    assert job.model_name == "prior"
    assert job.experiment == "demo"


def test_a_list_on_the_command_line_replaces_the_sweep_of_an_experiment():
    made = composed("experiment=demo", "model=prior,opencv")

    assert [job.model_name for job in made] == ["prior", "opencv"]


def test_several_values_need_the_flag():
    error = refusal("model=prior,opencv")

    assert "model=prior,opencv names several values" in error.problem
    assert "-m" in error.fix


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("model=opncv", "opencv"),
        ("dataset=synthtic", "synthetic"),
        ("training=quik", "quick"),
        ("experiment=dmeo", "demo"),
        ("augmentation=rotaton", "rotation"),
        ("tracking=sever", "server"),
    ],
)
def test_a_wrong_option_is_named_with_the_nearest_one(override, meant):
    group, _, name = override.partition("=")

    error = refusal(override)

    assert error.problem == f"There is no {group} {name!r}. Did you mean {meant!r}?"
    assert meant in error.fix


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("seeed=1", "seed"),
        ("modle=opencv", "model"),
        ("trainng.epochs=1", "training.epochs"),
        ("training.epoch=1", "training.epochs"),
        ("split.metod=group", "split.method"),
        ("tracking.urI=x", "tracking.uri"),
        ("statistics.resample=9", "statistics.resamples"),
        ("hydra.mod=MULTIRUN", "hydra.mode"),
    ],
)
def test_a_wrong_key_is_named_with_the_nearest_one(override, meant):
    error = refusal(override)

    assert error.problem == (f"There is no config key {override.partition('=')[0]!r}. Did you mean {meant!r}?")


def test_the_keys_offered_are_those_of_the_model_that_was_chosen():
    error = refusal("model=pytorch", "model.dropot=0.1")

    assert "Did you mean 'model.dropout'?" in error.problem
    assert "model.features" not in error.fix


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("augmentation=blur", "'gaussian_blur'"),
        ("augmentation=noise", "'gaussian_noise'"),
        ("model=yolo", "'yolov8_cls' or"),
    ],
)
def test_a_part_of_a_name_is_named_with_those_that_contain_it(override, meant):
    assert f"Did you mean {meant}" in refusal(override).problem


def test_a_key_in_the_wrong_group_is_found_in_the_right_one():
    error = refusal("model=pytorch", "model.epoch=3")

    assert "Did you mean 'training.epochs'?" in error.problem


def test_keys_that_another_dataset_has_are_told_from_those_of_the_chosen_one():
    error = refusal("dataset=medmnist", "dataset.cases=60", "dataset.classes_=3")

    assert error.problem.startswith("There is no config key 'dataset.cases'.")
    assert "dataset.path" in error.fix


@pytest.mark.parametrize(
    ("overrides", "problem", "fix"),
    [
        (("model=prior", "model.uri=x"), "These options of model have it: pyfunc.", "choose model=pyfunc that has it"),
        (("dataset.manifest=x",), "options of dataset have it: image_folder", "choose dataset=NAME that has it, or "),
    ],
)
def test_a_key_of_another_option_is_named_with_that_option(overrides, problem, fix):
    error = refusal(*overrides)

    assert problem in error.problem
    assert error.fix.startswith(fix)


def test_with_two_wrong_keys_the_first_is_named():
    error = refusal("seeed=1", "trainng.epochs=1")

    assert "'seeed'" in error.problem
    assert "Did you mean 'seed'?" in error.problem


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("seed=abc", "seed"),
        ("seed=", "seed"),
        ("limit=few", "limit"),
        ("sweep.resume=maybe", "sweep.resume"),
        ("split=random", "split"),
        ("split=null", "split"),
        ("statistics=null", "statistics"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_its_key(override, key):
    error = refusal(override)

    assert error.problem.startswith(f"{key}: ")
    assert error.fix.startswith(f"give {key} a ")


@pytest.mark.parametrize("override", ["model=null", "augmentation=null", "tracking=null"])
def test_a_group_cannot_be_nothing(override):
    assert refusal(override).problem == f"{override} names no option."


@pytest.mark.parametrize("override", ["~model", "~seed", "device=${nowhere}"])
def test_a_key_that_was_taken_away_is_missed(override):
    key = override.lstrip("~").partition("=")[0]

    assert refusal(override).problem.startswith(f"{key} has no value")


@pytest.mark.parametrize("override", ["seed", "seed=[1", "a b", "seed=1)"])
def test_what_is_no_override_is_quoted(override):
    error = refusal(override)

    assert error.problem.startswith(f"{override!r} is not a valid override")


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("dataset.licence=CC (4)", """"dataset.licence='CC (4)'\""""),
        ("tracking.experiment=Köln", """"tracking.experiment='Köln'\""""),
        ("dataset.name=Ann's", """"dataset.name=\\"Ann's\\"\""""),
    ],
)
def test_text_that_needs_quotes_is_shown_as_one_would_type_it(override, line):
    assert f"write {line} if the value is text" in refusal(override).fix


@pytest.mark.parametrize(
    ("override", "fix"),
    [
        ("dataset.classes=[a,b (x)]", """write 'dataset.classes=[a,"b (x)"]'."""),
        ("model=(prior)", "write model=prior."),
        ("model=prior,", "write model=prior."),
        ("seed=[1, 2]", "write -m seed=1,2 for a sweep"),
        ("calibration=[none,temperature]", "write -m calibration=none,temperature for a sweep"),
        ("split.fold=[0,1]", "write -m split.fold=0,1 for a sweep"),
        ("seed=x", "give seed a whole number"),
        ("augmentation=[clean,noise]", "choose one of: all, brightness, clean"),
        ("dataset.licence=a, b", """write "dataset.licence='a, b'"."""),
    ],
)
def test_the_advised_line_holds_what_was_meant(override, fix):
    assert fix in refusal(override).fix


@pytest.mark.parametrize("name", ["lesions", "HAM (1)", "für"])
def test_a_folder_in_the_place_of_a_dataset_gets_its_reader(name, tmp_path, monkeypatch):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)

    error = refusal(f"dataset={name}")

    assert error.problem == f"dataset names {name!r}, which is a path and no dataset."
    assert f"dataset=image_folder {shlex.quote(f'dataset.path={name}')}" in error.fix


def test_a_comma_between_options_means_a_sweep():
    assert refusal("model=prior,opencv").fix == "add -m to run all of them."


def test_words_that_the_shell_split_off_are_put_together_again():
    error = refusal("model=prior", "dataset.licence=ours", "and", "theirs", "seed=1")

    assert error.problem.startswith("'and' is not a valid override")
    assert error.fix.endswith('"dataset.licence=ours and theirs".')


def test_a_comma_in_text_is_told_from_a_sweep():
    assert """if it is one value, write "tracking.experiment='a,b'".""" in refusal("tracking.experiment=a,b").fix


def test_a_command_of_one_dataset_advises_no_sweep():
    error = refusal("dataset.cases=300,400", sweeps=False)

    assert "this command takes one" in error.problem
    assert "-m" not in error.fix


@pytest.mark.parametrize(
    ("override", "fix"),
    [
        ("model=[prior,opencv]", "write -m model=prior,opencv "),
        ("model=[opencv, prior]", "write -m model=opencv,prior "),
        ("model=[prior]", "write model=prior without brackets"),
        ("training=[standard,quick]", "write -m training=standard,quick "),
        ("dataset=[synthetic,medmnist]", "write -m dataset=synthetic,medmnist "),
        ("experiment=[demo,seven_models]", "run the command once for each"),
        ("hydra/launcher=[basic,pool]", "run the command once for each"),
    ],
)
def test_a_list_for_a_group_of_one_option_is_refused(override, fix):
    error = refusal(override)

    assert f"{override} is a list" in error.problem
    assert fix in error.fix


def test_a_list_among_the_values_of_a_sweep_is_refused_too():
    assert "model=[opencv,cnn] is a list" in refusal("model=prior,[opencv,cnn]", multirun=True).problem


def test_a_list_in_a_file_of_the_user_is_refused_too(tmp_path):
    text = "# @package _global_\ndefaults:\n  - override /model: [prior, opencv]\n"
    folder = write(tmp_path, "experiment/mine.yaml", text)

    assert "model: [prior, opencv] in the defaults" in refusal("experiment=mine", config_dir=folder).problem


def test_augmentations_may_be_a_list():
    (job,) = composed("augmentation=[clean,rotation]")

    assert len(job.conditions) > 1


def test_a_model_that_a_file_spells_out_is_named_by_its_class(tmp_path):
    folder = write(tmp_path, "study.yaml", OWN_MODEL)

    (job,) = composed(config_path=folder, config_name="study")

    assert job.model_name == "Prior"


@pytest.mark.parametrize(
    ("override", "key"),
    [
        *(("+unknown=1", "unknown"), ("++sede=1", "sede"), ("+tracking.urI=x", "tracking.urI")),
        *(("+sweep.jobtimeout=3", "sweep.jobtimeout"), ("+hydra.jobb=1", "hydra.jobb"), ("+nope/x=1", "nope/x")),
    ],
)
def test_a_key_that_is_added_and_never_read_is_refused(override, key):
    error = refusal(override)

    assert error.problem.startswith(f"There is no config key {key!r}.")
    assert error.fix.startswith("choose one of: ")


@pytest.mark.parametrize("override", ["+model.x=1", "+training.epoks=3", "+dataset.x=1", "+split.x=1"])
def test_a_field_that_is_added_to_a_group_is_refused_by_its_reader(override):
    assert f"has no field {override.partition('.')[2].partition('=')[0]!r}" in refusal(override).problem


@pytest.mark.parametrize("override", ["+seed=1", "+model=prior"])
def test_adding_what_is_there_says_to_leave_the_sign_out(override):
    assert refusal(override).fix == f"write {override[1:].partition('=')[0]}=VALUE, without +."


def test_settings_of_one_model_and_of_a_launcher_may_be_added():
    composed("+sweep.resources.opencv.gpus_per_node=1", "+hydra.job.env_set.A=1", "++seed=3")


def test_an_interval_cannot_be_swept():
    error = refusal("seed=interval(1,3)", multirun=True)

    assert "cannot be enumerated" in error.problem
    assert "range" in error.fix


def test_a_pattern_that_matches_nothing_is_an_error():
    assert "matches nothing" in refusal("model=glob(x*)", multirun=True).problem


@pytest.mark.parametrize(("launcher", "extra"), [("pool", "joblib"), ("submitit_slurm", "slurm")])
def test_a_launcher_that_is_not_installed_names_its_extra(launcher, extra):
    bare = "import sys, hydra_plugins; hydra_plugins.__path__ = []; from arogya_bench.cli.main import *"
    words = f"{bare}; sys.exit(main(['run', 'hydra/launcher={launcher}']))"

    ended = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)

    assert ended.returncode == 2
    assert f"[{extra}]'" in ended.stderr


def test_what_differs_in_values_alone_composes_like_the_whole():
    words = ("model=opencv", "augmentation=all", "split.method=image_level", "dataset.cases=80", "seed=3")

    (whole,) = composed(*words)
    *_, last = composed(*words[:-1], "seed=1,2,3", multirun=True)

    assert last == whole


def test_a_search_is_refused():
    error = refusal("hydra/sweeper=basic", "hydra.sweeper._target_=a.search.OptunaSweeper")

    assert "a.search.OptunaSweeper searches" in error.problem


def test_one_sweep_has_one_launcher():
    error = refusal("hydra/launcher=basic,pool", multirun=True)

    assert "give hydra/launcher one value" in error.fix


def test_a_folder_adds_options(tmp_path):
    folder = write(tmp_path, "model/mine.yaml", "_target_: arogya_bench.models.prior.Prior\n")

    (job,) = composed("model=mine", config_dir=folder)

    assert (job.model_name, job.model) == ("mine", Prior())


def test_the_name_of_a_folder_may_hold_what_hydra_reads_as_grammar(tmp_path):
    folder = tmp_path / "a, [b] = {c} (d)"
    write(folder, "model/mine.yaml", "_target_: arogya_bench.models.prior.Prior\n")

    (job,) = composed("model=mine", config_dir=str(folder))

    assert job.model_name == "mine"


def test_a_sweep_of_a_user_runs_without_a_flag(tmp_path):
    text = "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {seed: '1,2,3'}}}\n"
    folder = write(tmp_path, "experiment/three.yaml", text)

    made = composed("experiment=three", "model=prior", config_dir=folder)

    assert [job.seed for job in made] == [1, 2, 3]


def test_a_wrong_key_in_a_file_of_the_user_names_the_file(tmp_path):
    folder = write(tmp_path, "experiment/mine.yaml", "# @package _global_\nsede: 1\n")

    error = refusal("experiment=mine", config_dir=folder)

    assert error.problem == ("There is no config key 'sede' in experiment/mine. Did you mean 'seed'?")


def test_a_wrong_group_in_a_file_of_the_user_names_the_file(tmp_path):
    text = "# @package _global_\ndefaults:\n  - override /modle: prior\n"
    folder = write(tmp_path, "experiment/mine.yaml", text)

    error = refusal("experiment=mine", config_dir=folder)

    assert "'modle' in experiment/mine. Did you mean 'model'?" in error.problem


def test_a_wrong_type_in_a_file_of_the_user_names_the_file(tmp_path):
    folder = write(tmp_path, "experiment/mine.yaml", "# @package _global_\nseed: many\n")

    error = refusal("experiment=mine", config_dir=folder)

    assert error.problem.startswith("seed in experiment/mine: ")


def test_broken_yaml_is_named_with_file_and_line(tmp_path):
    folder = write(tmp_path, "model/broken.yaml", "a: [1\n")

    error = refusal("model=broken", config_dir=folder)

    assert "broken.yaml" in error.problem
    assert "line 1" in error.problem


def test_a_list_where_a_group_belongs_is_refused(tmp_path):
    folder = write(tmp_path, "model/listed.yaml", "- a\n- b\n")

    assert "in model/listed" in refusal("model=listed", config_dir=folder).problem


def test_bytes_that_are_no_text_are_refused(tmp_path):
    write(tmp_path, "model/binary.yaml", "")
    (tmp_path / "model/binary.yaml").write_bytes(b"\xff\xfe\x00")

    assert "decode" in refusal("model=binary", config_dir=str(tmp_path)).problem


def test_a_file_that_asks_for_an_option_that_is_not_there_is_refused(tmp_path):
    folder = write(tmp_path, "model/mine.yaml", "defaults:\n  - prir\n")

    assert "There is no model 'prir'." in refusal("model=mine", config_dir=folder).problem


@pytest.mark.parametrize("option", ["config_dir", "config_path"])
def test_a_folder_that_is_not_there_is_named(option, tmp_path):
    error = refusal(**{option: str(tmp_path / "nowhere")})

    assert f"{tmp_path}/nowhere is not a folder" in error.problem


OWN_MODEL = """\
defaults:
  - root
  - _self_
  - dataset: synthetic
  - augmentation: clean
  - training: quick
  - tracking: local
model: {_target_: arogya_bench.models.prior.Prior}
split: {method: group}
hydra:
  searchpath: [pkg://arogya_bench.conf]
"""
OWN = """\
defaults:
  - config
  - override model: mine
  - _self_
seed: 5
hydra:
  searchpath: [pkg://arogya_bench.conf]
"""


def test_a_root_config_of_the_user_stands_on_ours(tmp_path):
    write(tmp_path, "model/mine.yaml", "_target_: arogya_bench.models.prior.Prior\n")
    folder = write(tmp_path, "study.yaml", OWN)

    (job,) = composed(config_path=folder, config_name="study")

    assert (job.model_name, job.seed) == ("mine", 5)


def test_a_root_config_and_a_folder_of_options_go_together(tmp_path):
    write(tmp_path / "more", "model/mine.yaml", "_target_: arogya_bench.models.prior.Prior\n")
    folder = write(tmp_path / "root", "study.yaml", OWN)

    (job,) = composed(config_path=folder, config_name="study", config_dir=str(tmp_path / "more"))

    assert job.model_name == "mine"


def test_a_wrong_key_beside_a_root_config_of_the_user_has_a_nearest_one(tmp_path):
    write(tmp_path, "model/mine.yaml", "_target_: arogya_bench.models.prior.Prior\n")
    folder = write(tmp_path, "study.yaml", OWN)

    error = refusal("seeed=1", config_path=folder, config_name="study")

    assert "Did you mean 'seed'?" in error.problem


def test_a_root_config_without_our_keys_is_refused(tmp_path):
    folder = write(tmp_path, "study.yaml", "seed: 1\n")

    assert "has no value" in refusal(config_path=folder, config_name="study").problem


def test_our_configs_have_a_package_address():
    (job,) = composed("model=prior", config_path="pkg://arogya_bench.conf")

    assert job.model_name == "prior"


def test_a_root_config_that_is_not_there_is_named():
    assert refusal(config_name="nope").problem == "There is no config 'nope'."


def test_a_printed_config_keeps_its_interpolations():
    text = render_config(RunRequest(overrides=("model=prior",)))

    assert "_target_: arogya_bench.models.prior.Prior" in text
    assert "${oc.env:MLFLOW_TRACKING_URI,null}" in text
    assert "hydra:" not in text


def test_only_one_job_is_printed():
    with pytest.raises(ConfigError, match="selects several jobs"):
        render_config(RunRequest(overrides=("model=prior,opencv",), multirun=True))


def test_a_hydra_that_was_open_stays_open():
    before = GlobalHydra.instance().hydra
    marker = object()
    GlobalHydra.instance().hydra = marker

    try:
        composed("model=prior")
        assert GlobalHydra.instance().hydra is marker
    finally:
        GlobalHydra.instance().hydra = before


def test_an_experiment_changes_root_keys_and_groups_alike():
    """The demo is small in pixels, and half of its cases are tested."""
    found = compose_jobs(RunRequest(overrides=("experiment=demo",)))

    assert {job.config["image_size"] for job in found} == {64}
    assert {job.config["dataset"]["cases"] for job in found} == {2400}
    assert {job.split.test for job in found} == {0.5}


def test_seven_models_and_a_baseline_are_different_fits_on_the_data_of_the_demo():
    demo = {job.model_name: job for job in composed("experiment=demo")}

    seven = {job.model_name: job for job in composed("experiment=seven_models")}

    assert set(seven) == {"resnet50", "yolov8_cls", "cnn", "keras", "pytorch", "opencv", "gemini", "prior"}
    assert len({digest_of(model_identity(job.model)) for job in seven.values()}) == 8
    for part in ("source", "split", "training"):
        assert {getattr(job, part) for job in seven.values()} == {getattr(demo["cnn"], part)}


def test_the_command_line_beats_an_experiment():
    (found, *_) = compose_jobs(RunRequest(overrides=("experiment=demo", "image_size=32")))

    assert found.config["image_size"] == 32


def test_a_key_goes_to_the_models_that_have_it(capsys):
    made = composed("model=prior,pyfunc", "model.uri=models:/a/1,models:/b/1", "seed=1", multirun=True)

    assert [(job.model_name, getattr(job.model, "uri", None)) for job in made] == [
        *(("prior", None), ("pyfunc", "models:/a/1"), ("pyfunc", "models:/b/1"))
    ]
    assert "model.uri goes to pyfunc alone, not to prior." in capsys.readouterr().err


def test_a_name_goes_to_the_one_model_that_has_keys_of_its_own():
    made = composed("model=prior,opencv,pyfunc", "model.uri=models:/a/1", "model.name=ours", multirun=True)

    assert [job.row_name for job in made] == ["prior", "opencv", "ours"]


def test_a_key_goes_to_the_models_of_an_experiment_that_have_it():
    made = composed("experiment=demo", "model.C=7", "~model.keypoints")

    assert [getattr(job.model, "C", None) for job in made] == [None, 7, 7, None, None]


def test_a_key_goes_to_the_datasets_that_have_it():
    made = composed("dataset=synthetic,medmnist", "dataset.path=x.npz", "dataset.cases=80", multirun=True)

    assert [type(job.source).__name__ for job in made] == ["Synthetic", "MedMNIST"]


def test_a_key_that_no_model_of_the_sweep_has_is_refused():
    error = refusal("model=prior,opencv", "model.featres=hog", multirun=True)

    assert error.problem == (
        "No model of this sweep has the key 'model.featres': prior, opencv. Did you mean 'model.features'?"
    )


def test_equal_jobs_that_were_asked_for_stay():
    assert len(composed("model=prior,prior", multirun=True)) == 2


def test_studies_that_are_sweeps_are_not_swept():
    assert "experiment=demo is a sweep itself" in refusal("experiment=demo,seven_models", multirun=True).problem
