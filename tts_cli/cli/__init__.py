"""Command line `tts`: one file per command group. Each command parses its options, calls one room and prints."""

import sys
from importlib import import_module

from tts_cli.cli.streams import handle_signals, prepare_streams

INTERRUPTED = 130
"""Exit code after SIGINT (Ctrl-C)."""


def run() -> None:
    """Run the command `tts`. Ctrl-C during the imports ends it like Ctrl-C during a command: one line and exit code 130."""
    prepare_streams()
    try:
        handle_signals()
        main = import_module("tts_cli.cli.main")
        main.run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
