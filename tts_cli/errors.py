"""Every error a user can meet, as one tree.

    TtsError                 exit code 1
    |- InputError            exit code 2: bad usage or bad input
    |  |- ConfigError        a recipe, context or JSON file is wrong: names the file and the key
    |  |- TextError          text that cannot be spoken
    |  |- AudioError         audio that cannot be read or used
    |  |- CorpusError        a corpus, manifest or split that cannot be used
    |  |- CheckpointError    a checkpoint of another kind, or a damaged one
    |  `- AddonError         an addon that cannot be used: names the file or the JSON path
    |     `- StackError      a stack whose blocks do not fit together: names the JSON path
    |- RefusedError          exit code 1: it ran, but its result is refused (nothing valid, parity, guard)
    `- OutputError           exit code 2: the result cannot be written (disk full, unwritable)

Each carries one clear line and, where there is a remedy, a hint. The CLI prints both and exits with `exit_code`.
"""


class TtsError(Exception):
    """Root of all errors raised on purpose."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(TtsError):
    """Bad usage or bad input."""

    exit_code = 2


class ConfigError(InputError):
    """A recipe, context or JSON file is wrong."""


class TextError(InputError):
    """Text that cannot be spoken."""


class AudioError(InputError):
    """Audio that cannot be read or used."""


class CorpusError(InputError):
    """A corpus, manifest or split that cannot be used."""


class CheckpointError(InputError):
    """A checkpoint of another kind, or a damaged one."""


class AddonError(InputError):
    """An addon that cannot be used."""


class StackError(AddonError):
    """A stack whose blocks do not fit together."""


class RefusedError(TtsError):
    """It ran, but its result is refused."""


class OutputError(TtsError):
    """The result cannot be written."""

    exit_code = 2
