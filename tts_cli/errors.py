"""Every error that the package raises on purpose, as one tree of exceptions.

    exception                exit code
    TtsError                 1    root of the tree
    |- InputError            2    bad usage or bad input
    |  |- ConfigError        2    a recipe, context or JSON file is wrong; names the file and the key
    |  |- TextError          2    a text cannot be spoken
    |  |- AudioError         2    an audio file cannot be read or used
    |  |- CorpusError        2    a corpus, manifest or split cannot be used
    |  |- CheckpointError    2    a checkpoint is damaged or belongs to another kind of model
    |  `- AddonError         2    an addon cannot be used; names the file or the JSON path
    |     `- StackError      2    the blocks of a stack do not fit together; names the JSON path
    |- RefusedError          1    the command ran, but its result is refused (nothing valid, parity, guard)
    `- OutputError           2    the result cannot be written (disk full, folder not writable)

Each carries a message of one line and, where there is a remedy, a hint. The command line prints both and exits with `exit_code`.
Exit code 0 means success, 130 that the user interrupted the command.
"""

LONGEST_LINE = 300
"""Most characters of a line on standard error; longer ones quote values without end."""
_LONGEST_WORD = 60


class TtsError(Exception):
    """Root of all errors that the package raises on purpose.

    Args:
        message: One line that names the problem and its place.
        hint: The remedy; None if there is none to suggest.
    """

    exit_code = 1
    """Exit code of a command that ends with this error."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(TtsError):
    """Bad usage or bad input. Exit code 2."""

    exit_code = 2


class ConfigError(InputError):
    """Error in a recipe, context or JSON file. The message names the file and the key."""


class TextError(InputError):
    """Text that cannot be spoken."""


class AudioError(InputError):
    """Audio file that cannot be read or used."""


class CorpusError(InputError):
    """Corpus, manifest or split that cannot be used."""


class CheckpointError(InputError):
    """Checkpoint that is damaged or belongs to another kind of model."""


class AddonError(InputError):
    """Addon that cannot be used. The message names the file or the JSON path."""


class StackError(AddonError):
    """Stack of blocks that do not fit together. The message names the JSON path."""


class RefusedError(TtsError):
    """Result that is refused although the command ran: nothing valid, no parity, or stopped by a guard. Exit code 1."""


class OutputError(TtsError):
    """Result that cannot be written: the disk is full or the folder is not writable. Exit code 2."""

    exit_code = 2


def one_line(text: str) -> str:
    """Return `text` as one line of at most `LONGEST_LINE` characters; long words lose their middle first."""
    line = " ".join(text.split())
    if len(line) > LONGEST_LINE:
        words = (word if len(word) <= _LONGEST_WORD else f"{word[:40]}...{word[-15:]}" for word in line.split(" "))
        line = " ".join(words)
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 65]} ... {line[-60:]}"
