"""Audio files: formats, refusals, and no partial files."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tts_cli.audio import files
from tts_cli.errors import AudioError, OutputError

RATE = 16000


def tone(seconds: float, rate: int = RATE, hertz: float = 220.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_every_format_is_read_at_the_asked_rate(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tone{suffix}"
    soundfile.write(path, np.stack([tone(1.0, 22050)] * 2, axis=1), 22050)
    audio = files.read_audio(path, RATE)
    assert audio.dtype == np.float32
    assert abs(len(audio) - RATE) < 0.1 * RATE
    spectrum = np.abs(np.fft.rfft(audio))
    assert abs(spectrum.argmax() * RATE / len(audio) - 220) < 2


def test_channels_are_averaged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stereo.wav", np.stack([tone(0.5), -tone(0.5)], axis=1), RATE)
    assert np.abs(files.read_audio(tmp_path / "stereo.wav", RATE)).max() < 1e-4


def write_wav(path: Path, audio: files.Floats) -> None:
    with files.WavFile(path, RATE) as file:
        file.write(audio)


def write_truncated(path: Path) -> None:
    write_wav(path, tone(1.0))
    path.write_bytes(path.read_bytes()[:20000])


def write_nan(path: Path) -> None:
    soundfile.write(path, np.array([0.0, np.nan], np.float32), RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path.unlink(missing_ok=True), "no such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(b"these are words, not sound" * 9), "cannot be read as audio"),
        (lambda path: soundfile.write(path, np.zeros(0, np.float32), RATE), "no samples"),
        (write_truncated, "truncated"),
        (write_nan, "not finite"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path, write: object, reason: str) -> None:
    path = tmp_path / "broken.wav"
    write(path)  # type: ignore[operator]
    with pytest.raises(AudioError, match=reason) as caught:
        files.read_audio(path, RATE)
    assert "broken.wav" in caught.value.message


def test_a_written_wav_reads_back(tmp_path: Path) -> None:
    write_wav(tmp_path / "out.wav", tone(0.5))
    assert np.abs(files.read_audio(tmp_path / "out.wav", RATE) - tone(0.5)).max() <= 0.5 / 32768 + 1e-7
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


def test_loud_samples_are_clipped_not_wrapped() -> None:
    assert np.frombuffer(files.pcm16(np.array([2.0, -2.0, 0.0], np.float32)), "<i2").tolist() == [32767, -32768, 0]


def test_an_interrupted_wav_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), files.WavFile(path, RATE) as file:
        file.write(tone(0.1))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.wav"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match="No space left"), files.WavFile(tmp_path / "out.wav", RATE) as file:
        monkeypatch.setattr(file, "_file", FailingFile(refuse))
        file.write(tone(0.1))
    assert not (tmp_path / "out.wav").exists()


class FailingFile:
    def __init__(self, refuse: object) -> None:
        self.write = refuse

    def close(self) -> None:
        pass


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_wav(tmp_path / "missing" / "out.wav", tone(0.1))


def test_a_streamed_wav_is_readable_and_holds_the_chunks() -> None:
    pipe = io.BytesIO()
    files.write_wav_stream(pipe, [tone(0.1), tone(0.2)], RATE)
    assert pipe.getvalue()[44:] == files.pcm16(tone(0.1)) + files.pcm16(tone(0.2))
    raw = io.BytesIO()
    files.write_pcm_stream(raw, [tone(0.1)])
    assert raw.getvalue() == files.pcm16(tone(0.1))


def test_a_streamed_wav_is_read_though_its_length_is_unknown(tmp_path: Path) -> None:
    with (tmp_path / "stream.wav").open("wb") as pipe:
        files.write_wav_stream(pipe, [tone(0.5)], RATE)
    assert len(files.read_audio(tmp_path / "stream.wav", RATE)) == len(tone(0.5))


def test_playing_without_a_device_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    with pytest.raises(AudioError, match="sounddevice"):
        files.play([tone(0.1)], RATE)
