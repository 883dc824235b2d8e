"""From recordings to sources of prosody: their contents for files of any kind, and recordings that are refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tts_cli.addon.opened import Addon, open_addon
from tts_cli.audio.files import read_native, resample
from tts_cli.audio.mel import Floats, log_mel
from tts_cli.audio.recordings import read_recording
from tts_cli.errors import AddonError, AudioError, ConfigError, TextError, TtsError
from tts_cli.text import TextFrontEnd
from tts_cli.transfer.listening import LEADING_FRAMES, TRAILING_FRAMES, AnalysedRecording, listen
from tts_cli.transfer.manifest import Job, read_job

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/addons"
RECORDING = ROOT / "data/cmu_us_bdl_arctic/wav/arctic_b0195.flac"
TEXT = "Nobody knows how the natives got them."
FRONT_END = TextFrontEnd()

WITHOUT_TORCH = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchaudio", "librosa", "numba", "scipy", "matplotlib", "swift_f0"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
from pathlib import Path
import tts_cli
from tts_cli.transfer.listening import listen
voice = tts_cli.load(sys.argv[1])
heard = listen(Path(sys.argv[2]), sys.argv[3], voice.acoustic)
print(sum(len(chunk.samples) for chunk in voice.stream([heard.source])), len(heard.source.mel) * 200)
"""


@pytest.fixture(scope="module")
def addon() -> Addon:
    return open_addon(TINY / "tiny-copycat")


@pytest.fixture(scope="module")
def speech() -> tuple[Floats, int]:
    return read_native(RECORDING)


def written(path: Path, audio: Floats, rate: int = 16000, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, audio, rate, subtype)
    return path


def assert_alike(one: AnalysedRecording, other: AnalysedRecording) -> None:
    """The durations are about the same, but for the last phone's, which fades into the silence."""
    durations = [np.array(heard.source.sentence.durations, np.int64)[:-2] for heard in (one, other)]
    off = np.abs(durations[0] - durations[1])
    assert off.mean() <= 1 and off.max() <= 6


