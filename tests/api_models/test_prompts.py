"""Prompts and schemas."""

import pytest

from arogya_bench.api_models.prompts import PromptTemplate
from arogya_bench.errors import ConfigError

CLASSES = ("nv", "mel")


def template(prompt="Classes:\n{classes}\nFields:\n{fields}", texts=("findings", "recommendation"), **descriptions):
    return PromptTemplate(prompt=prompt, texts=texts, class_descriptions=descriptions)


def test_the_prompt_lists_classes_with_their_descriptions_and_the_fields_in_order():
    lines = template(mel="melanoma").render(CLASSES).splitlines()

    assert lines[:4] == ["Classes:", "- nv", "- mel: melanoma", "Fields:"]
    assert [line.split('"')[1] for line in lines[4:]] == ["findings", "probabilities", "recommendation"]


def test_braces_of_an_example_in_the_prompt_stay():
    rendered = template('{classes} such as {"label": "nv", "p": 0.5}').render(CLASSES)

    assert rendered.endswith('such as {"label": "nv", "p": 0.5}')


def test_a_class_named_like_a_placeholder_is_no_placeholder():
    assert "- {fields}" in template().render(("nv", "{fields}"))


def test_the_schema_asks_for_one_probability_of_every_class():
    schema = template().schema(CLASSES)
    entries = schema["properties"]["probabilities"]

    assert list(schema["properties"]) == ["findings", "probabilities", "recommendation"] == schema["required"]
    assert (entries["minItems"], entries["maxItems"]) == (2, 2)
    assert entries["items"]["properties"]["label"]["enum"] == ["nv", "mel"]


def test_without_texts_the_answer_has_probabilities_alone():
    assert list(template(texts=()).schema(CLASSES)["properties"]) == ["probabilities"]


@pytest.mark.parametrize("text", ["probabilities", "Two words", "", "1st"])
def test_names_of_texts_are_checked(text):
    with pytest.raises(ConfigError, match="cannot be the name of a text"):
        template(texts=(text,))


def test_a_prompt_without_classes_is_refused():
    with pytest.raises(ConfigError, match="classes"):
        template("What is this?")


def test_a_prompt_that_cannot_be_logged_is_refused():
    with pytest.raises(ConfigError, match="at most 5000"):
        template("{classes}" + "x" * 6000)


def test_a_description_of_no_class_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'mel'"):
        template(mle="melanoma").render(CLASSES)
