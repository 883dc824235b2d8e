"""Forced alignment: frames of each phone of a known transcript, found with PocketSphinx (Huggins-Daines et al. 2006).

Shapes: N tokens, P phones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.files import pcm16, resample
from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.errors import AudioError

Floats64 = NDArray[np.float64]
Integers = NDArray[np.int64]

ALIGNMENT_VERSION = 3
"""Version of the alignment; raised when the same recording and tokens are aligned differently than before."""

ALIGNER_RATE = 16000
"""Sample rate of the acoustic model, in Hz."""
_ALIGNER_FRAME_SECONDS = 0.01
_FIRST_FRAME_SECONDS = 0.0078
"""Start of the aligner's first frame: its 25.6 ms window is centred at 12.8 ms, so the frame stands for 7.8 to 17.8 ms."""
BEAMS = (1e-48, 1e-100, 1e-200)
"""Beam widths of the search, tried in this order; a smaller number is a wider beam."""
_LOWEST_SCORE = -40.0
"""Lowest score of a phone that matches its sound: the mean over its frames of the log score relative to the best state of any
phone. The usual score is about -9."""
_MOST_UNLIKE = 0.35
"""Largest share of phones below `_LOWEST_SCORE` in an accepted recording. In trials, the share was at most 0.30 with true
transcripts and at least 0.40 with wrong ones."""


