"""``arogya-bench completion``: what a shell offers after TAB."""

import argparse
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence

from arogya_bench.cli.arguments import Subparsers

DESCRIPTION = """\
Print a script that completes commands, options, config groups, their options, and keys after TAB.

  bash   eval "$(arogya-bench completion bash)"    in ~/.bashrc
  zsh    eval "$(arogya-bench completion zsh)"     in ~/.zshrc, after compinit
  fish   arogya-bench completion fish | source     in ~/.config/fish/config.fish
"""
BASH = r"""
_arogya_bench() {
  local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}" word reply
  word="${line##*[[:space:]]}"
  COMPREPLY=()
  for reply in $(arogya-bench completion --line "$line"); do
    COMPREPLY+=("${reply#"${word%"${word##*[=:]}"}"}")
  done
  case "${COMPREPLY[0]}" in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _arogya_bench arogya-bench
"""
ZSH = r"""
_arogya_bench() {
  local -a replies
  replies=("${(@f)$(arogya-bench completion --line "${(j: :)words[1,CURRENT]}")}")
  [[ -n "$replies" ]] && compadd -S '' -- $replies || _files
}
compdef _arogya_bench arogya-bench
"""
FISH = "complete -c arogya-bench -a '(arogya-bench completion --line (commandline -cp | string collect))'\n"
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command ``completion``; the caller sets what it runs."""
    parser = commands.add_parser(
        "completion",
        help="print a script for completion in bash, zsh or fish",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", nargs="?", choices=[*SCRIPTS], help="shell (default: bash)", default="bash")
    parser.add_argument("--line", help="print what may stand at the end of this command line, for the scripts")
    return parser


def print_completion(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print the script of a shell, or the words that complete a command line of ``parser``."""
    if arguments.line is None:
        sys.stdout.write(SCRIPTS[arguments.shell].lstrip())
    else:
        sys.stdout.writelines(f"{word}\n" for word in complete(arguments.line, parser))
    return 0


def complete(line: str, parser: argparse.ArgumentParser) -> list[str]:
    """The words that may stand at the end of a command line, whose last word may be empty or half-written."""
    *before, word = _split(line)
    for name in before[1:]:
        subcommands = _subcommands(parser)
        parser = subcommands.get(name, parser)
    offered = set(_subcommands(parser)) or {*_choices(parser), *_overrides(parser, word)}
    options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    return sorted(each for each in (options if word.startswith("-") else offered) if each.startswith(word))


def _split(line: str) -> list[str]:
    """The words of a line; quotes that are open are left to the shell."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    return [*words, ""] if not line or line[-1].isspace() else words


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    nested = (action.choices for action in parser._actions if isinstance(action.choices, Mapping))
    return {name: subparser for choices in nested for name, subparser in choices.items()}


def _choices(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The choices of a positional argument; a dataset is one of the config group."""
    for action in parser._actions:
        if not action.option_strings:
            yield from map(str, action.choices or ())
            if action.dest == "name":
                from arogya_bench.cli.config_help import config_groups

                yield from config_groups()["dataset"]


def _overrides(parser: argparse.ArgumentParser, word: str) -> Sequence[str]:
    """Groups and keys with an equals sign, or the options of the group whose sign is written."""
    if not any(action.dest == "overrides" for action in parser._actions):
        return ()
    from arogya_bench.cli.config_help import config_groups, config_keys

    groups = config_groups()
    group = re.match(r"([\w/]+)=(.*,)?", word)
    if group:
        return [f"{group[0]}{option}" for option in groups.get(group[1], ())]
    return [*(f"{name}=" for name in groups), *(f"{key.name}=" for key in config_keys())]
