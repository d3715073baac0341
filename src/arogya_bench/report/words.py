"""The words of a report: plain names of metrics and terms, and every other text, in English or another language."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.report.words_check import FIX, check_keys, check_texts

ENGLISH = "en"
TERM_FIELDS = ("name", "field", "unit", "short", "explanation")
GROUPS = ("titles", "headers", "values", "sentences")  # of texts, by their English text
KEYS = ("language", "base", "marker", "terms", *GROUPS)
PLACES = {"metric": r"\S+?", "n": r"[\d.,]+", "all": r"[\d.,]+"}  # what a place takes; any other takes anything
NUMBERS = r"[\d.,:;%+\s\N{MINUS SIGN}-]+?"  # and dates: what a place of a value takes, so that no sentence is one
VALUE_PLACES = {"model": r"(?:(?!\. ).)+?"}
ANYTHING = ".+?"
PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True, kw_only=True)
class Term:
    """A metric or another term.

    Attributes:
        name: In plain words.
        field: What the field calls it; empty if that is the name.
        unit: Of its values; empty for none.
        short: For narrow tables; empty for the term of the field, or the name.
        explanation: In one or two sentences.
    """

    name: str
    field: str = ""
    unit: str = ""
    short: str = ""
    explanation: str = ""

    @property
    def label(self) -> str:
        """The plain name with the term of the field and the unit, such as ``median latency (p50, ms)``."""
        beside = ", ".join(filter(None, [self.field, self.unit]))
        return f"{self.name} ({beside})" if beside else self.name

    @property
    def brief(self) -> str:
        """The short name, with the unit."""
        return self.short or " ".join(filter(None, [self.field or self.name, f"({self.unit})" if self.unit else ""]))

    @property
    def spoken(self) -> str:
        """What a sentence says."""
        return self.field or self.name


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """An English text with places that the report fills in, and what stands for it."""

    start: str
    expression: re.Pattern[str]
    translation: str


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of a report in one language.

    Attributes:
        language: Such as ``de``.
        marker: Before a text that stays English; empty in English.
        terms: By the name of the metric or column.
        texts: For each group, what stands for an English text; ``{name}`` is a place that the report fills in.
        source: What ``load_words`` was given, from which it gives the same words again.
    """

    language: str
    marker: str
    terms: Mapping[str, Term]
    texts: Mapping[str, Mapping[str, str]]
    source: str | Mapping[str, Any] = ENGLISH
    patterns: Mapping[str, tuple[Pattern, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Compile the texts with places to be filled in."""
        compiled = {
            group: tuple(_compile(english, texts[english], group) for english in _most_specific_first(texts))
            for group, texts in self.texts.items()
        }
        object.__setattr__(self, "patterns", compiled)

    @property
    def is_english(self) -> bool:
        """Whether texts that have no other words are in this language; also of a variety such as ``en-IN``."""
        return _is_english(self.language)

    def find(self, group: str, text: str) -> str | None:
        """What stands for an English text; None if nothing does."""
        exact = self.find_exact(group, text)
        if exact is not None:
            return exact
        for pattern in self.patterns[group]:
            if text.startswith(pattern.start) and (match := pattern.expression.fullmatch(text)):
                parts = {name: self._fill(value) for name, value in match.groupdict().items()}
                return pattern.translation.format_map(parts)
        return None

    def find_exact(self, group: str, text: str) -> str | None:
        """What stands for an English text without places to be filled in; None if nothing does."""
        return self.texts[group].get(text)

    def _fill(self, value: str) -> str:
        """What the report has put in: a metric by its term, a known value, or the text as it is."""
        if value in self.terms:
            return self.terms[value].spoken
        return self.find("values", value) or value


def load_words(source: str | Path | Mapping[str, Any] | None = None) -> Words:
    """The words of a language by its name, or of a YAML file; what a file leaves out is English, or as in its ``base``.

    Args:
        source: ``en``, ``de``, the path of a YAML file, or its content; None is English.

    Raises:
        ConfigError: If there is no such language or file, or the file has an unknown key.
    """
    if source is None or source == "" or source == ENGLISH:
        return _built_in(ENGLISH)
    if isinstance(source, Mapping):
        return _build(source, "the wording")
    if str(source) in languages():
        return _built_in(str(source))
    return _build(_read(Path(source)), str(source))


def languages() -> tuple[str, ...]:
    """The languages that are built in."""
    return tuple(sorted(path.name.removesuffix(".yaml") for path in _folder() if path.name.endswith(".yaml")))


def _folder() -> Iterator[Any]:
    return iter(files("arogya_bench.report").joinpath("wording").iterdir())


@cache
def _built_in(language: str) -> Words:
    return _merge(_content(language), _content(ENGLISH), source=language)


@cache
def _content(language: str) -> Mapping[str, Any]:
    text = files("arogya_bench.report").joinpath("wording", f"{language}.yaml").read_text(encoding="utf-8")
    content: Mapping[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return content


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        hint = did_you_mean(str(path), languages())
        raise ConfigError(
            f"There is no wording {str(path)!r}.{hint}",
            fix=f"choose from {', '.join(languages())}, or name a YAML file: --wording FILE.yaml",
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {str(error).splitlines()[0]}.", fix=FIX) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} has no words: it is no group of keys.", fix=FIX)
    return content


def _build(content: Mapping[str, Any], name: str) -> Words:
    base = str(content.get("base") or ENGLISH)
    if base not in languages():
        raise ConfigError(f"{name} has the unknown base {base!r}.", fix=f"choose from: {', '.join(languages())}")
    english = _content(ENGLISH)
    check_keys(content, KEYS, name)
    for group in GROUPS:
        check_keys(content.get(group) or {}, english[group], f"{name}, {group}")
        check_texts(content.get(group) or {}, f"{name}, {group}")
    check_keys(content.get("terms") or {}, english["terms"], f"{name}, terms")
    for code, term in (content.get("terms") or {}).items():
        check_keys(term, TERM_FIELDS, f"{name}, terms.{code}")
        check_texts(term, f"{name}, terms.{code}")
    full = content if base == ENGLISH else _layered(content, _content(base))
    return _merge(full, english, source=dict(content))


def _layered(content: Mapping[str, Any], base: Mapping[str, Any]) -> Mapping[str, Any]:
    """The content over that of its base."""
    return {**base, **content} | {
        group: {**base[group], **(content.get(group) or {})} for group in GROUPS
    } | {
        "terms": {
            code: {**(base["terms"].get(code) or {}), **((content.get("terms") or {}).get(code) or {})}
            for code in {**base["terms"], **(content.get("terms") or {})}
        }
    }  # fmt: skip


def _merge(content: Mapping[str, Any], english: Mapping[str, Any], *, source: str | Mapping[str, Any]) -> Words:
    """Words that fall back to English; in another language an absent text is not there, so that it can be marked."""
    language = str(content.get("language") or ENGLISH)
    own_terms = content.get("terms") or {}
    terms = {code: Term(**{**given, **(own_terms.get(code) or {})}) for code, given in english["terms"].items()}
    texts = {group: _texts(content.get(group) or {}, english[group], language) for group in GROUPS}
    marker = str(content.get("marker") or ("" if _is_english(language) else f"[{ENGLISH}]"))
    return Words(language=language, marker=marker, terms=terms, texts=texts, source=source)


def _texts(own: Mapping[str, Any], english: Mapping[str, Any], language: str) -> dict[str, str]:
    """The own texts; in English also all others, which stand for themselves unless a file words them otherwise."""
    texts = {str(key): str(key if value is None else value) for key, value in own.items()}
    if not _is_english(language):
        return texts
    return {str(key): str(key if value is None else value) for key, value in english.items()} | texts


def _is_english(language: str) -> bool:
    return language.partition("-")[0].lower() == ENGLISH


def _most_specific_first(texts: Mapping[str, str]) -> list[str]:
    """The texts with places, those that say most first, since a place takes anything."""
    return sorted(
        (text for text in texts if "{" in text), key=lambda text: len(re.sub(r"\{\w+\}", "", text)), reverse=True
    )


def _compile(english: str, own: str, kind: str) -> Pattern:
    places, other = (VALUE_PLACES, NUMBERS) if kind == "values" else (PLACES, ANYTHING)
    seen: set[str] = set()

    def group(match: re.Match[str]) -> str:
        name = match[1]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{places.get(name, other)})"

    expression = PLACEHOLDER.sub(group, re.escape(english))
    return Pattern(start=english[: english.index("{")], expression=re.compile(expression, re.DOTALL), translation=own)
