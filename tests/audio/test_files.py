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


def write_infinities(path: Path) -> None:
    soundfile.write(path, np.array([[0.0, 0.0], [np.inf, -np.inf]], np.float32), RATE, subtype="FLOAT")


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
        (write_infinities, "not finite"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path, write: object, reason: str) -> None:
    path = tmp_path / "broken.wav"
    write(path)  # type: ignore[operator]
    with pytest.raises(AudioError, match=reason) as caught:
        files.read_audio(path, RATE)
    assert "broken.wav" in caught.value.message


@pytest.mark.parametrize(
    ("container", "codec"),
    [("WAV", "GSM610"), ("WAV", "G721_32"), ("AU", "G723_24"), ("AIFF", "GSM610"), ("WAV", "NMS_ADPCM_16"), ("WAV", "IMA_ADPCM")],
)
def test_codecs_of_telephony_are_read_whole(tmp_path: Path, container: str, codec: str) -> None:
    path, audio = tmp_path / "call.wav", tone(40.0, 8000)
    soundfile.write(path, audio, 8000, format=container, subtype=codec)
    samples, rate = files.read_native(path)
    assert rate == 8000 and 0 <= len(samples) - len(audio) < 400
    spectrum = np.abs(np.fft.rfft(samples[: len(audio)]))
    assert spectrum.argmax() * rate / len(audio) == pytest.approx(220, abs=1)
    with pytest.raises(AudioError, match=r"lasts 40\.. s, more than 30 s"):
        files.read_native(path, 30)


@pytest.mark.parametrize("name", ["tone.raw", "tone.RAW", "tone.mp3", "tone.sd2", "tone"])
def test_a_file_is_read_by_its_content_not_by_its_name(tmp_path: Path, name: str) -> None:
    write_wav(tmp_path / name, tone(0.5))
    assert np.abs(files.read_audio(tmp_path / name, RATE) - tone(0.5)).max() <= 0.5 / 32768 + 1e-7


def test_samples_are_those_of_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_BLOCK_FRAMES", 1000)
    stereo = np.stack([tone(1.0), tone(1.0, hertz=330.0)], axis=1)
    for suffix in (".wav", ".flac", ".ogg", ".mp3"):
        soundfile.write(tmp_path / f"tone{suffix}", stereo, RATE)
        whole = soundfile.read(tmp_path / f"tone{suffix}", dtype="float32")[0].mean(axis=1, dtype=np.float32)
        assert np.abs(files.read_native(tmp_path / f"tone{suffix}")[0] - whole).max() < 1e-6


def hostile(kind: str) -> bytes:
    """Return the bytes of a file that is no sound, or whose header lies."""
    header = bytearray(files.wav_header(RATE, 2000))
    contents = {
        "disk image": bytes(1024) + b"\x53\xef" * 40000,
        "boot sector": b"\xeb\x3c\x90MSDOS5.0" + bytes(499) + b"\x55\xaa" + bytes(5000),
        "frames of no mp3": b"\xff\xfb\x90\x00" * 20000,
        "noise": np.random.default_rng(0).bytes(50000),
        "pdf": b"%PDF-1.7\n" * 500,
    }
    if kind in contents:
        return contents[kind]
    place, value = {"rate 0": (24, 0), "rate 1": (24, 1), "rate 2^32": (24, 0xFFFFFFFF), "no channel": (22, 0x00020000)}[kind]
    header[place : place + 4] = value.to_bytes(4, "little")
    return bytes(header) + bytes(2000)


@pytest.mark.parametrize(
    "kind",
    ["disk image", "boot sector", "frames of no mp3", "noise", "pdf", "rate 0", "rate 1", "rate 2^32", "no channel"],
)
@pytest.mark.parametrize("name", ["file.wav", "file.raw"])
def test_hostile_files_are_an_audio_error_of_one_line(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).write_bytes(hostile(kind))
    with pytest.raises(AudioError, match=name) as caught:
        files.read_audio(tmp_path / name, RATE)
    assert "\n" not in caught.value.message and len(caught.value.message) < 300


