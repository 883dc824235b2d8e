"""Prosody selection by linguistic similarity (Tyagi et al., Interspeech 2020).

`ProsodySelector` finds the training sentences that are most similar to the sentence to be spoken, in syntax, in meaning or in
both, and takes the acoustic embeddings of their utterances; or it predicts the embedding. It stands before the encoders:

    {"type": "SequenceBlockContainer",
     "blocks": [{"type": "ProsodySelector", "strategy": "bert+syntactic"}, {"type": "Encoders"}]}
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from tts_cli.addon.opened import Addon
from tts_cli.audio.mel import log_mel
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.config import StrictModel
from tts_cli.errors import AddonError, InputError
from tts_cli.ports import PortSpec, Tensors
from tts_cli.selection.feature import (
    PREVIOUS_CUES,
    PREVIOUS_VECTOR,
    REASONS,
    SENTENCE_CUES,
    SENTENCE_VECTOR,
    SYNTACTIC_DISTANCE,
)
from tts_cli.selection.inventory import Floats, Integers, Inventory
from tts_cli.selection.prediction import Prediction, SentenceInputs, shares
from tts_cli.selection.similarity import SYNTAXES, Lengths, combined, cosines, unit

Strategy = Literal["centroid", "syntactic", "bert", "bert+syntactic", "random", "oracle", "learnt", "predicted"]
Pool = Literal["own", "all"]

READS: dict[Strategy, tuple[PortSpec, ...]] = {
    "centroid": (),
    "syntactic": (SYNTACTIC_DISTANCE,),
    "bert": (SENTENCE_VECTOR,),
    "bert+syntactic": (SENTENCE_VECTOR, SYNTACTIC_DISTANCE),
    "learnt": (SENTENCE_VECTOR, SENTENCE_CUES),
    "predicted": (SENTENCE_VECTOR, SENTENCE_CUES),
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
WITH_WEIGHTS: tuple[Strategy, ...] = ("learnt", "predicted")
"""Strategies that need the weights of a prediction."""
WITHOUT_WEIGHTS: tuple[Strategy, ...] = ("centroid", "syntactic", "bert", "bert+syntactic", "random", "oracle")
"""Strategies of every voice that selects."""
SPREAD = 0.75
"""Spread of embeddings about the centroid by the strategies `WITH_WEIGHTS`, times that of recordings, if none is given."""
NUM_TRIED = 256
"""Utterances of a speaker from which the spread of the learnt strategy is measured."""


class ProsodySelectorOptions(StrictModel):
    """Options of `ProsodySelector`."""

    strategy: Strategy = "bert+syntactic"
    """Source of the embedding. `centroid`: the mean embedding of the speaker for all sentences. `syntactic`, `bert` and
    `bert+syntactic`: the utterances most similar in syntactic distances, in meaning, or in both. `learnt`: those most similar by
    the weights of the addon. `predicted`: the embedding that these weights predict from the sentence and the one before.
    `random`: random utterances. `oracle`: the embedding of the request."""
    lengths: Lengths = "dtw"
    """Comparison of syntactic distances of sentences with different numbers of words. `same`: only sentences with the same
    number. `pad`: fill the shorter with 0. `resample`: resample both to one number of points. `dtw`: dynamic time warping."""
    bert_weight: float = Field(default=0.35, ge=0, le=1)
    """Weight of meaning in `bert+syntactic`; syntax has 1 minus this weight."""
    top_k: int = Field(default=1, ge=1)
    """Number of utterances; their embeddings are averaged."""
    inventory: Pool = "own"
    """Utterances that are searched: those of the speaker (`own`), or of all speakers (`all`)."""
    spread: float | None = Field(default=None, ge=0, le=2)
    """Root mean square offset of embeddings from the speaker's centroid by `learnt` and `predicted`, times that of the speaker's
    recordings; None: `SPREAD`. A prediction by itself is near the centroid. At 0, the embedding is the centroid."""
    excluded: tuple[str, ...] = ()
    """Names of recordings with sentences that are never selected, of any speaker: for evaluation with training sentences. The
    weights of `learnt` and `predicted` have seen them nevertheless."""

    @model_validator(mode="after")
    def _spreads_what_is_predicted(self) -> ProsodySelectorOptions:
        if self.spread is not None and self.strategy not in WITH_WEIGHTS:
            raise ValueError(f"spread is for the strategies {' and '.join(WITH_WEIGHTS)}, and the strategy is {self.strategy}")
        return self


class ProsodySelector(SequenceBlock):
    """Block that selects the acoustic embedding of a sentence from an inventory of training utterances.

    Embeddings cluster by speaker. So the selected utterance's offset from its own speaker's centroid is added to the centroid of
    the target speaker; for the speaker's own utterances the sum is their embedding. The offset that is `learnt` or `predicted`
    is scaled to the wanted spread.

    Reads:
        `embedding`, the centroid of the target speaker; `speaker`, `seed`, `given_embedding`; with syntax or meaning also
        `syntactic_distance`, `sentence_vector`, `sentence_cues`, `previous_embedding`, `previous_cues`, `previous_vector` and
        `continuity`.

    Gives:
        `embedding` of shape (1, 1, D); `selected` (1, 1, K), indices of K utterances in the inventory with the best first; and
        `selected_score` (1, 1, K), their similarities: cosines, or for `bert+syntactic` the scores of `similarity.combined`, for
        `learnt` those of `Prediction.likeness`. For `predicted` it is the utterance with the most similar embedding, which has
        no part in the embedding. With weights also `reasons` (1, 1, len(prediction.REASONS)), the shares of the parts of the
        prediction.

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
        self._prediction: Prediction | None = None
        strategy = self.options.strategy
        if strategy not in WITHOUT_INVENTORY:
            self._open(Inventory(addon, self.path))
        if strategy in WITH_WEIGHTS:
            assert self.inventory is not None
            sizes = (len(self.inventory), self.inventory.vectors.shape[1], self.inventory.embeddings.shape[1])
            self._prediction = Prediction(addon, self.path, sizes)
            self._usual: dict[int, float] = {}
        size = self.inventory.embeddings.shape[1] if self.inventory else 0
        self.inputs = (*_request_ports(size), *READS[strategy], *self._ports_of_the_one_before(size))
        self.outputs = (
            PortSpec(name="embedding", rate="utterance", channels=size),
            PortSpec(name="selected", rate="utterance", channels=0, type="int64"),
            PortSpec(name="selected_score", rate="utterance", channels=0),
            *((PortSpec(name=REASONS, rate="utterance", channels=0),) if self._prediction else ()),
        )

    def _ports_of_the_one_before(self, size: int) -> tuple[PortSpec, ...]:
        """Return the optional ports with the sentence before; embeddings have `size` values."""
        if self.options.strategy != "predicted":
            return _continuity_ports(size) if READS[self.options.strategy] else ()
        assert self._prediction is not None
        ports = (PREVIOUS_CUES, PREVIOUS_VECTOR, _continuity_ports(size)[0])
        read = zip(ports, self._prediction.reads_before, strict=True)
        return tuple(port.model_copy(update={"optional": True}) for port, is_read in read if is_read)

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
        found = self._chosen(scope)
        return found if self._prediction is None else {REASONS: np.zeros((1, 1, 0), np.float32), **found}

    def _chosen(self, scope: Tensors) -> Tensors:
        if "given_embedding" in scope:
            return _outputs(scope["given_embedding"][0, 0])
        strategy = self.options.strategy
        if strategy == "oracle":
            message = "the strategy 'oracle' takes the embedding of a recording, and none is given"
            raise InputError(message, hint="give one with --embedding FILE, or in a prosody file")
        if strategy == "centroid" or any(port.name not in scope for port in READS[strategy]):
            return _outputs(scope["embedding"][0, 0])
        candidates = self._candidates(int(scope["speaker"][0, 0, 0]))
        if strategy in WITH_WEIGHTS:
            return self._predicted(candidates, scope)
        chosen, scores = self._drawn(candidates, scope) if strategy == "random" else self._best(candidates, scope)
        self._refuse_none(chosen)
        return _outputs(scope["embedding"][0, 0] + self._deviations[chosen].mean(0), chosen, scores)

    def _refuse_none(self, chosen: Integers) -> None:
        """Raise InputError if no utterance is chosen, because the scores of all are no finite numbers."""
        if not len(chosen):
            message = f"{self.path}: the likeness of every sentence of the inventory is no finite number"
            raise InputError(message, hint="get the addon again; --prosody-strategy centroid speaks without the inventory")

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
        return self._ranked(candidates, self._similarities(sentences, scope)[places], scope)

    def _ranked(self, candidates: Integers, scores: Floats, scope: Tensors) -> tuple[Integers, Floats]:
        """Return the `top_k` candidates with the highest scores (C,), less the cost of continuity, and their scores."""
        if "continuity" in scope and "previous_embedding" in scope:
            weight = float(scope["continuity"][0, 0, 0]) * float(scores[np.isfinite(scores)].std() or 1.0)
            before = scope["previous_embedding"][0, 0] - scope["embedding"][0, 0]
            scores = scores - np.float32(weight) * relative_distances(self._deviations[candidates], before)
        # Scores that differ by rounding errors only must keep their order on every machine.
        order = np.argsort(-scores.round(SCORE_DIGITS), kind="stable")[: self.options.top_k]
        order = order[np.isfinite(scores[order])]
        return candidates[order], scores[order]

    def _predicted(self, candidates: Integers, scope: Tensors) -> Tensors:
        """Return the outputs of the strategies with weights."""
        assert self._prediction is not None
        speaker, centroid = int(scope["speaker"][0, 0, 0]), scope["embedding"][0, 0]
        parts = self._prediction.parts(speaker, _inputs(scope, centroid))
        spread = SPREAD if self.options.spread is None else self.options.spread
        if self.options.strategy == "predicted":
            offset = self._prediction.spread_out(parts.sum(0), speaker, spread)
            alike = unit(self._deviations[candidates]) @ (offset / (np.linalg.norm(offset) or 1))
            best = np.argsort(-alike.round(SCORE_DIGITS), kind="stable")[:1]
            best = best[np.isfinite(alike[best])]
            chosen, scores = candidates[best], alike[best]
            self._refuse_none(chosen)
        else:
            chosen, scores = self._ranked(candidates, self._prediction.likeness(parts.sum(0), candidates), scope)
            self._refuse_none(chosen)
            offset = self._deviations[chosen].mean(0)
            offset = self._prediction.spread_out(offset, speaker, spread, self._usual_spread(speaker))
        return {**_outputs(centroid + offset, chosen, scores), REASONS: shares(parts).reshape(1, 1, -1)}

    def _usual_spread(self, speaker: int) -> float:
        """Return the root mean square offset of the mean of `top_k` utterances, chosen by the places of a speaker's sentences."""
        assert self._prediction is not None and self.inventory is not None
        if speaker not in self._usual:
            candidates = self._candidates(speaker)
            own = np.flatnonzero(self.inventory.speakers == speaker)
            tried = own[np.linspace(0, len(own) - 1, min(NUM_TRIED, len(own))).astype(np.intp)]
            squares = [np.square(self._of_others(int(one), candidates)).sum() for one in tried]
            self._usual[speaker] = float(np.sqrt(np.mean(squares))) if squares else 0.0
        return self._usual[speaker]

    def _of_others(self, utterance: int, candidates: Integers) -> Floats:
        """Return the mean offset (D,) of the `top_k` candidates with other sentences whose places are nearest."""
        assert self._prediction is not None and self.inventory is not None
        places = self._prediction.places
        others = candidates[self.inventory.sentences[candidates] != self.inventory.sentences[utterance]]
        away = np.square(places[others] - places[utterance]).sum(1)
        nearest = others[np.argsort(away, kind="stable")[: self.options.top_k]]
        return np.asarray(self._deviations[nearest].mean(0) if len(nearest) else self._deviations[utterance], np.float32)

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


def _inputs(scope: Tensors, centroid: Floats) -> SentenceInputs:
    """Return the inputs of a prediction for a speaker with the embedding `centroid` (D,)."""
    before = (scope[name][0, 0] if name in scope else None for name in ("previous_cues", "previous_vector", "previous_embedding"))
    cues, vector, embedding = before
    offset = None if embedding is None else embedding - centroid
    return SentenceInputs(scope["sentence_cues"][0, 0], scope["sentence_vector"][0, 0], cues, vector, offset)


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
