"""Repeats, skips and truncations of synthetic speech, found in its transcript.

The text is aligned with the transcript (Levenshtein, by jiwer), both normalised as for WER. The method needs only audio, so it
compares voices of any architecture, and audible errors with the faults that a voice's own guards report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tts_cli.evaluation.extra import require

FEWEST_SKIPPED = 2
"""Deleted words in a row that count as a skip. Single deletions are often errors of the recogniser."""


@dataclass(frozen=True)
class Slips:
    """Counts of audible errors in one clip."""

    errors: int
    """Words substituted, deleted or inserted; words that only differ in spacing (`bbc`, `b b c`) do not count."""
    repeats: int
    """Runs of inserted words that repeat their neighbours."""
    skips: int
    """Runs of at least `FEWEST_SKIPPED` deleted words before the end of the sentence."""
    truncations: int
    """1 if the last words of the sentence are deleted, else 0."""


def find_slips(reference: str, hypothesis: str) -> Slips:
    """Count errors, repeats, skips and truncations of a transcript.

    Args:
        reference: normalised text, words separated by spaces, at least one word.
        hypothesis: normalised transcript, words separated by spaces.
    """
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
    """Return True if the run `words[start:end]` repeats words next to it.

    An alignment may place the inserted run before, after or across the words it repeats: in `a b a b` any two neighbouring words
    may be the run. So every period up to the length of the run is tried at every position that touches the run.
    """
    length = end - start
    return any(
        words[first : first + length] == words[first + period : first + period + length]
        for period in range(1, length + 1)
        for first in range(max(0, start - period), min(start, len(words) - length - period) + 1)
    )


def _unlike(words: list[str], heard: list[str]) -> Iterator[Any]:
    """Yield the runs of the alignment that differ in more than spacing: `b b c` and `bbc` are alike."""
    aligned = require("jiwer").process_words(" ".join(words), " ".join(heard)).alignments[0]
    for is_equal, group in groupby(aligned, key=lambda run: run.type == "equal"):
        runs = list(group)
        letters = "".join(words[runs[0].ref_start_idx : runs[-1].ref_end_idx])
        if not is_equal and letters != "".join(heard[runs[0].hyp_start_idx : runs[-1].hyp_end_idx]):
            yield from runs
