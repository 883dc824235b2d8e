"""Inventory for prosody selection: the prosody embedding and the sentence analysis of every training utterance."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from tts_cli.addon.config import ADDON_FILE, read_addon_config
from tts_cli.addon.library import file_hash, find_addon
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.errors import CorpusError
from tts_cli.export.prediction import Examples, fit_prediction, grouped, utterances_before
from tts_cli.export.tempo import tempo_directions
from tts_cli.models import TrainableModel
from tts_cli.models.parts import ExportPart
from tts_cli.selection.cues import CueSentence, cues_of
from tts_cli.selection.feature import SELECTOR
from tts_cli.selection.filler import Analyst
from tts_cli.selection.inventory import Texts, write_inventory
from tts_cli.selection.parsing import open_linguistics
from tts_cli.selection.prediction import PREDICTION, write_prediction
from tts_cli.selection.selector import Strategy
from tts_cli.text import TextFrontEnd
from tts_cli.voice.sentence import Sentence

CENTROID_DIGITS = 5
"""Decimals of the speakers' centroids (mean prosody embeddings) in addon.json."""


def with_selector(stack: Sequence[Mapping[str, Any]], strategy: Strategy = "bert+syntactic") -> list[dict[str, Any]]:
    """Return the `stack` of an acoustic addon with a prosody selector of this `strategy` before its sequence blocks."""
    [pipeline] = stack
    inner = pipeline["sequence_block"]
    blocks = inner["blocks"] if inner["type"] == "SequenceBlockContainer" else [inner]
    selector = {"type": SELECTOR, "strategy": strategy}
    return [{**pipeline, "sequence_block": {"type": "SequenceBlockContainer", "blocks": [selector, *blocks]}}]


@contextmanager
def selection_parts(
    model: TrainableModel, corpus: Corpus, linguistics: str, near: Path
) -> Iterator[tuple[dict[str, Any], dict[str, Path]]]:
    """Context with the parts of an addon for prosody selection; both are empty for a model without prosody embeddings.

    Args:
        model: The model to export.
        corpus: The prepared corpus with its training recordings.
        linguistics: Addon that analyzes their sentences, by name or path.
        near: Folder that is searched first for this addon.

    Yields:
        Fields of addon.json, and assets by name.

    Raises:
        AddonError: The linguistics addon is not found.
        CorpusError: A speaker has no training recording.
    """
    encoder = _reference_encoder(model)
    if encoder is None:
        yield {}, {}
        return
    folder = find_addon(linguistics, near=near)
    recordings = _training_recordings(corpus, model.facts)
    embeddings = np.stack([_embedding(encoder, corpus, recording) for recording in recordings])
    with tempfile.TemporaryDirectory() as scratch:
        names = model.facts.speaker_names
        utterances = [
            InventoryUtterance(one.id, names.index(one.speaker), one.text, one.document, one.position) for one in recordings
        ]
        speakers = _with_centroids(model.facts, recordings, embeddings)
        centroids = np.array([speaker["embedding"] for speaker in speakers])
        tempo = tempo_directions(model.export_parts(), model.facts, recordings, centroids)
        analyst = open_linguistics(folder)
        assets = write_analysed(Path(scratch), utterances, embeddings, analyst, model.facts.language, tempo)
        name = read_addon_config(folder).name
        strategy: Strategy = "predicted" if PREDICTION in assets else "bert+syntactic"
        fields = {
            "speakers": speakers,
            "stack": with_selector(cast(Any, model).stack, strategy),
            "default_linguistics": name,
            "requires": [{"name": name, "sha256": file_hash(folder / ADDON_FILE)}],
        }
        yield fields, assets


def _reference_encoder(model: TrainableModel) -> ExportPart | None:
    """Return the network that maps a recording to a prosody embedding, or None if the model has none."""
    analysing = (part for part in model.export_parts() if part.role == "analysis")
    return next((part for part in analysing if any(port.name == "embedding" for port in part.outputs)), None)


def _training_recordings(corpus: Corpus, facts: CorpusFacts) -> list[Recording]:
    """Return the training recordings of the addon's speakers. Raises CorpusError for a speaker without any."""
    chosen = [recording for recording in corpus.of_split("train") if recording.speaker in facts.speaker_names]
    for name in facts.speaker_names:
        if all(recording.speaker != name for recording in chosen):
            message = f"{corpus.folder}: has no training recording of '{name}', so this speaker has no embedding"
            raise CorpusError(message, hint=f"leave out this speaker by --speakers, or export with a corpus that has '{name}'")
    return chosen


