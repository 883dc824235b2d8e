"""ProsodySelector: utterances that each strategy chooses, the embeddings that it gives, and its speed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inventories import DISTANCES, NUM_DIMENSIONS, VECTORS, Folder, write, write_large

from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.registry import block_class
from tts_cli.errors import InputError, StackError
from tts_cli.ports import Tensors
from tts_cli.selection.inventory import Inventory, _opened, asset_name
from tts_cli.selection.selector import FRAMES_AROUND, ProsodySelector, relative_distances, without_silence
from tts_cli.selection.similarity import SYNTAXES
from tts_cli.voice.request import Controls, Request

CENTROID = np.array([2.5, 0, 0, 0], np.float32)
"""Centroid of the first speaker's utterances."""
LARGE, QUICK_MS = 10_000, 30.0
"""Sentences, and three times the time allowed for a choice among them: other work may go on here."""


def selector(folder: Folder, **options: Any) -> ProsodySelector:
    block = ProsodySelector(BlockOptions({"type": "ProsodySelector", **options}, "toy: $"), folder)  # type: ignore[arg-type]
    block.connect(request_wiring())
    return block


def scope(sentence: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the ports of a request that is like a sentence of the small inventory."""
    asked = {
        "speaker": 0,
        "embedding": CENTROID,
        "sentence_vector": VECTORS[sentence],
        "syntactic_distance": np.array(DISTANCES[sentence], np.float32),
    }
    return dict(Request(np.array([1]), **{**asked, **fields}))


def chosen(block: ProsodySelector, tensors: Tensors) -> list[int]:
    """Return the indices of the chosen utterances, after a check of the block's outputs."""
    given = block.run(tensors)
    places = given["selected"][0, 0].tolist()
    assert given["selected_score"].shape == given["selected"].shape
    if places:
        assert block.inventory is not None
        np.testing.assert_allclose(given["embedding"][0, 0], CENTROID + block.inventory.deviations()[places].mean(0), rtol=1e-6)
    return [int(place) for place in places]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return write(tmp_path)


def test_stacks_know_it_by_its_name() -> None:
    assert block_class("ProsodySelector", "$") is ProsodySelector


@pytest.mark.parametrize("strategy", ["bert", "bert+syntactic", "syntactic"])
def test_the_most_alike_is_chosen(strategy: str, folder: Folder) -> None:
    block = selector(folder, strategy=strategy)
    for sentence in range(5):
        given = block.run(scope(sentence))
        assert given["selected"].tolist() == [[[sentence]]]
        assert given["embedding"][0, 0, 0] == sentence


@pytest.mark.parametrize(
    ("strategy", "read"),
    [
        ("bert", {"sentence_vector"}),
        ("syntactic", {"syntactic_distance"}),
        ("bert+syntactic", {"sentence_vector", "syntactic_distance"}),
        ("random", set()),
        ("centroid", set()),
        ("oracle", set()),
    ],
)
def test_a_strategy_reads_what_it_chooses_by(strategy: str, read: set[str], folder: Folder) -> None:
    wiring = request_wiring()
    block = ProsodySelector(BlockOptions({"strategy": strategy}, "toy: $"), folder)  # type: ignore[arg-type]
    block.connect(wiring)
    assert {name for name in ("sentence_vector", "syntactic_distance") if wiring[name].readers} == read


def test_meaning_and_syntax_are_weighed(folder: Folder) -> None:
    """Check a request with the syntax of sentence 2 and the meaning of sentence 4."""
    asked = scope(2, sentence_vector=VECTORS[4])
    assert chosen(selector(folder, bert_weight=1.0), asked) == [4]
    assert chosen(selector(folder, bert_weight=0.0), asked) == [2]


def test_several_are_averaged_the_best_first(folder: Folder) -> None:
    vector = np.array([0.1, 0, 0.8, 0.5, 0, 0.3], np.float32)
    block = selector(folder, strategy="bert", top_k=3)
    assert chosen(block, scope(sentence_vector=vector)) == [2, 3, 5]
    scores = block.run(scope(sentence_vector=vector))["selected_score"][0, 0]
    np.testing.assert_allclose(scores, np.array([0.8, 0.5, 0.3]) / np.linalg.norm(vector), atol=1e-3)
    assert len(chosen(selector(folder, strategy="bert", top_k=50), scope())) == 6


def test_the_speakers_own_or_those_of_all(folder: Folder) -> None:
    own, everyones = (selector(folder, strategy="bert", inventory=whose) for whose in ("own", "all"))
    assert chosen(own, scope(0, speaker=1)) == [6]
    assert chosen(own, scope(4, speaker=1)) != [4]
    assert chosen(everyones, scope(4, speaker=1)) == [4]
    assert [chosen(everyones, scope(0, speaker=who)) for who in (0, 1)] == [[0], [6]], "of those alike, the speaker's own"
    with pytest.raises(InputError, match="no utterance of this speaker"):
        own.run(scope(speaker=2))


def test_what_others_said_brings_how_they_said_it_and_not_who_they_are(folder: Folder) -> None:
    block = selector(folder, strategy="bert", inventory="all", excluded=("r1", "r3", "r4", "r5"))
    assert block.inventory is not None
    given = block.run(scope(2, speaker=1, embedding=np.array([6.5, 1, 0, 0], np.float32)))
    assert given["selected"].item() == 7
    np.testing.assert_allclose(given["embedding"][0, 0], [7, 1, 0, 0])
    given = block.run(scope(2, speaker=0))
    assert given["selected"].item() == 2
    only_others = selector(folder, strategy="bert", inventory="all").run(scope(0, speaker=1, embedding=CENTROID))
    assert only_others["selected"].item() == 6
    np.testing.assert_allclose(only_others["embedding"][0, 0], [2.0, 0, 0, 0])


def test_excluded_recordings_are_chosen_of_nobody(folder: Folder) -> None:
    for whose in ("own", "all"):
        block = selector(folder, strategy="bert", top_k=8, inventory=whose, excluded=["r0", "r3"])
        assert not {0, 3, 6} & set(chosen(block, scope(0)))
    assert chosen(selector(folder, strategy="syntactic", excluded=["r0"]), scope(0)) == [5]
    with pytest.raises(StackError, match="excluded: the inventory has no recording 'r99'"):
        selector(folder, excluded=["r99"])


def test_chance_follows_the_seed_and_averages_as_many(folder: Folder) -> None:
    block = selector(folder, strategy="random", top_k=2)
    drawn = [tuple(chosen(block, scope(seed=seed))) for seed in range(30)]
    assert drawn == [tuple(chosen(block, scope(seed=seed))) for seed in range(30)]
    assert all(len(set(one)) == 2 for one in drawn) and {place for one in drawn for place in one} == set(range(6))


@pytest.mark.parametrize("strategy", ["centroid", "syntactic", "bert", "bert+syntactic", "random", "oracle"])
def test_an_embedding_that_is_given_passes(strategy: str, folder: Folder) -> None:
    given = np.arange(NUM_DIMENSIONS, dtype=np.float32)
    outputs = selector(folder, strategy=strategy).run(scope(given_embedding=given))
    np.testing.assert_array_equal(outputs["embedding"][0, 0], given)
    assert outputs["selected"].size == 0


def test_without_a_choice_there_is_the_centroid(tmp_path: Path, folder: Folder) -> None:
    for block, asked in (
        (selector(Folder(tmp_path / "nothing"), strategy="centroid"), scope()),
        (selector(folder), scope(sentence_vector=None, syntactic_distance=None)),
    ):
        np.testing.assert_array_equal(block.run(asked)["embedding"][0, 0], CENTROID)


def test_the_oracle_wants_an_embedding(folder: Folder) -> None:
    with pytest.raises(InputError, match="'oracle' takes the embedding of a recording") as caught:
        selector(folder, strategy="oracle").run(scope())
    assert "--embedding" in str(caught.value.hint)


def test_continuity_keeps_near_to_the_sentence_before(folder: Folder) -> None:
    block = selector(folder, strategy="bert")
    before = np.array([5, 0, 0, 0], np.float32)
    asked = {"previous_embedding": before, "sentence_vector": VECTORS[0]}
    assert chosen(block, scope(**asked)) == [0]
    assert chosen(block, scope(**asked, controls=Controls(continuity=0.1))) == [0]
    assert chosen(block, scope(**asked, controls=Controls(continuity=10))) == [5]
    assert chosen(block, scope(sentence_vector=VECTORS[0], controls=Controls(continuity=10))) == [0], "nothing was before"


def test_distances_are_relative_to_what_is_usual() -> None:
    random = np.random.default_rng(0)
    embeddings = random.standard_normal((2000, 8)).astype(np.float32) * 3 + 5
    assert relative_distances(embeddings[1:], embeddings[0]).mean() == pytest.approx(1, abs=0.25)
    assert relative_distances(embeddings[:1], embeddings[0]).tolist() == [0]


def test_what_is_not_a_strategy_is_told_with_those_there_are(folder: Folder) -> None:
    with pytest.raises(StackError, match="strategy") as caught:
        selector(folder, strategy="luck")
    assert all(name in f"{caught.value.message} {caught.value.hint}" for name in ("centroid", "bert+syntactic", "oracle"))


def test_an_inventory_is_what_was_written(folder: Folder) -> None:
    inventory = Inventory(folder, "toy: $")
    assert (len(inventory), inventory.id(6), inventory.text(7)) == (8, "r0", "Sentence 2.")
    assert [part.tolist() for part in np.split(inventory.distances, inventory.offsets[1:-1])] == list(DISTANCES)
    assert isinstance(inventory.embeddings.base, np.memmap) or isinstance(inventory.embeddings, np.memmap)


@pytest.mark.parametrize("part", ["embeddings", "utterances", "vectors", "distances", "offsets"])
def test_an_inventory_whose_parts_do_not_fit_is_refused(part: str, folder: Folder) -> None:
    file = folder.folder / f"{asset_name(part)}.npy"
    whole = np.load(file)
    for damaged in (whole[:-1], whole.astype(np.float64)):
        np.save(file, damaged)
        with pytest.raises(StackError, match=r"fit together|holds"):
            Inventory(folder, "toy: $")
    file.write_bytes(b"nothing")
    with pytest.raises(StackError, match="is no array"):
        Inventory(folder, "toy: $")


def test_texts_that_do_not_fit_are_refused(folder: Folder) -> None:
    file = folder.folder / f"{asset_name('texts')}.json"
    for text, match in (("{", "damaged"), (json.dumps({"ids": [], "texts": []}), "does not fit")):
        file.write_text(text)
        with pytest.raises(StackError, match=match):
            Inventory(folder, "toy: $").text(0)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return write_large(tmp_path_factory.mktemp("large"), LARGE)


def test_a_sentence_without_a_finite_likeness_is_refused(folder: Folder) -> None:
    block = selector(folder, strategy="bert")
    with pytest.raises(InputError, match="no finite number"):
        block.run(scope(sentence_vector=np.full(VECTORS.shape[1], np.inf, np.float32)))


@pytest.mark.parametrize("lengths", SYNTAXES)
def test_ten_thousand_sentences_are_searched_at_once(lengths: str, large: Folder) -> None:
    block = selector(large, lengths=lengths, top_k=5)
    random = np.random.default_rng(0)
    times_ms = []
    for _ in range(7):
        asked = scope(
            sentence_vector=random.standard_normal(384).astype(np.float32),
            syntactic_distance=np.array([0, *random.integers(1, 12, 24)], np.float32),
            previous_embedding=CENTROID,
            controls=Controls(continuity=1),
        )
        start = time.process_time()
        block.run(asked)
        times_ms.append(1000 * (time.process_time() - start))
    assert min(times_ms) < QUICK_MS


def test_silence_around_a_recording_does_not_count() -> None:
    random = np.random.default_rng(0)
    speech = random.normal(-4, 0.5, (60, 80)).astype(np.float32)
    silence = random.normal(-10, 0.1, (200, 80)).astype(np.float32)
    for before, after in ((200, 150), (30, 4)):
        kept = without_silence(np.concatenate([silence[:before], speech, silence[:after]]))
        assert len(kept) == 60 + 2 * FRAMES_AROUND
    click = np.full((1, 80), -3.0, np.float32)
    assert len(without_silence(np.concatenate([speech, silence, click]))) > 200, "loud frames belong to it"
    np.testing.assert_array_equal(without_silence(speech), speech)


@pytest.mark.filterwarnings("error")
def test_an_array_whose_header_names_an_impossible_size_is_one_error(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 64), }".ljust(117) + b"\n"
    file = tmp_path / "embeddings.npy"
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64))
    with pytest.raises(StackError, match=r"embeddings\.npy is no array"):
        _opened(file, "embeddings", "here")
