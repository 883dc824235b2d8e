"""Speech on its way out, and what commands that speak have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tts_cli.cli.outlets import is_device
from tts_cli.cli.terminal import say
from tts_cli.errors import InputError, RefusedError, TtsError
from tts_cli.output.timings import TimedSentence

if TYPE_CHECKING:
    from tts_cli.audio.mel import Floats
    from tts_cli.voice.synthesis import AudioChunk, Voice


class Speech:
    """Chunks of audio (samples,) on their way out; knows afterwards how long they were and, with `notes`, what was when."""

    def __init__(self, voice: Voice, chunks: Iterator[AudioChunk], notes: bool, num_earlier: int = 0) -> None:
        """`num_earlier` samples were made at another time."""
        self.sentences: list[TimedSentence] = []
        self._voice, self._chunks, self._notes = voice, chunks, notes
        self._num_samples = num_earlier

    def __iter__(self) -> Iterator[Floats]:
        for chunk in self._chunks:
            # Without notes, memory does not grow with the text.
            if self._notes and chunk.sentence is not None:
                self.sentences.append(TimedSentence(chunk.sentence, self.seconds, self._voice))
            if self._notes:
                self.sentences[-1].faults.extend(chunk.faults)
            for fault in chunk.faults:
                say(f"warning: {fault.message}")
            self._num_samples += len(chunk.samples)
            yield chunk.samples

    @property
    def seconds(self) -> float:
        """Of audio so far."""
        return self._num_samples / self._voice.sample_rate


def do_each(tasks: Mapping[str, Callable[[], None]], folder: Path, passed_over: tuple[type[TtsError], ...]) -> None:
    """Does every task, whose result is a file in `folder`.

    One that fails with an error that is `passed_over` is told by its name; then an error is raised in the end.
    """
    errors: list[TtsError] = []
    for name, task in tasks.items():
        try:
            task()
        except passed_over as error:
            say(f"{name}: {error.message}")
            errors.append(error)
    if errors:
        message = f"{len(errors)} of {len(tasks)} lines could not be spoken"
        raise type(errors[0])(message, hint="; ".join(_remedies(errors, len(tasks), folder)) or None)


def _remedies(errors: Sequence[TtsError], num_lines: int, folder: Path) -> Iterator[str]:
    """What there is to say to the errors of some of the lines."""
    if len(errors) < num_lines:
        yield f"all others are in {folder}"
    yield from sorted({error.hint for error in errors if isinstance(error, RefusedError) and error.hint})


def refuse_several(given: dict[str, object]) -> None:
    """Raises InputError when more than one of the options that exclude each other is given."""
    names = [name for name, value in given.items() if value not in (None, False)]
    if len(names) > 1:
        raise InputError(f"{' and '.join(names)} exclude each other")


def refuse_same(given: dict[str, Path | None]) -> None:
    """Raises InputError when two options name one file. A device takes what comes."""
    names: dict[Path, str] = {}
    for name, path in given.items():
        if path and not is_device(path) and (other := names.setdefault(path.resolve(), name)) != name:
            raise InputError(f"{other} and {name} are one file: {path}")
