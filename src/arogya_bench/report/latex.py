"""Write the tables of a report as LaTeX, in the style of booktabs: a paper reads them as files of its own."""

from collections.abc import Sequence
from pathlib import Path

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.report.body import PlacedSection, cell_text, list_blocks
from arogya_bench.report.page import view_report
from arogya_bench.report.section import Section

MAX_ROWS = 40  # of a table on one page; a longer one goes on over pages
PREAMBLE = "% \\usepackage{booktabs,longtable}"
# What LaTeX reads as a command, and letters that its default fonts lack.
LETTERS = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "{}$&#%_"},
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
        "<": "\\textless{}",
        ">": "\\textgreater{}",
        "|": "\\textbar{}",
        '"': "\\char34{}",  # babel gives the letter itself a meaning in some languages
        "`": "\\textasciigrave{}",
        "\u00a0": "~",
        "\u2013": "--",
        "\u2212": "$-$",
        "\u2264": "$\\leq$",
        "\u2265": "$\\geq$",
        "\u00b1": "$\\pm$",
        "\u00d7": "$\\times$",
        "\u00b7": "$\\cdot$",
        "\u2192": "$\\rightarrow$",
        "\u2026": "\\dots{}",
        "\u200b": "{}",
        "\n": " ",
        "\r": " ",
    }
)


def save_latex(comparison: ComparisonTables, folder: Path) -> None:
    """Write each table of the report as a file; identical comparisons give identical files."""
    folder.mkdir(parents=True, exist_ok=True)
    for block in list_blocks(view_report(comparison, server="")):
        if isinstance(block, PlacedSection):
            text = format_latex(block.section, label=block.anchor)
            (folder / f"{block.anchor}.tex").write_text(text, encoding="utf-8")


def escape_latex(text: str) -> str:
    """A text that LaTeX shows letter by letter; letters of other scripts need LuaLaTeX or XeLaTeX."""
    return text.replace("--", "-\u200b-").replace("--", "-\u200b-").translate(LETTERS)  # two would become a dash


def format_latex(section: Section, *, label: str) -> str:
    """The table of a section with its title as caption, and its note below.

    Args:
        section: With at least one column.
        label: The name of the table in the paper, after ``tab:``.
    """
    columns = "".join("r" if column.numeric else "l" for column in section.columns)
    caption = f"\\caption{{{escape_latex(section.title)}}}\\label{{tab:{label}}}"
    head = [f"{_row(section.headers)} \\\\", "\\midrule"]
    body = [f"{_row([cell_text(cell) for cell in row])} \\\\" for row in section.cells]
    notes = [f"{escape_latex(note)}\\par" for note in (section.note, *section.footnotes) if note]
    if len(body) > MAX_ROWS:
        top = [f"\\begin{{longtable}}{{{columns}}}", f"{caption}\\\\", "\\toprule", *head, "\\endhead"]
        lines = [*top, *body, "\\bottomrule", "\\end{longtable}", "{\\footnotesize", *notes, "}"]
    else:
        top = ["\\begin{table}", "\\centering\\small", caption, f"\\begin{{tabular}}{{{columns}}}", "\\toprule", *head]
        below = ["\\bottomrule", "\\end{tabular}", "\\par\\footnotesize\\raggedright", *notes, "\\end{table}"]
        lines = [*top, *body, *below]
    return "\n".join([PREAMBLE, *lines, ""])


def _row(texts: Sequence[str]) -> str:
    """The cells of a row; after an empty group, a bracket or a star at its start is no argument of the row above."""
    row = " & ".join(escape_latex(text) for text in texts)
    return f"{{}}{row}" if row.lstrip().startswith(("[", "*")) else row
