"""Says how a dataset is obtained, where a person has to do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill

from arogya_bench.datasets.medmnist_files import CITATION, HOMEPAGE, PUBLISHED, UNSUPPORTED

HYDRA_MISSING = "???"  # what Hydra asks the user for
WIDTH = 96  # columns
GENERATED_TEXT = (
    "Nothing has to be obtained: it is drawn on first use, and found in the cache afterwards."
)
MANUAL_DOWNLOAD_TEXT = (
    "It is not downloaded: get it from the address below, read there what its owners ask for, and "
    "unpack it."
)
OWN_DATA_TEXT = (
    "This reads data of your own: put it into the layout that the head of its YAML names, and "
    "state where it lies and under which licence you have it."
)


@dataclass(frozen=True, kw_only=True)
class DatasetOrigin:
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
    def from_config(cls, config: Mapping[str, object]) -> "DatasetOrigin":
        """Take what the YAML of a dataset says; its other fields do not matter."""
        said = {key: _get_text(config, key) for key in ("obtain", "licence", "citation", "source")}
        return cls(**said, path="dataset.path" if "path" in config else "")

    def to_text(self) -> str:
        """For a terminal: what to do, then what is known, each in its own lines."""
        lines = [_wrap_text(self.obtain or self._default_text())]
        known = {"where": self.source, "licence": self.licence, "cite": self.citation}
        lines += [
            _wrap_text(f"{key + ':':<9}{value}", indent=9) for key, value in known.items() if value
        ]
        if self.path and not self.licence:
            lines.append("licence: not stated; it is for you to say: dataset.licence=...")
        if self.path:
            lines.append(f"then:    {self.path}=/path/to/it")
        return "\n".join(lines)

    def _default_text(self) -> str:
        if not self.path:
            return GENERATED_TEXT
        return MANUAL_DOWNLOAD_TEXT if self.source else OWN_DATA_TEXT


def download_instructions(config: Mapping[str, object]) -> str:
    """Say where a dataset is, what to accept, and where it is expected.

    Args:
        config: Of the dataset, as its YAML holds it; ``obtain``, ``licence``, ``citation``,
            ``source`` and ``path`` are read.
    """
    return DatasetOrigin.from_config(config).to_text()


def format_downloadable() -> str:
    """What can be downloaded without an account, and what of MedMNIST cannot, for a terminal."""
    rows = [f"  {name:<16}{published.licence}" for name, published in PUBLISHED.items()]
    left_out = [f"  {name:<16}{reason}" for name, reason in UNSUPPORTED.items()]
    return "\n".join(
        [
            f"arogya-bench data fetch NAME downloads these sets of MedMNIST ({HOMEPAGE}):",
            *rows,
            "Not supported:",
            *left_out,
            _wrap_text(f"cite:    {CITATION}", indent=9),
        ]
    )


def _get_text(config: Mapping[str, object], key: str) -> str:
    value = config.get(key)
    return "" if value is None or value == HYDRA_MISSING else str(value).strip()


def _wrap_text(text: str, indent: int = 0) -> str:
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
