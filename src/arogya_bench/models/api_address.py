"""The address of a service: what it may hold, and where the requests go. No message repeats it, as it is refused."""

import re
from urllib.parse import urlsplit

from arogya_bench.errors import ConfigError

COMPLETIONS = "/chat/completions"
ENDINGS = (f"/v1{COMPLETIONS}", "/v1")  # which users copy with the address
SECRET_MARKS = "@?#"  # before them or behind them stand passwords and keys


def check_base_url(url: str) -> None:
    """Check that an address names a service and nothing else: it is logged with every run.

    Raises:
        ConfigError: If it holds a user, a password or a query, or is no address of http or https.
    """
    if any(mark in url for mark in SECRET_MARKS):
        raise ConfigError(
            "base_url holds a user name, a password or a query, and it is logged with every run.",
            fix="set model.base_url to scheme, host and path alone; keys come from the environment.",
        )
    if not _is_address(url):
        raise ConfigError(
            "base_url is no address of a service: it needs http:// or https:// and a host.",
            fix="set model.base_url to the address of the server, such as http://127.0.0.1:8000.",
        )


def service_address(url: str) -> str:
    """The address as it identifies the service, however it is written."""
    address = url.rstrip("/")
    ending = next((ending for ending in ENDINGS if address.endswith(ending)), "")
    return address.removesuffix(ending).rstrip("/")


def completions_url(address: str) -> str:
    """Where chat completions are asked for; an address that ends with their path is taken as it is."""
    return address if address.endswith(COMPLETIONS) else f"{address}/v1{COMPLETIONS}"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and not re.search(r"[\s\\]", url)
