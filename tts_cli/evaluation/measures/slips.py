"""What went wrong in speech, word by word, whatever spoke it: repeats, skips and truncations in what a recogniser heard.

The reference is aligned with what was heard (Levenshtein, by jiwer), both normalised as for WER. The same is done for every
architecture, so that what guards notice inside one of them and what listeners hear can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tts_cli.evaluation.extra import require

FEWEST_SKIPPED = 2
"""Deleted words in a row that make a skip: single ones are often the recogniser's own."""


@dataclass(frozen=True)
class Slips:
    """What went wrong in one clip."""

    errors: int
    """Words substituted, deleted and inserted, those that were merely written together or apart not among them."""
    repeats: int
    """Runs of inserted words that say once more what is said beside them."""
    skips: int
    """Runs of at least FEWEST_SKIPPED deleted words, not at the end."""
    truncations: int
    """1 where the last words of the sentence are deleted, else 0."""


def find_slips(reference: str, hypothesis: str) -> Slips:
    """What went wrong between `reference`, which holds a word, and `hypothesis`, both normalised and split at spaces."""
    words, heard = reference.split(), hypothesis.split()
    errors = repeats = skips = truncations = 0
    for run in _unlike(words, heard):
        num_deleted, num_heard = run.ref_end_idx - run.ref_start_idx, run.hyp_end_idx - run.hyp_start_idx
        errors += max(num_deleted, num_heard)
        if run.type == "insert":
            repeats += is_repeated(heard, run.hyp_start_idx, run.hyp_end_idx)
        elif run.type == "delete" and run.ref_end_idx == len(words):
            truncations += 1
        elif run.type == "delete":
            skips += num_deleted >= FEWEST_SKIPPED
    return Slips(errors, repeats, skips, truncations)


def is_repeated(words: Sequence[str], start: int, end: int) -> bool:
    """Whether `words[start:end]` and what is beside them repeat with a period no longer than they are.

    An alignment may put the inserted run anywhere in `a b a b`: before, after, or across what it repeats.
    """
    length = end - start
    return any(
        words[first : first + length] == words[first + period : first + period + length]
        for period in range(1, length + 1)
        for first in range(max(0, start - period), min(start, len(words) - length - period) + 1)
    )


def _unlike(words: list[str], heard: list[str]) -> Iterator[Any]:
    """The runs of the alignment that differ; not those that differ only in spaces, such as `b b c` and `bbc`."""
    aligned = require("jiwer").process_words(" ".join(words), " ".join(heard)).alignments[0]
    for is_equal, group in groupby(aligned, key=lambda run: run.type == "equal"):
        runs = list(group)
        said = "".join(words[runs[0].ref_start_idx : runs[-1].ref_end_idx])
        if not is_equal and said != "".join(heard[runs[0].hyp_start_idx : runs[-1].hyp_end_idx]):
            yield from runs
