import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from arogya_bench.configuration.path_values import quote_paths
from arogya_bench.configuration.schema import parse_settings
from arogya_bench.errors import ConfigError

NAMES = [
    "HAM (1)",
    "Bilder für Köln",
    "Ann's set",
    'the "old" set',
    "x=y",
    "set #2",
    "[v2]",
    "{v2}",
    "true",
    "1e5",
    "a: b",
]


def value_of(line):
    return OverridesParser.create().parse_override(line).value()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("key", ["dataset.path", "dataset.masks", "split.file", "model.weights", "+model.uri"])
@pytest.mark.parametrize("sweeps", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_read_as_it_stands(name, sweeps, key, here):
    (line,) = quote_paths([f"{key}={name}"], sweeps=sweeps)

    assert line.startswith(f"{key}=")
    assert value_of(line) == name


@pytest.mark.parametrize(
    "line",
    [
        *("dataset.path=data/ham10000", "dataset.path=2024", "dataset.path='HAM (1)'", 'dataset.path="a,b"'),
        *("dataset.manifest=null", "dataset.path=", "dataset.images=[a,b]", "model.uri=models:/bright@best"),
        *("dataset.path=${oc.env:HOME}/ham", "model.uri=models:/a/1,models:/b/1"),
        *("model.weights=choice(none,imagenet)", "seed=[1", "model=a,b", "path"),
    ],
)
def test_what_hydra_reads_and_what_is_no_path_stays(line, here):
    assert quote_paths([line], sweeps=True) == [line]


def test_a_name_with_a_comma_is_one_folder_if_it_exists_and_else_a_sweep(here):
    assert quote_paths(["dataset.path=a,b"], sweeps=True) == ["dataset.path=a,b"]
    (here / "a,b").mkdir()

    assert quote_paths(["dataset.path=a,b"], sweeps=True) == ["dataset.path='a,b'"]


def test_a_name_below_the_folder_of_the_dataset_is_found(here):
    (here / "HAM (1)").mkdir()
    (here / "HAM (1)" / "a,b.csv").touch()

    _, manifest = quote_paths(["dataset.path=HAM (1)", "dataset.manifest=a,b.csv"], sweeps=True)

    assert value_of(manifest) == "a,b.csv"


def test_a_command_of_one_dataset_takes_every_comma_as_part_of_a_name(here):
    assert quote_paths(["dataset.path=a,b"], sweeps=False) == ["dataset.path='a,b'"]


def test_folders_of_a_sweep_are_quoted_one_by_one(here):
    (line,) = quote_paths(["dataset.path=HAM (1), set #2,'c d'"], sweeps=True)

    assert line == "dataset.path='HAM (1)','set #2','c d'"


def test_folders_of_a_list_are_quoted_one_by_one(here):
    assert quote_paths(["dataset.images=[train (1),b]"], sweeps=True) == ["dataset.images=['train (1)','b']"]


def test_a_name_that_may_be_one_folder_or_two_is_refused(here):
    for name in ("a", "b", "a,b"):
        (here / name).mkdir()

    with pytest.raises(ConfigError, match="all exist") as refused:
        quote_paths(["dataset.path=a,b"], sweeps=True)

    assert """write "dataset.path='a,b'" for the one, or "dataset.path='a','b'" """.strip() in refused.value.fix


def test_curation_reads_paths_alike(here):
    lines = ["dataset.manifest=set #2.csv", "dataset.images=[a,b]", "split.seed=3"]

    settings = parse_settings(lines, ("dataset", "split"))

    assert settings["dataset"] == {"manifest": "set #2.csv", "images": ["a", "b"]}
    assert settings["split"] == {"seed": 3}


def test_a_setting_that_is_no_yaml_says_how_to_write_text(here):
    with pytest.raises(ConfigError, match="not a valid setting") as refused:
        parse_settings(["dataset.name=[v2"], ["dataset"])

    assert refused.value.fix == """write "dataset.name='[v2'" if the value is text."""


@pytest.mark.parametrize("pattern", [r"(p[0-9]{1,3})", r"^(p\d+)_", "(a|b),(c)", "'(p[0-9]+)'", "([a-z]+)-{2}"])
@pytest.mark.parametrize("sweeps", [True, False])
def test_a_pattern_for_the_patients_is_read_as_it_stands(pattern, sweeps):
    (line,) = quote_paths([f"dataset.group={pattern}"], sweeps=sweeps)

    assert value_of(line) == pattern.strip("'")
