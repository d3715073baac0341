"""Instructions for obtaining datasets that have to be downloaded by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill

from arogya_bench.datasets.medmnist_files import CITATION, HOMEPAGE, PUBLISHED, UNSUPPORTED

HYDRA_MISSING = "???"  # a required value
WIDTH = 96  # columns
GENERATED_TEXT = "No download needed: the dataset is generated on first use and cached."
MANUAL_DOWNLOAD_TEXT = (
    "Not downloaded automatically: get it from the URL below, accept the terms of its owners, and unpack it."
)
OWN_DATA_TEXT = (
    "Reads your own data: arrange it as described at the top of the YAML file, and set its path and licence."
)


@dataclass(frozen=True, kw_only=True)
class DatasetOrigin:
    """Origin and terms of a dataset.

    Attributes:
        obtain: Instructions; empty if the YAML file has none.
        licence: Licence stated by the owners; empty if the user has to state it.
        citation: Requested citation; may be empty.
        source: URL; empty for the user's own data.
        path: Option to set after the download, such as ``dataset.path``; empty if there is none.
    """

    obtain: str = ""
    licence: str = ""
    citation: str = ""
    source: str = ""
    path: str = ""

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> "DatasetOrigin":
        """Read the fields from the config of a dataset."""
        texts = {key: _get_text(config, key) for key in ("obtain", "licence", "citation", "source")}
        return cls(**texts, path="dataset.path" if "path" in config else "")

    def to_text(self) -> str:
        """Format the instructions, then the known fields, for a terminal."""
        lines = [_wrap_text(self.obtain or self._default_text())]
        known = {"where": self.source, "licence": self.licence, "cite": self.citation}
        lines += [_wrap_text(f"{key + ':':<9}{value}", indent=9) for key, value in known.items() if value]
        if self.path and not self.licence:
            lines.append("licence: not stated; set dataset.licence=...")
        if self.path:
            lines.append(f"then:    {self.path}=/path/to/it")
        return "\n".join(lines)

    def _default_text(self) -> str:
        if not self.path:
            return GENERATED_TEXT
        return MANUAL_DOWNLOAD_TEXT if self.source else OWN_DATA_TEXT


def download_instructions(config: Mapping[str, object]) -> str:
    """Describe how to obtain a dataset.

    Args:
        config: Config of the dataset; ``obtain``, ``licence``, ``citation``, ``source`` and ``path`` are read.
    """
    return DatasetOrigin.from_config(config).to_text()


def format_downloadable() -> str:
    """List the datasets of MedMNIST that can and cannot be downloaded, for a terminal."""
    rows = [f"  {name:<16}{published.licence}" for name, published in PUBLISHED.items()]
    unsupported = [f"  {name:<16}{reason}" for name, reason in UNSUPPORTED.items()]
    return "\n".join(
        [
            f"arogya-bench data fetch NAME downloads these datasets of MedMNIST ({HOMEPAGE}):",
            *rows,
            "Not supported:",
            *unsupported,
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
            break_long_words=False,  # keep URLs in one piece
            break_on_hyphens=False,
        )
        for part in paragraphs
    )
