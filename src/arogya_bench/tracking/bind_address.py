"""The address that a tracking server listens on, and the host names it accepts."""

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain

import psutil

from arogya_bench.errors import TrackingError

ALLOWED_HOSTS_ENV, ALLOWED_ORIGINS_ENV = ("MLFLOW_SERVER_ALLOWED_HOSTS", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS")
DEFAULT_HOSTS = ("127.0.0.1", "localhost", "::1")  # MLflow accepts these by default
LOCALHOST_PATTERNS = ("localhost:*", "127.0.0.1:*", "[[]::1]:*")  # glob patterns; [[] is a [
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True, kw_only=True)
class BindAddress:
    """An address and a port of this machine; ``host`` is as the user wrote it."""

    host: str
    address: IPv4Address | IPv6Address
    port: int

    @property
    def uri(self) -> str:
        """For ``tracking.uri`` on this machine."""
        address = LOOPBACK[self.address.version] if self.address.is_unspecified else str(self.address)
        return f"http://{self._with_port(address)}"

    @property
    def remote_uris(self) -> tuple[str, ...]:
        """Candidates for ``tracking.uri`` on other machines; empty if none can connect."""
        if self.address.is_loopback:
            return ()
        if not self.address.is_unspecified:
            return (self.uri,)
        return tuple(f"http://{self._with_port(name)}" for name in self._host_names if not _is_local(name))

    def mlflow_environment(self) -> dict[str, str]:
        """The settings with which MLflow accepts the names and addresses of this machine.

        MLflow rejects unknown host names as a protection from DNS rebinding, and requests of browsers from unknown
        origins. Names that this machine does not know itself are taken from the same environment variables.
        """
        if self.host in DEFAULT_HOSTS:
            return {}
        names = [self._with_port(name) for name in self._host_names]
        allowed = {
            ALLOWED_HOSTS_ENV: [*LOCALHOST_PATTERNS, *names],
            ALLOWED_ORIGINS_ENV: [f"http://{name}" for name in names],
        }
        return {name: ",".join([*values, *filter(None, [os.environ.get(name)])]) for name, values in allowed.items()}

    @property
    def _host_names(self) -> tuple[str, ...]:
        """All names and addresses of this machine; names first, without repetitions."""
        requested = [] if self.address.is_unspecified else [self.host, str(self.address)]
        known = [socket.gethostname(), socket.getfqdn()]
        return tuple(dict.fromkeys([*(name.lower() for name in (*requested, *known)), *_interface_addresses()]))

    def _with_port(self, name: str) -> str:
        """The host part of a URL."""
        host = f"[{name}]" if ":" in name else name
        return host if self.port == 80 else f"{host}:{self.port}"


def _interface_addresses() -> Iterator[str]:
    """The addresses of this machine in its networks."""
    for interface in chain.from_iterable(psutil.net_if_addrs().values()):
        if interface.family in (socket.AF_INET, socket.AF_INET6) and "%" not in interface.address:
            yield interface.address


def _is_local(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.partition(".")[0] == "localhost"


def resolve_bind_address(host: str, port: int | None, *, auth: bool) -> BindAddress:
    """Resolve an address, and check that a server may listen on it; port None chooses a free one.

    Raises:
        TrackingError: If it is not an address of this machine, if the port is in use, or if other
            machines could connect without a login.
    """
    address = _resolve_host(host)
    if not (auth or address.is_loopback):
        raise TrackingError(
            f"On {host}, everyone who can reach this machine could change and delete all runs.",
            fix="add --auth, which requires a login (make serve ARGS='--host 0.0.0.0 --auth'), or "
            "omit --host: then only this machine can connect.",
        )
    return BindAddress(host=host, address=address, port=_find_free_port(address, port))


def _resolve_host(host: str) -> IPv4Address | IPv6Address:
    """The address of a host; IPv4 is preferred, because all clients can use it."""
    try:
        candidates = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _foreign_address_error(host, error) from error
    return min((ip_address(info[4][0]) for info in candidates), key=lambda ip: ip.version)


def _find_free_port(address: IPv4Address | IPv6Address, port: int | None) -> int:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((str(address), port or 0))
        except (OSError, OverflowError) as error:
            if getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
                raise _foreign_address_error(str(address), error) from error
            raise TrackingError(
                f"Port {port} of {address} cannot be used: {error}.",
                fix="choose another --port, or stop the program that listens on it.",
            ) from error
        return int(probe.getsockname()[1])


def _foreign_address_error(host: str, error: Exception) -> TrackingError:
    return TrackingError(
        f"{host!r} is not an address of this machine: {error}.",
        fix="set --host to a name or an address of this machine, or to 0.0.0.0 for all of them.",
    )
