"""Ids follow from a secret alone, and the secret is shown nowhere."""

import hashlib
import hmac
import pickle
import uuid

import pytest

from arogya_bench.deidentification.pseudonyms import ID_LENGTH, Pseudonyms, check_distinct, load_pseudonyms
from arogya_bench.errors import ConfigError, DatasetError

SECRET = b"correct horse battery staple"


@pytest.fixture
def names():
    return Pseudonyms(secret=SECRET)


def secret_file(folder, content=SECRET, mode=0o600):
    file = folder / "secret"
    file.write_bytes(content)
    file.chmod(mode)
    return str(file)


def test_an_id_is_the_hmac_of_the_name_under_its_domain(names):
    expected = hmac.new(SECRET, b"arogya-bench/case\0a", hashlib.sha256).hexdigest()

    assert names.case("a") == expected[:ID_LENGTH]


def test_a_patient_and_a_case_of_one_name_have_two_ids(names):
    assert names.case("7") != names.group("7")


def test_another_secret_gives_other_ids(names):
    other = Pseudonyms(secret=SECRET + b"!")

    assert names.case("a") != other.case("a")
    assert names.check_value != other.check_value


def test_a_uid_is_one_of_dicom_and_always_the_same(names):
    first, again = names.uid("1.2.3"), names.uid("1.2.3")

    assert first == again != names.uid("1.2.4")
    assert len(first) <= 64
    assert uuid.UUID(int=int(first.removeprefix("2.25."))).version == 4


def test_the_secret_is_in_no_text_of_the_object(names):
    assert "horse" not in f"{names!r} {names}"


def test_the_secret_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("AROGYA_SECRET", SECRET.decode())

    assert load_pseudonyms(None) == Pseudonyms(secret=SECRET)


def test_a_file_goes_before_the_environment_and_its_line_end_does_not_count(monkeypatch, tmp_path):
    monkeypatch.setenv("AROGYA_SECRET", "another one of enough bytes")

    assert load_pseudonyms(secret_file(tmp_path, SECRET + b"\r\n")) == Pseudonyms(secret=SECRET)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604, 0o601, 0o777])
def test_a_secret_that_others_may_read_is_refused(tmp_path, mode):
    with pytest.raises(ConfigError, match=f"mode {mode:o}: others may") as caught:
        load_pseudonyms(secret_file(tmp_path, mode=mode))

    assert "chmod 600" in caught.value.fix
    assert "horse" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_without_a_secret_nothing_begins(tmp_path, monkeypatch, content):
    monkeypatch.delenv("AROGYA_SECRET", raising=False)

    with pytest.raises(ConfigError, match="variable AROGYA_SECRET is empty or not set"):
        load_pseudonyms(None)
    with pytest.raises(ConfigError, match="secret file is empty"):
        load_pseudonyms(secret_file(tmp_path, content))


def test_a_short_secret_is_refused_and_not_shown(tmp_path):
    with pytest.raises(ConfigError, match="holds 15 bytes") as caught:
        load_pseudonyms(secret_file(tmp_path, b"123456789abcdef"))

    assert "123456789" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere cannot be read: No such file"):
        load_pseudonyms(str(tmp_path / "nowhere"))


def test_two_cases_of_one_id_are_an_error():
    short = Pseudonyms(secret=SECRET, length=1)
    cases = [str(number) for number in range(17)]

    with pytest.raises(DatasetError, match="Two cases have the same pseudonym"):
        check_distinct({case: short.case(case) for case in cases}, "cases")


def test_a_million_ids_would_not_collide_and_twenty_thousand_do_not(names):
    cases = [str(number) for number in range(20_000)]

    check_distinct({case: names.case(case) for case in cases}, "cases")


def test_errors_survive_a_process_without_the_secret(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_pseudonyms(secret_file(tmp_path, mode=0o644))

    assert b"horse" not in pickle.dumps(caught.value)
