"""A voice that selects its prosody: the same in any chunks and threads, from sentence to sentence, and only from whole files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.addon.config import ChunkSchedule
from tts_cli.errors import AddonError, InputError
from tts_cli.selection import parsing as linguistics
from tts_cli.selection.choosing import choosing
from tts_cli.selection.inventory import ARRAYS, Inventory, asset_name
from tts_cli.voice.request import Break, Controls
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import AudioChunk, Voice, load
from tts_cli.voice.trace import Trace

TINY = Path(__file__).parents[1] / "addons"
TEXT = "Is it going to rain? Nobody had hoped for that. The man who lived by the sea has bread."


def voice(**options: Any) -> Voice:
    return load(TINY / "tiny-prosody", edit_stack=choosing(TINY / "tiny-prosody", **options))


def spoken(chunks: Iterator[AudioChunk]) -> tuple[list[Sentence], np.ndarray]:
    """The sentences as they were spoken, and the audio (samples,)."""
    kept = list(chunks)
    return [chunk.sentence for chunk in kept if chunk.sentence], np.concatenate([chunk.samples for chunk in kept])


def chosen(sentences: list[Sentence]) -> list[list[int]]:
    return [[one.utterance for one in sentence.selected or ()] for sentence in sentences]


@pytest.mark.parametrize("strategy", ["bert+syntactic", "random", "centroid"])
def test_audio_is_the_same_in_any_chunks(strategy: str) -> None:
    one = voice(strategy=strategy, top_k=2)
    audios = []
    for first, growth, maximum in ((4000, 1.0, 4000), (1, 1.0, 1), (7, 1.9, 50)):
        chunks = ChunkSchedule(first=first, growth=growth, maximum=maximum)
        audios.append(spoken(one.variant(schedule=chunks).stream(TEXT, seed=3))[1])
    for audio in audios[1:]:
        np.testing.assert_allclose(audio, audios[0], atol=1e-4)


def test_threads_speak_at_once_each_its_own() -> None:
    one = voice(top_k=2)
    jobs = [(text, speaker) for text in (TEXT, "Yes. She sings.") for speaker in ("low", "high")] * 3
    expected = [spoken(one.stream(*job)) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        for (sentences, audio), (other_sentences, other) in zip(
            pool.map(lambda job: spoken(one.stream(*job)), jobs), expected, strict=True
        ):
            assert sentences == other_sentences
            np.testing.assert_array_equal(audio, other)


def test_an_observed_voice_selects_the_same() -> None:
    one, trace = voice(), Trace()
    sentences, audio = spoken(one.stream(TEXT))
    same, again = spoken(one.variant(observer=trace.observer).stream(TEXT))
    assert same == sentences and "ProsodySelector" in trace.json()
    np.testing.assert_array_equal(again, audio)


def test_sentences_tell_their_embedding_and_are_spoken_so_again() -> None:
    sentences, audio = spoken(voice(strategy="random").stream(TEXT, seed=5))
    assert len({sentence.embedding for sentence in sentences}) > 1
    same, again = spoken(voice().stream(sentences, seed=5))
    assert [one.embedding for one in same] == [one.embedding for one in sentences] and chosen(same) == [[], [], []]
    np.testing.assert_array_equal(again, audio)


def test_chance_draws_anew_for_every_sentence_and_the_same_by_the_seed() -> None:
    one = voice(strategy="random")
    text = "Yes. " * 12
    drawn = [chosen(spoken(one.stream(text, seed=seed))[0]) for seed in (0, 0, 100)]
    assert drawn[0] == drawn[1] != drawn[2] and len({tuple(places) for places in drawn[0]}) > 2


def test_continuity_goes_from_sentence_to_sentence_and_over_breaks() -> None:
    one = voice(strategy="bert")
    inventory = Inventory(one.acoustic, "$")
    far = Break(0.0, Sentence(tokens=("^",), embedding=tuple(np.asarray(inventory.embeddings[4], np.float32).tolist())))
    drawn = Controls(continuity=100)
    text = "Yes. Is it going to rain? She sings."
    free = chosen(spoken(one.stream(text))[0])
    assert free == [[5], [2], [3]]
    assert chosen(spoken(one.stream(text, controls=drawn))[0]) == [[5]] * 3
    assert chosen(spoken(one.stream([far, text], controls=drawn))[0]) == [[4]] * 3
    assert chosen(spoken(one.stream([far, text]))[0]) == free


def test_what_a_strategy_does_not_read_is_not_analysed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AddonError("analysed in vain")

    monkeypatch.setattr(linguistics, "open_linguistics", refuse)
    for strategy in ("random", "centroid", "oracle"):
        voice(strategy=strategy)
    with pytest.raises(AddonError, match="in vain"):
        voice(strategy="syntactic")


def test_a_sentence_of_phones_alone_gets_the_centroid() -> None:
    one = voice()
    (sentence,), _ = spoken(one.stream([Sentence(tokens=("^", "B", "IY1", "."))]))
    assert sentence.embedding == pytest.approx(one.acoustic.config.speakers[0].embedding)


def test_an_embedding_of_another_size_is_refused() -> None:
    sentence = Sentence(tokens=("^", "B", "IY1", "."), embedding=(1.0, 2.0))
    with pytest.raises(InputError, match="an embedding of 2 numbers is given"):
        spoken(voice().stream([sentence]))


@pytest.mark.parametrize("part", [*ARRAYS, "texts"])
def test_a_damaged_inventory_is_refused(part: str, tmp_path: Path) -> None:
    for name in ("tiny-prosody", "tiny-vocoder", "tiny-linguistics"):
        shutil.copytree(TINY / name, tmp_path / name)
    (file,) = (tmp_path / "tiny-prosody/assets").glob(f"{asset_name(part)}.*")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(AddonError, match="SHA-256"):
        load(tmp_path / "tiny-prosody")
