"""Translate single texts of a report: titles, headers, cells, sentences and notes; names of metrics become plain."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arogya_bench.report.columns import Column
from arogya_bench.report.words import ENGLISH, Term, Words, load_words

INTERVAL = " [95 % CI]"  # ends the header of a column of estimates
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z])")
NO_BREAK_SPACE = "\u00a0"
THOUSANDS = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])")  # a comma there is a decimal one elsewhere
CODE = r"(?<![\w.`'=-]){code}(?![\w`'=]|\.\w)"  # the name of a metric in MLflow, within a sentence


@dataclass(kw_only=True)
class TextWords:
    """Translates texts, and notes which terms it meets.

    Attributes:
        met: The terms that the texts use, for the glossary.
    """

    words: Words
    met: dict[str, None] = field(default_factory=dict)
    codes: re.Pattern[str] = field(init=False)
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Compile the names of metrics that no other word looks like."""
        names = sorted((re.escape(code) for code in self.words.terms if "_" in code), key=len, reverse=True)
        self.codes = re.compile(CODE.format(code=f"({'|'.join(names)})"))

    def code_of(self, column: Column) -> str:
        """The term that the header names; empty if the header is a text of its own."""
        base = column.header.removesuffix(INTERVAL)
        if base in self.words.terms:
            return base
        term = self.words.terms.get(column.term)
        return column.term if term is not None and base in _english_names(column.term) else ""

    def header(self, text: str, code: str = "", *, brief: bool = False) -> str:
        """A header with its unit and interval; of a term by its plain name, or by its short one."""
        base = text.removesuffix(INTERVAL)
        suffix = (self.words.find("headers", INTERVAL.strip()) or INTERVAL.strip()) if base != text else ""
        if code:
            term = self.words.terms[code]
            return " ".join(filter(None, [term.brief if brief else term.label, suffix]))
        whole = self.words.find("headers", text)
        found = whole or " ".join(filter(None, [self.words.find("headers", base) or base, suffix]))
        return self.numbers(self.spoken(found))

    def title(self, text: str) -> str:
        """The title of a part of the report or of a chart."""
        return self.numbers(self.spoken(self.words.find("titles", text) or text))

    def value(self, text: str) -> str:
        """A cell or value, if it is a known one such as "not measured"."""
        return self.numbers(self.words.find("values", text) or text)

    def numbers(self, text: str) -> str:
        """The text with spaces between thousands in other languages than English; the decimal point stays."""
        if self.words.is_english or "," not in text:
            return text
        return THOUSANDS.sub(lambda match: match[0].replace(",", NO_BREAK_SPACE), text)

    def footnote(self, text: str) -> str:
        """A note on rows: the names stay, the note is translated if it is known."""
        if self.words.find("sentences", text) is None and ": " in text:
            names, note = text.split(": ", 1)
            parts = [self.words.find("sentences", f"{part}.") for part in note.removesuffix(".").split("; ")]
            known = [part.removesuffix(".") for part in parts if part is not None]
            if len(known) == len(parts):
                return self.numbers(f"{self.value(names)}: {self.spoken('; '.join(known))}.")
        return self.prose(text)

    def prose(self, text: str) -> str:
        """Sentences in the words of the language; the marker stands before each run of those that stay English."""
        if not text:
            return text
        if text not in self.known:
            self.known[text] = self.numbers(self._translate_sentences(text))
        return self.known[text]

    def _translate_sentences(self, text: str) -> str:
        whole = self.words.find_exact("sentences", text)
        sentences = SENTENCE_END.split(text.strip())
        parts = [whole] if whole is not None else [self.words.find("sentences", sentence) for sentence in sentences]
        if all(part is None for part in parts):  # or one in which a name looks like the end of a sentence
            parts, sentences = [self.words.find("sentences", text)], [text]
        shown, english = [], False
        for translated, sentence in zip(parts, sentences if whole is None else [text], strict=True):
            is_prose = " " in sentence and not english
            marker = f"{self.words.marker} " if self.words.marker and is_prose else ""
            english = translated is None
            shown.append(self.spoken(translated) if translated is not None else marker + self.spoken_english(sentence))
        return " ".join(shown)

    def spoken_english(self, text: str) -> str:
        """The same for a text that stays English."""
        return self.spoken(text, terms=None if self.words.is_english else load_words(ENGLISH).terms)

    def spoken(self, text: str, *, terms: Mapping[str, Term] | None = None) -> str:
        """The text with the terms of the field in place of the names that metrics have in MLflow."""

        def replaced(match: re.Match[str]) -> str:
            self.meet(match[1])
            return (terms or self.words.terms)[match[1]].spoken

        return self.codes.sub(replaced, text)

    def meet(self, code: str) -> None:
        """Note that the report uses a term."""
        if code in self.words.terms:
            self.met[code] = None


def _english_names(code: str) -> Sequence[str]:
    """How headers in English may name a term."""
    term: Term = load_words(ENGLISH).terms[code]
    return (term.name, term.field, term.brief, term.label)
