"""Compressed audio: every format is read back, files are whole or absent, streams come in parts."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tts_cli.audio.encoding import EncodedFile, Encoder, write_encoded_stream
from tts_cli.audio.formats import FORMATS, format_of
from tts_cli.audio.ogg import checksum
from tts_cli.errors import InputError, OutputError

ENCODED = [name for name in FORMATS if name != "wav"]
STREAM_DELAY_S = 0.2
"""Longest silence that MP3 and Opus put around a stream, in seconds."""


def tone(seconds: float, rate: int) -> np.ndarray:
    """Return a gliding tone whose loudness changes, shape (samples,)."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * (150 + 60 * time) * time) * (1 + np.sin(7 * time)) / 2).astype(np.float32)


def write(path: Path, audio: np.ndarray, rate: int, size: int = 1700) -> None:
    with EncodedFile(path, rate, format_of(path)) as file:
        for start in range(0, len(audio), size):
            file.write(audio[start : start + size])


def error_db(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the energy of the difference to the energy expected, in dB."""
    return float(10 * np.log10(np.sum((found - expected) ** 2) / np.sum(expected**2) + 1e-12))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("name", ENCODED)
def test_every_format_is_read_back(tmp_path: Path, name: str, rate: int) -> None:
    audio, path = tone(2.3, rate), tmp_path / f"x.{name}"
    write(path, audio, rate)
    found, found_rate = soundfile.read(path, dtype="float32")
    expected_rate = FORMATS[name].rate(rate)
    assert found_rate == expected_rate and soundfile.info(path).subtype == FORMATS[name].codec
    assert len(found) == pytest.approx(2.3 * expected_rate, abs=2)
    if expected_rate == rate:
        assert error_db(found, audio) < (-60 if name == "flac" else -15)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_flac_holds_the_samples_of_wav(tmp_path: Path) -> None:
    audio = 1.2 * tone(1.0, 16000)
    write(tmp_path / "x.flac", audio, 16000)
    expected = np.clip(np.round(audio * 32768), -32768, 32767)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "x.flac", dtype="int16")[0], expected)


@pytest.mark.parametrize("name", ENCODED)
def test_equal_speech_gives_equal_files_whatever_the_chunks(tmp_path: Path, name: str) -> None:
    audio = tone(1.5, 16000)
    write(tmp_path / f"x.{name}", audio, 16000)
    write(tmp_path / f"y.{name}", audio, 16000, size=len(audio))
    assert (tmp_path / f"x.{name}").read_bytes() == (tmp_path / f"y.{name}").read_bytes()


def test_the_checksum_of_ogg_is_that_of_another_writer(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.ogg", tone(1.0, 16000), 16000, format="OGG", subtype="VORBIS")
    data, num_pages = (tmp_path / "x.ogg").read_bytes(), 0
    while data:
        assert data.startswith(b"OggS")
        size = 27 + data[26] + sum(data[27 : 27 + data[26]])
        page, data = data[:size], data[size:]
        assert checksum(page[:22] + bytes(4) + page[26:]) == page[22:26]
        num_pages += 1
    assert num_pages >= 3


def test_rates_that_a_format_lacks() -> None:
    assert [FORMATS["opus"].rate(rate) for rate in (7000, 8000, 11025, 22050, 44100, 96000)] == [
        8000, 8000, 12000, 24000, 48000, 48000
    ]  # fmt: skip
    assert [FORMATS["mp3"].rate(rate) for rate in (6000, 22050, 50000)] == [8000, 22050, 48000]
    assert FORMATS["flac"].rate(12345) == FORMATS["wav"].rate(12345) == 12345


def test_formats_by_suffix_and_by_name() -> None:
    names = {"x.WAV": "wav", "x.wave": "wav", "x": "wav", "x.oga": "ogg", "a.b/x.Opus": "opus", "x.mp3": "mp3"}
    assert {path: format_of(Path(path)).name for path in names} == names
    assert format_of(Path("x"), "mp3").name == format_of(Path("take1.5"), "mp3").name == "mp3"
    with pytest.raises(InputError, match="no format"):
        format_of(Path("x.m4b"))
    with pytest.raises(InputError, match="named as FLAC"):
        format_of(Path("x.flac"), "mp3")


@pytest.mark.parametrize("name", ENCODED)
def test_an_interrupted_file_does_not_appear(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"x.{name}"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), EncodedFile(path, 16000, FORMATS[name]) as file:
        file.write(tone(1.0, 16000))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before" and [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("name", ENCODED)
def test_a_full_disk_is_told(tmp_path: Path, name: str) -> None:
    with Path("/dev/full").open("w+b", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        encoder = Encoder(full, FORMATS[name], 16000)
        for _ in range(20):
            encoder.write(tone(2.0, 16000))
        encoder.close()
    with pytest.raises(OutputError, match="cannot be written"), EncodedFile(tmp_path / "absent" / "x", 16000, FORMATS[name]):
        pass


@pytest.mark.parametrize("name", ENCODED)
def test_a_stream_comes_in_parts_that_make_a_file(tmp_path: Path, name: str) -> None:
    audio, stream, sizes = tone(20.0, 16000), io.BytesIO(), []

    def chunks():
        for start in range(0, len(audio), 8000):
            sizes.append(len(stream.getvalue()))
            yield audio[start : start + 8000]

    write_encoded_stream(stream, chunks(), 16000, FORMATS[name])
    assert len(set(sizes)) > 3 and sizes[-1] > len(stream.getvalue()) / 2
    if name == "flac":
        # The length in the header stays unknown: this reader needs it.
        assert stream.getvalue()[18:26].endswith(bytes(4)) and stream.getvalue().startswith(b"fLaC")
        return
    path = tmp_path / f"x.{name}"
    path.write_bytes(stream.getvalue())
    found, rate = soundfile.read(path, dtype="float32")
    assert rate == 16000 and 0 <= len(found) - len(audio) <= STREAM_DELAY_S * rate
    delay = int(np.argmax(np.correlate(found[8000:], audio[8000:24000], "valid")))
    assert delay <= STREAM_DELAY_S * rate
    assert error_db(found[8000 + delay :][:100000], audio[8000:][:100000]) < -15


def test_a_reader_that_goes_away_is_told() -> None:
    class Gone(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        write_encoded_stream(Gone(), [tone(1.0, 16000)], 16000, FORMATS["mp3"])


@pytest.mark.parametrize("name", ENCODED)
def test_a_long_block_is_encoded_in_the_memory_of_a_short_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"x.{name}"
    with EncodedFile(path, 16000, FORMATS[name]) as file:
        file.write(tone(60.0, 16000))
        tracemalloc.start()
        for _ in range(20):
            file.write(tone(1.0, 16000))
        growth = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert growth < 1 << 19
    assert soundfile.info(path).frames == 80 * 16000
