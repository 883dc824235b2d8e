"""Speech on its way to an outlet: samples of a voice's chunks, and the sentences with their times."""

from __future__ import annotations

from collections.abc import Iterator

from tts_cli.audio.mel import Floats
from tts_cli.output.outlets import Tell, tell_nobody
from tts_cli.output.timings import TimedSentence
from tts_cli.voice.synthesis import AudioChunk, Voice


class Speech:
    """Iterable over the samples of a voice's chunks, each of shape (samples,). It can be iterated once.

    Attributes:
        sentences: Spoken sentences with their start times, in order; empty without `notes`.
    """

    def __init__(
        self, voice: Voice, chunks: Iterator[AudioChunk], notes: bool, num_earlier: int = 0, tell: Tell = tell_nobody
    ) -> None:
        """Wrap the chunks of a voice.

        Args:
            voice: Voice that speaks.
            chunks: Chunks of `Voice.stream`.
            notes: Keep the sentences. Without notes, memory does not grow with the text.
            num_earlier: Samples of the same audio from an earlier run; times count from its start.
            tell: Receives a warning for each fault, and a note for each part of the text that is not spoken.
        """
        self.sentences: list[TimedSentence] = []
        self._voice, self._chunks, self._notes, self._tell = voice, chunks, notes, tell
        self._num_samples = num_earlier

    def __iter__(self) -> Iterator[Floats]:
        for chunk in self._chunks:
            for note in chunk.sentence.notes if chunk.sentence is not None else ():
                self._tell(f"note: {note}")
            if self._notes and chunk.sentence is not None:
                self.sentences.append(TimedSentence(chunk.sentence, self.seconds, self._voice))
            if self._notes and self.sentences:
                self.sentences[-1].faults.extend(chunk.faults)
            for fault in chunk.faults:
                self._tell(f"warning: {fault.message}")
            self._num_samples += len(chunk.samples)
            yield chunk.samples

    @property
    def seconds(self) -> float:
        """Audio so far, in seconds, with that of an earlier run."""
        return self._num_samples / self._voice.sample_rate
