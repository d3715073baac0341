"""Put the words of a language in place of the English texts of a report, and plain names in place of metric names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from arogya_bench.figures.prepared import Drawable
from arogya_bench.report.chart_words import translate_chart
from arogya_bench.report.columns import Column, Link
from arogya_bench.report.section import Plot, Section, group_notes
from arogya_bench.report.structure import Chapter, DatasetReport, KeyNumber, Report, SectionGroup, Summary
from arogya_bench.report.text_words import TextWords
from arogya_bench.report.words import Words

LANGUAGE_NOTE = (
    "Where there are no words for a text, it stays English; {marker} stands before sentences. Numbers have a decimal "
    "point, and a space between thousands."
)
METRIC_COLUMN = "metric"  # the header of cells that name metrics
NAME_COLUMNS = (
    "model", "dataset", "case", "group", "class", "truth", "predicted", "answer", "positive", "outcome", "subgroup",
    "column", "API", "worst part", "best part",
)  # fmt: skip # whose cells are names of the user or of the field, which no wording changes


def translate_report(report: Report, words: Words) -> Report:
    """Return the report in the words of a language, with the glossary of its terms."""
    return _Translator(texts=TextWords(words=words)).translate(report)


@dataclass(frozen=True, kw_only=True)
class _Translator:
    """Translates the parts of a report."""

    texts: TextWords

    def translate(self, report: Report) -> Report:
        words, title, prose = self.texts.words, self.texts.title, self.texts.prose
        translated = replace(
            report,
            title=title(report.title),
            subtitle=prose(report.subtitle),
            datasets=tuple(map(self._dataset, report.datasets)),
            methods=(*((title(term), prose(text)) for term, text in report.methods), *self._language_note()),
            methods_title=title(report.methods_title),
            sections_title=title(report.sections_title),
            sections=tuple(map(self._section, report.sections)),
            appendix=tuple(map(self._chapter, report.appendix)),
            language=words.language,
            wording=words.source,
        )
        return replace(translated, glossary=(*report.glossary, *self._glossary()))

    def _language_note(self) -> tuple[tuple[str, str], ...]:
        """That some texts stay English, and how they are marked; nothing in English."""
        words = self.texts.words
        if not words.marker:
            return ()
        note = words.find_exact("sentences", LANGUAGE_NOTE) or LANGUAGE_NOTE
        return ((self.texts.title("Language"), note.format(marker=words.marker)),)

    def _glossary(self) -> tuple[tuple[str, str, str], ...]:
        """The terms that were met and have an explanation, in the order of their names."""
        terms = [(code, self.texts.words.terms[code]) for code in self.texts.met]
        explained = [(code, term.label, term.explanation) for code, term in terms if term.explanation]
        return tuple(sorted(explained, key=lambda entry: entry[1].casefold()))

    def _dataset(self, dataset: DatasetReport) -> DatasetReport:
        prose = self.texts.prose
        return replace(
            dataset,
            headline=prose(dataset.headline),
            reason=prose(dataset.reason),
            warnings=tuple(map(prose, dataset.warnings)),
            caveats=tuple(map(prose, dataset.caveats)),
            notes=tuple(map(prose, dataset.notes)),
            summary=self._summary(dataset.summary),
            chapters=tuple(map(self._chapter, dataset.chapters)),
        )

    def _summary(self, summary: Summary) -> Summary:
        texts, prose = self.texts, self.texts.prose
        return replace(
            summary,
            question=prose(summary.question),
            answer=prose(summary.answer),
            reason=prose(summary.reason),
            numbers=tuple(map(self._key_number, summary.numbers)),
            rests_on=tuple((texts.header(label), texts.value(value)) for label, value in summary.rests_on),
            not_shown=tuple(map(prose, summary.not_shown)),
            warnings=tuple(replace(warning, text=texts.footnote(warning.text)) for warning in summary.warnings),
        )

    def _key_number(self, number: KeyNumber) -> KeyNumber:
        """The number with the plain name of its metric, where its label begins with the term of the field."""
        self.texts.meet(number.term)
        label, term = self.texts.header(number.label), self.texts.words.terms.get(number.term)
        if term is not None and label.startswith(f"{term.spoken} "):
            label = label.replace(term.spoken, term.label, 1)
        return replace(number, label=label[:1].upper() + label[1:], value=self.texts.value(number.value))

    def _chapter(self, chapter: Chapter) -> Chapter:
        title = self.texts.title(chapter.title)
        return replace(chapter, title=title, groups=tuple(map(self._group, chapter.groups)))

    def _group(self, group: SectionGroup) -> SectionGroup:
        return replace(
            group,
            title=self.texts.title(group.title) if " " in group.title else group.title,  # one word names a model
            sentences=tuple(map(self.texts.prose, group.sentences)),
            sections=tuple(map(self._section, group.sections)),
        )

    def _section(self, section: Section) -> Section:
        """The section with its columns, and a footnote on each column that was left out, with its reason."""
        section = section.without_empty_columns()
        footnotes = tuple(map(self.texts.footnote, section.footnotes))
        finding, plot = section.finding, section.plot
        return replace(
            section,
            title=self.texts.title(section.title),
            note=self.texts.prose(section.note),
            brief_note=self.texts.prose(section.brief_note),
            columns=tuple(map(self._column, section.columns)),
            left_out=(),
            footnotes=(*footnotes, *self._omissions(section.left_out)),
            brief_footnotes=(*footnotes, *self._omissions([own for own in section.left_out if not own.detail])),
            plot=None if plot is None else partial(self._chart, plot),
            finding=None if finding is None else partial(self._finding, finding),
            brief_form=None if section.brief_form is None else self._section(section.brief_form),
        )

    def _link(self, link: Link) -> Link:
        """A link to a place of the report has its title as the text."""
        return replace(link, text=self.texts.title(link.text)) if link.anchor else link

    def _omissions(self, left_out: Sequence[Column]) -> tuple[str, ...]:
        """Which columns are left out, each reason once."""
        notes = [(self._column(column).header, self.texts.prose(column.empty_reason)) for column in left_out]
        return tuple(f"{self.texts.value('Not shown')}: {reason}" for reason in group_notes(notes, of=0))

    def _finding(self, finding: Callable[[], str]) -> str:
        return self.texts.prose(finding())

    def _chart(self, plot: Plot) -> Drawable | None:
        return translate_chart(plot(), self.texts.title, self.texts.prose)

    def _column(self, column: Column) -> Column:
        if column.verbatim:
            return self._with_values(column) if column.numeric else column
        code, brief = self.texts.code_of(column), column.brief or column
        self.texts.meet(column.term)
        self.texts.meet(code)
        header = self.texts.header(column.header, code)
        short = self.texts.header(brief.header, self.texts.code_of(brief), brief=True)
        links_of = partial(self._links, column.links_of)
        translated = replace(self._with_values(column), header=header, term=code or column.term, links_of=links_of)
        return replace(translated, brief=replace(self._with_values(brief), header=short, brief=None))

    def _with_values(self, column: Column) -> Column:
        """The column with its sentences, metrics and known cells ("not measured") in the words of the language."""
        format_cell = column.format_cell
        if column.prose:
            return replace(
                column,
                format_cell=lambda record: self.texts.prose(format_cell(record)),
                links_of=lambda record: tuple(map(self._link, column.links_of(record))),
            )
        if column.header == METRIC_COLUMN:
            return replace(column, format_cell=partial(self._metric, format_cell))
        values = self.texts.words.texts["values"]
        is_english = self.texts.words.is_english and all(key == value for key, value in values.items())
        if is_english or column.header in NAME_COLUMNS:
            return column
        return replace(column, format_cell=lambda record: self.texts.value(format_cell(record)))

    def _links(self, links_of: Callable[[Any], Sequence[Link]], record: Any) -> tuple[Link, ...]:
        """The links of a record, those to places of the report with the titles that the places have."""
        links = links_of(record)
        return tuple(link if link.run_id else replace(link, text=self.texts.title(link.text)) for link in links)

    def _metric(self, format_cell: Callable[[Any], str], record: Any) -> str:
        code = format_cell(record)
        term = self.texts.words.terms.get(code)
        return term.spoken if term is not None else code
