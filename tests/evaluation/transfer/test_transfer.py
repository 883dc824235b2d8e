import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tts_cli.addon.opened import Addon
from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import Floats, log_mel
from tts_cli.cli.main import main
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AddonError, AudioError, InputError
from tts_cli.evaluation.engine import Results
from tts_cli.evaluation.measures import recognition
from tts_cli.evaluation.measures.probes import ProbeResult
from tts_cli.evaluation.measures.prosody import TimedWord
from tts_cli.evaluation.measures.recognition import WordErrors
from tts_cli.evaluation.statistics import mean_estimate
from tts_cli.evaluation.systems import VoiceFiles
from tts_cli.evaluation.transfer import evaluate as transfer
from tts_cli.evaluation.transfer import outputs
from tts_cli.evaluation.transfer.evaluate import PARTS, TransferEvaluation, evaluate_transfer
from tts_cli.evaluation.transfer.outputs import TransferFigures, TransferTask, measure_outputs
from tts_cli.evaluation.transfer.tables import identity_table, probe_table, prosody_table, recognition_table, unit_means
from tts_cli.transfer.listening import AnalysedRecording
from tts_cli.transfer.source import Source
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import load

for needed in ("scipy", "statsmodels", "sklearn", "torch", "swift_f0", "librosa"):
    pytest.importorskip(needed)
ADDONS = Path(__file__).parents[2] / "addons"
TEXTS = ("Yes.", "No.", "So.", "Go.", "Hey.")
NAN = float("nan")


def clip(speaker: str, name: str) -> Clip:
    return Clip("corpus", name, speaker, f"Text of {name}.", Path(f"{name}.wav"), "x:1", "unseen")


def task(condition: Any, of: Clip, target: str) -> TransferTask:
    files = VoiceFiles(Path("a"), None)
    return TransferTask(condition, of, files, files, ("prosody",), target)


def add(results: Results[TransferTask], of: TransferTask, measure: str, scores: dict[str, Any]) -> None:
    results.found.setdefault(of, {})[measure] = scores


CLIPS = [clip("ann", "a1"), clip("ann", "a2"), clip("bob", "b1")]


@pytest.fixture
def measured() -> Results[TransferTask]:
    """Values of three clips and two targets: only the transfer follows the source."""
    found = Results[TransferTask]()
    for place, one in enumerate(CLIPS):
        for target in ("low", "high"):
            for condition, level in (("transfer", 0.9), ("no reference", 0.3)):
                scores = dict.fromkeys(("f0_rmse_semitones", "gross_pitch_error", "voicing_error", "f0_frame_error"), 0.1)
                value = level + 0.01 * place + (0.02 if target == "high" else -0.02)
                scores |= {"f0_correlation": value, "energy_correlation": NAN}
                add(found, task(condition, one, target), "prosody", scores)
                words = {"errors": place, "words": 10, "quality": 3.0, "heard": ""}
                add(found, task(condition, one, target), "understood", words)
                vector = [1.0, 0.1, 0.0] if target == "low" else [0.1, 1.0, 0.0]
                add(found, task(condition, one, target), "voice", {"vector": vector})
        add(found, task("recording", one, ""), "voice", {"vector": [0.0, 0.2, 1.0]})
        add(found, task("recording", one, ""), "understood", {"errors": 1, "words": 10, "quality": 2.0, "heard": ""})
    return found


def test_an_utterance_is_one_unit_in_however_many_voices(measured: Results[TransferTask]) -> None:
    report, pairs = prosody_table(TransferFigures(measured), ("low", "high"))
    everyone = report.rows[0]
    assert (everyone.name, everyone.group, everyone.num_clips) == ("transfer", "all targets", 3)
    assert everyone.estimates["f0_correlation"].value == pytest.approx(0.91)
    assert "energy_correlation" not in everyone.estimates
    alone = [row for row in report.rows if row.group == "low"]
    assert [row.estimates["f0_correlation"].value for row in alone] == [pytest.approx(0.89)]
    assert list(pairs) == ["f0 correlation: transfer against no reference"]
    first, second = next(iter(pairs.values()))
    assert np.subtract(first, second) == pytest.approx([0.6, 0.6, 0.6])
    assert len(report.details) == 12 and report.details[0]["row"] == "transfer"


def test_figures_that_are_not_defined_are_left_out_of_a_mean() -> None:
    scores = {CLIPS[0]: {"low": {"x": 1.0}, "high": {"x": NAN}}, CLIPS[1]: {"low": {"x": NAN}}, CLIPS[2]: {"low": {"x": 3.0}}}
    assert unit_means(scores, "x") == {CLIPS[0]: 1.0, CLIPS[2]: 3.0}
    assert unit_means(scores, "x", lambda one: one.speaker == "x") == {False: 2.0}


