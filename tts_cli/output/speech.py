"""Speech on its way out: chunks of a voice as samples, with what was spoken when."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tts_cli.audio.mel import Floats
from tts_cli.output.timings import TimedSentence
from tts_cli.voice.synthesis import AudioChunk, Voice

Tell = Callable[[str], None]
"""Takes a line for the user."""


def tell_nobody(line: str) -> None:
    """Take a line, and drop it."""


class Speech:
    """Chunks of audio (samples,) on their way out; knows afterwards how long they were and, with `notes`, what was when."""

    def __init__(
        self, voice: Voice, chunks: Iterator[AudioChunk], notes: bool, num_earlier: int = 0, tell: Tell = tell_nobody
    ) -> None:
        """`num_earlier` samples were made at another time; `tell` is told of faults."""
        self.sentences: list[TimedSentence] = []
        self._voice, self._chunks, self._notes, self._tell = voice, chunks, notes, tell
        self._num_samples = num_earlier

    def __iter__(self) -> Iterator[Floats]:
        for chunk in self._chunks:
            # Without notes, memory does not grow with the text.
            if self._notes and chunk.sentence is not None:
                self.sentences.append(TimedSentence(chunk.sentence, self.seconds, self._voice))
            if self._notes:
                self.sentences[-1].faults.extend(chunk.faults)
            for fault in chunk.faults:
                self._tell(f"warning: {fault.message}")
            self._num_samples += len(chunk.samples)
            yield chunk.samples

    @property
    def seconds(self) -> float:
        """Audio so far, in seconds."""
        return self._num_samples / self._voice.sample_rate
