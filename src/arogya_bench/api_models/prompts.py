"""The prompt and the JSON schema of a classification, from the config and the classes of a dataset."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arogya_bench.errors import ConfigError, did_you_mean

CLASSES_PLACEHOLDER = "{classes}"
FIELDS_PLACEHOLDER = "{fields}"
MAX_LETTERS = 5000  # of a prompt with its descriptions; MLflow keeps params of 6000
PROBABILITIES = "probabilities"
LEADING_TEXT = "findings"  # before the probabilities, so that they rest on what was seen
KNOWN_TEXTS = {
    "findings": "what the image shows that speaks for or against the classes; two sentences at most",
    "diagnosis": "the class that fits best and how certain that is; one sentence",
    "recommendation": "what a specialist could examine next; one sentence",
}
LABEL_HELP = "a class, spelled as above"
SHARE_HELP = "the probability of this class, from 0 to 1"


@dataclass(frozen=True, kw_only=True)
class PromptTemplate:
    """What is asked of a model, before the classes are known.

    Attributes:
        prompt: With ``{classes}`` and, if it should list the fields of the answer, ``{fields}``.
        texts: Names of the texts that the answer has beside the probabilities; they are never evaluated.
        class_descriptions: What a class means, by its name, where the name does not say it.
    """

    prompt: str
    texts: Sequence[str]
    class_descriptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if CLASSES_PLACEHOLDER not in self.prompt:
            raise ConfigError(
                f"The prompt does not contain {CLASSES_PLACEHOLDER}, so that the model would not know the classes.",
                fix=f"write {CLASSES_PLACEHOLDER} in model.prompt where the classes shall stand.",
            )
        letters = len(self.prompt) + sum(map(len, self.class_descriptions.values()))
        if letters > MAX_LETTERS:
            raise ConfigError(
                f"The prompt and the descriptions of the classes have {letters} letters; at most {MAX_LETTERS} can be "
                "logged.",
                fix="shorten model.prompt or model.class_descriptions.",
            )
        for text in self.texts:
            if text == PROBABILITIES or not re.fullmatch("[a-z][a-z0-9_]*", text):
                raise ConfigError(
                    f"{text!r} cannot be the name of a text.",
                    fix="set model.texts to names of small letters, digits and _, such as [findings,diagnosis].",
                )

    def render(self, classes: Sequence[str]) -> str:
        """The prompt for some classes.

        Raises:
            ConfigError: If something is described that is no class.
        """
        for name in self.class_descriptions:
            if name not in classes:
                raise ConfigError(
                    f"model.class_descriptions describes {name!r}, which is no class.{did_you_mean(name, classes)}",
                    fix=f"describe some of the classes {', '.join(classes)}.",
                )
        replaced = {CLASSES_PLACEHOLDER: self._class_lines(classes), FIELDS_PLACEHOLDER: self._field_lines()}
        pattern = "|".join(map(re.escape, replaced))  # at once: a name of a class may look like a placeholder
        return re.sub(pattern, lambda match: replaced[match[0]], self.prompt).strip()

    def schema(self, classes: Sequence[str]) -> dict[str, object]:
        """The JSON schema of the answer; models write the fields in this order."""
        return {
            "type": "object",
            "properties": {name: self._property(name, classes) for name in self._fields()},
            "required": list(self._fields()),
            "additionalProperties": False,
        }

    def _fields(self) -> tuple[str, ...]:
        leading = [text for text in self.texts if text == LEADING_TEXT]
        return (*leading, PROBABILITIES, *(text for text in self.texts if text != LEADING_TEXT))

    def _property(self, name: str, classes: Sequence[str]) -> dict[str, object]:
        if name != PROBABILITIES:
            return {"type": "string", "description": _text_help(name)}
        entry = {
            "type": "object",
            "properties": {
                "label": {"type": "string", "enum": list(classes), "description": LABEL_HELP},
                "p": {"type": "number", "minimum": 0, "maximum": 1, "description": SHARE_HELP},
            },
            "required": ["label", "p"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": entry, "minItems": len(classes), "maxItems": len(classes)}

    def _class_lines(self, classes: Sequence[str]) -> str:
        described = self.class_descriptions
        return "\n".join(f"- {name}: {described[name]}" if name in described else f"- {name}" for name in classes)

    def _field_lines(self) -> str:
        shares = f'one entry for each class, as {{"label": {LABEL_HELP}, "p": {SHARE_HELP}}}; together they sum to 1'
        helps = {PROBABILITIES: shares}
        return "\n".join(f'- "{name}": {helps.get(name) or _text_help(name)}' for name in self._fields())


def example_answer(label: str) -> str:
    """The line below an example of a few-shot prompt.

    It names the class, and not probabilities of 1 and 0, which the model would imitate.
    """
    return f"The image above is an example of the class {label}."


def question(examples: int) -> str:
    """The line above the image that is asked about."""
    return "The image to classify, which is none of the examples:" if examples else "The image to classify:"


def _text_help(name: str) -> str:
    return KNOWN_TEXTS.get(name, f"{name.replace('_', ' ')}, in two sentences at most")
