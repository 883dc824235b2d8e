"""Weights that predict embeddings: fitted to planted data, read from files, and used by `ProsodySelector` and a voice."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inventories import Folder, write
from planted import NUM_DIMENSIONS, NUM_VALUES, cues, examples, random_weights, sentences, with_weights

from tts_cli.addon.config import ChunkSchedule
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.features import request_wiring
from tts_cli.errors import StackError
from tts_cli.export import prediction as fitting
from tts_cli.export.prediction import Examples, fit_prediction, grouped, utterances_before
from tts_cli.selection.choosing import choosing
from tts_cli.selection.cues import CUES, CueSentence, cues_of
from tts_cli.selection.prediction import FARTHEST, REASONS, Prediction, SentenceInputs, shares, write_prediction
from tts_cli.selection.selector import SPREAD, ProsodySelector
from tts_cli.voice.request import Break, Request
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice, load

TEXT = "Is it going to rain? Nobody had hoped for that. She sings."


def fitted(found: Examples) -> dict[str, Any]:
    weights = fit_prediction(found)
    assert weights is not None
    return weights


def opened(folder: Path, found: Examples, weights: dict[str, Any]) -> Prediction:
    write_prediction(folder, weights)
    return Prediction(Stored(folder), "$", (len(found.speakers), NUM_VALUES, NUM_DIMENSIONS))


class Stored(Folder):
    def asset(self, name: str, path: str) -> Path:
        file = self.folder / f"{name}.npz"
        return file if file.is_file() else super().asset(name, path)


def test_what_cues_determine_is_predicted_for_new_sentences(tmp_path: Path) -> None:
    found, planted = examples()
    weights = fitted(found)
    assert weights["explained"].min() > 0.8
    prediction = opened(tmp_path, found, weights)
    offsets = found.cues @ planted
    mean = offsets[found.speakers == 1].mean(0)
    for sentence in sentences(30, seed=9):
        row = cues(sentence)
        offset = prediction.parts(1, SentenceInputs(row, np.zeros(NUM_VALUES, np.float32))).sum(0)
        np.testing.assert_allclose(offset, row @ planted - mean, atol=0.5)


def test_the_cue_that_counts_is_the_reason(tmp_path: Path) -> None:
    found, _ = examples()
    prediction = opened(tmp_path, found, fitted(found))
    row = cues(("Ann sees the boat!", ["Ann", "sees", "the", "boat"], ["", "", "", "!"]))
    told = shares(prediction.parts(0, SentenceInputs(row, np.zeros(NUM_VALUES, np.float32))))
    assert REASONS[int(np.argmax(told))] == "exclamation mark"
    assert told.sum() == pytest.approx(1, abs=1e-4)


def test_of_shuffled_inputs_nothing_is_learnt() -> None:
    for seed in range(3):
        weights = fit_prediction(examples(is_shuffled=True, seed=seed)[0])
        assert weights is None or weights["explained"].max() < 0.05


def test_too_few_utterances_or_texts_give_no_weights() -> None:
    found, _ = examples(count=fitting.FEWEST)
    assert fit_prediction(found) is not None
    assert fit_prediction(replace(found, groups=[0] * len(found.groups))) is None
    assert fit_prediction(examples(count=fitting.FEWEST - 1)[0]) is None


def test_the_embedding_before_counts_where_it_tells_something(tmp_path: Path) -> None:
    for before, reads in ((0.0, (False, False, False)), (0.7, (False, False, True))):
        found, _ = examples(noise=1.0, before=before)
        assert opened(tmp_path, found, fitted(found)).reads_before[2] == reads[2]
    prediction = opened(tmp_path, found, fitted(found))
    asked = SentenceInputs(found.cues[0], np.zeros(NUM_VALUES, np.float32))
    alone, after = (prediction.parts(0, one).sum(0) for one in (asked, asked._replace(before_offset=np.ones(4, np.float32))))
    assert np.all(after - alone > 0.1)


def test_the_sentence_before_does_not_swing_up() -> None:
    weights = fitted(examples(noise=1.0, before=1.3)[0])
    gain = np.linalg.norm(weights["before_prosody_weights"], 2) * (weights["recorded"] / weights["predicted"]).max()
    assert 0 < gain <= fitting.LARGEST_GAIN + 1e-9


def test_fits_are_the_same_again() -> None:
    first, second = (fitted(examples()[0]) for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_predictions_deviate_as_far_as_is_wanted(tmp_path: Path) -> None:
    found, _ = examples(noise=1.5)
    weights = fitted(found)
    prediction = opened(tmp_path, found, weights)
    recorded = np.sqrt(
        np.square(found.embeddings[found.speakers == 0] - found.embeddings[found.speakers == 0].mean(0)).sum(1).mean()
    )
    rows = [cues(one) for one in sentences(80, seed=5)]
    offsets = [prediction.parts(0, SentenceInputs(row, np.zeros(NUM_VALUES, np.float32))).sum(0) for row in rows]
    for spread in (0.0, 0.5, 1.0):
        scaled = np.stack([prediction.spread_out(one, 0, spread) for one in offsets])
        assert np.sqrt(np.square(scaled).sum(1).mean()) == pytest.approx(spread * recorded, rel=0.2)
    steady = np.eye(NUM_DIMENSIONS)[:, 2:3]
    (tmp_path / "steady").mkdir()
    kept = opened(tmp_path / "steady", found, {**weights, **(fit_prediction(found, steady) or {})})
    scaled = np.stack([kept.spread_out(one, 0, 1.0) for one in offsets])
    assert np.sqrt(np.square(scaled).sum(1).mean()) == pytest.approx(recorded, rel=0.2)
    assert np.isclose(scaled[:, 2], np.stack(offsets)[:, 2], rtol=1e-2, atol=1e-2).mean() > 0.9
    assert not kept.spread_out(offsets[0], 0, 0.0).any()
    far = prediction.spread_out(np.full(NUM_DIMENSIONS, 1e6, np.float32), 0, 1.0)
    assert np.linalg.norm(far) == pytest.approx(FARTHEST * recorded, rel=1e-3)


def test_a_sentence_unlike_all_of_training_is_held_to_their_range(tmp_path: Path) -> None:
    found, _ = examples()
    prediction = opened(tmp_path, found, fitted(found))
    usual, wild = found.cues.max(0), found.cues.max(0).copy()
    wild[CUES.index("log words")] = 1e9
    parts = [prediction.parts(0, SentenceInputs(row, np.zeros(NUM_VALUES, np.float32))) for row in (usual, wild)]
    np.testing.assert_allclose(parts[0], parts[1], atol=1e-5)


def test_groups_join_texts_and_documents() -> None:
    groups = grouped(["One.", "Two.", "one", "Three.", "Two!"], ["a", "a", "b", None, None])
    assert len(set(groups)) == 2 and groups[0] == groups[1] == groups[2] == groups[4] != groups[3]


def test_the_utterance_before_is_the_nearest_before_by_the_same_speaker() -> None:
    places = [("a", 5), ("a", 2), None, ("a", 3), ("b", 6)]
    assert utterances_before(places, [0, 0, 0, 0, 0]).tolist() == [3, -1, -1, 1, -1]
    assert utterances_before(places, [0, 0, 0, 1, 0]).tolist() == [1, -1, -1, -1, -1]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Where are you?", {"wh-question", "question word first", "question mark"}),
        ("Are you ill?", {"yes/no-question", "inversion"}),
        ("Is it red or blue?", {"or-question", "inversion"}),
        ("You left it open?", {"declarative question", "pronoun first"}),
        ("You left it open, didn't you?", {"tag question", "pronoun last"}),
        ("Open the door!", {"command", "exclamation mark"}),
        ("Bring bread, cheese, and apples.", {"list", "commas", "command"}),
        ('"Go home," she said.', {"begins with a quote", "quoted and told", "command"}),
        ("She came, but not him.", {"contrast", "pronoun first", "pronoun last"}),
        ("Oh. The dog ran.", {"several sentences", "interjection first"}),
        ("The dog RAN.", {"word in capitals", "determiner first"}),
        ("Yes.", {"one word", "interjection first"}),
    ],
)
def test_kinds_are_read_off_words_and_marks(text: str, named: set[str]) -> None:
    from tts_cli.text import TextFrontEnd

    sentence = Sentence.of(TextFrontEnd().utterance(text))
    distances = [float(place > 0) for place in range(len(sentence.words))]
    row = cues_of(CueSentence(sentence.text, sentence.words, sentence.marks, distances, sentence.tokens))
    kinds = {name for name, value in zip(CUES, row, strict=True) if value and name in NOTED}
    assert named & NOTED == kinds


NOTED = {
    "wh-question", "yes/no-question", "or-question", "declarative question", "tag question", "command", "list",
    "begins with a quote", "quoted and told", "contrast", "several sentences", "interjection first", "word in capitals",
    "one word",
}  # fmt: skip


def selector(folder: Path, **options: Any) -> ProsodySelector:
    block = ProsodySelector(BlockOptions({"type": "ProsodySelector", **options}, "toy: $"), Stored(folder))  # type: ignore[arg-type]
    block.connect(request_wiring())
    return block


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write an inventory of eight utterances of two speakers, and random weights."""
    write(tmp_path)
    weights = random_weights(8, NUM_VALUES, NUM_DIMENSIONS, 2)
    write_prediction(tmp_path, {**weights, "places": np.arange(16.0).reshape(8, 2)})
    return tmp_path