def test_a_source_holds_what_the_recording_has(addon: Addon) -> None:
    heard = listen(RECORDING, TEXT, addon, FRONT_END)
    sentence, mel = heard.source.sentence, heard.source.mel
    assert sentence.words == ("Nobody", "knows", "how", "the", "natives", "got", "them") and sentence.durations is not None
    assert mel is not None and len(mel) == sum(frames or 0 for frames in sentence.durations) == -(-len(heard.audio) // 200)
    assert sentence.durations[0] is not None and sentence.durations[0] <= LEADING_FRAMES
    assert sentence.durations[-1] is not None and sentence.durations[-1] <= TRAILING_FRAMES
    assert heard.source.speaker is not None and heard.source.speaker.shape == (3,) and np.isfinite(heard.source.speaker).all()
    assert heard.doubtful == heard.surplus == () and heard.warnings() == []
    first = round(heard.start_s * addon.mel.frame_rate)
    whole = log_mel(read_recording(RECORDING, addon.sample_rate), addon.mel)
    np.testing.assert_array_equal(mel, whole[first : first + len(mel)])


def test_the_rhythm_alone_needs_no_speaker_encoder() -> None:
    plain = open_addon(TINY / "tiny-acoustic")
    source = listen(RECORDING, TEXT, plain, FRONT_END, rhythm_only=True).source
    assert source.mel is None and source.speaker is None and source.sentence.durations
    with pytest.raises(AddonError, match="cannot take the melody"):
        listen(RECORDING, TEXT, plain, FRONT_END)


def test_several_sentences_are_one_utterance(addon: Addon, speech: tuple[Floats, int], tmp_path: Path) -> None:
    twice = np.concatenate([speech[0], np.zeros(4000, np.float32), speech[0]])
    sentence = listen(written(tmp_path / "twice.wav", twice), f"{TEXT} {TEXT}", addon, FRONT_END).source.sentence
    assert sentence.tokens.count("^") == 1 and sentence.tokens.count(".") == 2
    assert sentence.durations is not None and (sentence.durations[sentence.tokens.index(".")] or 0) >= 20


def test_silence_around_the_speech_is_cut(addon: Addon, speech: tuple[Floats, int], tmp_path: Path) -> None:
    hush = 1e-4 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    plain = listen(RECORDING, TEXT, addon, FRONT_END)
    late = listen(written(tmp_path / "late.wav", np.concatenate([hush, speech[0], hush])), TEXT, addon, FRONT_END)
    assert late.start_s - plain.start_s == pytest.approx(1.0, abs=0.05)
    assert len(late.audio) / 16000 == pytest.approx(len(plain.audio) / 16000, abs=0.2)
    assert_alike(late, plain)


SPOILED = {
    "44.1 kHz stereo": lambda x: (np.stack([resample(x, 16000, 44100)] * 2, 1), 44100, "PCM_24"),
    "telephone": lambda x: (resample(x, 16000, 8000), 8000, "ULAW"),
    "clipped": lambda x: (np.clip(6 * x / np.abs(x).max(), -1, 1), 16000, "PCM_16"),
    "noisy": lambda x: (x + 0.1 * x.std() * np.random.default_rng(0).standard_normal(len(x)), 16000, "PCM_16"),
    "very quiet": lambda x: (3e-3 * x, 16000, "FLOAT"),
    "off centre": lambda x: (0.5 * x + 0.3, 16000, "PCM_16"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_any_file_has_about_the_same_durations(how: str, addon: Addon, speech: tuple[Floats, int], tmp_path: Path) -> None:
    audio, rate, subtype = SPOILED[how](speech[0])
    heard = listen(written(tmp_path / "spoiled.wav", audio, rate, subtype), TEXT, addon, FRONT_END)
    assert_alike(heard, listen(RECORDING, TEXT, addon, FRONT_END))


def test_a_quiet_recording_is_brought_up_and_others_are_left_alone(speech: tuple[Floats, int], tmp_path: Path) -> None:
    quiet = read_recording(written(tmp_path / "quiet.wav", 3e-3 * speech[0], subtype="FLOAT"), 16000)
    as_it_is = read_recording(RECORDING, 16000)
    assert np.abs(quiet).max() > 0.02
    np.testing.assert_allclose(as_it_is, speech[0] - speech[0].mean(), atol=1e-6)


def test_words_that_are_not_said_are_remarked_on(addon: Addon) -> None:
    warnings = listen(RECORDING, "Nobody knows how the elephants got them.", addon, FRONT_END).warnings()
    assert len(warnings) == 1 and "elephants" in warnings[0] and "Nobody" not in warnings[0]


REFUSED: dict[str, tuple[str, type[TtsError], str]] = {
    "missing.wav": (TEXT, AudioError, "no such file"),
    "empty.wav": (TEXT, AudioError, "the file is empty"),
    "text.wav": (TEXT, AudioError, "cannot be read as audio"),
    "truncated.wav": (TEXT, AudioError, "truncated"),
    "silent.wav": (TEXT, AudioError, "is silent"),
    "click.wav": (TEXT, AudioError, "lasts 0.06 s"),
    "short.wav": (TEXT, AudioError, "phones do not fit in 32 frames"),
    "long.wav": (TEXT, AudioError, r"lasts 600.0 s, more than 60 s"),
    "narrow.wav": (TEXT, AudioError, "has 4000 samples a second"),
    "muffled.wav": (TEXT, AudioError, "holds nothing above 2 kHz"),
    "noise.wav": (TEXT, AudioError, "does not say this text"),
    "good.wav": ("Jack London, Waikiki Beach, Honolulu, Oahu.", AudioError, r'not heard as written: "Jack London'),
    "fine.wav": ("... !", TextError, "no words to speak"),
    "well.wav": ("", TextError, "the text is empty"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, speech: tuple[Floats, int]) -> Path:
    """The files of `REFUSED`."""
    folder, (audio, _) = tmp_path_factory.mktemp("refused"), speech
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("This is no audio.")
    for name in ("good", "fine", "well"):
        written(folder / f"{name}.wav", audio)
    (folder / "truncated.wav").write_bytes((folder / "good.wav").read_bytes()[:20000])
    written(folder / "silent.wav", np.zeros(16000, np.float32))
    written(folder / "click.wav", audio[:1000])
    written(folder / "short.wav", audio[8000:14400][:6400])
    written(folder / "long.wav", np.zeros(600 * 8000, np.float32), 8000)
    written(folder / "narrow.wav", resample(audio, 16000, 4000), 4000)
    written(folder / "muffled.wav", resample(resample(audio, 16000, 4000), 4000, 16000))
    written(folder / "noise.wav", 0.1 * np.random.default_rng(0).standard_normal(40000).astype(np.float32))
    return folder


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_with_its_reason(name: str, addon: Addon, folder: Path) -> None:
    text, kind, reason = REFUSED[name]
    text = f"{text} And on it goes." if name == "short.wav" else text
    with pytest.raises(kind, match=reason) as raised:
        listen(folder / name, text, addon, FRONT_END)
    assert "\n" not in raised.value.message


def test_transfer_needs_nothing_of_training() -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, str(TINY / "tiny-copycat"), str(RECORDING), TEXT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    spoken, recorded = map(int, done.stdout.split())
    assert spoken == recorded > 0


def test_a_line_of_a_manifest_fills_its_gaps() -> None:
    for_all = Job(Path(), None, "slt", 0.5, "rhythm")
    assert read_job('{"source": "a.wav"}', Path("in"), for_all) == Job(Path("in/a.wav"), None, "slt", 0.5, "rhythm")
    full = '{"source": "/a.wav", "text": "x", "speaker": "bdl", "strength": 0, "output": "b.wav"}'
    assert read_job(full, Path("in"), for_all) == Job(Path("/a.wav"), "x", "bdl", 0.0, "rhythm", "b")


@pytest.mark.parametrize(
    "line",
    [
        "[",
        "[1]",
        "{}",
        '{"source": "a", "strength": 2}',
        '{"source": "a", "keep": "melody"}',
        '{"source": "a", "output": "../b"}',
    ],
)
def test_a_bad_line_of_a_manifest_is_refused(line: str) -> None:
    with pytest.raises(ConfigError):
        read_job(line, Path(), Job(Path()))