@torch.no_grad()
def _embedding(encoder: ExportPart, corpus: Corpus, recording: Recording) -> NDArray[np.float32]:
    """Return the posterior mean of the embedding of a recording, (D,)."""
    mel = torch.from_numpy(corpus.load(recording, ("mel",))["mel"])[None].float()
    embedding: NDArray[np.float32] = encoder.module(mel, torch.ones_like(mel[:, :, :1]))[0, 0].numpy()
    return embedding


def _with_centroids(facts: CorpusFacts, recordings: Sequence[Recording], embeddings: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Return the speakers for addon.json, each with the mean embedding of its utterances."""
    speakers = np.array([recording.speaker for recording in recordings])
    centroids = [embeddings[speakers == one.name].astype(np.float64).mean(0) for one in facts.speakers]
    return [
        {"name": one.name, "mean_log_f0": one.mean_log_f0, "embedding": centroid.round(CENTROID_DIGITS).tolist()}
        for one, centroid in zip(facts.speakers, centroids, strict=True)
    ]


class InventoryUtterance(NamedTuple):
    """Training utterance of the inventory."""

    id: str
    """Identifier of the utterance in the corpus."""
    speaker: int
    """Index of the speaker in the addon's list."""
    text: str
    """Text of the utterance."""
    document: str = ""
    """Document that the utterance is a sentence of; "" if unknown."""
    position: int | None = None
    """Place of the sentence in its document."""


def write_analysed(
    folder: Path,
    utterances: Sequence[InventoryUtterance],
    embeddings: NDArray[np.float32],
    analyst: Analyst,
    language: str = "en-US",
    tempo: NDArray[np.float64] | None = None,
) -> dict[str, Path]:
    """Analyze the texts of utterances, and write the inventory and the weights of the prediction that is fitted to it.

    A text of several utterances is analyzed once. Too few utterances, or unpredictable ones, give no weights.

    Args:
        folder: Folder to write to.
        utterances: The recordings, U of them.
        embeddings: Their prosody embeddings, (U, D).
        analyst: Analyzer of sentences.
        language: Language of the texts as a BCP 47 tag.
        tempo: Directions of the embedding that predictions are not scaled in, (D, K), see `tempo.tempo_directions`; None: none.

    Returns:
        The files by asset name.
    """
    places = {text: place for place, text in enumerate(dict.fromkeys(one.text for one in utterances))}
    front_end = TextFrontEnd(language=language)
    analyses = [_analysed(text, front_end, analyst) for text in places]
    arrays = {
        "embeddings": embeddings,
        "utterances": np.array([(one.speaker, places[one.text]) for one in utterances]),
        "vectors": np.stack([analysis.vector for analysis in analyses]),
        "distances": np.concatenate([analysis.distances for analysis in analyses]),
        "offsets": np.cumsum([0, *(len(analysis.distances) for analysis in analyses)]),
    }
    files = write_inventory(folder, arrays, Texts(ids=tuple(one.id for one in utterances), texts=tuple(places)))
    weights = fit_prediction(_examples(utterances, embeddings, [analyses[places[one.text]] for one in utterances]), tempo)
    return {**files, **(write_prediction(folder, weights) if weights else {})}


class _Analysis(NamedTuple):
    vector: NDArray[np.float32]
    distances: NDArray[np.float32]
    cues: NDArray[np.float32]


def _analysed(text: str, front_end: TextFrontEnd, analyst: Analyst) -> _Analysis:
    """Analyze syntax, meaning and cues of `text` as one sentence."""
    sentence = Sentence.of(front_end.utterance(text))
    found = analyst.analyse(sentence.words, sentence.marks)
    reading = CueSentence(sentence.text, sentence.words, sentence.marks, found.distances, sentence.tokens)
    return _Analysis(found.vector, found.distances, cues_of(reading))


def _examples(
    utterances: Sequence[InventoryUtterance], embeddings: NDArray[np.float32], analyses: Sequence[_Analysis]
) -> Examples:
    speakers = [one.speaker for one in utterances]
    documents = [one.document or None for one in utterances]
    places = [(one.document, one.position) if one.document and one.position is not None else None for one in utterances]
    return Examples(
        embeddings=embeddings,
        speakers=np.array(speakers, np.intp),
        cues=np.stack([one.cues for one in analyses]),
        vectors=np.stack([one.vector for one in analyses]),
        before=utterances_before(places, speakers),
        groups=grouped([one.text for one in utterances], documents),
    )
