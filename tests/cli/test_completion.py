import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = """\
eval "$(arogya-bench completion bash)"
COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
_arogya_bench
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("arogya-bench ru", ["run"]),
        ("arogya-bench data ", ["check", "curate", "describe", "fetch"]),
        ("arogya-bench run mod", ["model="]),
        ("arogya-bench run -m model=prior,opencv", ["model=prior,opencv", "model=prior,opencv_soft"]),
        ("arogya-bench run sweep.re", ["sweep.resources=", "sweep.resume="]),
        ("arogya-bench run --dry", ["--dry-run"]),
        ("arogya-bench measure hydra/launcher=p", ["hydra/launcher=pool"]),
        ("arogya-bench data check medm", ["medmnist"]),
        ("arogya-bench run dataset.path=/", []),  # the shell offers files
        ("arogya-bench run 'dataset.path=a b' split.me", ["split.method="]),
        ("arogya-bench run dataset.path='a see", ["seed="]),  # a quote that is open
    ],
)
def test_what_is_offered(command, line, words):
    ended = command("completion", "--line", line)

    assert (ended.code, ended.out.splitlines()) == (0, words)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("arogya-bench com", "compare completion"),
        ("arogya-bench run model=res", "resnet50"),
        ("arogya-bench ru", "run"),
    ],
)
def test_bash_completes_what_follows_the_equals_sign(line, replies):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    ended = subprocess.run(
        ["bash", "--norc", "-c", BASH.format(line=line)], env={"PATH": path}, capture_output=True, text=True, check=True
    )

    assert ended.stdout.split() == replies.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(command, shell):
    assert "arogya-bench completion --line" in command("completion", shell).out
