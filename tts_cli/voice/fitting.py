"""Fitting of an annotation to a sentence: the phones of the annotation with the words and boundaries of the sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tts_cli.audio.textgrid import Interval
from tts_cli.errors import InputError
from tts_cli.text.dictionary import cmu_pronunciations
from tts_cli.text.phone_sets import with_stress
from tts_cli.text.phones import Utterance
from tts_cli.voice.annotation import Annotation, Word, is_noise, letters

_MOST_UNLIKE = 0.25
"""Largest share of phones, of an annotation without words, that may differ from those of the text."""


@dataclass(frozen=True)
class FittedUtterance:
    """Utterance with the phones of an annotation, and their times."""

    utterance: Utterance
    spans: tuple[tuple[float, float], ...]
    """Start and end of each phone, in seconds."""


def has_unknown_word(words: Sequence[Word]) -> bool:
    """Return whether the aligner did not know one of the words, so that its phones are missing."""
    return any(is_noise(word.label) or not word.phones for word in words)


def fit(annotation: Annotation, words: Sequence[Word], utterance: Utterance) -> FittedUtterance:
    """Return the utterance with the phones of `words`.

    Words are compared by their letters, and may be divided otherwise: "ice cream" fits "ice-cream". Vowels without stress get
    that of the front end, or of another pronunciation in the dictionary.

    Args:
        annotation: Annotation of the recording of the utterance.
        words: Its words.
        utterance: Text of the recording as the front end reads it.

    Raises:
        InputError: The words are not those of the utterance; names the place and the word.
    """
    ours = _phones_by_word(utterance)
    found: list[list[Interval]] = []
    for own, theirs in _groups(annotation, words, utterance.words):
        phones = [phone for word in theirs for phone in word.phones]
        names = [phone.label for phone in phones]
        if not phones:
            raise InputError(
                f"{_place(annotation, theirs)}: the word '{own[0]}' has no phones", hint="add its phones to the tier"
            )
        count = len(found)
        sizes = _shares(names, ours[count : count + len(own)])
        if not all(sizes):
            lost = own[sizes.index(0)]
            raise InputError(f"{_place(annotation, theirs)}: no phones are left for the word '{lost}'", hint=_EDIT)
        start = 0
        for word, size, known in zip(own, sizes, ours[count:], strict=False):
            found.append(_stressed(word, phones[start : start + size], known))
            start += size
    return _rebuilt(utterance, found)


_EDIT = "correct the text, or the annotation"


def _stressed(word: str, phones: Sequence[Interval], ours: Sequence[str]) -> list[Interval]:
    names = with_stress([phone.label for phone in phones], [ours, *cmu_pronunciations(word.lower())])
    return [replace(phone, label=name) for phone, name in zip(phones, names, strict=True)]


def _phones_by_word(utterance: Utterance) -> list[list[str]]:
    found: list[list[str]] = [[] for _ in utterance.words]
    for word, token in zip(utterance.word_of_token, utterance.tokens, strict=True):
        if word >= 0:
            found[word].append(token)
    return found


def _rebuilt(utterance: Utterance, words: Sequence[Sequence[Interval]]) -> FittedUtterance:
    """Return the utterance with other phones in its words; the boundaries stay."""
    boundaries = [token for token, word in zip(utterance.tokens, utterance.word_of_token, strict=True) if word < 0]
    tokens, places = [boundaries[0]], [-1]
    for index, (phones, boundary) in enumerate(zip(words, boundaries[1:], strict=True)):
        tokens += [*(phone.label for phone in phones), boundary]
        places += [*[index] * len(phones), -1]
    spans = tuple((phone.start_s, phone.end_s) for phones in words for phone in phones)
    return FittedUtterance(replace(utterance, tokens=tuple(tokens), word_of_token=tuple(places)), spans)


def _groups(annotation: Annotation, words: Sequence[Word], ours: Sequence[str]) -> Iterator[tuple[list[str], list[Word]]]:
    """Yield the fewest words of the text and of the annotation that have the same letters, in order."""
    if annotation.words is None:
        yield list(ours), list(words)
        return
    mine, theirs = [*ours], [*words]
    while mine or theirs:
        own, other = mine[:1], theirs[:1]
        while (a := letters("".join(own))) != (b := letters("".join(word.label for word in other))):
            if len(a) < len(b) and b.startswith(a) and len(own) < len(mine):
                own = mine[: len(own) + 1]
            elif len(b) < len(a) and a.startswith(b) and len(other) < len(theirs):
                other = theirs[: len(other) + 1]
            else:
                raise _differing(annotation, len(ours) - len(mine), own, other)
        yield own, other
        mine, theirs = mine[len(own) :], theirs[len(other) :]


def _differing(annotation: Annotation, place: int, own: Sequence[str], other: Sequence[Word]) -> InputError:
    text = f"'{' '.join(own)}'" if own else "no further word"
    label = f"'{' '.join(word.label for word in other)}'" if other else "no further word"
    message = f"{_place(annotation, other)}: word {place + 1} is {label}, but the text has {text}"
    return InputError(message, hint=_EDIT)


def _place(annotation: Annotation, words: Sequence[Word]) -> str:
    return annotation.place(words[0]) if words else annotation.where


def _shares(phones: Sequence[str], ours: Sequence[Sequence[str]]) -> list[int]:
    """Return the number of `phones` that belong to each word, by the least edits of the words' own phones."""
    if len(ours) == 1:
        return [len(phones)]
    owners = [word for word, own in enumerate(ours) for _ in own]
    flat = [phone.rstrip("012") for own in ours for phone in own]
    counts = [0] * len(ours)
    for place in _aligned([phone.rstrip("012") for phone in phones], flat):
        counts[owners[place]] += 1
    return counts


def _aligned(phones: Sequence[str], ours: Sequence[str]) -> list[int]:
    """Return the place in `ours` of each of `phones`, non-decreasing, by the least edits (Levenshtein 1966)."""
    costs = [list(range(len(ours) + 1))]
    for phone in phones:
        row, before = [len(costs)], costs[-1]
        for place, other in enumerate(ours):
            row.append(min(before[place] + (phone != other), before[place + 1] + 1, row[place] + 1))
        costs.append(row)
    places, place = [], len(ours)
    for index in range(len(phones), 0, -1):
        while place and costs[index][place] == costs[index][place - 1] + 1:
            place -= 1
        is_pair = place and costs[index][place] == costs[index - 1][place - 1] + (phones[index - 1] != ours[place - 1])
        places.append(max(0, place - 1))
        place -= 1 if is_pair else 0
    return places[::-1]


def refuse_unlike(annotation: Annotation, words: Sequence[Word], utterance: Utterance) -> None:
    """Raise InputError if an annotation without words has other phones than the text.

    A quarter may differ: speakers choose among pronunciations.
    """
    if annotation.words is not None:
        return
    theirs = [phone.label.rstrip("012") for word in words for phone in word.phones]
    ours = [phone.rstrip("012") for own in _phones_by_word(utterance) for phone in own]
    wrong = abs(len(theirs) - len(ours))
    first = ""
    owners = [word for word, own in enumerate(_phones_by_word(utterance)) for _ in own]
    for phone, place in zip(theirs, _aligned(theirs, ours), strict=True):
        if phone != ours[place]:
            wrong += 1
            first = first or utterance.words[owners[place]]
    if wrong > max(2.0, _MOST_UNLIKE * len(ours)):
        named = f", first in the word '{first}'" if first else ""
        raise InputError(f"{annotation.where}: its phones are not those of the text{named}", hint=_EDIT)
