"""Analysis of a recording for prosody transfer: durations by forced alignment, mel spectrogram and speaker embedding."""

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
"""Frames of silence that are kept before the first phone and after the last, as many as voices have there."""


@dataclass(frozen=True)
class AnalysedRecording:
    """Recording with its prosody, and its agreement with the text."""

    source: Source
    """Prosody of the recording, as input for `Voice.stream`."""
    audio: Floats
    """Samples of the frames of `source`, shape (samples,), at the sample rate of the addon."""
    start_s: float
    """Start of these samples in the recording, in seconds."""
    doubtful: tuple[int, ...]
    """Indices of words that do not sound like the recording."""
    surplus: tuple[int, ...]
    """Indices of words after which the recording has speech that the text lacks; -1: before the first word."""

    def warnings(self) -> list[str]:
        """Return messages on doubtful words and surplus speech; empty if recording and text agree."""
        return list(complaints(self.source.sentence.words, self.doubtful, self.surplus))


def listen(
    recording: Path, text: str, addon: Addon, front_end: TextFrontEnd | None = None, rhythm_only: bool = False
) -> AnalysedRecording:
    """Analyse the prosody of a recording, as input for a voice with the acoustic addon `addon`.

    The recording counts as one utterance, even if it holds several sentences.

    Args:
        recording: Audio file.
        text: Words that are said in the recording, all of them.
        addon: Opened acoustic addon of the voice that takes the prosody.
        front_end: Text front end; None takes a new one without a lexicon.
        rhythm_only: Take the durations only. Any voice with durations accepts them.

    Raises:
        AudioError: The recording is missing, damaged, silent, too short, too long, or its sample rate is too low; or it does not
            say the text: the message names the words.
        TextError: The text has nothing to speak.
        AddonError: The addon has no speaker encoder, and `rhythm_only` is false.

    Examples:
        >>> from pathlib import Path
        >>> import tts_cli
        >>> from tts_cli.transfer.listening import listen
        >>> voice = tts_cli.load("copycat-16k")
        >>> recording = Path("data/cmu_us_bdl_arctic/wav/arctic_a0500.flac")
        >>> text = "Who the devil gave it to you to be judge and jury?"
        >>> heard = listen(recording, text, voice.acoustic)
        >>> chunks = list(voice.stream([heard.source]))
    """
    encoder = None if rhythm_only else speaker_encoder(addon)
    utterance = (front_end or TextFrontEnd()).utterance(text)
    audio = read_recording(recording, addon.sample_rate)
    try:
        agreement = compare(audio, utterance, addon.mel)
    except AudioError as error:
        hint = "give the whole recording, and a text with only the words that are said in it"
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
    """Shorten the silence before and after the speech.

    Args:
        durations: Frames of each of the N tokens, shape (N,); the first and the last token are silence.

    Returns:
        Shortened durations, shape (N,), and the number of frames cut at the start.
    """
    short = durations.copy()
    short[0] = min(short[0], LEADING_FRAMES)
    short[-1] = min(short[-1], TRAILING_FRAMES)
    return short, int(durations[0] - short[0])


def speaker_encoder(addon: Addon) -> AddonNetwork:
    """Return the speaker encoder of `addon`: mel frames to a speaker embedding. Raises AddonError if the addon has none."""
    for network in addon.networks("analysis"):
        if any(port.name == "source_speaker" for port in network.spec.outputs):
            return network
    raise AddonError(
        f"addon '{addon.name}' cannot take the melody of a recording: it has no network that gives 'source_speaker'",
        hint="keep its rhythm only, or choose an addon made for transfer",
    )


def _vector(encoder: AddonNetwork, mel: Floats) -> Floats:
    """Return the speaker embedding, shape (D,), of a mel spectrogram of shape (T, bands)."""
    outputs = encoder.run({"source_mel": mel[None], "source_mask": np.ones((1, len(mel), 1), np.float32)})
    return np.asarray(outputs["source_speaker"][0, 0], np.float32)


def _refusal(agreement: TranscriptAgreement, utterance: Utterance) -> str:
    named = "; ".join(complaints(utterance.words, agreement.doubtful, agreement.surplus))
    return f"it does not say this text: {named or 'no word of it is heard clearly'}"
