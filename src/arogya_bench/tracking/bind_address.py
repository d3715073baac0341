"""Where a tracking server listens, and by which names clients may come."""

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain

import psutil

from arogya_bench.errors import TrackingError

ALLOWED_HOSTS_ENV, ALLOWED_ORIGINS_ENV = (
    "MLFLOW_SERVER_ALLOWED_HOSTS",
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
)
DEFAULT_HOSTS = ("127.0.0.1", "localhost", "::1")  # MLflow lets these in by itself
LOCALHOST_PATTERNS = (
    "localhost:*",
    "127.0.0.1:*",
    "[[]::1]:*",
)  # patterns; the first [ is its own sign
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True, kw_only=True)
class BindAddress:
    """An address and a port of this machine.

    Attributes:
        host: As it was asked for.
        address: What it means; 0.0.0.0 or :: are all addresses of this machine.
        port: Free when it was looked at.
    """

    host: str
    address: IPv4Address | IPv6Address
    port: int

    @property
    def uri(self) -> str:
        """What ``tracking.uri`` takes on this machine."""
        every = self.address.is_unspecified
        return f"http://{self._with_port(LOOPBACK[self.address.version] if every else str(self.address))}"

    @property
    def remote_uris(self) -> tuple[str, ...]:
        """What it takes on other machines, if one of these reaches ours; empty if none can."""
        if self.address.is_loopback:
            return ()
        if not self.address.is_unspecified:
            return (self.uri,)
        return tuple(
            f"http://{self._with_port(name)}" for name in self._host_names if not _is_local(name)
        )

    def mlflow_environment(self) -> dict[str, str]:
        """What MLflow must know to let clients in by the names and addresses of this machine.

        It refuses a name that it does not know, because a page of a stranger could call ours by
        one of its own; and what a page of its own sends, unless it knows the origin. Names that
        this machine does not know of itself come from the same variables of the environment.
        """
        if self.host in DEFAULT_HOSTS:
            return {}
        names = [self._with_port(name) for name in self._host_names]
        ours = {
            ALLOWED_HOSTS_ENV: [*LOCALHOST_PATTERNS, *names],
            ALLOWED_ORIGINS_ENV: [f"http://{name}" for name in names],
        }
        return {
            name: ",".join([*values, *filter(None, [os.environ.get(name)])])
            for name, values in ours.items()
        }

    @property
    def _host_names(self) -> tuple[str, ...]:
        """Every name and address of this machine; the name first, without repeats."""
        asked = [] if self.address.is_unspecified else [self.host, str(self.address)]
        own = [socket.gethostname(), socket.getfqdn()]
        return tuple(
            dict.fromkeys([*(name.lower() for name in (*asked, *own)), *_interface_addresses()])
        )

    def _with_port(self, name: str) -> str:
        """The name with its port, as it stands in an address."""
        written = f"[{name}]" if ":" in name else name
        return written if self.port == 80 else f"{written}:{self.port}"


def _interface_addresses() -> Iterator[str]:
    """The addresses of this machine that others can call it by."""
    for each in chain.from_iterable(psutil.net_if_addrs().values()):
        if each.family in (socket.AF_INET, socket.AF_INET6) and "%" not in each.address:
            yield each.address


def _is_local(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.partition(".")[0] == "localhost"


def resolve_bind_address(host: str, port: int | None, *, auth: bool) -> BindAddress:
    """Look whether a server may listen there.

    Args:
        host: A name or an address of this machine; 0.0.0.0 are all that it has.
        port: None takes a free one.
        auth: Whether clients must log in.

    Raises:
        TrackingError: If it is no address of this machine, if the port is in use, or if others
            could come without a login.
    """
    address = _resolve_host(host)
    if not (auth or address.is_loopback):
        raise TrackingError(
            f"At {host} everybody who reaches this machine could change and delete all runs.",
            fix="add --auth, which asks for a login (make serve ARGS='--host 0.0.0.0 --auth'), or "
            "leave --host out: then only this machine itself is let in.",
        )
    return BindAddress(host=host, address=address, port=_find_free_port(address, port))


def _resolve_host(host: str) -> IPv4Address | IPv6Address:
    """The address that a host means; of several one of version 4, which all clients can use."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _foreign_address_error(host, error) from error
    return min((ip_address(each[4][0]) for each in found), key=lambda each: each.version)


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
                fix="choose another --port, or end the program that listens there.",
            ) from error
        return int(probe.getsockname()[1])


def _foreign_address_error(host: str, error: Exception) -> TrackingError:
    return TrackingError(
        f"{host!r} is no address of this machine: {error}.",
        fix="give --host a name or an address that this machine has, or 0.0.0.0 for all of them.",
    )
