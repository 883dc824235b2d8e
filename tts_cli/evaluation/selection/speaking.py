"""Speech of recorded prompts and of further texts by a voice, and the embeddings of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache

import numpy as np

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.errors import CorpusError, InputError
from tts_cli.evaluation.measures.utterances import UtteranceProsody, is_phone
from tts_cli.selection.selector import reference_encoder
from tts_cli.text import TextFrontEnd
from tts_cli.voice.request import Controls
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import SpeechInput, Voice


@lru_cache(maxsize=1)
def _front_end() -> TextFrontEnd:
    return TextFrontEnd()


def recorded_audio(corpus: Corpus, clip: Recording) -> Floats:
    """Return the prepared audio of a clip at the corpus's sample rate, without silence at its ends, shape (samples,)."""
    return np.asarray(corpus.load(clip, ("audio",))["audio"].astype(np.float32) / 32768)


def posterior_mean(voice: Voice, corpus: Corpus, clip: Recording) -> Floats:
    """Return the posterior mean of a recording's utterance embedding (D,). Raises AddonError without a reference encoder."""
    mel = corpus.load(clip, ("mel",))["mel"].astype(np.float32)
    scope = {"source_mel": mel[None], "source_mask": np.ones((1, len(mel), 1), np.float32)}
    return np.asarray(reference_encoder(voice.acoustic).run(scope)["embedding"][0, 0], np.float32)


def sentence_of(clip: Recording) -> Sentence:
    """Return a recording's text with its aligned tokens. Raises CorpusError if the front end now splits it into other words."""
    words = _front_end().utterance(clip.text).words
    places = np.cumsum([not is_phone(token) for token in clip.tokens]) - 1
    if len(words) != places[-1]:
        raise CorpusError(
            f"{clip.corpus}/{clip.id}: prepared with another version of the text front end", hint="run tts prepare again"
        )
    of_token = [int(place) if is_phone(token) else -1 for place, token in zip(places, clip.tokens, strict=True)]
    return Sentence(text=clip.text, tokens=clip.tokens, words=words, word_of_token=tuple(of_token))


def spoken_sentences(
    voice: Voice, text: SpeechInput, speaker: str, seed: int, controls: Controls | None = None
) -> list[tuple[Sentence, Floats]]:
    """Speak a text, ignoring faults, and return each sentence with its audio (samples,) at the sample rate of the mel."""
    sentences: list[tuple[Sentence, list[Floats]]] = []
    for chunk in voice.stream(text, speaker, controls, seed, sentence_silence_s=0.0, best_effort=True):
        if chunk.sentence is not None:
            sentences.append((chunk.sentence, []))
        sentences[-1][1].append(chunk.samples)
    rate = voice.acoustic.mel.sample_rate
    return [(sentence, resample(np.concatenate(pieces), voice.sample_rate, rate)) for sentence, pieces in sentences]


def chosen_sentence(voice: Voice, sentences: Sequence[Sentence], speaker: str, seed: int) -> Sentence:
    """Return the last of `sentences` with the embedding that the voice chooses for it.

    The sentences before it are spoken in full, because their prosody is handed on; of the last one, only the first chunk.

    Raises:
        InputError: if the voice has no acoustic embeddings.
    """
    spoken = 0
    with closing(voice.stream(sentences, speaker, seed=seed, sentence_silence_s=0.0, best_effort=True)) as chunks:
        for chunk in chunks:
            spoken += chunk.sentence is not None
            if chunk.sentence is not None and spoken == len(sentences):
                if chunk.sentence.embedding is None:
                    name = voice.acoustic.name
                    raise InputError(f"'{name}' has no acoustic embeddings", hint="choose a voice that selects its prosody")
                return chunk.sentence
    raise InputError(f"the voice gave no audio for '{sentences[-1].text}'")


def recorded_prosody(clip: Recording, corpus: Corpus) -> UtteranceProsody:
    """Analyse the prosody of a recording."""
    return UtteranceProsody.of(recorded_audio(corpus, clip), corpus.mel, clip.tokens, clip.durations)


def spoken_prosody(sentence: Sentence, audio: Floats, config: MelConfig) -> UtteranceProsody:
    """Analyse the prosody of a spoken sentence with its audio (samples,). Raises InputError for a voice without durations."""
    if sentence.durations is None:
        raise InputError("the voice predicts no phone durations, which the measures need", hint="choose another voice")
    return UtteranceProsody.of(audio, config, sentence.tokens, [round(frames or 0) for frames in sentence.durations])
