"""Keys of APIs, which come from the environment alone, and the accounts that limits are counted over."""

import os
from collections.abc import Sequence
from hashlib import sha256

from arogya_bench.errors import ConfigError, RequirementMissing
from arogya_bench.runtime.redaction import register_secrets

# Makes the digest of a key useless for whoever has a table of digests of keys.
ACCOUNT_SALT = "arogya-bench account of an API\n"


def read_api_key(names: Sequence[str]) -> str:
    """Read a key from the first of these environment variables that is set, and mask it in all that is printed.

    Raises:
        RequirementMissing: If none is set.
        ConfigError: If two are set and differ: which account pays must not depend on the order.
    """
    values = {name: value for name in names if (value := os.environ.get(name, "").strip())}
    register_secrets(values.values())
    if not values:
        raise RequirementMissing(
            f"There is no API key: {_none_of(names)}.", fix=f"set the environment variable {names[0]}."
        )
    if len(set(values.values())) > 1:
        raise ConfigError(
            f"The environment variables {' and '.join(values)} hold different API keys.",
            fix=f"unset {' or '.join(values)}, so that it is clear which account pays.",
        )
    return next(iter(values.values()))


def account_of(text: str) -> str:
    """The account that limits are counted over: a digest of the key, or of the address where there is no key.

    Returns:
        16 hexadecimal digits, from which the key cannot be found.
    """
    return sha256((ACCOUNT_SALT + text).encode()).hexdigest()[:16]


def _none_of(names: Sequence[str]) -> str:
    return f"{names[0]} is not set" if len(names) == 1 else f"neither {' nor '.join(names)} is set"
