"""What an addon selects prosody from: the acoustic embedding of every training utterance, beside what its sentence is like."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tts_cli.addon.config import ADDON_FILE, read_addon_config
from tts_cli.addon.library import file_hash, find_addon
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.errors import CorpusError
from tts_cli.models import TrainableModel
from tts_cli.models.parts import ExportPart
from tts_cli.selection.feature import SELECTOR
from tts_cli.selection.filler import AnalysedSentence, Analyst
from tts_cli.selection.inventory import Texts, write_inventory
from tts_cli.selection.parsing import open_linguistics
from tts_cli.text import TextFrontEnd
from tts_cli.voice.sentence import Sentence

CENTROID_DIGITS = 5

SELECTION_STACK: list[dict[str, Any]] = [
    {
        "type": "StreamablePipeline",
        "sequence_block": {
            "type": "SequenceBlockContainer",
            "blocks": [{"type": SELECTOR, "strategy": "bert+syntactic"}, {"type": "Encoders"}],
        },
        "streamable_block": {"type": "StreamableStack", "stack": [{"type": "Upsampler"}, {"type": "Decoder"}]},
    }
]
"""The blocks of a voice that selects its prosody."""


@contextmanager
def selection_parts(
    model: TrainableModel, corpus: Corpus, linguistics: str, near: Path
) -> Iterator[tuple[dict[str, Any], dict[str, Path]]]:
    """What the addon of `model` has for prosody selection: fields of addon.json, and assets. Both are empty without embeddings.

    Sentences of the prepared `corpus` are analysed by the addon `linguistics`, which is looked for in the folder `near` first.
    Raises AddonError where that is not found, CorpusError for a speaker without a training recording.
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
        said = [InventoryUtterance(one.id, names.index(one.speaker), one.text) for one in recordings]
        assets = write_analysed(Path(scratch), said, embeddings, open_linguistics(folder))
        name = read_addon_config(folder).name
        fields = {
            "speakers": _with_centroids(model.facts, recordings, embeddings),
            "stack": SELECTION_STACK,
            "default_linguistics": name,
            "requires": [{"name": name, "sha256": file_hash(folder / ADDON_FILE)}],
        }
        yield fields, assets


def _reference_encoder(model: TrainableModel) -> ExportPart | None:
    """The network that says how a recording is said, if the model has one."""
    analysing = (part for part in model.export_parts() if part.role == "analysis")
    return next((part for part in analysing if any(port.name == "embedding" for port in part.outputs)), None)


def _training_recordings(corpus: Corpus, facts: CorpusFacts) -> list[Recording]:
    """Those of the speakers the addon has, every one of whom has some."""
    chosen = [recording for recording in corpus.of_split("train") if recording.speaker in facts.speaker_names]
    for name in facts.speaker_names:
        if all(recording.speaker != name for recording in chosen):
            raise CorpusError(f"{corpus.folder}: it has no training recording of '{name}', whose embeddings are needed")
    return chosen


@torch.no_grad()
def _embedding(encoder: ExportPart, corpus: Corpus, recording: Recording) -> NDArray[np.float32]:
    """(D,) the mean of the recording's posterior."""
    mel = torch.from_numpy(corpus.load(recording, ("mel",))["mel"])[None].float()
    found: NDArray[np.float32] = encoder.module(mel, torch.ones_like(mel[:, :, :1]))[0, 0].numpy()
    return found


def _with_centroids(facts: CorpusFacts, recordings: Sequence[Recording], embeddings: NDArray[np.float32]) -> list[dict[str, Any]]:
    """The speakers for addon.json, each with the mean of its utterances' embeddings."""
    speakers = np.array([recording.speaker for recording in recordings])
    centroids = [embeddings[speakers == one.name].astype(np.float64).mean(0) for one in facts.speakers]
    return [
        {"name": one.name, "mean_log_f0": one.mean_log_f0, "embedding": centroid.round(CENTROID_DIGITS).tolist()}
        for one, centroid in zip(facts.speakers, centroids, strict=True)
    ]


class InventoryUtterance(NamedTuple):
    """A recording, for the inventory."""

    id: str
    speaker: int
    """Place in the addon's speakers."""
    text: str


def write_analysed(
    folder: Path, said: Sequence[InventoryUtterance], embeddings: NDArray[np.float32], analyst: Analyst
) -> dict[str, Path]:
    """Writes the inventory of recordings with `embeddings` (U, D) into `folder`: assets by their names.

    What several of them say is analysed once, as a voice analyses what it speaks.
    """
    places = {text: place for place, text in enumerate(dict.fromkeys(one.text for one in said))}
    front_end = TextFrontEnd()
    analyses = [_analysed(text, front_end, analyst) for text in places]
    arrays = {
        "embeddings": embeddings,
        "utterances": np.array([(one.speaker, places[one.text]) for one in said]),
        "vectors": np.stack([analysis.vector for analysis in analyses]),
        "distances": np.concatenate([analysis.distances for analysis in analyses]),
        "offsets": np.cumsum([0, *(len(analysis.distances) for analysis in analyses)]),
    }
    return write_inventory(folder, arrays, Texts(ids=tuple(one.id for one in said), texts=tuple(places)))


def _analysed(text: str, front_end: TextFrontEnd, analyst: Analyst) -> AnalysedSentence:
    """Syntax and meaning of a text, all of it one sentence."""
    said = front_end.utterance(text)
    sentence = Sentence.of(said)
    return analyst.analyse(sentence.words, sentence.marks)
