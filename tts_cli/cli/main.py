"""Typer app `tts`: registers the commands, and turns errors into one line, a hint and an exit code.

Heavy packages are imported inside the commands that need them, so that `tts --help` answers at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tts_cli.cli import (
    INTERRUPTED,
    addons,
    evaluate,
    listening_test,
    machine,
    pack,
    parse,
    prepare,
    read,
    stack,
    synth,
    train,
    transfer,
)
from tts_cli.cli.streams import keep_exit_code
from tts_cli.cli.terminal import remember_command
from tts_cli.errors import InputError, OutputError, TtsError, one_line

ORDER = (
    "synth",
    "read",
    "transfer-prosody",
    "addons",
    "stack",
    "parse",
    "doctor",
    "bench",
    "prepare",
    "train",
    "status",
    "predict-mels",
    "pack",
    "unpack",
    "export-addon",
    "evaluate",
    "listening-test",
)
"""Order of the commands in the help: first those that use voices, then those that make voices."""


class Commands(TyperGroup):
    """Commands of `tts`. A reader that closes the output pipe early, such as `head`, causes no error."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of `ORDER`."""
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        try:
            value = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Otherwise the rest of the buffer raises again when the interpreter flushes it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        return value


app = typer.Typer(
    name="tts",
    cls=Commands,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(synth.synth)
app.command()(read.read)
app.command()(transfer.transfer_prosody)
app.add_typer(addons.app, name="addons")
app.add_typer(stack.app, name="stack")
app.command()(parse.parse)
app.command()(machine.doctor)
app.command()(machine.bench)
app.command()(prepare.prepare)
app.add_typer(train.app, name="train")
app.command()(train.status)
app.command()(train.predict_mels)
app.command()(pack.pack)
app.command()(pack.unpack)
app.command()(addons.export_addon)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(listening_test.app, name="listening-test")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tts {version('tts-cli')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def tts(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; allowed at any position.")] = False,  # noqa: ARG001
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Train, export and stream neural text-to-speech voices.

    Begin with: tts synth "Hello"
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run() -> None:
    """Run the command line of this process and exit."""
    code = main(sys.argv[1:])
    keep_exit_code(code)
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Errors are printed on standard error, not raised."""
    debug, arguments = _take_debug(arguments)
    remember_command(arguments)
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="tts", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _fail(_explained(error))
    if code == INTERRUPTED:
        typer.echo("interrupted", err=True)
    return code if isinstance(code, int) else 0


def _take_debug(arguments: Sequence[str]) -> tuple[bool, Sequence[str]]:
    """Return whether `--debug` is among the options, and the arguments without it. Arguments after `--` are left alone."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    return len(options) < end, [*options, *arguments[end:]]


def _explained(error: Exception) -> TtsError:
    """Return `error` as a TtsError with a message for the user."""
    if isinstance(error, TtsError):
        return error
    if hasattr(error, "format_message"):
        command = getattr(getattr(error, "ctx", None), "command_path", "tts")
        return InputError(error.format_message(), hint=f"{command} --help")
    if isinstance(error, OSError):
        return OutputError(f"{error.filename or 'the system'}: {error.strerror or error}", hint="--debug shows the traceback")
    if isinstance(error, MemoryError):
        return TtsError("not enough memory", hint="close other programs, or choose smaller batches or shorter sentences")
    return TtsError(f"internal error: {type(error).__name__}: {error}", hint="--debug shows the traceback; please report it")


def _fail(error: TtsError) -> int:
    with suppress(OSError):
        typer.secho("error: ", fg="red", nl=False, err=True)
        typer.echo(one_line(error.message), err=True)
        if error.hint:
            typer.secho("hint: ", fg="cyan", nl=False, err=True)
            typer.echo(one_line(error.hint), err=True)
    return error.exit_code