def asked(**fields: Any) -> dict[str, Any]:
    row = cues(("Ann sees the boat!", ["Ann", "sees", "the", "boat"], ["", "", "", "!"]))
    given = {"speaker": 0, "embedding": np.zeros(4), "sentence_vector": np.ones(6) / 6, "sentence_cues": row, **fields}
    return dict(Request(np.array([1]), **given))


def test_predictions_do_not_depend_on_the_seed_and_tell_the_nearest_utterance(folder: Path) -> None:
    block = selector(folder, strategy="predicted")
    first, second = (block.run(asked(seed=seed)) for seed in (0, 5))
    np.testing.assert_array_equal(first["embedding"], second["embedding"])
    assert first["selected"].shape == (1, 1, 1) and first["reasons"].shape == (1, 1, len(REASONS))
    half = selector(folder, strategy="predicted", spread=SPREAD / 2).run(asked())["embedding"]
    changes = first["embedding"][0, 0] / half[0, 0]
    assert np.allclose(changes[1:], changes[1], rtol=1e-4) and changes[0] < changes[1]
    assert not selector(folder, strategy="predicted", spread=0).run(asked())["embedding"].any()


def test_predictions_read_the_sentence_before(folder: Path) -> None:
    block = selector(folder, strategy="predicted")
    alone = block.run(asked())["embedding"]
    for fields in (
        {"previous_embedding": np.ones(4)},
        {"previous_vector": np.ones(6)},
        {"previous_cues": asked()["sentence_cues"]},
    ):
        assert not np.allclose(block.run(asked(**fields))["embedding"], alone)


