"""Prosody transfers: a recording and its text in, speech of a target voice with the same prosody out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.addon.config import AddonConfig
from tts_cli.addon.library import addons_that
from tts_cli.audio.formats import FormatName
from tts_cli.audio.mel import Floats
from tts_cli.audio.textgrid import Interval
from tts_cli.errors import AddonError, InputError
from tts_cli.output.outlets import Tell, outlet_to, rate_at, tell_nobody
from tts_cli.output.speech import Speech
from tts_cli.output.timings import Recorded, TimedSentence
from tts_cli.text import TextFrontEnd
from tts_cli.transfer.feature import SOURCE_MEL, STRENGTH
from tts_cli.transfer.listening import AnalysedRecording, listen
from tts_cli.transfer.manifest import Job
from tts_cli.voice.request import Controls
from tts_cli.voice.synthesis import AudioChunk, Voice


@dataclass(frozen=True)
class Done:
    """Result of one transfer."""

    job: Job
    speaker: str
    voice: Voice
    heard: AnalysedRecording
    analysis_s: float
    """Time to analyse the recording, in seconds."""
    speech: Speech
    chunks: list[Floats]
    """Chunks of the speech, each (samples,); empty unless they were kept."""
    path: Path | None
    """File with the speech; None if it went elsewhere."""
    asked_format: FormatName | None = None
    """Value of `--format`."""

    def draw(self, path: Path) -> None:
        """Write a PNG of the recording above the result, which must have been kept. Raises OutputError."""
        from tts_cli.output.pictures import Shown, draw

        mel, voice = self.voice.acoustic.mel, self.voice
        source = TimedSentence(self.heard.source.sentence, 0.0, Recorded(voice.frames_per_second))
        result, said = np.concatenate([np.zeros(0, np.float32), *self.chunks]), self.speech.sentences[0]
        shown = (
            Shown(self.job.source.name, self.heard.audio, mel.sample_rate, source.phones(), source.words()),
            Shown(f"{self.speaker}, {voice.acoustic.name}", result, voice.sample_rate, said.phones(), said.words()),
        )
        draw(path, shown, mel)

    def as_dict(self) -> dict[str, Any]:
        """Return the transfer as the object that `--json` prints."""
        heard, sentence = self.heard, self.heard.source.sentence
        source = TimedSentence(sentence, heard.start_s, Recorded(self.voice.frames_per_second)).words()
        result = self.speech.sentences[0].words()
        return {
            "file": str(self.path) if self.path else None,
            "source": str(self.job.source),
            "text": sentence.text,
            "addon": self.voice.acoustic.name,
            "speaker": self.speaker,
            "sample_rate": rate_at(self.path, self.voice.sample_rate, self.asked_format),
            "seconds": round(self.speech.seconds, 6),
            "strength": self.job.strength,
            "keep": self.job.keep,
            "words": [_timed(*pair) for pair in zip(source, result, strict=True)],
            "doubtful": [sentence.words[place] for place in heard.doubtful],
            "surplus_after": [sentence.words[place] if place >= 0 else None for place in heard.surplus],
            "analysis_s": round(self.analysis_s, 6),
        }


class Transfer:
    """Prosody transfer to one voice, with settings that all its transfers share."""

    def __init__(
        self,
        voice: Voice,
        stream: Callable[..., Iterator[AudioChunk]],
        front_end: TextFrontEnd,
        recognise: Callable[[Path], str] | None = None,
        length_scale: float = 1.0,
        tell: Tell = tell_nobody,
    ) -> None:
        """Set up transfers to a voice.

        Args:
            voice: Voice that takes the prosody.
            stream: `Voice.stream` of that voice, with arguments that all transfers share bound.
            front_end: Text front end for the texts of the recordings.
            recognise: Speech recogniser that returns the text of a recording; None: each job must have its text.
            length_scale: Factor of all durations; 2 speaks half as fast as the recording.
            tell: Receives warnings on doubtful words and faults.
        """
        self.voice, self._stream, self._front_end = voice, stream, front_end
        self._recognise, self._length_scale, self._tell = recognise, length_scale, tell

    def one(
        self,
        job: Job,
        path: Path | None,
        raw: bool = False,
        notes: bool = False,
        keep: bool = False,
        asked_format: FormatName | None = None,
    ) -> Done:
        """Make one transfer.

        Args:
            job: Recording, text, speaker and degree.
            path: Audio file; None writes to standard output (`raw`) or to the sound device.
            raw: Write 16-bit samples without a header to standard output.
            notes: Keep the sentence with its times in `Done.speech`.
            keep: Keep the chunks of the speech in `Done.chunks`.
            asked_format: Value of `--format`; None takes the format of the suffix.

        Raises:
            InputError: The speaker is unknown, or the text is missing and there is no recogniser.
            AddonError: The voice cannot take durations, or melody, from a recording.
            AudioError: The recording cannot be used (see `listen`).
        """
        self._refuse(job)
        outlet, text = outlet_to(path, raw, asked_format, self._tell), self._text(job)
        start = time.perf_counter()
        heard = listen(job.source, text, self.voice.acoustic, self._front_end, rhythm_only=job.keep == "rhythm")
        analysis_s = time.perf_counter() - start
        for warning in heard.warnings():
            self._tell(f"warning: {job.source}: {warning}")
        chunks: list[Floats] = []
        controls = Controls(length_scale=self._length_scale, **{STRENGTH: job.strength})
        speech = Speech(self.voice, self._stream([heard.source], job.speaker, controls), notes, tell=self._tell)
        outlet(_kept(speech, chunks) if keep else speech, self.voice.sample_rate)
        return Done(
            job, job.speaker or self.voice.default_speaker, self.voice, heard, analysis_s, speech, chunks, path, asked_format
        )

    def _text(self, job: Job) -> str:
        if job.text is not None:
            return job.text
        if self._recognise is None:
            raise InputError(f"{job.source}: its text is not given", hint="give its text, or --transcribe to recognise it")
        return self._recognise(job.source)

    def _refuse(self, job: Job) -> None:
        """Raise InputError for an unknown speaker, AddonError for a voice that cannot take the prosody of the job."""
        if job.speaker:
            self.voice.acoustic.speaker_id(job.speaker)
        name = self.voice.acoustic.name
        if not self.voice.tells_durations:
            message = f"addon '{name}' decides on durations as it speaks: it cannot take those of a recording"
            raise AddonError(message, hint="choose an addon that has durations")
        if job.keep is None and not self.voice.reads(SOURCE_MEL):
            able = ", ".join(addons_that(_takes_melody)) or "none is installed"
            hint = f"use --keep rhythm, or an addon that can: {able}"
            raise AddonError(f"addon '{name}' cannot take the melody of a recording", hint)


def _timed(source: Interval, result: Interval) -> dict[str, Any]:
    spans = {name: {"start_s": span.start_s, "end_s": span.end_s} for name, span in (("source", source), ("result", result))}
    return {"word": source.label, **spans}


def _kept(speech: Speech, chunks: list[Floats]) -> Iterator[Floats]:
    for chunk in speech:
        chunks.append(chunk)
        yield chunk


def _takes_melody(config: AddonConfig) -> bool:
    encoders = [network for network in config.networks.values() if network.role == "encoder"]
    return any(port.name == SOURCE_MEL for network in encoders for port in network.inputs)
