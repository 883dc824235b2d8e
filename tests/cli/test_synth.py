"""`tts synth`: sources of text, outlets of audio, and side files."""

from __future__ import annotations

import io
import json
import re
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from conftest import Run

from tts_cli.voice.synthesis import Voice

HELLO = "Hello there, how are you? I am fine."


def wav(data: bytes | Path) -> tuple[int, np.ndarray]:
    """Return rate and samples of a mono 16-bit WAV, shape (samples,)."""
    with wave.open(io.BytesIO(data) if isinstance(data, bytes) else str(data)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_the_bare_command_speaks_with_the_default_voice_and_names_the_file(tts: Run) -> None:
    outcome = tts("synth", "Hello there!")
    assert (outcome.code, outcome.out) == (0, b"hello-there.wav\n")
    rate, samples = wav(Path("hello-there.wav"))
    assert rate == 16000 and len(samples) > 4000 and np.abs(samples).max() > 0
    assert tts("synth", "Hello there!").out == b"hello-there-2.wav\n"


def test_every_source_and_outlet_gives_the_same_audio(tts: Run) -> None:
    Path("hello.txt").write_text(HELLO)
    assert tts("synth", HELLO, "-o", "x.wav").code == 0
    expected = wav(Path("x.wav"))[1]
    assert tts("synth", "-i", "hello.txt").out == b"hello.wav\n"
    raw = tts("synth", "--output-raw", stdin=HELLO.encode()).out
    piped = tts("synth", "-i", "-", "-o", "-", stdin=b"\xef\xbb\xbf" + HELLO.encode()).out
    for samples in (wav(Path("hello.wav"))[1], np.frombuffer(raw, "<i2"), np.frombuffer(piped[44:], "<i2")):
        np.testing.assert_array_equal(samples, expected)
    assert piped[:4] == b"RIFF"


def test_an_existing_file_or_link_is_replaced(tts: Run) -> None:
    Path("old.wav").write_text("old")
    Path("link.wav").symlink_to("old.wav")
    assert tts("synth", "Hello", "-o", "link.wav").code == 0
    assert Path("link.wav").is_symlink() and len(wav(Path("old.wav"))[1])


def test_a_device_is_written_and_stays_a_device(tts: Run) -> None:
    assert tts("synth", "Hello", "-o", "/dev/null", "--save-timings", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


def test_json_has_words_and_tokens_that_fill_the_audio(tts: Run) -> None:
    outcome = tts("synth", HELLO, "-o", "x.wav", "--json", "--sentence-silence", "0.5")
    spoken = outcome.json
    first, second = spoken["sentences"]
    assert spoken["seconds"] == pytest.approx(len(wav(Path("x.wav"))[1]) / 16000)
    assert [word["word"].lower() for word in first["words"]] == ["hello", "there", "how", "are", "you"]
    assert first["tokens"][0]["start_s"] == 0.0
    assert second["start_s"] == pytest.approx(first["tokens"][-1]["end_s"] + 0.5)
    assert second["tokens"][-1]["end_s"] == pytest.approx(spoken["seconds"])
    for token in first["tokens"]:
        assert token["end_s"] - token["start_s"] == pytest.approx(token["frames"] / spoken["frames_per_second"])


def test_a_textgrid_covers_the_audio_without_gaps(tts: Run) -> None:
    spoken = tts("synth", HELLO, "-o", "x.wav", "--save-timings", "x.TextGrid", "--json").json
    text = Path("x.TextGrid").read_text()
    words, phones = text.split('name = "phones"')
    phones, characters = phones.split('name = "characters"')
    characters, sentences = characters.split('name = "sentences"')
    sentences, f0 = sentences.split('name = "f0"')
    for tier in (words, phones, characters, sentences):
        intervals = re.findall(r"xmin = ([\d.]+)\n\s+xmax = ([\d.]+)\n\s+text", tier)
        edges = [float(edge) for interval in intervals for edge in interval]
        assert edges[0] == 0 and edges[-1] == pytest.approx(spoken["seconds"])
        assert edges[1:-1:2] == edges[2::2]
        assert f"intervals: size = {len(intervals)}" in tier
    labels = [label for label in re.findall(r'text = "(.*)"', words) if label]
    assert labels == [word["word"] for sentence in spoken["sentences"] for word in sentence["words"]]
    assert [label for label in re.findall(r'text = "(.*)"', sentences) if label] == [one["text"] for one in spoken["sentences"]]
    assert len(re.findall("mark", f0)) == len([label for label in re.findall(r'text = "(.*)"', phones) if label])
    places = [label for label in re.findall(r'text = "(.*)"', characters) if label]
    assert places == [f"{word['start_char']}:{word['end_char']}" for one in spoken["sentences"] for word in one["words"]]


def test_json_and_prosody_tell_the_characters_of_each_word_and_notes_go_to_stderr(tts: Run) -> None:
    text = "“Café” costs £20 — or Привет, 5 km."
    outcome = tts("synth", text, "-o", "x.wav", "--json", "--save-prosody", "p.json")
    words = [word for sentence in outcome.json["sentences"] for word in sentence["words"]]
    written = [(word["word"], text[word["start_char"] : word["end_char"]]) for word in words]
    assert written[:5] == [("Cafe", "Café"), ("costs", "costs"), ("twenty", "£20"), ("pounds", "£20"), ("or", "or")]
    assert written[5:] == [("five", "5 km"), ("kilometers", "5 km")]
    assert outcome.err.splitlines()[0] == "note: Привет is left out: Cyrillic cannot be read aloud here (character 23)"
    saved = json.loads(Path("p.json").read_text())["sentences"][0]
    assert saved["spans"][0] == [1, 5] and "notes" not in saved
    assert "note:" not in tts("synth", "--prosody", "p.json", "-o", "y.wav").err


def test_saved_prosody_is_spoken_again_and_can_be_edited(tts: Run) -> None:
    tts("synth", HELLO, "-o", "x.wav", "--save-prosody", "p.json")
    assert tts("synth", "--prosody", "p.json", "-o", "y.wav").code == 0
    first, again = wav(Path("x.wav"))[1], wav(Path("y.wav"))[1]
    np.testing.assert_allclose(again, first, atol=8)
    prosody = json.loads(Path("p.json").read_text())
    prosody["sentences"][0]["durations"][0] += 80
    Path("p.json").write_text(json.dumps(prosody))
    assert tts("synth", "--prosody", "p.json", "-o", "z.wav").code == 0
    assert len(wav(Path("z.wav"))[1]) == len(first) + 16000


def test_controls_reach_the_voice(tts: Run) -> None:
    def seconds(*options: str) -> float:
        return float(tts("synth", HELLO, "-o", "x.wav", "--json", "--sentence-silence", "0", *options).json["seconds"])

    assert seconds("--length-scale", "2") == pytest.approx(2 * seconds(), rel=0.1)
    tts("synth", HELLO, "-o", "low.wav", "--speaker", "low", "--seed", "1")
    for options in (["--speaker", "high"], ["--pitch-shift", "-3"], ["--pitch-range", "2"], ["--energy", "2"], ["--seed", "2"]):
        assert tts("synth", HELLO, "-o", "other.wav", "--seed", "1", *options).code == 0
        assert Path("other.wav").read_bytes() != Path("low.wav").read_bytes(), options


def test_threads_are_those_of_the_context_unless_given(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("two.json").write_text('{"networks": {"decoder": {"threads": 2}}}')
    used: list[int] = []
    speak = Voice._spoken
    monkeypatch.setattr(
        Voice,
        "_spoken",
        lambda voice, *rest: used.append(voice.acoustic.networks("decoder")[0].settings.threads) or speak(voice, *rest),
    )
    for options in ([], ["--context", "two.json"], ["--context", "two.json", "--threads", "3"]):
        assert tts("synth", "Hello", *options).code == 0
    assert used == [1, 2, 3]


def test_a_lexicon_and_inline_phones_change_the_tokens(tts: Run) -> None:
    def phones(*arguments: str) -> list[str]:
        tokens = tts("synth", "-o", "x.wav", "--json", *arguments).json["sentences"][0]["tokens"]
        return [token["token"] for token in tokens][1:-1]

    Path("words.txt").write_text("bow  B AW1\n")
    assert phones("bow", "--lexicon", "words.txt") == ["B", "AW1"]
    assert phones("[[B OW1]]") == ["B", "OW1"]


@pytest.fixture
def doubtful(tmp_path: Path) -> list[str]:
    """Return options of a voice with a guard that reports attention as stuck after one step on a phone."""
    decoder = {"type": "AttentionDecoder", "stuck_steps": 1}
    pipeline = {"type": "StreamablePipeline", "sequence_block": {"type": "Encoders"}, "streamable_block": decoder}
    file = tmp_path / "doubtful.json"
    file.write_text(json.dumps({"stack": [pipeline]}))
    return ["--addon", "tiny-attention", "--stack", str(file)]


def test_json_tells_the_faults_that_are_let_pass(tts: Run, doubtful: list[str]) -> None:
    faults = tts("synth", HELLO, "-o", "x.wav", "--json", "--best-effort", *doubtful).json["sentences"][0]["faults"]
    assert {fault["kind"] for fault in faults} >= {"repeat"} and "rests on" in faults[0]["message"]
    assert tts("synth", HELLO, "-o", "x.wav", "--json").json["sentences"][0]["faults"] == []


def test_refused_speech_leaves_its_trace(tts: Run, doubtful: list[str]) -> None:
    outcome = tts("synth", HELLO, "-o", "x.wav", "--trace", "t.json", *doubtful)
    assert outcome.code == 1 and "--best-effort" in outcome.err and not Path("x.wav").exists()
    assert "AttentionDecoder" in " ".join(event["name"] for event in json.loads(Path("t.json").read_text())["traceEvents"])


def test_lines_refused_for_faults_are_hinted_at_best_effort(tts: Run, doubtful: list[str]) -> None:
    outcome = tts("synth", "--output-dir", "out", *doubtful, stdin=b"One.\nTwo.")
    assert outcome.code == 1 and "2 of 2 lines" in outcome.err
    assert "hint: --best-effort takes" in outcome.err and "all other lines" not in outcome.err
    assert tts("synth", "--output-dir", "out", "--best-effort", *doubtful, stdin=b"One.\nTwo.").code == 0


def test_a_folder_gets_one_file_a_line_and_keeps_what_is_finished(tts: Run) -> None:
    text = b"One.\r\n\n!!!\nTwo words."
    outcome = tts("synth", "--output-dir", "out/wavs", "--json", stdin=text)
    assert outcome.code == 2
    assert "line 3: the text has no words" in outcome.err and "1 of 3 lines" in outcome.err
    assert outcome.err.endswith("hint: all other lines are in out/wavs\n")
    assert [json.loads(line)["file"] for line in outcome.out.splitlines()] == ["out/wavs/0001.wav", "out/wavs/0004.wav"]
    Path("out/wavs/0001.wav").write_text("kept")
    assert tts("synth", "--output-dir", "out/wavs", "--resume", stdin=b"One.\nTwo.").out == b"out/wavs/0002.wav\n"
    assert Path("out/wavs/0001.wav").read_text() == "kept"


def test_playing_hands_on_what_is_made(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[np.ndarray] = []
    monkeypatch.setattr("tts_cli.audio.files.play", lambda chunks, rate: played.extend([*chunks, np.array([rate])]))
    assert tts("synth", "Hello", "--play").code == 0
    assert len(played) > 1 and played[-1] == 16000
    assert not list(Path().iterdir())


def test_audio_is_not_written_to_a_terminal(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for outlet in (["-o", "-"], ["--output-raw"]):
        outcome = tts("synth", "Hello", *outlet)
        assert (outcome.code, outcome.out) == (2, b"") and "terminal" in outcome.err