def test_voices_are_judged_by_centroids(measured: Results[TransferTask]) -> None:
    readings = [clip("low", "l1"), clip("high", "h1")]
    add(measured, task("recording", readings[0], ""), "voice", {"vector": [1.0, 0.0, 0.0]})
    add(measured, task("recording", readings[1], ""), "voice", {"vector": [0.0, 1.0, 0.0]})
    report, _ = identity_table(TransferFigures(measured), ("low", "high"), readings, CLIPS)
    estimates = report.rows[0].estimates
    assert estimates["is_target"].value == 1
    assert estimates["target_cosine"].value == pytest.approx(1 / np.sqrt(1.01))
    assert estimates["source_cosine"].value == pytest.approx((0.02 + 0.2) / 2 / np.sqrt(1.01 * 1.04), abs=1e-4)
    assert "2 targets and 2 sources" in report.notes[0]


def test_word_errors_are_summed_over_targets(measured: Results[TransferTask]) -> None:
    report, _ = recognition_table(TransferFigures(measured), ("low", "high"), CLIPS)
    figures = {(row.name, row.group): row.estimates["wer"] for row in report.rows}
    assert figures["recording", "all targets"].value == pytest.approx(0.1)
    assert figures["transfer", "all targets"].value == pytest.approx(6 / 60)
    assert figures["transfer", "all targets"].num_clips == 3
    assert figures["transfer", "low"].value == pytest.approx(3 / 30)
    assert report.rows[0].estimates["quality"].value == 2.0


def test_probes_stand_beside_chance_and_are_compared() -> None:
    right = {"latents": (0.0, 1.0, 0.0), "mel": (1.0, 1.0, 1.0)}
    results = {"GRU": {name: ProbeResult(mean_estimate(values), 1 / 3, values) for name, values in right.items()}}
    report, pairs = probe_table(results, 3)
    assert report.rows[0].name == "latents (chance 33.3)"
    assert pairs == {"GRU: accuracy, latents against mel": (right["latents"], right["mel"])}


