"""Evaluation of prosody: tables of planted utterances, and a short run of the command with the shipped voice."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prepared_clips import DATA, recording_of

from tts_cli.audio.mel import MelConfig
from tts_cli.cli.main import main
from tts_cli.corpora.layouts import Clip
from tts_cli.corpora.manifest import CorpusSummary, SpeakerSummary, write_corpus
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.endings import Ending, FinalShape, SpokenProsody
from tts_cli.evaluation.measuring import spoken_seeds
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.prosody import tasks
from tts_cli.evaluation.prosody.classifier_table import ClassifierMaterial, classifier_table
from tts_cli.evaluation.prosody.distance_tables import distance_tables
from tts_cli.evaluation.prosody.evaluate import ProsodyEvaluation, sources_of
from tts_cli.evaluation.prosody.question_tables import beside_recordings, question_table, recorded_table
from tts_cli.evaluation.prosody.tasks import HeardPrompt
from tts_cli.evaluation.report import Report, Row
from tts_cli.evaluation.sources import SystemSource
from tts_cli.evaluation.systems import System
from tts_cli.text.phones import SYMBOLS

for needed in ("scipy", "sklearn", "swift_f0", "librosa", "matplotlib"):
    pytest.importorskip(needed)
ROOT = Path(__file__).parents[3]
RISING, FALLING = Ending(4.0, 20.0), Ending(-3.0, -15.0)


def said(kind: str, text: str, *ends: Ending, speaker: str = "slt", split: str = "") -> HeardPrompt:
    """Return a measured sentence; with a split, it is a recording."""
    clip = Clip("corpus", text, speaker, text, Path(), "", split, kind) if split else None
    return HeardPrompt(Prompt(text, speaker, kind, clip), tuple(SpokenProsody(end) for end in ends))


def rows_of(table: Report) -> dict[tuple[str, str], Row]:
    return {(row.group, row.name): row for row in table.rows}


def pairs(asked: int, count: int = 10, speaker: str = "slt") -> list[HeardPrompt]:
    """Return pairs of which the first `asked` rise as a question; no statement rises."""
    found = []
    for place in range(count):
        end = RISING if place < asked else FALLING
        found += [
            said("declarative", f"Word {place}?", end, speaker=speaker),
            said("stated", f"Word {place}.", FALLING, speaker=speaker),
        ]
    return found


def test_planted_rises_are_counted_for_each_speaker_and_system() -> None:
    plain = [*pairs(2), *pairs(4, speaker="bdl"), said("wh", "Who?", FALLING), said("wh", "Why?", RISING)]
    better = [*pairs(9), *pairs(10, speaker="bdl"), said("wh", "Who?", FALLING), said("wh", "Why?", FALLING)]
    found = rows_of(question_table({"plain": plain, "better": better}))
    assert {key: row.estimates["asked"].value for key, row in found.items()} == pytest.approx(
        {
            ("slt", "plain"): 0.2, ("slt", "better"): 0.9, ("slt", "better - plain"): 0.7,
            ("bdl", "plain"): 0.4, ("bdl", "better"): 1.0, ("bdl", "better - plain"): 0.6,
            ("all", "plain"): 0.3, ("all", "better"): 0.95, ("all", "better - plain"): 0.65,
        }
    )  # fmt: skip
    assert found["all", "better"].estimates["asked"].num_clips == 10, "a text counts once, whoever speaks it"
    assert found["slt", "better - plain"].estimates["asked"].low > 0.3
    assert found["slt", "plain"].estimates["wh"].value == 0.5 and found["slt", "better"].estimates["stated"].value == 0
    assert "wh" not in found["bdl", "plain"].estimates


def test_a_sentence_spoken_several_times_counts_with_its_share() -> None:
    heard = [said("declarative", "You?", RISING, FALLING, RISING, RISING), said("stated", "You.", *[FALLING] * 4)]
    assert rows_of(question_table({"voice": heard}))["slt", "voice"].estimates["asked"].value == 0.75


def test_recordings_stand_beside_speech_and_readers_apart() -> None:
    recorded = [said("yes-no", f"q{place}", RISING, split="train") for place in range(4)]
    recorded += [said("yes-no", f"q{place}", FALLING, speaker="bdl", split="train") for place in range(4)]
    recorded += [said("wh", f"w{place}", FALLING, speaker="other", split="test") for place in range(5)]
    table = rows_of(recorded_table(recorded))
    assert table["slt", "yes-no"].estimates["rises"].value == 1 and table["bdl", "yes-no"].estimates["rises"].value == 0
    assert table["all", "yes-no"].estimates["rises"].value == 0.5 and table["bdl", "yes-no"].estimates["height"].value == -3.0
    speech = {"voice": [said("yes-no", f"s{place}", RISING) for place in range(6)] + [said("wh", "Who?", RISING)]}
    beside = rows_of(beside_recordings(speech, recorded))
    assert beside["yes-no", "recordings"].estimates["rises"].value == 1, "bdl does not speak"
    assert beside["wh", "recordings"].num_clips == 5, "nobody who speaks recorded this kind: all readers count"
    difference = beside["wh", "voice - recordings"].estimates["rises"]
    assert (difference.value, difference.num_clips) == (1, 6)


def shaped(kind: str, count: int, rise: float, split: str = "", speaker: str = "slt") -> list[HeardPrompt]:
    """Return utterances of which the last parts of F0 rise by `rise` semitones, with noise."""
    generator = np.random.default_rng(len(kind) + count)
    found = []
    for place in range(count):
        f0 = generator.normal(size=5) + np.linspace(-rise, rise, 5)
        shape = FinalShape(tuple(f0), tuple(generator.normal(size=5)), tuple(generator.normal(size=2)))
        prompt = said(kind, f"{split} {kind} {place}", split=split, speaker=speaker).prompt
        found.append(HeardPrompt(prompt, (SpokenProsody(RISING, shape),)))
    return found


def test_a_classifier_of_recordings_judges_speech() -> None:
    taught = [*shaped("yes-no", 20, 6.0, "train"), *shaped("statement", 60, -6.0, "train")]
    tested = [*shaped("yes-no", 6, 6.0, "test"), *shaped("statement", 12, -6.0, "test")]
    unaligned = said("wh", "Who?", RISING)
    speech = {
        "asks": [*shaped("declarative", 10, 6.0), *shaped("stated", 10, -6.0), unaligned],
        "states": [*shaped("declarative", 10, -6.0), *shaped("statement", 10, -6.0)],
    }
    material = ClassifierMaterial(taught, tested, {"slt": 2.0, "bdl": 3.0})
    table, note = classifier_table(material, speech, {"asks": tested}, "test")
    assert table and not note
    accuracy = {name: row.estimates["balanced"].value for (name, _), row in rows_of(table).items()}
    assert set(accuracy) == {
        "recordings, train (5 folds)", "recordings, test", "asks, sentences", "states, sentences", "asks, prompts of test"
    }  # fmt: skip
    assert accuracy["states, sentences"] == 0.5 and min(value for name, value in accuracy.items() if name[0] != "s") > 0.95
    assert "20 yes/no questions and 60 statements" in table.notes[0] and "slt 20 to train and 6 to test" in table.notes[0]
    assert "left out: 1 utterances" in table.notes[0]
    few = replace(material, taught=[*shaped("yes-no", 4, 6.0, "train"), *taught[20:]])
    nothing, note = classifier_table(few, speech, {}, "test")
    assert nothing is None and "the corpus has 4 and 60" in note


def timed(shift: float, count: int = 30, speaker: str = "slt", split: str = "test") -> list[HeardPrompt]:
    """Return recorded prompts with values that are moved by `shift`."""
    generator = np.random.default_rng(0)
    found = []
    for place in range(count):
        phones = tuple(float(value) + shift for value in generator.integers(40, 120, 12))
        values = generator.normal(6, 2, 2) + shift
        silences = tuple(float(value) for value in generator.integers(0, 2, 3) * 100 + shift)
        prompt = said("statement", f"Prompt {place}", split=split, speaker=speaker).prompt
        found.append(HeardPrompt(prompt, (SpokenProsody(RISING, None, float(values[0]), float(values[1]), phones, silences),)))
    return found


def test_a_known_shift_is_the_distance_and_half_of_it_a_change_of_minus_fifty() -> None:
    recorded = [*timed(0.0), *timed(0.0, 20, "bdl")]
    systems = {
        "first": [*timed(4.0), *timed(2.0, 20, "bdl")],
        "second": [*timed(2.0), *timed(1.0, 20, "bdl"), *timed(1.0, 20, "lj")],
    }
    distances, changes = distance_tables(recorded, systems, [*timed(0.5, split="train"), *timed(0.5, 5, "bdl", "train")])
    found = rows_of(distances)
    for measure in ("f0_range", "final_slope", "phones", "silences"):
        assert found["slt", "first"].estimates[measure].value == pytest.approx(4.0)
        assert found["all", "first"].estimates[measure].value == pytest.approx(3.0), "speakers count alike"
        assert found["all", "second - first"].estimates[measure].value == pytest.approx(-1.5)
        assert found["slt", "other recordings"].estimates[measure].value == pytest.approx(0.5)
        assert found["slt", "second - first"].estimates[measure].high < 0
    assert not found["bdl", "other recordings"].estimates, "too few of them"
    assert found["bdl", "first"].num_clips == 20 and not any(group == "lj" for group, _ in found)
    assert [row.estimates["phones"].value for row in changes.rows] == pytest.approx([-0.5] * 3)
    (alone,) = distance_tables(recorded, {"first": recorded}, [])
    assert rows_of(alone)["all", "first"].estimates["phones"].value == 0
    _, from_none = distance_tables(recorded, {"first": recorded, "second": systems["second"]}, [])
    assert not any(row.estimates for row in from_none.rows), "nothing is in percent of no distance"


def test_prompts_that_one_system_could_not_be_aligned_with_are_left_out_of_all() -> None:
    recorded = timed(0.0, 10)
    broken = [replace(one, spoken=(SpokenProsody(RISING),)) if place < 4 else one for place, one in enumerate(timed(1.0, 10))]
    distances, _ = distance_tables(recorded, {"whole": timed(1.0, 10), "broken": broken}, [])
    assert {row.num_clips for row in distances.rows if row.estimates} == {6}


def test_requests_that_cannot_be_met_are_refused(tmp_path: Path) -> None:
    voice = {"voice": SystemSource(addon="tiny-acoustic")}
    with pytest.raises(InputError, match="has no part 'rhythm'"):
        ProsodyEvaluation(voice, (), parts=("rhythm",))
    with pytest.raises(InputError, match="the part 'classifier' compares speech with recordings"):
        ProsodyEvaluation(voice, (), parts=("questions", "classifier"))
    with pytest.raises(InputError, match="the recordings are no system"):
        ProsodyEvaluation({"human": SystemSource(recordings=True)}, ())
    with pytest.raises(InputError, match="a folder holds no audio of the sentences"):
        ProsodyEvaluation({"made": SystemSource(folder=tmp_path)}, ())
    assert ProsodyEvaluation(voice, ()).wanted == ("questions",)
    assert ProsodyEvaluation(voice, (), tmp_path).wanted == ("questions", "classifier", "distances")
    with pytest.raises(InputError, match="'one' is given twice"):
        sources_of(["one", "one"], None, None)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Prepared corpus of the questions of the sample and some of its statements; each reader has one of both to test."""
    with (DATA / "splits.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    recordings, readers = [], {"kathleen": "kathleen", "slt": "cmu_us_slt_arctic", "bdl": "cmu_us_bdl_arctic"}
    for speaker, name in readers.items():
        asked, stated = (
            [row for row in rows if row["corpus"] == name and row["kind"] == kind] for kind in ("yes-no", "statement")
        )
        recordings += [recording_of(row, speaker, "train") for row in [*asked, *stated[:4]]]
        tested = [recording_of(row, speaker, "test") for row in (asked[0], stated[7])]
        recordings += [one.model_copy(update={"id": f"{one.id}-again"}) for one in tested]
    recordings = [
        one.model_copy(update={"audio_filepath": one.audio_filepath.replace("kathleen/wav/", "kathleen/wavs/")})
        for one in recordings
    ]
    folder, mel = tmp_path / "sample", MelConfig()
    folder.mkdir()
    speakers = {name: SpeakerSummary(clips=10, seconds=30.0, mean_log_f0=5.0, std_log_f0=0.2) for name in readers}
    write_corpus(folder, CorpusSummary(mel=mel, mel_hash=mel.hash, symbols=SYMBOLS, speakers=speakers, versions={}), recordings)
    return folder


def counted(function: Callable[..., object], calls: list[tuple[str, str, str]]) -> Callable[..., object]:
    def speak(system: System, prompt: Prompt, place: int) -> object:
        calls.append((system.name, prompt.speaker, prompt.text))
        return function(system, prompt, place)

    return speak


@pytest.mark.usefixtures("own_cache")
def test_the_command_measures_the_shipped_voice_and_keeps_its_results(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[str, str, str]] = []
    monkeypatch.setattr(tasks, "spoken_seeds", counted(spoken_seeds, calls))
    command: Sequence[str] = (
        "evaluate", "prosody", "--addon", str(ROOT / "addons/arctic-16k"), "--data", str(corpus), "--speaker", "slt",
        "--limit", "1", "--sentences", str(ROOT / "data/question-sentences.txt"),
    )  # fmt: skip
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    tables = {one["title"]: one for one in report["reports"]}
    assert list(tables) == [
        "Prosody: questions", "Prosody: recorded sentences", "Prosody: sentences that rise, beside recordings",
        "Prosody: questions told from statements", "Prosody: distances to the recordings",
    ]  # fmt: skip
    (spoken,) = tables["Prosody: questions"]["rows"]
    assert set(spoken) == {"group", "name", "asked", "higher", "declarative", "stated", "yes-no", "or", "wh", "statement"}
    texts = {one["text"] for one in tables["Prosody: questions"]["details"]}
    assert {"You left the back door open?", "You left the back door open."} < texts and len(texts) == 6
    assert "12 yes/no questions and 12 statements" in tables["Prosody: questions told from statements"]["notes"][0]
    names = [row["name"] for row in tables["Prosody: distances to the recordings"]["rows"]]
    assert names == [str(ROOT / "addons/arctic-16k"), "other recordings"]
    assert len(calls) == len(set(calls)) > 30, "each clip of a reader once, and each text of the voice"

    assert main([*command, "--markdown", "--report", str(tmp_path / "report")]) == 0
    assert len(calls) == len(set(calls)), "nothing is measured twice"
    assert "**Prosody: questions**" in capsys.readouterr().out
    page = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    assert "Declarative questions that sound asked" in page and "<svg" in page and "Speakers: slt." in page
    assert json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8")) == report


@pytest.mark.usefixtures("own_cache")
def test_a_folder_of_the_recordings_themselves_has_no_distance(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "made").mkdir()
    for row in map(json.loads, (corpus / "manifest.jsonl").read_text().splitlines()):
        if row["split"] == "test" and row["speaker"] == "slt":
            shutil.copy(row["audio_filepath"], tmp_path / "made" / f"{row['id']}.flac")
    (tmp_path / "systems.yaml").write_text(f"mine: {{folder: {tmp_path / 'made'}}}\n")
    command = ["evaluate", "prosody", "--systems", str(tmp_path / "systems.yaml"), "--data", str(corpus), "--speaker", "slt"]
    sentences = ["--sentences", str(ROOT / "data/question-sentences.txt")]
    assert main([*command, *sentences, "--part", "distances", "--json"]) == 0
    (table,) = json.loads(capsys.readouterr().out)["reports"]
    mine, others = table["rows"]
    assert all(mine[key]["value"] == 0 for key in ("f0_range", "final_slope", "phones", "silences"))
    assert mine["phones"]["num_clips"] == 2 and others["phones"]["value"] > 0


@pytest.mark.usefixtures("own_cache")
def test_a_sentence_of_the_training_recordings_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "asked.txt").write_text("yes-no|Shall I carry you?\n", encoding="utf-8")
    command = ["evaluate", "prosody", "--addon", str(ROOT / "addons/arctic-16k"), "--data", str(corpus)]
    assert main([*command, "--sentences", str(tmp_path / "asked.txt")]) == 2
    assert "'Shall I carry you?' is the text of a training recording" in capsys.readouterr().err


def test_an_interval_of_few_prompts_holds_its_value() -> None:
    recorded = timed(0.0, 12)
    texts = [one.prompt for one in recorded]
    shuffled = [HeardPrompt(prompt, one.spoken) for prompt, one in zip(texts, reversed(recorded), strict=True)]
    (table,) = distance_tables(recorded, {"shuffled": shuffled}, [])
    for one in table.rows[0].estimates.values():
        assert one.value == pytest.approx(0) and one.low <= 0 <= one.high, "resamples alone would have larger distances"
