"""Evaluation of several systems from YAML: tables, paired tests, and the folder of the report."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from listeners import LoudnessRecogniser, peak
from prepared_clips import DATA, READERS, write_prepared

from tts_cli.audio.files import read_native, resample
from tts_cli.errors import AudioError, CorpusError, InputError
from tts_cli.evaluation import measuring
from tts_cli.evaluation.measures import instruments
from tts_cli.evaluation.measures.instruments import Instruments
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.report_folder import write_report
from tts_cli.evaluation.sources import SystemSource, read_sources, read_systems
from tts_cli.evaluation.speech.evaluate import SpeechEvaluation, evaluate_speech

pytestmark = pytest.mark.usefixtures("own_cache")

for needed in ("scipy", "swift_f0", "librosa"):
    pytest.importorskip(needed)
TINY = Path(__file__).parents[2] / "addons"
FAKES = Instruments(LoudnessRecogniser(), peak)


@pytest.fixture(autouse=True)
def addons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ADDONS", str(TINY))
    monkeypatch.setattr(instruments, "naturalness", peak)
    measuring._opened.cache_clear()


def softened(folder: Path, rate: int = 16000, level: float = 0.5) -> Path:
    """Write the test clips of the prepared corpus, softer and at another rate, as a folder of audio."""
    for speaker, corpus in READERS.items():
        for name in ("arctic_a0098", "arctic_a0207"):
            samples, native = read_native(DATA / corpus / "wav" / f"{name}.flac")
            (folder / speaker).mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / speaker / f"{name}.flac", level * resample(samples, native, rate), rate)
    return folder


def asked(prepared: Path, sources: dict[str, SystemSource], parts: tuple[str, ...], **others: object) -> SpeechEvaluation:
    options = {"num_seeds": 1, "data": prepared, "sources": sources, **others}
    return SpeechEvaluation({}, None, ("high",), parts, **options)  # type: ignore[arg-type]


def test_systems_side_by_side_become_tables_tests_and_a_folder(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "systems.yaml").write_text(
        f"voice: {{addon: tiny-prosody, selector: {{strategy: centroid}}}}\n"
        f"soft/er: {{folder: {softened(tmp_path / 'soft', 22050)}}}\nhuman: {{recordings: true}}\n"
    )
    sources = read_systems(tmp_path / "systems.yaml")
    report = tmp_path / "report"
    found = evaluate_speech(asked(prepared, sources, ("naturalness", "prosody"), report=report))
    titles = {one.title.removeprefix("Speech: "): {(row.group, row.name): row for row in one.rows} for one in found.reports}
    assert set(titles) == {
        "word errors and naturalness", "F0 against the recordings", "cepstra, energy and durations against the recordings",
        "rate", "pauses", "F0", "level", "paired differences",
    }  # fmt: skip
    against = titles["F0 against the recordings"]
    assert set(against) == {("high", "voice"), ("high", "soft/er")}, "recordings are not compared with themselves"
    assert against["high", "soft/er"].estimates["f0_correlation_dtw"].value > 0.95
    assert against["high", "soft/er"].estimates["f0_rmse_semitones_dtw"].value < 0.5
    assert against["high", "voice"].estimates["f0_frame_error_dtw"].value > 0.2
    level = {name: row.estimates["level_dbfs"].value for (_, name), row in titles["level"].items()}
    assert level["human"] - level["soft/er"] == pytest.approx(6.02, abs=0.1)
    names = [test.name for test in found.tests]
    assert "DistillMOS: soft/er - voice" in names and "MCD dB (DTW): human - voice" not in names
    assert all(test.corrected_p >= test.p for test in found.tests)
    assert found.tests[0].difference.num_clips == 2

    write_report(found, report, ["tts", "evaluate", "speech", "--data", "a folder"], ["tiny-prosody"])
    lines = [json.loads(line) for line in (report / "utterances.jsonl").read_text().splitlines()]
    assert [(one["system"], one["prompt"]["id"]) for one in lines] == [
        (name, clip) for name in ("voice", "soft/er", "human") for clip in ("arctic_a0098", "arctic_a0207")
    ]
    assert (
        lines[2]["audio"] == "audio/soft_er/high/arctic_a0098.flac"
        and soundfile.info(report / lines[2]["audio"]).samplerate == 22050
    )
    assert lines[2]["measures"]["mcd_dtw"] > 0 and lines[2]["prompt"]["split"] == "test"
    page = (report / "report.html").read_text()
    assert "tts evaluate speech --data &#x27;a folder&#x27;" in page and "addon tiny-prosody, strategy=centroid" in page
    assert "Systems: voice, soft/er, human. Texts: 2, recordings of the split test. Speakers: high." in page
    assert page.count("<audio") == 6 and "Shall I carry you?" in page and page.count("<svg") >= 3 + 2 * 2
    assert json.loads((report / "report.json").read_text())["tests"]


def test_an_interrupted_evaluation_measures_the_rest(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []

    def predict(audio: np.ndarray, _: int) -> float:
        if len(heard) == 3:
            heard.append(0)
            raise KeyboardInterrupt
        heard.append(len(audio))
        return peak(audio, 16000)

    monkeypatch.setattr(instruments, "naturalness", predict)
    sources = {"soft": SystemSource(folder=softened(tmp_path / "soft"))}
    with pytest.raises(KeyboardInterrupt):
        evaluate_speech(asked(prepared, sources, ("naturalness",)))
    evaluate_speech(asked(prepared, sources, ("naturalness",)))
    assert len(heard) == 4 + 1, "three before, one after the interruption, of two systems with two prompts each"
    softened(tmp_path / "soft", level=0.25)
    evaluate_speech(asked(prepared, sources, ("naturalness",)))
    assert len(heard) == 4 + 1 + 2, "the files of the folder changed, the recordings did not"


def test_copies_have_signal_figures_and_must_have_the_duration_of_the_recording(prepared: Path, tmp_path: Path) -> None:
    folder = softened(tmp_path / "soft", level=0.9)
    source = {"copy": SystemSource(folder=folder, copies=True)}
    found = evaluate_speech(asked(prepared, source, ("prosody", "signal")))
    signal = next(one for one in found.reports if "signal of copies" in one.title)
    assert signal.rows[0].estimates["pesq"].value > 4 and signal.rows[0].estimates["stoi"].value > 0.99
    assert any("frame by frame" in one.title for one in found.reports)
    soundfile.write(folder / "high/arctic_a0098.flac", np.zeros(1000), 16000)
    with pytest.raises(
        AudioError, match=r"--systems: system 'copy': .*arctic_a0098\.flac: lasts 0\.06 s, but its recording 1\.\d+ s"
    ):
        evaluate_speech(asked(prepared, source, ("signal",)))


def test_a_split_without_clips_is_replaced_and_said_so(tmp_path: Path) -> None:
    data = write_prepared(tmp_path / "p", ("validation",))
    found = evaluate_speech(asked(data, {"human": SystemSource(recordings=True)}, ("naturalness",)), FAKES)
    assert any("no clip of the split 'test': the clips are those of 'validation'" in note for note in found.notes)
    assert len(found.measured["human"]) == 2


def test_by_default_the_speakers_that_all_voices_have_speak(prepared: Path) -> None:
    sources = {"voice": SystemSource(addon="tiny-acoustic")}
    request = SpeechEvaluation({}, None, (), ("wer",), 1, data=prepared, sources=sources)
    assert {prompt.speaker for prompt in request.prompts()} == {"high", "low"}
    sentences = SpeechEvaluation({}, None, (), ("wer",), 1, sentences=(GroupedText("g", "Yes."),), addons=("tiny-acoustic",))
    assert [prompt.speaker for prompt in sentences.prompts()] == ["low", "high"]
    with pytest.raises(CorpusError, match="of anna"):
        SpeechEvaluation({}, None, ("anna",), ("wer",), data=prepared).prompts()


def test_a_bare_folder_is_measured_by_that_which_needs_no_text(tmp_path: Path) -> None:
    folder = softened(tmp_path / "soft")
    sources = read_sources(None, [folder])
    assert list(sources) == ["soft"]
    found = evaluate_speech(SpeechEvaluation({}, None, num_seeds=1, sources=sources, parts=instruments.PARTS))
    assert [one.prompt.speaker for one in found.measured["soft"]] == ["high", "high", "low", "low"]
    assert any("wer, identity" in note for note in found.notes), "left out by default"
    with pytest.raises(InputError, match=r"soft: files alone do not allow the part 'identity'"):
        evaluate_speech(SpeechEvaluation({}, None, parts=("identity",), sources=sources))
    for file in folder.rglob("*.flac"):
        file.with_suffix(".txt").write_text("Said so.")
    assert "wer" in SpeechEvaluation({}, None, parts=("wer",), sources=sources).measured_parts([])


def test_a_system_twice_is_refused(prepared: Path, tmp_path: Path) -> None:
    for options in ({"addons": ("a", "a")}, {"addons": ("a",), "sources": {"a": SystemSource(recordings=True)}}):
        with pytest.raises(InputError, match="the system 'a' is given twice"):
            SpeechEvaluation({}, prepared, **options)  # type: ignore[arg-type]
    (tmp_path / "s.yaml").write_text("soft: {recordings: true}\n")
    with pytest.raises(InputError, match=r"--folder .*soft: there is a system 'soft' already"):
        read_sources(tmp_path / "s.yaml", [tmp_path / "soft"])
    sources = {"recordings": SystemSource(addon="tiny-acoustic")}
    with pytest.raises(InputError, match="two systems are called 'recordings'"):
        evaluate_speech(asked(prepared, sources, ("naturalness",)))


def test_a_command_is_a_system_beside_the_others(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "peer.py").write_text(
        "import json, pathlib, shutil, sys\n"
        "folder = pathlib.Path(sys.argv[-1])\n"
        "tone = pathlib.Path(__file__).with_name('tone.wav')\n"
        "for place, _ in enumerate(open(sys.argv[-3])): shutil.copy(tone, folder / f'{place + 1:04}.wav')\n"
        "(folder / 'peer.json').write_text(json.dumps({}))\n"
    )
    soundfile.write(tmp_path / "tone.wav", np.full(8000, 0.5), 16000)
    source = SystemSource(command=f"'{sys.executable}' '{tmp_path / 'peer.py'}'")
    found = evaluate_speech(asked(prepared, {"human": SystemSource(recordings=True), "peer": source}, ("naturalness",)))
    assert [test.name for test in found.tests] == ["DistillMOS: peer - human"], "paired by text"
    assert found.tests[0].difference.num_clips == 2
    assert found.recordings == "human" and [one.figures["naturalness"] for one in found.measured["peer"]] == [3.0, 3.0]
