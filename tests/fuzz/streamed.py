"""Stream the shipped voices in chunks of random sizes, and compare with the whole: `make stream-test` (COUNT=300 SEED=0).

A schedule is an utterance, a speaker, a seed, and the sizes of the chunks, in samples. Printed is the largest difference of any
sample, in shares of full scale, of each addon.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import cache
from random import Random

import numpy as np
from case import ROOT
from numpy.typing import NDArray

import tts_cli
from tts_cli.transfer.listening import listen
from tts_cli.voice.request import Controls, Request
from tts_cli.voice.synthesis import Voice

MOST = 1e-5
"""Largest difference that is let pass."""
VOICES = ("arctic-16k", "arctic-attention-16k", "copycat-16k", "prosody-16k")
"""All of them speak through universal-16k."""
WHOLE = 10**9
TEXTS = (
    "Would the boats come home before the storm, or had the wind already turned against them?",
    "Yes.",
    "He bought three pears, two plums and a very old map of the coast.",
    "Never again!",
)
SOURCE = ROOT / "data" / "cmu_us_bdl_arctic" / "wav" / "arctic_a0500.flac"
SAID = "Who the devil gave it to you to be judge and jury?"


@cache
def opened(name: str) -> Voice:
    """Return a shipped voice."""
    return tts_cli.load(ROOT / "addons" / name)


@cache
def request(name: str, text: str, speaker: str, seed: int) -> Request:
    """Return the request of an utterance; CopyCat's follows a recording."""
    acoustic = opened(name).acoustic
    ports = {}
    if name == "copycat-16k":
        source = listen(SOURCE, SAID, acoustic).source
        tokens = source.sentence.tokens
    else:
        tokens = opened(name).front_end.utterance(text).tokens
    phones = np.array([acoustic.symbols.index(token) for token in tokens])
    if name == "copycat-16k":
        ports = {"given_durations": np.array(source.sentence.durations, np.float32), **source.ports(phones)}
    elif name == "prosody-16k":
        ports = {"given_embedding": _embedding(opened(name))}
    return Request(phones, acoustic.speaker_id(speaker), Controls(), seed, **ports)


def _embedding(voice: Voice) -> NDArray[np.float32]:
    """Return the embedding that the voice selects for a sentence."""
    sentence = next(chunk.sentence for chunk in voice.stream(TEXTS[0]) if chunk.sentence)
    return np.asarray(sentence.embedding, np.float32)


def answered(voice: Voice, asked: Request, sizes: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the audio of a request, read in chunks of these sizes, over and over."""
    stream = voice.stack.open(asked, None)
    pieces: list[NDArray[np.float32]] = []
    while (chunk := stream.read(sizes[len(pieces) % len(sizes)])) is not None:
        pieces.append(chunk["audio"][0, :, 0])
    return np.concatenate(pieces)


@cache
def whole(name: str, text: str, speaker: str, seed: int) -> NDArray[np.float32]:
    """Return the audio of an utterance in one piece."""
    return answered(opened(name), request(name, text, speaker, seed), (WHOLE,))


def difference(random: Random, name: str) -> float:
    """Return the largest difference of one random schedule."""
    text, speaker, seed = random.choice(TEXTS), random.choice(opened(name).speakers), random.choice((0, 1))
    largest = random.choice((1000, 10_000, 50_000))
    sizes = tuple(random.randint(min(100, largest), largest) for _ in range(random.randint(1, 12)))
    expected = whole(name, text, speaker, seed)
    given = answered(opened(name), request(name, text, speaker, seed), sizes)
    return float(np.abs(given - expected).max()) if given.shape == expected.shape else float("inf")


def main() -> int:
    """Return 1 if a voice differs by more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--voice", choices=VOICES, action="append")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    names, start = options.voice or VOICES, time.monotonic()
    has_failed = False
    for index, name in enumerate(names):
        numbers = range(index, options.count, len(names))
        largest = max((difference(Random(f"{options.seed}/{number}"), name) for number in numbers), default=0.0)
        has_failed |= not largest <= MOST
        print(f"{name}: {len(numbers)} schedules, largest difference {largest:.2g}, wanted at most {MOST:.0e}", flush=True)
    print(f"{time.monotonic() - start:.0f} s")
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main())
