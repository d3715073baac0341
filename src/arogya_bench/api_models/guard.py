"""Who may send images to an API: by default nobody. Consents are settings of their own, and are never guessed."""

import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from arogya_bench.errors import ConfigError, RequirementMissing

CONSENTS = ("denied", "allowed")
CONNECT_TIMEOUT_S = 3.0
START = "start the server on this machine, or correct model.base_url."
PORTS = {"http": 80, "https": 443}


def check_consent(dataset: str, external_api: str) -> None:
    """Check that the config of a dataset allows its images to be sent.

    Raises:
        RequirementMissing: If it does not say ``allowed``.
    """
    if external_api != "allowed":
        raise RequirementMissing(
            f"The dataset {dataset} does not allow its images to be sent to an API "
            f"(dataset.external_api is {external_api!r}).",
            fix="set dataset.external_api=allowed if its licence, your ethics approval and the consent of the "
            "patients allow it; the images must hold nothing that identifies a person.",
        )


def check_free_tier(provider: str, *, accepted: bool) -> None:
    """Check the second consent, which the unpaid tier of a provider needs.

    Raises:
        RequirementMissing: Unless the terms were accepted.
    """
    if not accepted:
        raise RequirementMissing(
            f"On the free tier of {provider} people may read what is sent, and it improves the provider's products.",
            fix="set model.accept_free_tier_terms=true if every image is public and shows no identifiable person, "
            "or set model.tier=paid.",
        )


def check_service(url: str, *, fix: str) -> None:
    """Check that something listens at an address; nothing is sent.

    Behind a proxy, a connection of our own says nothing, and the check is left to the first request. ``fix`` is for a
    server elsewhere; one on this machine is to be started.

    Raises:
        RequirementMissing: If no connection can be opened within 3 seconds.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443)
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT_S):
            return
    except OSError as error:
        reason = error.strerror or str(error)
        here = host in ("localhost", "::1") or host.startswith("127.")
        raise RequirementMissing(f"No connection to {host}:{port}: {reason}.", fix=START if here else fix) from None


def check_key(key: str, names: Sequence[str]) -> str:
    """Return a key that can be sent in a header; errors of the libraries below would quote one that cannot.

    Raises:
        ConfigError: If it holds spaces, line breaks or letters beyond ASCII.
    """
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigError(
            f"The API key in {' or '.join(names)} holds a space, a line break or a letter beyond ASCII.",
            fix="copy the key again, without quotes and without what stands around it.",
        )
    return key