class Transcript(Protocol):
    """Tokens to align, and the index of the word of each token: -1 for the start token and boundaries between words."""

    @property
    def tokens(self) -> tuple[str, ...]: ...

    @property
    def word_of_token(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Stretch:
    """Word as it was found in a recording, or silence or noise between two words."""

    word: int
    """Index of the word in the transcript; -1 for silence and noise."""
    start: int
    """First frame, in frames of the aligner (10 ms)."""
    num_frames: int
    """Length in frames of the aligner."""
    score: float
    """Log score relative to the best state of any phone, summed over the frames: at most 0, about -9 a frame in good speech."""
    phones: tuple[tuple[int, int], ...] = ()
    """Start and end of each phone of the word, in frames of the aligner; end exclusive."""


def align(audio: Floats, utterance: Transcript, config: MelConfig) -> Integers:
    """Return the duration of each token in mel frames, shape (N,); the sum is the number of frames of the mel.

    Phones have at least one frame. The start token and boundaries have the frames of the silence there, possibly none. The search
    finds words first, then the phones within them.

    Args:
        audio: Recording, shape (samples,), at the rate of `config`.
        utterance: Tokens and words of the transcript.
        config: Mel configuration, which defines the frames.

    Raises:
        AudioError: The recording does not match its transcript, or is too short for it.
    """
    return align_closely(audio, utterance, config)[0]


def align_closely(
    audio: Floats, utterance: Transcript, config: MelConfig, most_unlike: float = _MOST_UNLIKE
) -> tuple[Integers, list[Stretch]]:
    """Return the durations like `align`, and the words, silences and noises in the recording, in order.

    Args:
        audio: Recording, shape (samples,), at the rate of `config`.
        utterance: Tokens and words of the transcript.
        config: Mel configuration, which defines the frames.
        most_unlike: Largest share, 0 to 1, of phones with a low score; a recording with more is refused.

    Raises:
        AudioError: The recording does not match its transcript, or is too short for it.
    """
    is_phone = np.array(utterance.word_of_token) >= 0
    num_frames = config.num_frames(len(audio))
    _refuse_short(int(is_phone.sum()), num_frames)
    samples = pcm16(resample(audio, config.sample_rate, ALIGNER_RATE))
    stretches = _find(samples, pronunciations(utterance), most_unlike)
    spans = np.array([span for stretch in stretches for span in stretch.phones], np.float64)
    seconds = spans * _ALIGNER_FRAME_SECONDS + _FIRST_FRAME_SECONDS
    return frames_of(seconds, is_phone, config.frame_rate, num_frames), stretches


def frames_of(seconds: Floats64, is_phone: NDArray[np.bool_], frame_rate: float, num_frames: int) -> Integers:
    """Return the duration of each token in frames, shape (N,), from the times of the phones. Phones have at least one frame.

    Args:
        seconds: Start and end of each phone, shape (P, 2).
        is_phone: True for phones, False for boundaries, shape (N,).
        frame_rate: Frames a second.
        num_frames: Sum of the durations, at least the number of phones.
    """
    starts = _token_starts(np.round(seconds * frame_rate).astype(np.int64), is_phone)
    return _durations(starts, is_phone.astype(np.int64), num_frames)


def _refuse_short(num_phones: int, num_frames: int) -> None:
    if num_phones > num_frames:
        raise AudioError(
            f"alignment failed: {num_phones} phones do not fit in {num_frames} frames",
            hint="the recording is too short for its text: correct the text",
        )


def given_durations(audio: Floats, utterance: Transcript, config: MelConfig, seconds: Sequence[tuple[float, float]]) -> Integers:
    """Return the durations like `align`, from the start and end in seconds that another aligner gave to each phone.

    Raises:
        AudioError: The recording is too short for its phones.
    """
    is_phone = np.array(utterance.word_of_token) >= 0
    num_frames = config.num_frames(len(audio))
    _refuse_short(int(is_phone.sum()), num_frames)
    return frames_of(np.array(seconds, np.float64), is_phone, config.frame_rate, num_frames)


def pronunciations(utterance: Transcript) -> list[tuple[str, ...]]:
    """Return the phones of each word, without stress marks. Raises AudioError if there are none."""
    words: dict[int, list[str]] = {}
    for token, word in zip(utterance.tokens, utterance.word_of_token, strict=True):
        if word >= 0:
            words.setdefault(word, []).append(token.rstrip("012"))
    if not words:
        raise AudioError("alignment failed: there are no phones to align", hint="give the words of the recording")
    return [tuple(phones) for phones in words.values()]


def _find(samples: bytes, words: Sequence[tuple[str, ...]], most_unlike: float) -> list[Stretch]:
    """Return every word and the silences between, searched with ever wider beams until all phones are found."""
    for beam in BEAMS:
        try:
            return _decode(decoder(beam), samples, words, most_unlike)
        except RuntimeError:
            continue
    raise AudioError(
        "alignment failed: the recording does not match its text", hint="correct the text, or leave the recording out"
    )


def decoder(beam: float) -> Any:
    """Return a new PocketSphinx decoder with an empty dictionary.

    Use one for each recording: a used decoder keeps cepstral statistics of earlier recordings. Making one takes 13 ms.

    Args:
        beam: Beam width of the search; smaller is wider.
    """
    from pocketsphinx import Config, Decoder, get_model_path

    model = get_model_path("en-us/en-us")
    beams = {"beam": beam, "pbeam": beam, "wbeam": beam}
    # With bestpath, a phone may get less time than its three states need.
    fixed = {"dict": None, "lm": None, "samprate": ALIGNER_RATE, "bestpath": False, "cmn": "batch", "loglevel": "FATAL"}
    return Decoder(Config(hmm=model, **fixed, **beams))


def _decode(search: Any, samples: bytes, words: Sequence[tuple[str, ...]], most_unlike: float) -> list[Stretch]:
    """Return words, silences and noises in `samples`, 16-bit at `ALIGNER_RATE`.

    Each pronunciation becomes a word of the decoder's dictionary. Raises RuntimeError if no path goes through all of them.
    """
    names = ["-".join(phones) for phones in words]
    for name in sorted(set(names)):
        search.add_word(name, name.replace("-", " "), False)
    search.set_align_text(" ".join(names))
    run(search, samples)
    if search.hyp() is None:
        raise RuntimeError("no path through the words")
    search.set_alignment()
    run(search, samples)
    stretches = _read_alignment(search.get_alignment(), names, most_unlike)
    if [len(stretch.phones) for stretch in stretches if stretch.phones] != [len(phones) for phones in words]:
        raise RuntimeError("not all phones were found")
    return stretches


def run(decoder: Any, samples: bytes) -> None:
    """Run the decoder over all of `samples`: 16-bit audio at `ALIGNER_RATE`, as one utterance."""
    decoder.start_utt()
    decoder.process_raw(samples, no_search=False, full_utt=True)
    decoder.end_utt()


def _read_alignment(alignment: Any, names: list[str], most_unlike: float) -> list[Stretch]:
    if alignment is None:
        raise RuntimeError("no alignment")
    found = [(entry, list(entry)) for entry in alignment.words()]
    if [entry.name for entry, _ in found if not _is_filler(entry.name)] != names:
        raise RuntimeError("not all words were found")
    phones = [phone for entry, parts in found if not _is_filler(entry.name) for phone in parts]
    if sum(phone.score < _LOWEST_SCORE * phone.duration for phone in phones) > most_unlike * len(phones):
        raise RuntimeError("the sound is not that of the phones")
    words = count()
    return [_stretch(entry, parts, -1 if _is_filler(entry.name) else next(words)) for entry, parts in found]


def _is_filler(name: str) -> bool:
    return name[0] in "<[+"


def _stretch(entry: Any, phones: list[Any], word: int) -> Stretch:
    spans = tuple((phone.start, phone.start + phone.duration) for phone in phones) if word >= 0 else ()
    return Stretch(word, entry.start, entry.duration, float(entry.score), spans)


def _token_starts(spans: Integers, is_phone: NDArray[np.bool_]) -> Integers:
    """Return the first frame of each token, shape (N,). A boundary begins at the end of the phone before it, else at 0.

    Args:
        spans: First frame of each phone and the frame after its last, shape (P, 2).
        is_phone: True for phones, False for boundaries, shape (N,).
    """
    starts = np.zeros(len(is_phone), np.int64)
    starts[is_phone] = spans[:, 0]
    phones_before = np.cumsum(is_phone)
    behind = ~is_phone & (phones_before > 0)
    starts[behind] = spans[phones_before[behind] - 1, 1]
    return starts


def _durations(starts: Integers, minima: Integers, num_frames: int) -> Integers:
    """Return durations (N,) in frames. Starts are moved as little as needed to give each token its minimum of frames.

    Args:
        starts: First frame of each token, shape (N,).
        minima: Smallest duration of each token, shape (N,). Their sum is at most `num_frames`.
        num_frames: Sum of the durations.
    """
    needed = np.concatenate([[0], np.cumsum(minima)])
    bounds = np.concatenate([[0], starts[1:], [num_frames]])
    later = np.maximum.accumulate(bounds - needed) + needed
    room = num_frames - needed[-1]
    durations: Integers = np.diff(np.minimum(later, needed + room))
    return durations
