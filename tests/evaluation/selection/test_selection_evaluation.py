import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.audio.mel import MelConfig, energy, log_mel
from tts_cli.cli.main import main
from tts_cli.corpora.manifest import Corpus, CorpusSummary, Recording, SpeakerSummary, open_corpus, write_corpus
from tts_cli.errors import CorpusError, InputError
from tts_cli.evaluation import statistics
from tts_cli.evaluation.measures import utterances
from tts_cli.evaluation.measures.prosody import Contour
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.selection import kinds as selection_kinds
from tts_cli.evaluation.selection import probe_material, probe_tables, speaking
from tts_cli.evaluation.selection import tables as selection_report
from tts_cli.evaluation.selection import tasks as room
from tts_cli.evaluation.selection.evaluate import UnrecordedTexts, cost_of, evaluate_selection, refuse_trained
from tts_cli.evaluation.selection.speaking import posterior_mean, sentence_of
from tts_cli.evaluation.selection.tables import POOLED, Standardised, groups_of, kinds_table, nearness_table
from tts_cli.evaluation.selection.tasks import (
    CONTEXT_FREE,
    FOLDS,
    OTHERS,
    RECORDING,
    STRATEGIES,
    Selection,
    SelectionTask,
    evenly,
    measure_tasks,
    settings_of,
)
from tts_cli.selection.inventory import Inventory
from tts_cli.text import TextFrontEnd
from tts_cli.text.phones import SYMBOLS
from tts_cli.voice.synthesis import load

for needed in ("scipy", "statsmodels"):
    pytest.importorskip(needed)
TINY = Path(__file__).parents[2] / "addons" / "tiny-prosody"
MEL = MelConfig()
FRAMES = 7
TEXTS = {
    "train": ("He went home.", "Who told you that?", "Is it going to rain?", "Bring bread, cheese and apples.", "She sings."),
    "test": ("The boats came home.", "Why not?", "Nobody came."),
}
NUM_QUESTIONS = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared corpus of harmonic sounds, with another F0 contour in every clip."""
    folder, front_end = tmp_path_factory.mktemp("prepared"), TextFrontEnd()
    recordings = []
    for speaker, hertz in (("low", 110.0), ("high", 200.0)):
        for split, texts in TEXTS.items():
            for place, text in enumerate(texts):
                tokens = front_end.utterance(text).tokens
                durations = tuple(
                    FRAMES + (place + number) % 3 if token[0].isalpha() else 2 for number, token in enumerate(tokens)
                )
                path = f"features/{speaker}-{split}-{place}.npz"
                _write_features(folder / path, hertz, sum(durations), place)
                recordings.append(
                    Recording(
                        id=f"{split}{place}",
                        audio_filepath="nowhere.flac",
                        text=text,
                        normalized_text=text,
                        duration=sum(durations) / MEL.frame_rate,
                        speaker=speaker,
                        corpus=speaker,
                        split=split,  # type: ignore[arg-type]
                        kind="statement" if text.endswith(".") else "wh" if text.startswith("W") else "yes-no",
                        tokens=tokens,
                        durations=durations,
                        num_frames=sum(durations),
                        features=path,
                    )
                )
    speakers = {
        name: SpeakerSummary(clips=8, seconds=8.0, mean_log_f0=mean, std_log_f0=0.2)
        for name, mean in (("low", 4.7), ("high", 5.3))
    }
    summary = CorpusSummary(mel=MEL, mel_hash=MEL.hash, symbols=SYMBOLS, speakers=speakers, versions={})
    write_corpus(folder, summary, recordings)
    return folder


def _write_features(path: Path, hertz: float, num_frames: int, place: int) -> None:
    path.parent.mkdir(exist_ok=True)
    seconds = np.arange(num_frames * MEL.hop_samples) / MEL.sample_rate
    melody = hertz * np.exp((0.1 + 0.05 * place) * np.sin(2 * np.pi * (1 + 0.4 * place) * seconds))
    phase = 2 * np.pi * np.cumsum(melody) / MEL.sample_rate
    sound = sum(np.sin(k * phase) / k for k in range(1, 9)) * (0.1 + 0.05 * np.sin(seconds * (5 + place)))
    audio = np.asarray(sound * 0.5, np.float32)
    mel = log_mel(audio, MEL)
    zeros = np.zeros(num_frames, np.float32)
    np.savez(path, mel=mel, log_f0=zeros, voicing=zeros, energy=energy(mel)[:, 0], audio=(audio * 32767).astype(np.int16))


def _contour(audio: np.ndarray, config: MelConfig) -> Contour:
    """Analyse audio as fully voiced, unlike real output of the tiny voice; F0 follows the loudness."""
    loudness = energy(log_mel(audio, config))[:, 0]
    return Contour((150 * np.exp(0.1 * loudness / np.abs(loudness).max())).astype(np.float32), loudness)


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(utterances, "contour_of", _contour)
    monkeypatch.setattr(statistics, "SLOW_RESAMPLES", 50)


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the minimum numbers of recordings and questions to those of the tiny corpus."""
    for module in (room, selection_report):
        monkeypatch.setattr(module, "FEWEST", 3)
    monkeypatch.setattr(selection_kinds, "FEWEST_OF_KIND", 3)
    monkeypatch.setattr(room, "FOLDS", NUM_QUESTIONS)