@pytest.mark.parametrize("error", [ValueError, TypeError, RuntimeError, MemoryError])
def test_every_error_of_the_decoder_is_an_audio_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error()

    write_wav(tmp_path / "tone.wav", tone(0.1))
    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    with pytest.raises(AudioError, match=r"tone\.wav: cannot be read as audio"):
        files.read_audio(tmp_path / "tone.wav", RATE)


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


PAST_4_GIB = 5 * 2**30
"""Bytes of samples that 32 bits do not count."""


def test_a_header_past_4_gib_is_rf64_and_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(files.wav_header(RATE, PAST_4_GIB))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + PAST_4_GIB)
    with soundfile.SoundFile(path) as heard:
        assert (heard.format, heard.frames, heard.samplerate) == ("RF64", PAST_4_GIB // 2, RATE)


@pytest.mark.parametrize("num_bytes", [0, 44, 2**31, 2**32 - 38])
def test_a_header_up_to_4_gib_is_the_plain_one(num_bytes: int) -> None:
    header = files.wav_header(RATE, num_bytes)
    assert len(header) == 44 and header[:4] == b"RIFF"
    assert int.from_bytes(header[4:8], "little") == num_bytes + 36
    assert int.from_bytes(header[40:44], "little") == num_bytes


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let RF64 begin at 100 samples, and copy in blocks of 64 bytes."""
    monkeypatch.setattr(files, "_LARGEST_WAV", 200)
    monkeypatch.setattr(files, "_COPIED_BYTES", 64)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("growing", [False, True])
def test_a_file_that_passes_the_limit_becomes_rf64_with_the_same_samples(tmp_path: Path, growing: bool) -> None:
    path, part = tmp_path / "out.wav", tmp_path / "out.wav.part"
    audio = np.concatenate([tone(0.01), np.zeros(200, np.float32), tone(0.01), np.zeros(300, np.float32)])
    with files.GrowingWav(path, part, RATE, 0) if growing else files.WavFile(path, RATE) as file:
        for chunk in np.array_split(audio, 7):
            file.write(chunk)
    assert soundfile.info(path).format == "RF64"
    assert soundfile.read(path, dtype="int16")[0].tobytes() == files.pcm16(audio)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.wav"]


@pytest.mark.usefixtures("small_limit")
def test_a_full_disk_at_the_end_loses_no_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    copy = files._copy_samples
    monkeypatch.setattr(files, "_copy_samples", refuse)
    path, part, audio = tmp_path / "out.wav", tmp_path / "out.wav.part", tone(0.1)
    with pytest.raises(OutputError, match=r"4 GiB .*No space left"):
        write_wav(path, audio)
    assert path.read_bytes()[44:] == files.pcm16(audio)
    path.unlink()
    with pytest.raises(OutputError, match=r"4 GiB .*No space left"), files.GrowingWav(path, part, RATE, 0) as file:
        file.write(audio)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.wav.part"]
    monkeypatch.setattr(files, "_copy_samples", copy)
    with files.GrowingWav(path, part, RATE, len(audio)):
        pass
    assert soundfile.read(path, dtype="int16")[0].tobytes() == files.pcm16(audio)


def test_a_part_past_4_gib_is_continued(tmp_path: Path) -> None:
    path, part = tmp_path / "out.wav", tmp_path / "out.wav.part"
    part.write_bytes(files.wav_header(RATE))
    with part.open("r+b") as file:
        file.truncate(44 + PAST_4_GIB + 6)
    with pytest.raises(KeyboardInterrupt), files.GrowingWav(path, part, RATE, PAST_4_GIB // 2) as growing:
        growing.write(tone(0.1))
        raise KeyboardInterrupt
    with part.open("rb") as file:
        file.seek(44 + PAST_4_GIB)
        assert file.read() == files.pcm16(tone(0.1))


def test_playing_without_a_device_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    with pytest.raises(AudioError, match="sounddevice"):
        files.play([tone(0.1)], RATE)