def test_what_is_asked_for_twice_is_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done: list[tuple[str, ...]] = []

    def fake(one: TransferTask, names: tuple[str, ...]) -> dict[str, Any]:
        done.append(names)
        if one.clip is CLIPS[2]:
            raise AudioError("no speech")
        return {name: {"x": 1.0} for name in names}

    monkeypatch.setattr(TransferTask, "measure", fake)
    monkeypatch.setattr(VoiceFiles, "hashes", ("1",))
    first = [task("transfer", one, "low") for one in CLIPS]
    measured = measure_outputs(first, 1, "test")
    assert measured.of("prosody", "transfer", ["low"]) == {one: {"low": {"x": 1.0}} for one in CLIPS[:2]}
    assert measured.failures == {"corpus/b1": "no speech"}
    assert len(done) == 3
    measure_outputs(first, 1, "test")
    assert done[3:] == [("prosody",)], "only the failed measures are tried again"
    monkeypatch.setattr(VoiceFiles, "hashes", ("2",))
    measure_outputs(first[:1], 1, "test")
    assert len(done) == 5, "another addon is measured anew"


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Corpora of two targets and two unseen speakers, five clips each: tones with rising or falling F0."""
    rows = ["corpus,speaker,id,split,kind,text"]
    for number, (speaker, split, hertz) in enumerate(
        [
            ("low", "train", 110),
            ("low", "test", 110),
            ("high", "train", 210),
            ("high", "test", 210),
            ("x", "unseen", 140),
            ("y", "unseen", 180),
        ]
    ):
        corpus = f"{speaker}-{split}"
        (tmp_path / corpus / "wavs").mkdir(parents=True)
        lines = []
        for place, text in enumerate(TEXTS):
            rows.append(f"{corpus},{speaker},{corpus}{place},{split},statement,{text}")
            lines.append(f"{corpus}{place}|{text}")
            soundfile.write(tmp_path / corpus / "wavs" / f"{corpus}{place}.wav", _buzz(hertz, number + place), 16000)
        (tmp_path / corpus / "metadata.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "splits.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def _buzz(hertz: float, seed: int) -> Floats:
    seconds = np.arange(9600) / 16000
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.2 * np.sin(2 * np.pi * (1 + seed % 5) * seconds))) / 16000
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 9)) * np.hanning(9600)).astype(np.float32)


def fake_listen(recording: Path, text: str, addon: Addon) -> AnalysedRecording:
    """Analysis that finds the same three phones in every recording."""
    if recording.stem == "y-unseen1":
        raise AudioError(f"{recording.name}: it does not say this text")
    audio = read_audio(recording, addon.sample_rate)
    mel = log_mel(audio, addon.mel)
    rest = len(mel) - 2 - 15 - 15
    tokens = ("^", "Y", "EH1", "S", ".")
    sentence = Sentence(text=text, tokens=tokens, durations=(2, 15, rest - 4, 15, 4))
    return AnalysedRecording(Source(sentence, mel, np.ones(3, np.float32)), audio, 0.0, (), ())


class _Listener:
    """Recogniser without errors."""

    def word_errors(self, text: str, audio: Floats, sample_rate: int) -> WordErrors:
        assert sample_rate == 16000 and len(audio) > 9000
        return WordErrors(text, text, 0, 1)

    def timed_words(self, audio: Floats, sample_rate: int) -> list[TimedWord]:
        return [TimedWord("yes", 0.1, 0.1 + len(audio) / sample_rate / 2)]


@pytest.fixture
def _judges(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Replace model weights and aligner by simple functions."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TTS_ADDONS", str(ADDONS))
    for room in (outputs, transfer):
        monkeypatch.setattr(room, "listen", fake_listen)
    for room in (outputs, recognition):
        monkeypatch.setattr(room, "shared_recogniser", _Listener)
    monkeypatch.setattr(recognition, "overall_quality", lambda _audio, _rate: 3.0)
    monkeypatch.setattr(outputs, "voice_vector", lambda audio, _rate: np.array([np.abs(audio).mean(), 1.0, audio.std()]))
    outputs.analysed.cache_clear()
    outputs._print_of.cache_clear()
    yield
    outputs.analysed.cache_clear()


@pytest.mark.usefixtures("_judges")
def test_the_command_prints_every_part(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [word for part in PARTS if part != "probes" for word in ("--part", part)]
    command = ["evaluate", "transfer", "tiny-copycat", "--corpora", str(corpora), "--baseline", "tiny-acoustic", *parts]
    assert main([*command, "--limit", "2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    titles = {one["title"].removeprefix("Transfer: "): one for one in report["reports"]}
    assert list(titles) == ["prosody", "durations", "identity", "recognition and damage", "parallel readings", "speed"]
    conditions = ["reconstruction", "transfer", "no reference", "another clip's latents", "baseline"]
    rows = titles["prosody"]["rows"]
    assert [row["name"] for row in rows if row["group"] == "all targets"] == conditions
    # The analysis of one of four clips failed, and every clip is one unit.
    assert rows[1]["energy_correlation"]["num_clips"] == 3
    assert titles["recognition and damage"]["rows"][0]["name"] == "recording"
    assert titles["speed"]["rows"][0]["cpu"]["value"] > 0
    assert any("own reading" in row["group"] and row["name"] == "recording" for row in titles["parallel readings"]["rows"])
    assert "y-unseen1" in report["notes"][1]
    assert "not listeners' scores" in report["notes"][0]
    assert main([*command, "--limit", "2", "--markdown"]) == 0
    assert "| all targets | transfer | 3 |" in capsys.readouterr().out


@pytest.mark.usefixtures("_judges")
def test_whisper_hears_the_targets_in_turns(corpora: Path) -> None:
    tasks = TransferEvaluation(load("tiny-copycat"), corpora, ("low", "high")).tasks(["prosody", "recognition", "durations"])
    heard = {
        (name, condition): sorted(
            (one.clip.id, one.target) for one in tasks if one.condition == condition and name in one.measures
        )
        for name in ("prosody", "understood", "durations")
        for condition in ("transfer", "no reference")
    }
    counts = {key: len(found) for key, found in heard.items()}
    assert counts["prosody", "transfer"] == counts["prosody", "no reference"] == 20
    assert counts["understood", "transfer"] == counts["understood", "no reference"] == counts["durations", "transfer"] == 10
    assert counts["durations", "no reference"] == 0
    assert {target for _, target in heard["durations", "transfer"]} == {"low", "high"}


@pytest.mark.usefixtures("_judges")
def test_probes_take_the_strangers_with_enough_clips(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "FOLDS", 4)
    monkeypatch.setattr(transfer, "PROBES", {"constant": lambda _s, _l, unknown, _seed: np.zeros(len(unknown), np.int64)})
    monkeypatch.setattr(transfer, "cross_validate", lambda *given: _checked(*given))
    report = evaluate_transfer(TransferEvaluation(load("tiny-copycat"), corpora, ("low",)), ["probes"])
    assert [row.name.split(" (")[0] for row in report.reports[0].rows] == ["latents", "mel", "baseline's features"]
    assert [test.difference.value for test in report.tests] == [0, 0]
    assert "accuracy" in report.markdown()


def _checked(_probe: Any, sequences: list[Floats], speakers: list[str]) -> ProbeResult:
    assert speakers == ["x"] * 5 + ["y"] * 4
    assert all(np.isfinite(sequence).all() and sequence.ndim == 2 for sequence in sequences)
    return ProbeResult(mean_estimate([1.0] * 9), 5 / 9, (1.0,) * 9)


@pytest.mark.usefixtures("_judges")
def test_what_cannot_be_measured_is_said_at_once(corpora: Path) -> None:
    voice = load("tiny-copycat")
    with pytest.raises(InputError, match="no speaker 'nobody'"):
        TransferEvaluation(voice, corpora, ("nobody",))
    with pytest.raises(AddonError, match="cannot take the melody"):
        TransferEvaluation(load("tiny-acoustic"), corpora, ("low",))
    with pytest.raises(InputError, match="no part 'melody'"):
        evaluate_transfer(TransferEvaluation(voice, corpora, ("low",)), ["melody"])
