"""Sentences that are spoken at each validation of a training: WAV files in the run's folder, and audio for TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.files import WavFile
from tts_cli.audio.mel import Floats
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.errors import AddonError, ConfigError
from tts_cli.models import TrainableModel
from tts_cli.training.recipe import Recipe, SpokenSentences
from tts_cli.training.weights import fitting_vocoders, inherited, spoken_temperature

SPOKEN = "spoken"
"""Folder of a run with the spoken sentences, `step-STEP-NUMBER.wav`."""

_NAME_ONE = "name a vocoder with --set spoken.vocoder=NAME"
Say = Callable[[str], None]
Speak = Callable[[int], dict[str, Any]]
"""Function from the steps done to audio (S,) by title."""


def sentence_speaker(
    model: TrainableModel, recipe: Recipe, names: Sequence[str], run: Path, begun_from: Sequence[Mapping[str, Any]], say: Say
) -> Speak | None:
    """Return a function that speaks the sentences of `recipe`; None if it has none, or no vocoder is found, which is told.

    A flow of prosody draws at the temperature of the initial voice, as the exported addon does.

    Args:
        model: The model of the training.
        recipe: The recipe.
        names: Speakers of the corpus; the first speaks if the recipe names none.
        run: Folder of the run.
        begun_from: Lineage of the initial weights, which may name a vocoder.
        say: Called with one line for the user.

    Raises:
        ConfigError: The model does not have the speaker, or lacks a symbol of the sentences.
    """
    wishes = recipe.spoken
    if wishes is None:
        return None
    vocoder = wishes.vocoder or next(iter([*inherited(begun_from, "default_vocoder"), *fitting_vocoders(model.facts)]), None)
    try:
        if vocoder is None:
            raise AddonError("no vocoder addon has this mel configuration", hint=_NAME_ONE)
        speaker = wishes.speaker or (*(recipe.speakers or ()), *names)[0]
        return Sentences(model, wishes, speaker, vocoder, run, spoken_temperature(begun_from))
    except AddonError as error:
        say(f"no sentences are spoken at validations: {error.message}; {_NAME_ONE}")
        return None


class Sentences:
    """Sentences that a model in training speaks, through a vocoder addon.

    Args:
        model: The model.
        wishes: The sentences.
        speaker: Name of their speaker.
        vocoder: Name or path of the vocoder addon.
        run: Folder of the run.
        temperature: Deviation of the noise of a flow of prosody.

    Raises:
        AddonError: The vocoder is not found, or has another mel configuration.
        ConfigError: The model does not have the speaker, or lacks a symbol of the sentences.
    """

    def __init__(
        self, model: TrainableModel, wishes: SpokenSentences, speaker: str, vocoder: str, run: Path, temperature: float
    ) -> None:
        # A packed training speaks nothing, and lacks the packages that open addons.
        from tts_cli.addon.opened import open_addon

        opened = open_addon(vocoder if "/" in vocoder or not Path(vocoder).is_dir() else Path(vocoder), threads=1)
        if opened.config.kind != "vocoder" or opened.mel.hash != model.facts.mel.hash:
            raise AddonError(f"'{opened.name}' is no vocoder of this mel configuration", hint=_NAME_ONE)
        if speaker not in model.facts.speaker_names:
            known = ", ".join(model.facts.speaker_names)
            raise ConfigError(f"spoken.speaker: the model has no speaker '{speaker}'", hint=f"its speakers: {known}")
        self._model, self._run, self._stack, self._temperature = model, run, opened.build_stack(), temperature
        self._speaker = model.facts.speaker_names.index(speaker)
        self._phones = [_phones(text, model.facts) for text in wishes.texts]

    def __call__(self, step: int) -> dict[str, Floats]:
        """Speak all sentences after `step` steps, write them as WAV files, and return their audio by title."""
        spoken: dict[str, Floats] = {}
        rate = self._model.facts.mel.sample_rate
        for number, phones in enumerate(self._phones, start=1):
            said = self._model.say({"phones": phones}, self._speaker, temperature=self._temperature)
            if said is None or not len(said["mel"]):
                continue
            audio = spoken[f"spoken/{number}"] = self._vocoded(said)
            folder = self._run / SPOKEN
            folder.mkdir(exist_ok=True)
            with WavFile(folder / f"step-{step:06d}-{number}.wav", rate) as file:
                file.write(audio)
        return spoken

    def _vocoded(self, said: Mapping[str, Any]) -> Floats:
        from tts_cli.blocks.streamable import ArrayStream

        ports = {"mel": said["mel"], "log_f0": said["log_f0"][:, None], "voicing": said["voicing"][:, None]}
        stream = self._stack.open({}, ArrayStream({name: value[None] for name, value in ports.items()}))
        chunks = iter(lambda: stream.read(self._model.facts.mel.sample_rate), None)
        return np.concatenate([next(iter(chunk.values()))[0, :, 0] for chunk in chunks])


def _phones(text: str, facts: CorpusFacts) -> np.ndarray[Any, Any]:
    """Return the ids of the tokens of `text`, (N,). Raises ConfigError for a symbol that the model lacks."""
    from tts_cli.text.front_end import TextFrontEnd

    tokens = TextFrontEnd(language=facts.language).utterance(text).tokens
    if unknown := sorted(set(tokens) - set(facts.symbols)):
        message = f"spoken.texts: the model lacks symbols of '{text}': {' '.join(unknown)}"
        raise ConfigError(message, hint="choose other sentences, or --set spoken=null")
    return np.array([facts.symbols.index(token) for token in tokens], np.int64)
