"""Writes docs/cli.md from the app's own help: `python tests/cli/reference.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from tts_cli.cli.main import app

FILE = Path(__file__).parents[2] / "docs" / "cli.md"
INTRODUCTION = """# The command line

Written by `python tests/cli/reference.py` from the help of the commands. Results go to standard output; progress and remarks to
standard error. Errors are one line and a hint, with `--debug` the traceback too. Exit codes: 0 done; 1 it ran, but its result is
refused; 2 bad usage or bad input; 130 interrupted."""


def reference() -> str:
    """The text of docs/cli.md."""
    return "\n".join([INTRODUCTION, *_command("tts", typer.main.get_command(app))]) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    """The lines on a command and those inside it."""
    context = typer.Context(command, info_name=name)
    arguments = [_argument(param) for param in command.params if param.param_type_name == "argument"]
    yield f"\n## `{' '.join([name, *arguments])}`\n\n{_paragraphs(command.help)}"
    options = [param for param in command.get_params(context) if param.param_type_name == "option" and param.name != "help"]
    if options:
        yield "\n| option | |\n|---|---|"
    yield from (f"| {_names(option)} | {_meaning(option)} |" for option in options)
    inner = command.list_commands(context) if hasattr(command, "list_commands") else []
    for other in inner:
        yield from _command(f"{name} {other}", command.get_command(context, other))


def _argument(param: Any) -> str:
    name = str(param.metavar) + ("..." if param.nargs == -1 else "")
    return name if param.required else f"[{name}]"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _names(option: Any) -> str:
    value = f" {option.metavar}" if option.metavar else ""
    names = ", ".join(f"`{name}`" for name in [*option.opts[:-1], option.opts[-1] + value, *option.secondary_opts])
    return names.replace("|", "\\|")


def _meaning(option: Any) -> str:
    remarks = [f"or `${option.envvar}`"] if option.envvar else []
    remarks += ["required"] if option.required else []
    if not option.is_flag and option.default not in (None, ""):
        remarks.append(f"default {option.default}")
    return option.help.replace("|", "\\|") + (f" ({'; '.join(remarks)})" if remarks else "")


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
