"""Says how a dataset is obtained, where a person has to do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill

from arogya_bench.datasets.medmnist_files import CITATION, HOMEPAGE, PUBLISHED, UNSUPPORTED

UNSET = "???"  # what Hydra asks the user for
WIDTH = 96  # columns
DRAWN = "Nothing has to be obtained: it is drawn on first use, and found in the cache afterwards."
ELSEWHERE = (
    "It is not downloaded: get it from the address below, read there what its owners ask for, and "
    "unpack it."
)
YOURS = (
    "This reads data of your own: put it into the layout that the head of its YAML names, and "
    "state where it lies and under which licence you have it."
)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a dataset comes from, and what its owners ask for.

    Attributes:
        obtain: What to do, as sentences; empty where the YAML has none.
        licence: As its owners state it; empty where the user has to state it.
        citation: What its authors ask to be cited; empty where nobody stated it.
        source: Its address; empty where the user knows it.
        path: What has to be set once it is there, such as ``dataset.path``; empty if nothing.
    """

    obtain: str = ""
    licence: str = ""
    citation: str = ""
    source: str = ""
    path: str = ""

    @classmethod
    def of(cls, config: Mapping[str, object]) -> "Origin":
        """Take what the YAML of a dataset says; its other fields do not matter."""
        said = {key: _said(config, key) for key in ("obtain", "licence", "citation", "source")}
        return cls(**said, path="dataset.path" if "path" in config else "")

    def text(self) -> str:
        """For a terminal: what to do, then what is known, each in its own lines."""
        lines = [_wrapped(self.obtain or self._default())]
        known = {"where": self.source, "licence": self.licence, "cite": self.citation}
        lines += [
            _wrapped(f"{key + ':':<9}{value}", indent=9) for key, value in known.items() if value
        ]
        if self.path and not self.licence:
            lines.append("licence: not stated; it is for you to say: dataset.licence=...")
        if self.path:
            lines.append(f"then:    {self.path}=/path/to/it")
        return "\n".join(lines)

    def _default(self) -> str:
        if not self.path:
            return DRAWN
        return ELSEWHERE if self.source else YOURS


def directions(config: Mapping[str, object]) -> str:
    """Say where a dataset is, what to accept, and where it is expected.

    Args:
        config: Of the dataset, as its YAML holds it; ``obtain``, ``licence``, ``citation``,
            ``source`` and ``path`` are read.
    """
    return Origin.of(config).text()


def fetchable() -> str:
    """What can be downloaded without an account, and what of MedMNIST cannot, for a terminal."""
    rows = [f"  {name:<16}{published.licence}" for name, published in PUBLISHED.items()]
    left_out = [f"  {name:<16}{reason}" for name, reason in UNSUPPORTED.items()]
    return "\n".join(
        [
            f"arogya-bench data fetch NAME downloads these sets of MedMNIST ({HOMEPAGE}):",
            *rows,
            "Not supported:",
            *left_out,
            _wrapped(f"cite:    {CITATION}", indent=9),
        ]
    )


def _said(config: Mapping[str, object], key: str) -> str:
    value = config.get(key)
    return "" if value is None or value == UNSET else str(value).strip()


def _wrapped(text: str, indent: int = 0) -> str:
    paragraphs = [part for part in text.splitlines() if part.strip()]
    return "\n".join(
        fill(
            part,
            WIDTH,
            subsequent_indent=" " * indent,
            break_long_words=False,  # addresses stay whole
            break_on_hyphens=False,
        )
        for part in paragraphs
    )
