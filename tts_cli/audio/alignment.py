"""When each phone of a known transcript is spoken, by PocketSphinx (Huggins-Daines et al. 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.files import pcm16, resample
from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.errors import AudioError

Integers = NDArray[np.int64]

ALIGNMENT_VERSION = 3
"""Changes whenever the same recording and tokens would be aligned differently."""

_ALIGNER_RATE = 16000
_ALIGNER_FRAME_SECONDS = 0.01
_FIRST_FRAME_SECONDS = 0.0078
"""The aligner's 25.6 ms windows are centred 12.8 ms after their start, so its first frame speaks for 7.8 to 17.8 ms."""
_BEAMS = (1e-48, 1e-100, 1e-200)
_LOWEST_SCORE = -40.0
"""Of a phone that sounds like itself: the mean log score of its frames against the best state of any phone, usually about -9."""
_MOST_UNLIKE = 0.35
"""Share of a recording's phones below that score: in trials at most 0.30 with true transcripts, at least 0.40 with others."""


class Transcript(Protocol):
    """What is aligned: tokens, and for each the index of its word, -1 for the start and the boundaries between words."""

    @property
    def tokens(self) -> tuple[str, ...]: ...

    @property
    def word_of_token(self) -> tuple[int, ...]: ...


def align(audio: Floats, utterance: Transcript, config: MelConfig) -> Integers:
    """Frames that each token of `utterance` lasts in `audio` (samples,): (N,), summing to the mel's number of frames.

    Phones last at least one frame; the start and boundary tokens last as long as the silence there, possibly none.
    Words are found first, phones within them second. Raises AudioError with the reason when they cannot be found.
    """
    is_phone = np.array(utterance.word_of_token) >= 0
    num_frames = config.num_frames(len(audio))
    if is_phone.sum() > num_frames:
        raise AudioError(f"alignment failed: {is_phone.sum()} phones do not fit in {num_frames} frames")
    pronunciations = _pronunciations(utterance)
    samples = pcm16(resample(audio, config.sample_rate, _ALIGNER_RATE))
    spans = np.array(_find_phones(samples, pronunciations), np.float64)
    seconds = spans * _ALIGNER_FRAME_SECONDS + _FIRST_FRAME_SECONDS
    starts = _token_starts(np.round(seconds * config.frame_rate).astype(np.int64), is_phone)
    return _durations(starts, is_phone.astype(np.int64), num_frames)


def _pronunciations(utterance: Transcript) -> list[tuple[str, ...]]:
    """The phones of each word, without stress, as the acoustic model knows them."""
    words: dict[int, list[str]] = {}
    for token, word in zip(utterance.tokens, utterance.word_of_token, strict=True):
        if word >= 0:
            words.setdefault(word, []).append(token.rstrip("012"))
    if not words:
        raise AudioError("alignment failed: there are no phones to align")
    return [tuple(phones) for phones in words.values()]


def _find_phones(samples: bytes, pronunciations: Sequence[tuple[str, ...]]) -> list[tuple[int, int]]:
    """Start and end of every phone in the aligner's frames, with ever wider beams until all are found."""
    for beam in _BEAMS:
        try:
            return _decode(_decoder(beam), samples, pronunciations)
        except RuntimeError:
            continue
    raise AudioError("alignment failed: the recording does not match its text")


def _decoder(beam: float) -> Any:
    """A decoder with an empty dictionary. It takes 13 ms, and a used one would remember earlier recordings' statistics."""
    from pocketsphinx import Config, Decoder, get_model_path

    model = get_model_path("en-us/en-us")
    beams = {"beam": beam, "pbeam": beam, "wbeam": beam}
    # The best path through the lattice may leave a phone less time than its three states need.
    fixed = {"dict": None, "lm": None, "samprate": _ALIGNER_RATE, "bestpath": False, "cmn": "batch", "loglevel": "FATAL"}
    return Decoder(Config(hmm=model, **fixed, **beams))


def _decode(decoder: Any, samples: bytes, pronunciations: Sequence[tuple[str, ...]]) -> list[tuple[int, int]]:
    """Every pronunciation is a word of the decoder's dictionary. Raises RuntimeError when no path goes through all of them."""
    names = ["-".join(phones) for phones in pronunciations]
    for name in sorted(set(names)):
        decoder.add_word(name, name.replace("-", " "), False)
    decoder.set_align_text(" ".join(names))
    _run(decoder, samples)
    if decoder.hyp() is None:
        raise RuntimeError("no path through the words")
    decoder.set_alignment()
    _run(decoder, samples)
    return _read_alignment(decoder.get_alignment(), names, pronunciations)


def _run(decoder: Any, samples: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(samples, no_search=False, full_utt=True)
    decoder.end_utt()


def _read_alignment(alignment: Any, names: list[str], pronunciations: Sequence[tuple[str, ...]]) -> list[tuple[int, int]]:
    if alignment is None:
        raise RuntimeError("no alignment")
    words = [(word.name, list(word)) for word in alignment.words() if word.name[0] not in "<[+"]
    if [name for name, _ in words] != names:
        raise RuntimeError("not all words were found")
    phones = [phone for _, found in words for phone in found]
    if sum(phone.score < _LOWEST_SCORE * phone.duration for phone in phones) > _MOST_UNLIKE * len(phones):
        raise RuntimeError("the sound is not that of the phones")
    if [phone.name for phone in phones] != [phone for word in pronunciations for phone in word]:
        raise RuntimeError("not all phones were found")
    return [(phone.start, phone.start + phone.duration) for phone in phones]


def _token_starts(spans: Integers, is_phone: NDArray[np.bool_]) -> Integers:
    """Frame at which each token starts (N,): phones from their `spans` (P, 2), boundaries at the end of the phone before."""
    starts = np.zeros(len(is_phone), np.int64)
    starts[is_phone] = spans[:, 0]
    phones_before = np.cumsum(is_phone)
    behind = ~is_phone & (phones_before > 0)
    starts[behind] = spans[phones_before[behind] - 1, 1]
    return starts


def _durations(starts: Integers, minima: Integers, num_frames: int) -> Integers:
    """Durations from `starts` (N,), moved as little as is needed to give each token its minimum within `num_frames`."""
    needed = np.concatenate([[0], np.cumsum(minima)])
    bounds = np.concatenate([[0], starts[1:], [num_frames]])
    later = np.maximum.accumulate(bounds - needed) + needed
    room = num_frames - needed[-1]
    durations: Integers = np.diff(np.minimum(later, needed + room))
    return durations
