"""Prosody transfer: from a recording and its text to the `Source` that a voice speaks like.

    heard = listen(Path("question.wav"), "Are you coming?", voice.acoustic)
    for chunk in voice.stream([heard.source], speaker="slt"):
        play(chunk.samples, chunk.sample_rate)

A recording is one utterance, however many sentences are said in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts_cli.addon.opened import Addon
from tts_cli.audio.agreement import TranscriptAgreement, compare, complaints
from tts_cli.audio.alignment import Integers
from tts_cli.audio.mel import Floats, log_mel
from tts_cli.audio.recordings import read_recording
from tts_cli.blocks.network import AddonNetwork
from tts_cli.errors import AddonError, AudioError
from tts_cli.text import TextFrontEnd, Utterance
from tts_cli.transfer.source import Source
from tts_cli.voice.sentence import Sentence

LEADING_FRAMES, TRAILING_FRAMES = 2, 8
"""Silence that is left of what is before the first phone, as much as voices have there, and after the last."""


@dataclass(frozen=True)
class AnalysedRecording:
    """A recording, understood."""

    source: Source
    """What a voice takes the prosody from."""
    audio: Floats
    """(samples,) of the source's frames, at the addon's rate."""
    start_s: float
    """Where in the recording they begin."""
    doubtful: tuple[int, ...]
    """Words that do not sound like the recording, by their place in the sentence."""
    surplus: tuple[int, ...]
    """Words after which the recording says what the text does not have; -1: before the first."""

    def warnings(self) -> list[str]:
        """What is doubtful, in words."""
        return list(complaints(self.source.sentence.words, self.doubtful, self.surplus))


def listen(
    recording: Path, text: str, addon: Addon, front_end: TextFrontEnd | None = None, rhythm_only: bool = False
) -> AnalysedRecording:
    """Finds the prosody with which `text` is said in `recording`, for a voice whose acoustic addon is `addon`.

    With `rhythm_only` just the durations, which any voice can take that has them. Raises AudioError for a recording that is
    missing, damaged, silent, too short, too long, of too low a rate, or of another text, whose words it names; TextError for text
    with nothing to speak; AddonError for an addon without a speaker encoder.
    """
    encoder = None if rhythm_only else speaker_encoder(addon)
    utterance = (front_end or TextFrontEnd()).utterance(text)
    audio = read_recording(recording, addon.sample_rate)
    try:
        agreement = compare(audio, utterance, addon.mel)
    except AudioError as error:
        hint = "is it the whole recording, and is the text no longer than what is said?"
        raise AudioError(f"{recording}: {error.message}", hint) from error
    if agreement.durations is None or not agreement.is_same:
        raise AudioError(f"{recording}: {_refusal(agreement, utterance)}", hint="give the words that are said in it, all of them")
    durations, skipped = trimmed(agreement.durations)
    hop, num_frames = addon.mel.hop_samples, int(durations.sum())
    sentence = Sentence.of(utterance, durations=tuple(durations.tolist()))
    mel = log_mel(audio, addon.mel)[skipped : skipped + num_frames]
    return AnalysedRecording(
        Source(sentence, mel if encoder else None, _vector(encoder, mel) if encoder else None),
        audio[skipped * hop : (skipped + num_frames) * hop],
        skipped / addon.mel.frame_rate,
        agreement.doubtful,
        agreement.surplus,
    )


def trimmed(durations: Integers) -> tuple[Integers, int]:
    """`durations` (N,) with the silence before and after the speech cut short, and how many frames were cut at the start."""
    short = durations.copy()
    short[0] = min(short[0], LEADING_FRAMES)
    short[-1] = min(short[-1], TRAILING_FRAMES)
    return short, int(durations[0] - short[0])


def speaker_encoder(addon: Addon) -> AddonNetwork:
    """The network of `addon` that says whose voice a mel is. Raises AddonError when it has none."""
    for network in addon.networks("analysis"):
        if any(port.name == "source_speaker" for port in network.spec.outputs):
            return network
    raise AddonError(
        f"addon '{addon.name}' cannot take the melody of a recording: it has no network that gives 'source_speaker'",
        hint="keep its rhythm only, or choose an addon made for transfer",
    )


def _vector(encoder: AddonNetwork, mel: Floats) -> Floats:
    """(D,) of the speaker of mel (T, bands)."""
    outputs = encoder.run({"source_mel": mel[None], "source_mask": np.ones((1, len(mel), 1), np.float32)})
    return np.asarray(outputs["source_speaker"][0, 0], np.float32)


def _refusal(agreement: TranscriptAgreement, utterance: Utterance) -> str:
    named = "; ".join(complaints(utterance.words, agreement.doubtful, agreement.surplus))
    return f"it does not say this text: {named or 'no word of it is heard clearly'}"
