"""The app `tts`: one file per command group; each command parses, calls one room and prints."""

import sys
from importlib import import_module

INTERRUPTED = 130
"""The exit code of a command that was interrupted."""


def run() -> None:
    """The command `tts`: interrupted while it is still importing, it ends as it does later."""
    try:
        main = import_module("tts_cli.cli.main")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
    main.run()
