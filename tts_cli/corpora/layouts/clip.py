"""Clips of a corpus before its preparation, and the lines of transcripts that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
"""Audio formats that libsndfile reads. If a recording has several files, the first of these formats is used."""

SPLITS = ("train", "validation", "test", "unseen")
"""Names of the splits. Recordings of `unseen` are not prepared."""

KINDS = ("statement", "wh", "yes-no", "or", "exclamation", "dialogue")
"""Kinds of sentences. `dialogue` quotes direct speech."""
OTHER_NAMES_OF_KINDS = {
    "wh-question": "wh", "yes-no-question": "yes-no", "yes/no": "yes-no", "or-question": "or", "quoted dialogue": "dialogue",
}  # fmt: skip
"""Kinds by the other names that tables give them."""
QUESTIONS = frozenset(("wh", "yes-no", "or"))
"""Kinds of sentences that are questions."""


@dataclass(frozen=True)
class Clip:
    """Recording, or a part of one, with its transcript."""

    corpus: str
    id: str
    speaker: str
    text: str
    audio: Path
    where: str
    """Place of the transcript, as file:line."""
    split: str = ""
    """One of `SPLITS`; "" until it is decided."""
    kind: str = ""
    """One of `KINDS`; "" until it is decided."""
    start_s: float = 0.0
    """Start of the clip in the recording, in seconds."""
    end_s: float | None = None
    """End of the clip in the recording, in seconds; None for the end of the recording."""
    phones: tuple[str, ...] = ()
    """Phones that a manifest gives, as they are written there; empty without."""
    durations_s: tuple[float, ...] = ()
    """Length of each of `phones`, in seconds; empty without."""
    document: str = ""
    """Story, chapter or passage that the sentence belongs to; "" if it stands alone."""
    position: int | None = None
    """Place of the sentence in its document; places may be missing. None if unknown."""
    session: str = ""
    """Recording session, with one microphone, level and state of the voice; "" if unknown."""

    @property
    def is_part(self) -> bool:
        """Return whether the clip is cut out of a longer recording."""
        return self.start_s > 0 or self.end_s is not None


def kind_named(name: str) -> str:
    """Return the kind of `KINDS` that a table calls `name`, such as wh for `wh-question`; "" if there is none."""
    name = name.strip().lower()
    kind = OTHER_NAMES_OF_KINDS.get(name, name)
    return kind if kind in KINDS else ""


def position_of(value: object) -> int | None:
    """Return a position that a table gives; None for an empty value. Raises ValueError for another than a whole number."""
    if value in (None, ""):
        return None
    try:
        number = float(str(value))
        if number != int(number):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"'position' is '{value}', not a whole number") from None
    return int(number)


RejectKind = Literal[
    "missing audio",
    "unreadable audio",
    "silent",
    "clipped",
    "too short or too long",
    "alignment failed",
    "alignment file does not fit",
    "text and recording differ",
    "missing text",
    "empty text",
    "text that cannot be spoken",
    "not English",
    "wrong number of columns",
    "wrong value",
    "speaker column or bar in the text",
    "not UTF-8",
    "command in place of a file",
    "duplicate id",
    "unusable id",
    "only in the splits",
]
"""Kinds of rejects that the report of a preparation counts."""


@dataclass(frozen=True)
class Reject:
    """Recording or line of a transcript that cannot be used."""

    where: str
    """Place of the transcript, as file:line."""
    id: str
    kind: RejectKind
    reason: str


class CorpusFolder(NamedTuple):
    """Clips and rejects of one source."""

    corpus: str
    clips: list[Clip]
    rejects: list[Reject]
