"""Instructions for obtaining datasets that have to be downloaded by hand."""

from collections.abc import Mapping
from textwrap import TextWrapper

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


def download_instructions(config: Mapping[str, object]) -> str:
    """Describe for a terminal how to obtain a dataset, and its terms.

    Args:
        config: Config of the dataset; ``obtain``, ``licence``, ``citation``, ``source`` and ``path`` are read.
    """
    obtain, licence, citation, source = (_get_text(config, key) for key in ("obtain", "licence", "citation", "source"))
    has_path = "path" in config
    default_text = MANUAL_DOWNLOAD_TEXT if source else OWN_DATA_TEXT
    lines = [_wrap_text(obtain or (default_text if has_path else GENERATED_TEXT))]
    known = {"where": source, "licence": licence, "cite": citation}
    lines += [_wrap_text(f"{key + ':':<9}{value}", indent=9) for key, value in known.items() if value]
    if has_path and not licence:
        lines.append("licence: not stated; set dataset.licence=...")
    if has_path:
        lines.append("then:    dataset.path=/path/to/it")
    return "\n".join(lines)


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
    # Without breaks inside words, so that URLs stay in one piece.
    wrapper = TextWrapper(WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrapper.fill(line) for line in text.splitlines() if line.strip())
