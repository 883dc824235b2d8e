"""Benchmark of a voice, and the spans that an observer reports while a voice speaks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.blocks.observe import Observer, Span
from tts_cli.cli.machine import _gain, _verdicts
from tts_cli.voice import bench
from tts_cli.voice.bench import EncodersCost, measure_voice
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice, load
from tts_cli.voice.trace import Trace

TINY = Path(__file__).parents[1] / "addons"
SENTENCE = Sentence(tokens=("^", "HH", "AH0", "L", "OW1", " ", "B", "IY1", "."))
TEXTS = {"short": "One two.", "long": "One two three. Four five."}


@pytest.fixture(scope="module")
def voice() -> Voice:
    return load(TINY / "tiny-acoustic", threads=1)


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def samples(voice: Voice) -> Iterator[bytes]:
    for chunk in voice.stream([SENTENCE, SENTENCE]):
        yield chunk.samples.tobytes()


def test_what_a_voice_costs(voice: Voice) -> None:
    cost = measure_voice(voice, texts=TEXTS, repeats=1)
    assert [text.text for text in cost.texts] == ["short", "long"]
    assert all(text.audio_s > 0 and 0 < text.first_audio_ms < 10_000 for text in cost.texts)
    blocks = {block.block: block for block in cost.blocks}
    assert list(blocks) == ["text front end", "Encoders", "Upsampler", "Decoder", "Vocoder", "Voice"]
    assert blocks["text front end"].bookkeeping_s_per_audio_s == 0
    assert blocks["Upsampler"].bookkeeping_s_per_audio_s == blocks["Upsampler"].cpu_s_per_audio_s > 0
    for name in ("Encoders", "Decoder", "Vocoder"):
        assert 0 < blocks[name].bookkeeping_s_per_audio_s < blocks[name].cpu_s_per_audio_s
    assert 0 < cost.bookkeeping < 1
    assert cost.longest_to_shortest == pytest.approx(cost.texts[1].first_audio_ms / cost.texts[0].first_audio_ms)
    assert cost.one_piece.times == pytest.approx(cost.one_piece.first_audio_ms / cost.one_piece.streamed_first_audio_ms)
    assert cost.encoders and cost.encoders.in_turn_ms > 0 and cost.encoders.at_once_ms > 0
    assert cost.peak_memory_mb > 10
    told = list(_verdicts(cost))
    for figure in (
        f"{cost.bookkeeping:.1%}",
        f"{cost.one_piece.times:.1f} times",
        f"{cost.longest_to_shortest:.2f}",
        "peak memory",
    ):
        assert sum(figure in line for line in told) >= 1


@pytest.mark.parametrize("context", ["fixed-onnxruntime", "default"])
def test_other_voices_and_contexts_are_measured(context: str) -> None:
    acoustic = "tiny-acoustic" if context != "default" else "tiny-attention"
    cost = measure_voice(load(TINY / acoustic, context=context), texts={"short": "One."}, repeats=1)
    assert cost.one_piece.times > 0
    assert (cost.encoders is None) == (acoustic == "tiny-attention")


def test_nothing_stays_behind_a_measurement(voice: Voice) -> None:
    before = list(samples(voice))
    measure_voice(voice, texts={"short": "One."}, repeats=1)
    assert list(samples(voice)) == before


def test_a_voice_with_one_encoder_speaks_nothing_to_compare_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = load(TINY / "tiny-attention", vocoder=TINY / "tiny-vocoder")
    monkeypatch.setattr(Voice, "stream", None)
    assert bench._encoders_cost(voice, ["One."], None) is None


def test_a_loss_is_called_one() -> None:
    assert _gain(EncodersCost(tokens=9, in_turn_ms=4, at_once_ms=3)).endswith("a gain of 25%")
    assert _gain(EncodersCost(tokens=9, in_turn_ms=4, at_once_ms=5)).endswith("a loss of 25%")


def test_time_inside_a_span_is_not_counted_twice() -> None:
    spans: list[Span] = []
    observer = Observer(spans.append)
    with observer.span("read", "outer", "$"):
        with observer.span("network", "inner"):
            burn(0.03)
        burn(0.01)
    inner, outer = spans
    assert (inner.name, inner.place) == ("inner", "$")
    assert 0.01 <= outer.cpu_s < 0.03 <= inner.cpu_s
    assert outer.wall_s >= inner.wall_s + 0.01


def test_spans_of_several_threads_do_not_mix() -> None:
    spans: list[Span] = []
    observer = Observer(spans.append)

    def work(name: str) -> None:
        with observer.span("read", name, name), observer.span("network", name):
            burn(0.01)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spans) == 6
    assert all(span.place == span.name and span.cpu_s < 0.02 for span in spans)


def test_an_observed_voice_says_the_same(voice: Voice) -> None:
    spans: list[Span] = []
    twin = voice.variant(observer=Observer(spans.append))
    assert b"".join(samples(twin)) == b"".join(samples(voice))
    count = len(spans)
    assert {span.work for span in spans} == {"run", "open", "read", "network", "signal"}
    assert {(span.name, span.place) for span in spans if span.work == "signal"} == {("SourceFilter", "tiny-vocoder: $.stack[0]")}
    assert {span.name for span in spans if span.work == "network"} == {*voice.acoustic.config.networks, "vocoder"}
    list(samples(voice))
    assert len(spans) == count, "the voice itself is not observed"


def test_an_observed_voice_still_stops_when_nobody_listens(voice: Voice) -> None:
    spans: list[Span] = []
    chunks = voice.variant(observer=Observer(spans.append)).stream([SENTENCE] * 5)
    next(chunks)
    chunks.close()
    assert sum(span.name == "Encoders" for span in spans) == 1


def trace_of(voice: Voice) -> list[dict[str, Any]]:
    trace = Trace()
    list(voice.variant(observer=trace.observer).stream("One two. Three."))
    events: list[dict[str, Any]] = json.loads(trace.json())["traceEvents"]
    return events


def test_a_trace_is_made_of_complete_events_that_nest(voice: Voice) -> None:
    events = trace_of(voice)
    assert {event["ph"] for event in events} == {"M", "X"}
    bars = [event for event in events if event["ph"] == "X"]
    assert bars[0]["ts"] == 0
    assert all(isinstance(event[key], int) for event in bars for key in ("pid", "tid"))
    names = {event["name"] for event in bars}
    assert {"text front end", "Encoders: run", "decoder", "Decoder: open", "Decoder: read", "Vocoder: read"} <= names
    around: list[dict[str, Any]] = []
    for bar in bars:
        while around and bar["ts"] >= around[-1]["ts"] + around[-1]["dur"]:
            around.pop()
        assert not around or bar["ts"] + bar["dur"] <= around[-1]["ts"] + around[-1]["dur"]
        around.append(bar)
    reads = [bar for bar in bars if bar["name"] == "Vocoder: read"]
    assert sum(bar["args"]["given"] for bar in reads) == sum(
        len(chunk.samples) for chunk in voice.stream("One two. Three.", sentence_silence_s=0)
    )


def test_an_empty_trace_is_one() -> None:
    assert json.loads(Trace().json())["traceEvents"][0]["args"] == {"name": "tts"}


def test_details_tell_how_much_was_asked_for_and_given(voice: Voice) -> None:
    decoded = [event["args"] for event in trace_of(voice) if event["name"] == "Decoder: read"]
    assert all(0 <= args["given"] <= args["asked"] for args in decoded)
    assert np.isfinite([args["own CPU ms"] for args in decoded]).all()
