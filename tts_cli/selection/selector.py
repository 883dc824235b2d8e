"""Prosody selection by linguistic similarity (Tyagi et al., Interspeech 2020).

`ProsodySelector` finds the training sentences that are most similar to the sentence to be spoken, in syntax, in meaning or in
both, and takes the acoustic embeddings of their utterances. It stands before the encoders:

    {"type": "SequenceBlockContainer",
     "blocks": [{"type": "ProsodySelector", "strategy": "bert+syntactic"}, {"type": "Encoders"}]}
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from tts_cli.addon.opened import Addon
from tts_cli.audio.mel import log_mel
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.config import StrictModel
from tts_cli.errors import AddonError, InputError
from tts_cli.ports import PortSpec, Tensors
from tts_cli.selection.feature import SENTENCE_VECTOR, SYNTACTIC_DISTANCE
from tts_cli.selection.inventory import Floats, Integers, Inventory
from tts_cli.selection.similarity import SYNTAXES, Lengths, combined, cosines, unit

Strategy = Literal["centroid", "syntactic", "bert", "bert+syntactic", "random", "oracle"]
Pool = Literal["own", "all"]

READS: dict[Strategy, tuple[PortSpec, ...]] = {
    "centroid": (),
    "syntactic": (SYNTACTIC_DISTANCE,),
    "bert": (SENTENCE_VECTOR,),
    "bert+syntactic": (SENTENCE_VECTOR, SYNTACTIC_DISTANCE),
    "random": (),
    "oracle": (),
}
"""Ports with the syntax and the meaning of the sentence that each strategy reads."""
SCORE_DIGITS = 5
"""Decimal places to which scores are rounded before they are ranked."""
NUM_LOUD = 10
"""Rank of the frame that is the reference of loudness: the 10th-loudest, so that a single click cannot set it."""
SILENCE_BELOW = 4.5
"""Difference in the natural log of magnitude between the reference of loudness and silence: 39 dB."""
FRAMES_AROUND = 4
"""Frames of silence that are kept on each side of speech."""
WITHOUT_INVENTORY: tuple[Strategy, ...] = ("centroid", "oracle")
"""Strategies that need no inventory."""


class ProsodySelectorOptions(StrictModel):
    """Options of `ProsodySelector`."""

    strategy: Strategy = "bert+syntactic"
    """Source of the embedding. `centroid`: the mean embedding of the speaker for all sentences. `syntactic`, `bert` and
    `bert+syntactic`: the utterances most similar in syntactic distances, in meaning, or in both. `random`: random utterances.
    `oracle`: the embedding of the request."""
    lengths: Lengths = "dtw"
    """Comparison of syntactic distances of sentences with different numbers of words. `same`: only sentences with the same
    number. `pad`: fill the shorter with 0. `resample`: resample both to one number of points. `dtw`: dynamic time warping."""
    bert_weight: float = Field(default=0.35, ge=0, le=1)
    """Weight of meaning in `bert+syntactic`; syntax has 1 minus this weight."""
    top_k: int = Field(default=1, ge=1)
    """Number of utterances; their embeddings are averaged."""
    inventory: Pool = "own"
    """Utterances that are searched: those of the speaker (`own`), or of all speakers (`all`)."""
    excluded: tuple[str, ...] = ()
    """Names of recordings with sentences that are never selected, of any speaker: for evaluation with training sentences."""


class ProsodySelector(SequenceBlock):
    """Block that selects the acoustic embedding of a sentence from an inventory of training utterances.

    Embeddings cluster by speaker. So the selected utterance's offset from its own speaker's centroid is added to the centroid of
    the target speaker; for the speaker's own utterances the sum is their embedding.

    Reads:
        `embedding`, the centroid of the target speaker; `speaker`, `seed`, `given_embedding`; with syntax or meaning also
        `syntactic_distance`, `sentence_vector`, `previous_embedding` and `continuity`.

    Gives:
        `embedding` of shape (1, 1, D); `selected` (1, 1, K), indices of K utterances in the inventory with the best first; and
        `selected_score` (1, 1, K), their similarities: cosines, or for `bert+syntactic` the scores of `similarity.combined`.

    The control `continuity` penalises distance to `previous_embedding`: at 1, an average distance between two utterances costs
    one standard deviation of the similarities. A given embedding passes unchanged. A sentence without words gets the centroid.

    Examples:
        >>> import tts_cli
        >>> from tts_cli.selection.choosing import choosing
        >>> edit_stack = choosing("prosody-16k", strategy="syntactic", lengths="dtw", inventory="all")
        >>> voice = tts_cli.load("prosody-16k", edit_stack=edit_stack)
        >>> chunks = list(voice.stream("Does he wear a black suit or a blue one?"))
        >>> best = chunks[0].sentence.outcome("selected")[0]
    """

    options_model: ClassVar[type[StrictModel]] = ProsodySelectorOptions

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.options: ProsodySelectorOptions
        self.inventory: Inventory | None = None
        strategy = self.options.strategy
        if strategy not in WITHOUT_INVENTORY:
            self._open(Inventory(addon, self.path))
        size = self.inventory.embeddings.shape[1] if self.inventory else 0
        self.inputs = (*_request_ports(size), *READS[strategy], *(_continuity_ports(size) if READS[strategy] else ()))
        self.outputs = (
            PortSpec(name="embedding", rate="utterance", channels=size),
            PortSpec(name="selected", rate="utterance", channels=0, type="int64"),
            PortSpec(name="selected_score", rate="utterance", channels=0),
        )

    def _open(self, inventory: Inventory) -> None:
        """Load the parts of the inventory that the strategy searches into memory."""
        self.inventory = inventory
        self._deviations = inventory.deviations()
        excluded = inventory.sentences_of(self.options.excluded)
        self._is_offered = ~np.isin(inventory.sentences, excluded)
        if SENTENCE_VECTOR in READS[self.options.strategy]:
            self._vectors = unit(inventory.vectors)
        if SYNTACTIC_DISTANCE in READS[self.options.strategy]:
            self._syntaxes = SYNTAXES[self.options.lengths](inventory.distances, inventory.offsets)

    def _run(self, scope: Tensors) -> Tensors:
        if "given_embedding" in scope:
            return _outputs(scope["given_embedding"][0, 0])
        strategy = self.options.strategy
        if strategy == "oracle":
            message = "the strategy 'oracle' takes the embedding of a recording, and none is given"
            raise InputError(message, hint="give one with --embedding FILE, or in a prosody file")
        if strategy == "centroid" or any(port.name not in scope for port in READS[strategy]):
            return _outputs(scope["embedding"][0, 0])
        candidates = self._candidates(int(scope["speaker"][0, 0, 0]))
        chosen, scores = self._drawn(candidates, scope) if strategy == "random" else self._best(candidates, scope)
        if not len(chosen):
            message = f"{self.path}: the likeness of every sentence of the inventory is no finite number"
            raise InputError(message, hint="get the addon again; --prosody-strategy centroid speaks without the inventory")
        return _outputs(scope["embedding"][0, 0] + self._deviations[chosen].mean(0), chosen, scores)

    def _candidates(self, speaker: int) -> Integers:
        """Return the indices of utterances that may be selected, shape (C,). The speaker's own come first: they win ties.

        Raises InputError if there is none.
        """
        assert self.inventory is not None
        own = self.inventory.speakers == speaker
        groups = [own] if self.options.inventory == "own" else [own, ~own]
        candidates = np.concatenate([np.flatnonzero(group & self._is_offered) for group in groups])
        if not len(candidates):
            raise InputError("no utterance of this speaker is in the inventory", hint="--inventory all chooses from everyone's")
        return candidates

    def _drawn(self, candidates: Integers, scope: Tensors) -> tuple[Integers, Floats]:
        """Return the indices of random utterances, drawn by the seed of the request, and scores of 0, each of shape (K,).

        They are `top_k` of the `candidates`, without repetition; all if there are fewer.
        """
        random = np.random.default_rng(int(scope["seed"][0, 0, 0]))
        chosen = random.choice(candidates, min(self.options.top_k, len(candidates)), replace=False)
        return chosen, np.zeros(len(chosen), np.float32)

    def _best(self, candidates: Integers, scope: Tensors) -> tuple[Integers, Floats]:
        assert self.inventory is not None
        sentences, places = np.unique(self.inventory.sentences[candidates], return_inverse=True)
        scores = self._similarities(sentences, scope)[places]
        if "continuity" in scope and "previous_embedding" in scope:
            weight = float(scope["continuity"][0, 0, 0]) * float(scores[np.isfinite(scores)].std() or 1.0)
            before = scope["previous_embedding"][0, 0] - scope["embedding"][0, 0]
            scores = scores - np.float32(weight) * relative_distances(self._deviations[candidates], before)
        # Scores that differ by rounding errors only must keep their order on every machine.
        order = np.argsort(-scores.round(SCORE_DIGITS), kind="stable")[: self.options.top_k]
        order = order[np.isfinite(scores[order])]
        return candidates[order], scores[order]

    def _similarities(self, sentences: Integers, scope: Tensors) -> Floats:
        """Return the similarities of the sentence to those with the indices `sentences` (C,), shape (C,)."""
        reads = READS[self.options.strategy]
        found = []
        if SENTENCE_VECTOR in reads:
            vector = scope["sentence_vector"][0, 0]
            found.append(cosines(self._vectors, vector, float(np.linalg.norm(vector)))[sentences])
        if SYNTACTIC_DISTANCE in reads:
            found.append(self._syntaxes.similarities(scope["syntactic_distance"][0, 1:, 0], sentences))
        return found[0] if len(found) == 1 else combined(found[0], found[1], self.options.bert_weight)


def relative_distances(embeddings: Floats, previous: Floats) -> Floats:
    """Return the Euclidean distances of embeddings (C, D) from `previous` (D,), shape (C,).

    They are divided by the root mean square distance between two of the embeddings.
    """
    usual = np.sqrt(2 * embeddings.var(0).sum()) or 1.0
    return np.asarray(np.linalg.norm(embeddings - previous, axis=1) / usual, np.float32)


def _request_ports(size: int) -> tuple[PortSpec, ...]:
    return (
        PortSpec(name="embedding", rate="utterance", channels=size),
        PortSpec(name="speaker", rate="utterance", type="int64"),
        PortSpec(name="seed", rate="utterance", type="int64"),
        PortSpec(name="given_embedding", rate="utterance", channels=size, optional=True),
    )


def _continuity_ports(size: int) -> tuple[PortSpec, ...]:
    """Return the ports that a strategy with scores reads for `continuity`."""
    return (
        PortSpec(name="previous_embedding", rate="utterance", channels=size, optional=True),
        PortSpec(name="continuity", rate="utterance", optional=True),
    )


def _outputs(embedding: Floats, chosen: Integers | None = None, scores: Floats | None = None) -> Tensors:
    return {
        "embedding": np.asarray(embedding, np.float32).reshape(1, 1, -1),
        "selected": np.asarray([] if chosen is None else chosen, np.int64).reshape(1, 1, -1),
        "selected_score": np.asarray([] if scores is None else scores, np.float32).reshape(1, 1, -1),
    }


def embedding_of(recording: Path, addon: Addon) -> Floats:
    """Return the acoustic embedding of a recording, shape (D,): the mean of the posterior of the addon's reference encoder.

    Raises:
        AddonError: The addon has no reference encoder.
        AudioError: The recording cannot be used.
    """
    # Voices that select seldom read recordings, and the import takes time.
    from tts_cli.audio.recordings import read_recording

    encoder = reference_encoder(addon)
    mel = without_silence(log_mel(read_recording(recording, addon.sample_rate), addon.mel))
    outputs = encoder.run({"source_mel": mel[None], "source_mask": np.ones((1, len(mel), 1), np.float32)})
    return np.asarray(outputs["embedding"][0, 0], np.float32)


def without_silence(mel: Floats) -> Floats:
    """Cut silence at both ends of a log mel (T, bands), as in prepared training recordings; return it in shape (T', bands)."""
    level = mel.mean(1)
    loud = np.flatnonzero(level > np.sort(level)[-NUM_LOUD:][0] - SILENCE_BELOW)
    return mel[max(0, loud[0] - FRAMES_AROUND) : loud[-1] + 1 + FRAMES_AROUND]


def reference_encoder(addon: Addon) -> AddonNetwork:
    """Return the reference encoder of `addon`: mel frames to an acoustic embedding. Raises AddonError if there is none."""
    for network in addon.networks("analysis"):
        if any(port.name == "embedding" for port in network.spec.outputs):
            return network
    message = f"addon '{addon.name}' has no acoustic embeddings: no network of it gives 'embedding'"
    raise AddonError(message, hint="choose an addon made for prosody selection")