def test_the_learnt_similarity_chooses_by_place(folder: Path) -> None:
    block = selector(folder, strategy="learnt", spread=0.5)
    given = block.run(asked())
    (place,) = given["selected"][0, 0]
    assert block.inventory is not None
    offset, chosen = given["embedding"][0, 0], block.inventory.deviations()[place]
    assert offset @ chosen == pytest.approx(np.linalg.norm(offset) * np.linalg.norm(chosen), rel=1e-4)
    assert len(selector(folder, strategy="learnt", top_k=3).run(asked())["selected"][0, 0]) == 3
    excluded = selector(folder, strategy="learnt", excluded=[f"r{block.inventory.sentences[place]}"])
    assert place not in excluded.run(asked())["selected"]


def test_a_given_embedding_passes_and_words_are_needed(folder: Path) -> None:
    block = selector(folder, strategy="predicted")
    np.testing.assert_array_equal(block.run(asked(given_embedding=np.arange(4.0)))["embedding"][0, 0], np.arange(4.0))
    wordless = {name: value for name, value in asked().items() if name != "sentence_cues"}
    assert not block.run(wordless)["embedding"].any() and not block.run(wordless)["reasons"].size


def test_weights_that_are_missing_or_do_not_fit_are_refused(folder: Path) -> None:
    file = folder / "prosody-prediction.npz"
    whole = file.read_bytes()
    for array, told in (("places", "does not fit"), ("meaning_weights", "does not fit"), ("recorded", "holds no weights")):
        weights = random_weights(8, NUM_VALUES, NUM_DIMENSIONS, 2)
        if array == "recorded":
            del weights[array]
        else:
            weights[array] = weights[array][:-1]
        write_prediction(folder, weights)
        with pytest.raises(StackError, match=told):
            selector(folder, strategy="predicted")
    write_prediction(folder, {**random_weights(8, NUM_VALUES, NUM_DIMENSIONS, 2), "basis": np.full((4, 2), np.nan)})
    with pytest.raises(StackError, match="does not fit"):
        selector(folder, strategy="learnt")
    for damaged in (whole[:-200], b"no archive", b""):
        file.write_bytes(damaged)
        with pytest.raises(StackError, match="holds no weights"):
            selector(folder, strategy="learnt")
    np.savez(file, cues=np.array([None, {}], object), **random_weights(8, NUM_VALUES, NUM_DIMENSIONS, 2))  # type: ignore[arg-type]
    with pytest.raises(StackError, match="holds no weights"):
        selector(folder, strategy="learnt")
    np.savez(file, cues=np.array(CUES[1:]), **random_weights(8, NUM_VALUES, NUM_DIMENSIONS, 2))  # type: ignore[arg-type]
    with pytest.raises(StackError, match="weighs other cues than this version reads"):
        selector(folder, strategy="learnt")
    file.unlink()
    with pytest.raises(StackError, match="no weights for the strategies 'learnt' and 'predicted'") as refusal:
        selector(folder, strategy="learnt")
    assert "bert+syntactic" in str(refusal.value.hint)
    selector(folder, strategy="bert")