def select(data: Path, split: str = "test", strategies: tuple[str, ...] = ("centroid",), **options: Any) -> Selection:
    options = {"speakers": ("low", "high"), **options}
    return Selection(load(TINY, threads=1), data, split, settings_of(strategies, top_k=options.pop("top_k", (1,))), **options)


def test_settings_are_those_that_make_a_difference() -> None:
    found = settings_of(("centroid", "random", "bert", "syntactic", "bert+syntactic"), (1, 3), ("pad", "dtw"), (0.3, 0.7))
    assert len(found) == len({one.name for one in found}) == 1 + 2 + 2 + 4 + 8
    assert [one.name for one in found][:3] == ["centroid", "random, top 1", "random, top 3"]
    assert found[-1].name == "bert+syntactic, top 3, dtw, 0.7"
    assert found[-1].options() == {
        "strategy": "bert+syntactic", "top_k": 3, "inventory": "own", "lengths": "dtw", "bert_weight": 0.7,
    }  # fmt: skip
    with pytest.raises(InputError, match="no strategy 'best'"):
        settings_of(["best"])


def test_exclamations_are_neither_questions_nor_statements(data: Path, _few: None, tmp_path: Path) -> None:
    asked = select(data, "train-folds", ("centroid",))
    statement = next(clip for clip in asked.clips if clip.kind == "statement")
    shutil.copytree(data, tmp_path / "data")
    manifest = tmp_path / "data" / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    for row in rows:
        row["kind"] = "exclamation" if (row["speaker"], row["id"]) == (statement.speaker, statement.id) else row["kind"]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    kinds = [clip.kind for clip in select(tmp_path / "data", "train-folds", ("centroid",)).clips]
    assert "exclamation" not in kinds
    assert set(kinds) == {"wh", "yes-no", "statement"}


def test_of_training_each_is_left_out_while_it_is_spoken(data: Path, _few: None) -> None:
    asked = select(data, "train-folds", ("centroid", "random"))
    assert [clip.kind for clip in asked.clips if clip.speaker == "low"] == ["wh", "yes-no", "statement", "statement"]
    excluded = {}
    for task in asked.spoken_tasks():
        assert task.voice is not None
        options = dict(task.voice.selector)
        if task.name == "centroid":
            assert "excluded" not in options
        else:
            excluded[task.clip] = options["excluded"]
    assert all(clip is not None and clip.id in names for clip, names in excluded.items())
    assert len(set(excluded.values())) == NUM_QUESTIONS
    assert len(excluded) == len(asked.clips) == 8


def test_another_split_or_speaker_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="no split 'train'"):
        select(data, "train")
    with pytest.raises(CorpusError, match="validation"):
        select(data, "validation")
    with pytest.raises(InputError, match="zoe"):
        select(data, speakers=("zoe",))


