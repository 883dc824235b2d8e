"""Weights of a prediction: fitted to planted data, and random ones in a copy of tiny-prosody."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from tts_cli.addon.library import file_hash
from tts_cli.export.prediction import Examples
from tts_cli.selection.cues import CUES, CueSentence, cues_of
from tts_cli.selection.prediction import PREDICTION, write_prediction

TINY = Path(__file__).parents[1] / "addons"
NUM_VALUES, NUM_DIMENSIONS = 6, 4
NAMES = ("Ann", "Tom", "Kim", "Sam", "Max", "Ida")
VERBS = ("sees", "likes", "found", "called", "helped")
THINGS = ("boat", "old dog", "little red house", "bird in the garden")


def sentences(count: int, seed: int = 0) -> list[tuple[str, list[str], list[str]]]:
    """Return different sentences of statements, questions and exclamations: text, words and marks."""
    random = np.random.default_rng(seed)
    found: dict[str, tuple[str, list[str], list[str]]] = {}
    while len(found) < count:
        name, verb, thing = (str(random.choice(one)) for one in (NAMES, VERBS, THINGS))
        first = str(random.choice(["", "Does", "Why", "Oh"]))
        words = [*([first] if first else []), name, verb, "the", *thing.split(), *(["again"] * random.integers(0, 2))]
        last = str(random.choice(["?" if first in ("Does", "Why") else ".", "!", "."]))
        found.setdefault(f"{' '.join(words)}{last}", (f"{' '.join(words)}{last}", words, [*[""] * (len(words) - 1), last]))
    return list(found.values())


def cues(sentence: tuple[str, list[str], list[str]]) -> np.ndarray:
    """Return the cues of a sentence whose phones are its letters."""
    text, words, marks = sentence
    distances = [0.0, *(float(1 + len(word) % 4) for word in words[1:])]
    return cues_of(CueSentence(text, words, marks, distances, ["^", *"".join(words).upper(), marks[-1]]))


def examples(
    count: int = 240, noise: float = 0.2, before: float = 0.0, is_shuffled: bool = False, seed: int = 0
) -> tuple[Examples, np.ndarray]:
    """Return planted utterances of two speakers, and the weights (CUES, D) that the embeddings were made with.

    Args:
        count: Utterances.
        noise: Deviation of the part of an embedding that nothing predicts; the planted part has a deviation of about 1.
        before: Part of the offset before that comes again; utterances are read in documents of eight.
        is_shuffled: Give each embedding to the inputs of another utterance.
        seed: Seed of everything.
    """
    random = np.random.default_rng(seed)
    said = sentences(count, seed)
    rows = np.stack([cues(one) for one in said])
    planted = np.zeros((len(CUES), NUM_DIMENSIONS))
    for dimension, name in enumerate(("question mark", "exclamation mark", "log words", "wh-question")):
        planted[CUES.index(name), dimension] = 2.0
    offsets = rows @ planted + noise * random.standard_normal((count, NUM_DIMENSIONS))
    places = np.arange(count)
    for place in places[places % 8 > 0]:
        offsets[place] += before * (offsets[place - 1] - offsets.mean(0))
    speakers = places // 8 % 2
    order = random.permutation(count) if is_shuffled else places
    found = Examples(
        embeddings=(offsets + 3 * speakers[:, None])[order].astype(np.float32),
        speakers=speakers,
        cues=rows,
        vectors=random.standard_normal((count, NUM_VALUES)).astype(np.float32),
        before=np.where(places % 8 > 0, places - 1, -1) if before else np.full(count, -1),
        groups=(places // 8).tolist(),
    )
    return found, planted


def random_weights(num_utterances: int, num_values: int, num_dimensions: int, num_speakers: int) -> dict[str, np.ndarray]:
    """Return random arrays for `write_prediction` that read all of the sentence before."""
    random = np.random.default_rng(1)

    def drawn(*shape: int) -> np.ndarray:
        return random.standard_normal(shape) / 4

    cue = len(CUES)
    return {
        "standard": np.stack([np.zeros(cue), np.ones(cue), np.full(cue, -5.0), np.full(cue, 5.0)]),
        "meaning_mean": np.zeros(num_values),
        "cue_weights": drawn(num_speakers, cue + 1, num_dimensions),
        "meaning_weights": drawn(num_values, num_dimensions),
        "before_cue_weights": drawn(cue + 1, num_dimensions),
        "before_meaning_weights": drawn(num_values, num_dimensions),
        "before_prosody_weights": drawn(num_dimensions, num_dimensions),
        "recorded": np.full(num_speakers, 2.0),
        "predicted": np.ones(num_speakers),
        "predicted_steady": np.full(num_speakers, 0.5),
        "steady": np.eye(num_dimensions)[:, :1],
        "explained": np.full(num_speakers, 0.25),
        "basis": np.eye(num_dimensions)[:, :2],
        "places": drawn(num_utterances, 2),
    }


def with_weights(folder: Path) -> Path:
    """Copy tiny-prosody and its neighbours to `folder`, add random weights, and return the path of the voice."""
    for name in ("tiny-prosody", "tiny-vocoder", "tiny-linguistics"):
        shutil.copytree(TINY / name, folder / name)
    addon = folder / "tiny-prosody"
    vectors, embeddings = (np.load(addon / f"assets/inventory-{part}.npy") for part in ("vectors", "embeddings"))
    described = json.loads((addon / "addon.json").read_text(encoding="utf-8"))
    shape = (len(embeddings), vectors.shape[1], embeddings.shape[1], len(described["speakers"]))
    (file,) = write_prediction(addon / "assets", random_weights(*shape)).values()
    described["assets"][PREDICTION] = {"file": f"assets/{file.name}", "sha256": file_hash(file)}
    (addon / "addon.json").write_text(json.dumps(described), encoding="utf-8")
    return addon
