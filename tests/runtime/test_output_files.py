"""What the system refuses while a file is written becomes an error that names the file."""

import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from arogya_bench.errors import UserError
from arogya_bench.runtime.output_files import check_output_folder, system_error_problem, write_file


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.ENOTDIR])
def test_an_error_that_a_user_can_change_names_the_file(number):
    problem = system_error_problem(OSError(number, os.strerror(number), "out/gate.json"))

    assert problem is not None
    assert problem.problem == f"out/gate.json cannot be read or written: {os.strerror(number)}."


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "bad", "a"), OSError("other")])
def test_an_error_of_another_kind_stays(error):
    assert system_error_problem(error) is None


def test_the_folders_above_a_file_are_made(tmp_path):
    write_file(tmp_path / "a" / "b" / "c.txt", "größe", fix="")

    assert (tmp_path / "a" / "b" / "c.txt").read_text(encoding="utf-8") == "größe"


def test_a_folder_that_can_be_made_passes_and_is_not_made(tmp_path):
    check_output_folder(tmp_path / "new" / "deep", fix="")

    assert not (tmp_path / "new").exists()


def test_a_folder_in_which_no_file_can_be_made_is_refused():
    with pytest.raises(UserError, match="/proc is not writable") as refusal:
        check_output_folder(Path("/proc"), fix="choose another")

    assert refusal.value.fix == "choose another"


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("> /dev/full", 2, "A file, or the output of this command, cannot be written: No space left on device."),
        ("| true", 141, ""),
    ],
)
def test_output_that_cannot_be_written_is_no_traceback(target, code, words, unbuffered):
    program = "import sys; sys.argv[0] = 'arogya-bench'; from arogya_bench.cli.main import main; sys.exit(main())"
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} data fetch {target}; exit ${{PIPESTATUS[0]}}"

    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    ended = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=120)

    assert ended.returncode == code
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert bool(ended.stderr) == bool(words)
