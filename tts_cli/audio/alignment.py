"""When each phone of a known transcript is spoken, by PocketSphinx (Huggins-Daines et al. 2006)."""

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

Integers = NDArray[np.int64]

ALIGNMENT_VERSION = 3
"""Changes whenever the same recording and tokens would be aligned differently."""

ALIGNER_RATE = 16000
_ALIGNER_FRAME_SECONDS = 0.01
_FIRST_FRAME_SECONDS = 0.0078
"""The aligner's 25.6 ms windows are centred 12.8 ms after their start, so its first frame speaks for 7.8 to 17.8 ms."""
BEAMS = (1e-48, 1e-100, 1e-200)
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


@dataclass(frozen=True)
class Stretch:
    """A word as it was found in a recording, or the silence or noise between two."""

    word: int
    """Place among the words that were sought; -1 for silence and noise."""
    start: int
    """In frames of the aligner, of 10 ms."""
    num_frames: int
    score: float
    """Sum over its frames of the log score against the best state of any phone: at most 0, about -9 a frame where all is well."""
    phones: tuple[tuple[int, int], ...] = ()
    """Start and end of each."""


def align(audio: Floats, utterance: Transcript, config: MelConfig) -> Integers:
    """Frames that each token of `utterance` lasts in `audio` (samples,): (N,), summing to the mel's number of frames.

    Phones last at least one frame; the start and boundary tokens last as long as the silence there, possibly none.
    Words are found first, phones within them second. Raises AudioError with the reason when they cannot be found.
    """
    return align_closely(audio, utterance, config)[0]


def align_closely(
    audio: Floats, utterance: Transcript, config: MelConfig, most_unlike: float = _MOST_UNLIKE
) -> tuple[Integers, list[Stretch]]:
    """What `align` gives, and the stretches it was found in.

    Refused is only what has a larger share than `most_unlike` of phones that do not sound like themselves.
    """
    is_phone = np.array(utterance.word_of_token) >= 0
    num_frames = config.num_frames(len(audio))
    if is_phone.sum() > num_frames:
        raise AudioError(f"alignment failed: {is_phone.sum()} phones do not fit in {num_frames} frames")
    samples = pcm16(resample(audio, config.sample_rate, ALIGNER_RATE))
    stretches = _find(samples, pronunciations(utterance), most_unlike)
    spans = np.array([span for stretch in stretches for span in stretch.phones], np.float64)
    seconds = spans * _ALIGNER_FRAME_SECONDS + _FIRST_FRAME_SECONDS
    starts = _token_starts(np.round(seconds * config.frame_rate).astype(np.int64), is_phone)
    return _durations(starts, is_phone.astype(np.int64), num_frames), stretches


def pronunciations(utterance: Transcript) -> list[tuple[str, ...]]:
    """The phones of each word, without stress, as the acoustic model knows them. Raises AudioError when there are none."""
    words: dict[int, list[str]] = {}
    for token, word in zip(utterance.tokens, utterance.word_of_token, strict=True):
        if word >= 0:
            words.setdefault(word, []).append(token.rstrip("012"))
    if not words:
        raise AudioError("alignment failed: there are no phones to align")
    return [tuple(phones) for phones in words.values()]


def _find(samples: bytes, words: Sequence[tuple[str, ...]], most_unlike: float) -> list[Stretch]:
    """Every word, with the silences between, with ever wider beams until all phones are found."""
    for beam in BEAMS:
        try:
            return _decode(decoder(beam), samples, words, most_unlike)
        except RuntimeError:
            continue
    raise AudioError("alignment failed: the recording does not match its text")


def decoder(beam: float) -> Any:
    """A decoder with an empty dictionary. It takes 13 ms, and a used one would remember earlier recordings' statistics."""
    from pocketsphinx import Config, Decoder, get_model_path

    model = get_model_path("en-us/en-us")
    beams = {"beam": beam, "pbeam": beam, "wbeam": beam}
    # The best path through the lattice may leave a phone less time than its three states need.
    fixed = {"dict": None, "lm": None, "samprate": ALIGNER_RATE, "bestpath": False, "cmn": "batch", "loglevel": "FATAL"}
    return Decoder(Config(hmm=model, **fixed, **beams))


def _decode(found_by: Any, samples: bytes, words: Sequence[tuple[str, ...]], most_unlike: float) -> list[Stretch]:
    """Every pronunciation is a word of the decoder's dictionary. Raises RuntimeError when no path goes through all of them."""
    names = ["-".join(phones) for phones in words]
    for name in sorted(set(names)):
        found_by.add_word(name, name.replace("-", " "), False)
    found_by.set_align_text(" ".join(names))
    run(found_by, samples)
    if found_by.hyp() is None:
        raise RuntimeError("no path through the words")
    found_by.set_alignment()
    run(found_by, samples)
    stretches = _read_alignment(found_by.get_alignment(), names, most_unlike)
    if [len(stretch.phones) for stretch in stretches if stretch.phones] != [len(phones) for phones in words]:
        raise RuntimeError("not all phones were found")
    return stretches


def run(decoder: Any, samples: bytes) -> None:
    """Has the decoder hear all of `samples`, 16-bit at its rate."""
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
