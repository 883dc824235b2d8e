"""Phones that a manifest gives for a clip, with or without durations, in place of those of the front end and the aligner."""

from __future__ import annotations

from itertools import accumulate, pairwise

from tts_cli.audio.textgrid import Interval
from tts_cli.corpora.alignments import GivenAlignment
from tts_cli.corpora.layouts import Clip
from tts_cli.text.phones import BOUNDARIES, PAD, START, Utterance
from tts_cli.voice.annotation import Annotation, is_silence
from tts_cli.voice.fitting import fit, refuse_unlike

_NO_PHONES = frozenset((PAD, START, *BOUNDARIES))


def with_phones_of(clip: Clip, utterance: Utterance) -> tuple[Utterance, GivenAlignment | None]:
    """Return the utterance with the phones that the manifest gives, and their times; None without durations.

    Args:
        clip: Clip, perhaps with phones and durations. Phones may be in the CMU set or in IPA; silences and the boundaries of our
            tokens may stand between them.
        utterance: Text of the clip as the front end reads it.

    Raises:
        InputError: A phone is unknown, or the phones are not those of the text; names the place.
    """
    if not clip.phones:
        return utterance, None
    ends = list(accumulate(clip.durations_s or [1.0] * len(clip.phones), initial=0.0))
    spans = [Interval(label, *times) for label, times in zip(clip.phones, pairwise(ends), strict=True)]
    heard = tuple(span for span in spans if span.label not in _NO_PHONES and not is_silence(span.label))
    annotation = Annotation(clip.where, heard, length_s=ends[-1])
    words = annotation.spoken()
    refuse_unlike(annotation, words, utterance)
    fitted = fit(annotation, words, utterance)
    given = GivenAlignment(clip.where, fitted.spans, ends[-1]) if clip.durations_s else None
    return fitted.utterance, given
