"""Where a tracking server listens: others only with a login, and by every name of the machine."""

import socket
from ipaddress import ip_address

import psutil
import pytest

from arogya_bench.errors import TrackingError
from arogya_bench.tracking.bind_address import ALLOWED_HOSTS_ENV, ALLOWED_ORIGINS_ENV, BindAddress, resolve_bind_address


def everywhere(port=5000):
    """All addresses of this machine, without looking whether the port is free."""
    return BindAddress(host="0.0.0.0", address=ip_address("0.0.0.0"), port=port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1"])
def test_this_machine_alone_needs_no_login_and_is_nothing_to_others(host):
    found = resolve_bind_address(host, None, auth=False)

    assert found.uri == f"http://127.0.0.1:{found.port}"
    assert found.remote_uris == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_others_are_let_in_with_a_login_only(host):
    with pytest.raises(TrackingError, match="everyone who can reach this machine") as refusal:
        resolve_bind_address(host, None, auth=False)

    assert "--auth" in refusal.value.fix


@pytest.mark.parametrize("host", ["nobody.invalid", "203.0.113.9", ""])
def test_what_is_no_address_of_this_machine_is_said(host):
    with pytest.raises(TrackingError, match="is not an address of this machine") as refusal:
        resolve_bind_address(host, None, auth=True)

    assert "0.0.0.0" in refusal.value.fix


@pytest.mark.parametrize("port", [70_000, -1])
def test_a_port_that_there_is_not_is_said(port):
    with pytest.raises(TrackingError, match=f"Port {port} of 127.0.0.1 cannot be used"):
        resolve_bind_address("127.0.0.1", port, auth=False)


def test_others_hear_of_the_names_and_addresses_that_may_reach_it():
    addresses = {
        each.address
        for interface in psutil.net_if_addrs().values()
        for each in interface
        if each.family == socket.AF_INET and not each.address.startswith("127.")
    }

    found = everywhere()

    assert found.uri == "http://127.0.0.1:5000"
    assert {f"http://{each}:5000" for each in addresses} <= set(found.remote_uris)
    assert not [each for each in found.remote_uris if "127.0.0.1" in each or "localhost" in each]


def test_names_that_the_machine_does_not_know_of_itself_are_added(monkeypatch):
    monkeypatch.setenv(ALLOWED_HOSTS_ENV, "runs.ward.example,10.*")
    monkeypatch.setenv(ALLOWED_ORIGINS_ENV, "https://runs.ward.example")

    settings = everywhere().mlflow_environment()

    name = f"{socket.gethostname().lower()}:5000"
    assert {name, "127.0.0.1:*", "runs.ward.example", "10.*"} <= set(settings[ALLOWED_HOSTS_ENV].split(","))
    assert {f"http://{name}", "https://runs.ward.example"} <= set(settings[ALLOWED_ORIGINS_ENV].split(","))


def test_the_port_of_the_web_stands_in_no_address():
    assert everywhere(port=80).uri == "http://127.0.0.1"


def test_an_address_of_version_6_stands_in_brackets():
    found = BindAddress(host="::", address=ip_address("::"), port=5000)

    assert found.uri == "http://[::1]:5000"