def test_by_default_those_of_the_voice_who_read_sentences_are_measured(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FEWEST_WORDS", 2)
    assert select(data, speakers=()).speakers == ("low", "high")
    clips = open_corpus(data).of_split("test")
    longer = [clip.model_copy(update={"text": f"{clip.text} Indeed."}) if clip.speaker == "high" else clip for clip in clips]
    monkeypatch.setattr(Selection, "_recordings", lambda _: longer)
    monkeypatch.setattr(room, "FEWEST_WORDS", 3)
    assert select(data, speakers=()).speakers == ("high",), "two words are no sentence"
    monkeypatch.setattr(room, "FEWEST_WORDS", 9)
    assert select(data, speakers=()).speakers == ("low", "high"), "all where nobody reads sentences"
    monkeypatch.setattr(Selection, "_recordings", lambda _: [clip.model_copy(update={"speaker": "zoe"}) for clip in clips])
    with pytest.raises(CorpusError, match="any speaker"):
        select(data, speakers=())


def test_a_recording_is_spoken_with_the_tokens_of_its_alignment(data: Path) -> None:
    clip = open_corpus(data).of_split("train")[1]
    sentence = sentence_of(clip)
    assert sentence.tokens == clip.tokens
    assert sentence.word_of_token == TextFrontEnd().utterance(clip.text).word_of_token
    with pytest.raises(CorpusError, match="another version of the text front end"):
        sentence_of(clip.model_copy(update={"text": "Who told you?"}))


def test_what_voices_were_trained_on_is_refused(data: Path) -> None:
    refuse_trained({"file": ["Who told them that?"]}, open_corpus(data))
    with pytest.raises(InputError, match="file: 'who told you THAT' is the text of a training recording"):
        refuse_trained({"file": ["who told you THAT"]}, open_corpus(data))


def test_an_oracle_speaks_with_the_embedding_of_the_recording(data: Path) -> None:
    asked = select(data, strategies=("oracle", "centroid"))
    oracle, *_ = (task for task in asked.spoken_tasks() if task.name == "oracle")
    assert oracle.clip is not None
    found = posterior_mean(asked.voice, asked.corpus, oracle.clip)
    assert not np.allclose(found, asked.voice.acoustic.config.speakers[0].embedding)
    ((sentence, _),) = room._spoken(oracle, asked.corpus)
    np.testing.assert_allclose(sentence.embedding, found, rtol=1e-5)


def test_chance_differs_from_text_to_text_and_not_from_run_to_run(data: Path) -> None:
    asked = select(data, strategies=("random",))
    tasks = list(asked.text_tasks([GroupedText("x", f"This is number {place}.") for place in range(6)], ["low"]))
    chosen = [task.measure(("prosody",))["prosody"]["sentences"][0]["selected"] for task in (*tasks, tasks[0])]
    assert chosen[0] == chosen[-1]
    assert len({tuple(one) for one in chosen}) > 1


def test_a_second_run_measures_only_what_is_new(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[SelectionTask] = []
    measure = SelectionTask.measure
    monkeypatch.setattr(SelectionTask, "measure", lambda task, names: measured.append(task) or measure(task, names))
    tasks = list(select(data, strategies=("centroid",)).spoken_tasks())
    found, errors = measure_tasks(tasks, 1, "first")
    assert (len(found["centroid"]), len(measured), errors) == (6, 6, {})
    more = list(select(data, strategies=("centroid", "random")).spoken_tasks())
    again, _ = measure_tasks(more, 1, "second")
    assert [task.name for task in measured[6:]] == ["random, top 1"] * 6
    assert json.dumps(list(again["centroid"].values())) == json.dumps(list(found["centroid"].values()))


def test_few_recordings_are_reported_and_not_pooled(data: Path) -> None:
    clips = list(open_corpus(data).of_split("train"))
    many = [clip.model_copy(update={"id": f"{clip.id}-{copy}"}) for copy in range(5) for clip in clips if clip.speaker == "low"]
    groups = groups_of([*many, *(clip for clip in clips if clip.speaker == "high")])
    assert {name: len(group) for name, group in groups.items()} == {
        POOLED: 25, "low": 25, "high (too few for a claim)": 5,
    }  # fmt: skip
    assert POOLED not in groups_of(clips)


def _near(correlation: float) -> dict[str, float]:
    return {
        "f0_correlation": correlation,
        "f0_rmse": 1.0,
        "energy_correlation": 0.5,
        "duration_correlation": 0.5,
        "duration_error_ms": 20.0 - correlation,
    }


def test_the_text_is_tested_against_as_many_drawn_by_chance(data: Path, _few: None) -> None:
    settings = settings_of(("centroid", "random", "bert", "oracle"), (1, 3))
    asked = select(data)
    better = {"centroid": 0.6, "random, top 1": 0.2, "random, top 3": 0.3, "bert, top 1": 0.4, "bert, top 3": 0.5, "oracle": 0.9}
    found: dict[str, dict[SelectionTask, dict[str, Any]]] = {RECORDING: {}}
    for name in (RECORDING, *better):
        found[name] = {
            replace(task, name=name): {"sentences": [{}], "nearness": _near(better.get(name, 0.0) + 0.01 * place)}
            for place, task in enumerate(asked.recorded_tasks())
            if task.name == RECORDING
        }
    report, pairs = nearness_table(found, settings)
    assert set(pairs) == {
        f"{measure}: bert, top {k} against {other}"
        for measure in ("f0 correlation", "duration error ms")
        for k in (1, 3)
        for other in ("centroid", f"random, top {k}")
    }
    pair = pairs["f0 correlation: bert, top 3 against random, top 3"]
    np.testing.assert_allclose(pair.known()[0], 0.2)
    assert set(pair.clusters) == {clip.normalized_text for clip in asked.clips}
    row = next(row for row in report.rows if (row.name, row.group) == ("oracle", POOLED))
    assert row.estimates["f0_correlation"].value == pytest.approx(0.925)


def test_an_utterance_without_a_figure_is_left_out_of_distances(data: Path, _few: None) -> None:
    asked = select(data)
    found, _ = measure_tasks([*asked.recorded_tasks(), *asked.spoken_tasks()], 1, "all")
    whole = Standardised(found, asked.settings)
    task = next(task for task in found["centroid"] if task.clip in whole.clips)
    found["centroid"][task]["sentences"][0]["final_slope"] = float("nan")
    assert set(whole.clips) - set(Standardised(found, asked.settings).clips) == {task.clip}
    low = [clip for clip in whole.clips if clip.speaker == "low"]
    assert len(whole.others(low)) == len(low) > 1
    assert {one.clip.split for one in found[OTHERS] if one.clip} == {"train"}


def test_kinds_are_told_apart(data: Path, _few: None) -> None:
    asked = select(data)
    texts = (GroupedText("or", "Is it tea or coffee?"),)
    found, _ = measure_tasks([*asked.recorded_tasks(), *asked.spoken_tasks(), *asked.text_tasks(texts, ["low"])], 1, "all")
    report = kinds_table(found, asked.settings, {one.text: one.group for one in texts})
    assert {(row.group, row.name, row.num_clips) for row in report.rows} == {
        ("statement (recorded)", RECORDING, 4), ("statement (recorded)", "centroid", 4),
        ("wh (recorded), too few for a claim", RECORDING, 2), ("wh (recorded), too few for a claim", "centroid", 2),
        ("or", "centroid", 1),
    }  # fmt: skip
    assert "wh 2, yes-no 0, or 0, exclamation 0" in report.notes[-1]


def test_everything_is_reported(data: Path, _few: None) -> None:
    asked = select(data, strategies=("centroid", "bert+syntactic", "random", "oracle"))
    texts = UnrecordedTexts(
        (GroupedText("or", "Is it tea or coffee?"),), (GroupedText("tale", "He came. She went far away. Why?"),)
    )
    reports = evaluate_selection(asked, texts)
    assert [report.title.removeprefix("Selection: ") for report in reports.reports] == [
        "distance to recordings", "distance by measure", "nearness to the own recording", "kinds of sentences",
        "variety over passages", "variety by measure, ratio to recordings",
    ]  # fmt: skip
    distances = {(row.group, row.name): row.estimates for row in reports.reports[0].rows}
    assert {name for group, name in distances if group == POOLED} == {*(one.name for one in asked.settings), OTHERS}
    assert "closed" not in distances[POOLED, "centroid"]
    closed = 1 - distances[POOLED, "oracle"]["distance"].value / distances[POOLED, "centroid"]["distance"].value
    assert distances[POOLED, "oracle"]["closed"].value == pytest.approx(closed)
    varied = {row.name: row for row in reports.reports[4].rows if row.group == POOLED}
    assert "to_centroid" not in varied["centroid"].estimates
    assert "oracle" not in varied
    assert len(reports.tests) == 4
    assert "not listeners' scores" in reports.markdown()
    details = reports.as_dict()["reports"][2]["details"]
    assert {"selected", "text"} <= details[-1]["sentences"][0].keys()


def test_controls_and_stories_are_reported(data: Path, _few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = Selection._recordings
    monkeypatch.setattr(
        Selection,
        "_recordings",
        lambda asked: [
            one.model_copy(update={"document": "tale", "position": place}) for place, one in enumerate(recordings(asked))
        ],
    )
    asked = select(data, strategies=("centroid", "bert", "random"), draws=2)
    reports = evaluate_selection(asked, UnrecordedTexts(), ["spread", "chance", "shuffled", "stories"])
    tables = {report.title.removeprefix("Selection: "): report for report in reports.reports}
    assert list(tables) == [
        "spread of the embeddings",
        "nearness against average and chance", "nearness by kind, against average and chance",
        "gap closed against average and chance",
        "nearness against other texts", "nearness by kind, against other texts", "gap closed against other texts",
        "variety in stories",
    ]  # fmt: skip
    rivals = [row.name for row in tables["nearness against average and chance"].rows]
    assert rivals == [f"bert, top 1 against {one}" for one in ("centroid", "random, top 1", "random, same spread")]
    (row,) = tables["gap closed against average and chance"].rows
    assert set(row.estimates) == {"closed", "minus_control", "minus_random"}
    assert row.num_clips >= 5
    assert {row.name for row in tables["spread of the embeddings"].rows} == {"bert, top 1", "random, top 1"}
    in_stories = [row.name for row in tables["variety in stories"].rows if row.group == POOLED]
    assert in_stories[:3] == ["centroid", "bert, top 1", "random, top 1"]
    assert in_stories[3:] == ["random, same spread as bert, top 1, draw 1", "other texts by bert, top 1, draw 1"]
    assert [test.name for test in reports.tests] == [
        f"{measure}: bert, top 1 against {rival}"
        for measure in ("f0 correlation", "duration error ms")
        for rival in ("centroid", "random, same spread")
    ]
    assert {test.num_texts for test in reports.tests} == {3}
    assert "exchanged in all utterances of a text together" in reports.markdown()
    assert "nan" not in reports.markdown()
    json.dumps(reports.as_dict())


def test_a_control_is_spoken_with_the_embedding_it_is_given(data: Path) -> None:
    asked = select(data, strategies=("centroid", "bert"))
    clip = asked.clips[0]
    centroid = asked.voice.acoustic.config.speakers[0].embedding
    assert centroid is not None
    plain = next(task for task in asked.spoken_tasks() if task.name == "centroid")
    given = replace(plain, embedding=tuple(centroid))
    other = replace(plain, embedding=tuple(0.5 + value for value in centroid))
    assert len({one.key("prosody") for one in (plain, given, other)}) == 3
    same, like, unlike = (one.measure(("prosody",))["prosody"]["nearness"] for one in (plain, given, other))
    assert same == pytest.approx(like, abs=1e-4, nan_ok=True)
    assert same != pytest.approx(unlike, abs=1e-4, nan_ok=True)
    assert clip == plain.clip


def test_the_sentences_before_are_spoken_first(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = select(data, strategies=("bert",))
    first, second = asked.clips[:2]
    alone = next(task for task in asked.spoken_tasks("chosen") if task.clip == second)
    told = replace(alone, before=(first,))
    heard: list[list[str]] = []
    chosen = speaking.chosen_sentence
    monkeypatch.setattr(
        speaking, "chosen_sentence", lambda voice, said, *rest: heard.append([s.text for s in said]) or chosen(voice, said, *rest)
    )
    assert told.measure(("chosen",)) == alone.measure(("chosen",)), "bert reads the sentence alone"
    assert heard == [[first.text, second.text], [second.text]]
    spoken = {one.name: one.measure(("prosody",))["prosody"]["sentences"] for one in (alone, replace(told, name="told"))}
    assert spoken["told"] == spoken["bert, top 1"]


def test_a_strategy_that_reads_stories_gets_the_sentences_before_in_the_order_of_reading(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, positions = open_corpus(data), {"test0": 4, "test1": 6, "test2": 5, "train0": 3}
    told = [
        one.model_copy(update={"document": "tale", "position": positions.get(one.id), "features": str(data / one.features)})
        for one in corpus.recordings
    ]
    write_corpus(tmp_path, corpus.summary, told)
    before = {"test0": [], "test1": ["test0", "test2"], "test2": ["test0"]}
    for strategy in STRATEGIES:
        asked = select(tmp_path, strategies=(strategy,))
        for work in ("prosody", "chosen"):
            for task in asked.spoken_tasks(work):
                assert task.clip is not None
                expected = before[task.clip.id] if strategy not in CONTEXT_FREE else []
                assert [one.id for one in task.before] == expected, strategy
                assert {one.speaker for one in task.before} <= {task.speaker}
    assert set(STRATEGIES) - set(CONTEXT_FREE), "there is a strategy that reads stories"
    # The tiny voice has no weights for such a strategy; what a task does with the sentences does not depend on the strategy.
    monkeypatch.setattr(room, "CONTEXT_FREE", ())
    heard: list[list[str]] = []
    chosen = speaking.chosen_sentence
    monkeypatch.setattr(
        speaking, "chosen_sentence", lambda voice, said, *rest: heard.append([s.text for s in said]) or chosen(voice, said, *rest)
    )
    task = next(task for task in select(tmp_path, strategies=("bert",)).spoken_tasks("chosen") if len(task.before) == 2)
    task.measure(("chosen",))
    assert heard == [["The boats came home.", "Nobody came.", "Why not?"]]


def test_embeddings_are_chosen_without_audio(data: Path) -> None:
    asked = select(data, strategies=("bert", "oracle"))
    found = {
        task.name: task.measure(("chosen",))["chosen"] for task in asked.spoken_tasks("chosen") if task.clip == asked.clips[0]
    }
    spoken = next(task for task in asked.spoken_tasks() if task.name == "bert, top 1" and task.clip == asked.clips[0])
    ((sentence, _),) = room._spoken(spoken, asked.corpus)
    np.testing.assert_allclose(found["bert, top 1"]["embedding"], sentence.embedding)
    assert len(found["bert, top 1"]["selected"]) == 1
    np.testing.assert_allclose(found["oracle"]["embedding"], posterior_mean(asked.voice, asked.corpus, asked.clips[0]), rtol=1e-5)


def test_a_part_without_its_rival_is_refused(data: Path) -> None:
    for strategies, message in ((("centroid", "random"), "there is none"), (("bert",), "needs the centroid")):
        with pytest.raises(InputError, match=message):
            evaluate_selection(select(data, strategies=strategies), UnrecordedTexts(), ["chance"])
    with pytest.raises(InputError, match="nothing to compare"):
        evaluate_selection(select(data, strategies=("centroid", "bert"), draws=1), UnrecordedTexts(), ["shuffled"])
    plain = Selection(load(TINY.parent / "tiny-acoustic", threads=1), data, "test", settings_of(("centroid",)))
    with pytest.raises(InputError, match="no acoustic embedding"):
        evaluate_selection(plain, UnrecordedTexts(), ["spread"])


def test_a_voice_is_timed_in_turn_with_another(data: Path) -> None:
    asked = select(data, strategies=("centroid",))
    other = load(TINY.parent / "tiny-acoustic", threads=1)
    (cost,) = cost_of(asked.voice, asked.settings[0], asked.clips[:1], other)
    assert cost["against_ms"] > 0


def test_an_unknown_part_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="no part 'beauty'"):
        evaluate_selection(select(data), UnrecordedTexts(), ["beauty"])


def test_what_reads_syntax_costs_its_analysis(data: Path) -> None:
    asked = select(data, strategies=("centroid", "bert+syntactic"))
    centroid, chosen = (cost_of(asked.files(one).open(), one, asked.clips[:2])[0] for one in asked.settings)
    assert centroid["analysis_ms"] == 0
    assert chosen["analysis_ms"] > 0
    assert chosen["selection_ms"] > centroid["selection_ms"] > 0
    assert chosen["together_ms"] == chosen["analysis_ms"] + chosen["selection_ms"]


def test_passages_are_read_with_continuity(data: Path) -> None:
    asked = select(data, strategies=("centroid", "bert"), continuity=2.0)
    texts = [GroupedText("tale", "He came. She went far away. Nobody saw the sea. Why?")]
    centroid, chosen = asked.text_tasks(texts, ["low"])
    assert (centroid.continuity, chosen.continuity) == (0.0, 2.0)
    plain = replace(chosen, continuity=0.0)
    assert plain.key("prosody") != chosen.key("prosody")
    selected = [[one["selected"] for one in task.measure(("prosody",))["prosody"]["sentences"]] for task in (plain, chosen)]
    assert selected[0][0] == selected[1][0]
    assert selected[0] != selected[1]


def test_the_part_probe_reads_the_inventory_and_the_prepared_features(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (probe_material, probe_tables):
        monkeypatch.setattr(module, "FEWEST", 3)
    asked = select(data)
    material = probe_material.probed(asked)
    encoded = [posterior_mean(asked.voice, asked.corpus, clip) for clip in material.clips]
    assert np.allclose(material.sources[probe_material.EMBEDDINGS], encoded)
    # F0 of the prepared features is 0 and unvoiced: what depends on it is unknown, the rate is not.
    assert np.isnan(material.measures[:, 0]).all()
    assert np.isfinite(material.measures[:, 2]).all()
    inventory = Inventory(asked.voice.acoustic, "low")
    names = {("low", clip.id): f"prompt{place}" for place, clip in enumerate(material.clips)}
    renamed = [clip.model_copy(update={"id": names.get((clip.speaker, clip.id), clip.id)}) for clip in asked.corpus.recordings]
    asked.corpus = Corpus(asked.corpus.folder, asked.corpus.summary, renamed)
    taken = probe_material.probed(asked)
    for place, clip in enumerate(taken.clips):
        own = [
            number for number in range(len(inventory))
            if inventory.id(number) == clip.id and asked.voice.speakers[int(inventory.speakers[number])] == clip.speaker
        ]  # fmt: skip
        assert bool(own) == (clip.id in {inventory.id(number) for number in range(len(inventory))} and clip.speaker == "low")
        wanted = inventory.embeddings[own[0]].astype(np.float32) if own else encoded[place]
        assert np.allclose(taken.sources[probe_material.EMBEDDINGS][place], wanted)


def test_the_command_probes_the_embeddings(
    data: Path, _few: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (probe_material, probe_tables):
        monkeypatch.setattr(module, "FEWEST", 3)
    command = ["evaluate", "selection", "--addon", str(TINY), "--data", str(data), "--split", "test", "--strategy", "centroid"]
    assert main([*command, "--part", "probe", "--json"]) == 0
    prosody, session, speaker = json.loads(capsys.readouterr().out)["reports"]
    # F0 is unknown in the features of this corpus.
    assert {*prosody["rows"][0]} == {"group", "name", "rate", "pause_share"}
    assert session["rows"] == []
    assert "Left out" in session["notes"][1]
    assert [(row["group"], row["name"]) for row in speaker["rows"]] == [
        ("logistic regression", "embeddings"), ("logistic regression", "offsets from the centroid"),
    ]  # fmt: skip
    assert speaker["rows"][0]["majority"]["value"] == 0.5


def test_clips_are_taken_evenly(data: Path) -> None:
    clips = open_corpus(data).recordings
    assert evenly(clips, 3) == [clips[0], clips[8], clips[15]]
    assert evenly(clips, 99) == clips
    assert evenly([], 3) == []
    assert FOLDS == 5


@pytest.fixture
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield


def test_the_command_prints_a_table_for_each_part(data: Path, _few: None, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "selection", "--addon", str(TINY), "--data", str(data), "--split", "test", "--speaker", "low"]
    command += ["--strategy", "centroid", "--strategy", "bert", "--part", "distance", "--part", "nearness"]
    assert main([*command, "--markdown"]) == 0
    printed = capsys.readouterr().out
    assert "**Selection: distance to recordings**" in printed
    assert "| bert, top 1 |" in printed
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reports"][0]["rows"][0]["name"] == "centroid"


def test_the_page_of_the_command_has_the_controls(data: Path, _few: None, tmp_path: Path) -> None:
    command = ["evaluate", "selection", "--addon", str(TINY), "--data", str(data), "--split", "test", "--strategy", "centroid"]
    command += [
        "--strategy",
        "bert",
        "--part",
        "spread",
        "--part",
        "shuffled",
        "--draws",
        "2",
        "--report",
        str(tmp_path / "page"),
    ]
    assert main(command) == 0
    page = (tmp_path / "page" / "report.html").read_text()
    assert "Selection: spread of the embeddings" in page
    assert "bert, top 1 against other texts" in page


def test_texts_that_are_not_there_are_named(data: Path, _elsewhere: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "selection", "--addon", str(TINY), "--data", str(data), "--speaker", "low", "--part", "kinds"]) == 2
    assert "data/prosody-sentences.txt: no such file" in capsys.readouterr().err