def test_spread_is_refused_where_nothing_is_scaled(folder: Path) -> None:
    with pytest.raises(StackError, match="spread is for the strategies learnt and predicted, and the strategy is bert"):
        selector(folder, strategy="bert", spread=0.5)


@pytest.fixture(scope="module")
def addon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_weights(tmp_path_factory.mktemp("addons"))


def voice(addon: Path, **options: Any) -> Voice:
    return load(addon, edit_stack=choosing(addon, **options))


def told(one: Voice, text: Any, **options: Any) -> list[Sentence]:
    return [chunk.sentence for chunk in one.stream(text, **options) if chunk.sentence]


def test_an_addon_with_weights_speaks_as_before_without_them(addon: Path) -> None:
    assert [one.embedding for one in told(voice(addon), TEXT)] == [
        one.embedding for one in told(load(addon.parents[0] / "tiny-prosody"), TEXT)
    ]
    assert told(voice(addon), TEXT)[0].outcome("reasons") is None


def test_the_sentence_before_counts_within_a_text_and_not_over_texts(addon: Path) -> None:
    one = voice(addon, strategy="predicted")
    first, second, third = (sentence.embedding for sentence in told(one, TEXT))
    assert [sentence.embedding for sentence in told(one, TEXT)] == [first, second, third]
    alone = [told(one, text)[0].embedding for text in ("Is it going to rain?", "Nobody had hoped for that.", "She sings.")]
    assert alone[0] == first and alone[1] != second and alone[2] != third
    before = told(one, TEXT)[0]
    assert told(one, [Break(0.0, before), "Nobody had hoped for that."])[0].embedding == pytest.approx(second, abs=1e-5)
    assert told(one, ["Is it going to rain?", "Nobody had hoped for that.", "She sings."])[2].embedding == third
    assert told(one, TEXT, seed=7)[1].embedding == second


def test_audio_is_the_same_in_any_chunks(addon: Path) -> None:
    for strategy in ("learnt", "predicted"):
        audios = []
        for first, growth, maximum in ((4000, 1.0, 4000), (7, 1.9, 50)):
            schedule = ChunkSchedule(first=first, growth=growth, maximum=maximum)
            one = voice(addon, strategy=strategy).variant(schedule=schedule)
            audios.append(np.concatenate([chunk.samples for chunk in one.stream(TEXT, seed=3)]))
        np.testing.assert_allclose(audios[1], audios[0], atol=1e-4)


def test_a_sentence_tells_why_and_is_spoken_so_again(addon: Path) -> None:
    one = voice(addon, strategy="predicted")
    sentence = told(one, TEXT)[1]
    reasons = sentence.outcome("reasons")
    assert reasons and {reason.of for reason in reasons} <= set(REASONS)
    assert [abs(reason.share) for reason in reasons] == sorted((abs(reason.share) for reason in reasons), reverse=True)
    again = Sentence.model_validate_json(sentence.model_dump_json())
    assert again.outcome("reasons") == reasons
    assert told(one, [again])[0].embedding == sentence.embedding


def test_a_sentence_is_analysed_once_though_the_next_reads_it_too(addon: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tts_cli.selection.linguistics import Linguistics

    analysed: list[Any] = []
    analyse = Linguistics.analyse
    monkeypatch.setattr(Linguistics, "analyse", lambda self, *sentence: analysed.append(sentence) or analyse(self, *sentence))
    told(voice(addon, strategy="predicted"), TEXT)
    assert len(analysed) == 3


def test_cues_take_little_time() -> None:
    said = sentences(50)
    for one in said[:5]:
        cues(one)
    start = time.process_time()
    for one in said:
        cues(one)
    assert (time.process_time() - start) / len(said) < 0.003
