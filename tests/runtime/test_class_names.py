"""Class names of a config are those of the data, whatever YAML or Hydra made of them."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from arogya_bench.errors import ConfigError
from arogya_bench.runtime.class_names import class_list, restore_class_names


@pytest.mark.parametrize(
    "labels", [["yes", "no"], ["on", "off"], ["01", "02"], ["010", "1e3"], ["0x10", "1_000"], ["True", "False"]]
)
def test_names_that_a_yaml_file_holds_without_quotes_are_told_back(labels):
    names = OmegaConf.create(f"classes: [{', '.join(labels)}]").classes

    assert restore_class_names(list(names), labels, "dataset.classes") == labels


def test_letters_in_another_unicode_form_are_the_same_name():
    assert restore_class_names(["e\u0301", "e"], ["\u00e9", "e"], "dataset.classes") == ["\u00e9", "e"]


@pytest.mark.parametrize(
    ("names", "known"), [(["1"], ["True"]), (["a"], ["b"]), (["yes", "x"], ["no", "yes"]), (["True"], ["maybe"])]
)
def test_a_name_that_stands_for_no_other_stays_as_it_is(names, known):
    assert restore_class_names(names, known, "dataset.classes") == names


@pytest.mark.parametrize("name", ["A\\B", "tab\there", 'say "x"', "ends\\", 'both\\"', "Größe, 5 (a)", "it's"])
def test_what_is_written_for_hydra_is_read_as_the_name(name):
    (word,) = shlex.split(class_list("key", [name, "b"]))

    assert OverridesParser.create().parse_override(word).value() == [name, "b"]


def test_a_name_that_may_mean_two_is_refused_with_the_quoted_line():
    with pytest.raises(ConfigError, match="how 'yes' and 'on' are both read") as error:
        restore_class_names([True, "b"], ["yes", "on"], "model.classes")

    assert error.value.fix.endswith("""'model.classes=["yes","on"]'""")


@pytest.mark.parametrize(
    ("names", "line"),
    [(["a", "10"], "key=[a,10]"), (["no", "b"], """'key=["no","b"]'"""), (["stage 1"], """'key=["stage 1"]'""")],
)
def test_a_list_is_written_as_a_shell_and_hydra_take_it(names, line):
    assert class_list("key", names) == line
