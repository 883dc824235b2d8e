"""Measure how often `compare` refuses true and wrong texts of recordings: the table of docs/transfer.md.

python tests/transfer/measure_agreement.py CORPORA [--split validation] [--speaker NAME ...] [--limit N] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_cli.audio.agreement import compare
from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import MelConfig
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError
from tts_cli.evaluation.prompts import read_prompts
from tts_cli.text import TextFrontEnd

MEL = MelConfig()
FRONT_END = TextFrontEnd()
LEAST_WORDS = 6
"""Texts with fewer words are tried as they are and with other texts, but not changed."""


@dataclass
class Row:
    """Outcomes of one way to pair recordings and texts."""

    pairs: int = 0
    refused: int = 0
    noticed: int = 0
    wrong_words: int = 0
    named_words: int = 0

    def add(self, clip: Clip, text: str, wrong: Sequence[int]) -> None:
        """Compare a recording with `text`, whose words at the places `wrong` are not said."""
        utterance = FRONT_END.utterance(text)
        self.pairs += 1
        try:
            found = compare(read_audio(clip.audio, MEL.sample_rate), utterance, MEL)
        except AudioError:
            self.refused, self.noticed = self.refused + 1, self.noticed + 1
            return
        self.refused += not found.is_same
        self.noticed += not found.is_same or bool(found.doubtful or found.surplus)
        self.wrong_words += len(wrong)
        self.named_words += len(set(wrong) & set(found.doubtful))

    def cells(self) -> str:
        """Return the cells of the table: pairs, the shares refused and noticed, and the wrong words that are named."""
        named = f" ({self.named_words} of {self.wrong_words} wrong words named)" if self.wrong_words else ""
        shares = f"{self.refused} ({self.refused / self.pairs:.1%}) | {self.noticed / self.pairs:.0%}"
        return f"{self.pairs} | {shares}{named} |"


def pairings(clip: Clip, clips: Sequence[Clip], chance: random.Random) -> Iterator[tuple[str, str, Sequence[int]]]:
    """Yield the name of a pairing, its text, and the places of the words in the text that are not said."""
    yield f"the true one, {clip.speaker}", clip.text, ()
    words = clip.text.split()
    others = sorted({other.text for other in clips} - {clip.text}, key=lambda text: (abs(len(text.split()) - len(words)), text))
    short = f", fewer than {LEAST_WORDS} words" if len(words) < LEAST_WORDS else ""
    yield f"another sentence of like length{short}", chance.choice(others[:10]), ()
    if short or len(FRONT_END.utterance(clip.text).words) != len(words):
        return
    said = {word.strip(".,;:!?\"'").lower() for word in words}
    foreign = [word for text in others for word in text.split() if word.isalpha() and len(word) > 3 and word.lower() not in said]
    long = [place for place, word in enumerate(words) if word.isalpha() and len(word) > 3]
    places = sorted(chance.sample(long, k=min(len(long), chance.choice((2, 3)))))
    replaced = [chance.choice(foreign) if place in places else word for place, word in enumerate(words)]
    if len(places) > 1:
        yield "two or three words replaced", " ".join(replaced), places
    yield "its first half only", " ".join(words[: len(words) // 2]), ()
    added = range(len(words), len(words) + 4)
    yield "four words more than said", " ".join([*words, *chance.sample(foreign, k=4)]), added


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--speaker", action="append", default=[])
    parser.add_argument("--limit", type=int, help="Recordings of each speaker, at most, drawn at random.")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    read: dict[str, list[Clip]] = {}
    for clip in read_prompts(asked.corpora, asked.split, asked.speaker):
        read.setdefault(clip.speaker, []).append(clip)
    clips = [clip for own in read.values() for clip in chance.sample(own, min(len(own), asked.limit or len(own)))]
    rows: dict[str, Row] = {}
    for clip in clips:
        for name, text, wrong in pairings(clip, clips, chance):
            row = rows.setdefault(name, Row())
            row.add(clip, text, wrong)
    print("| text | pairs | refused | refused or warned |\n| --- | ---: | ---: | ---: |")
    for name, row in sorted(rows.items(), key=lambda item: (not item[0].startswith("the true"), item[0])):
        print(f"| {name} | {row.cells()}")


if __name__ == "__main__":
    main()
