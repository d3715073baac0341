import json
import pickle
import shlex
import sys

import pytest

from arogya_bench.errors import MissingExtra, ModelError, install_command, merge_missing, missing_extras


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a distribution of our name that came from somewhere, as pip records it."""

    def install(record):
        folder = tmp_path / "site" / "arogya_bench-9.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: arogya-bench\nVersion: 9\n", encoding="utf-8")
        if record:
            (folder / "direct_url.json").write_text(json.dumps(record), encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path / "site")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return install


def words_of(command):
    return shlex.split(command)[shlex.split(command).index("install") + 1 :]


def test_a_checkout_is_installed_from_its_folder(installed, tmp_path):
    installed({"url": (tmp_path / "my code").as_uri(), "dir_info": {"editable": True}})

    assert words_of(install_command("torch", "report"))[-2:] == ["--editable", "my code[torch,report]"]


@pytest.mark.parametrize(
    ("record", "requirement"),
    [
        (None, "arogya-bench[torch]"),
        ({"url": "file:///wheels/a.whl", "archive_info": {}}, "arogya-bench[torch] @ file:///wheels/a.whl"),
        ({"url": "file:///a/checkout", "dir_info": {}}, "/a/checkout[torch]"),
    ],
)
def test_what_was_installed_otherwise_is_installed_again_from_there(installed, record, requirement):
    installed(record)

    assert words_of(install_command("torch"))[-1] == requirement


def test_the_command_installs_into_the_environment_that_runs(installed, monkeypatch, tmp_path):
    installed(None)
    monkeypatch.setenv("PATH", str(tmp_path))  # no environment is activated

    assert install_command("torch").startswith((f"{sys.executable} -m pip install", "uv pip install --python"))


def test_everything_that_is_missing_is_one_error_with_one_command():
    torch, keras = missing_extras(["torch"], ["torch"]), missing_extras(["tensorflow"], ["keras"])
    scanner = MissingExtra("No scanner.", fix="ask for one")

    merged = merge_missing([torch, scanner, keras, torch, scanner])

    assert merged.problem == "The Python packages 'torch', 'keras' are not installed. No scanner."
    assert "[torch,tensorflow]" in merged.fix
    assert merged.fix.endswith("; ask for one")
    assert merge_missing([scanner]) is scanner


def test_what_is_missing_survives_the_way_back_from_a_worker():
    error = pickle.loads(pickle.dumps(missing_extras(["torch"], ["torch"])))

    assert (error.extras, error.modules) == (("torch",), ("torch",))


def test_messages_hold_no_colours_of_the_text_that_they_quote():
    error = ModelError("RuntimeError: \x1b[31mboom\x1b[0m\x07 in é\r", fix="\x1b]0;title\x07look.")

    assert str(error) == "RuntimeError: boom in é\nFix: look."


def test_the_error_of_wrong_arguments_is_public():
    import arogya_bench

    assert issubclass(ModelError, arogya_bench.UserError)
