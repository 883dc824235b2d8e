"""`make demo`: the shipped voices speak, streaming; a table says what that cost, out/ holds the audio and a picture of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import tts_cli
from tts_cli.audio.files import WavFile
from tts_cli.audio.mel import MelConfig, log_mel
from tts_cli.bench import TEXTS, first_audio, peak_memory_mb
from tts_cli.cli.terminal import print_table

OUT = Path("out")
STATEMENT = "The boats came home before the storm, and everyone was safe."
QUESTION = "Did you hear the wind last night?"
PASSAGE = TEXTS["60 s"]
PAUSE_S = 0.3
"""Between sentences."""

FRAME_WIDTH, WAVE_HEIGHT, BAND_HEIGHT, LABEL_HEIGHT = 6, 180, 4, 24
INK, PAPER, WAVE_COLOUR, LINE_COLOUR = (30, 30, 40), (255, 255, 255), (60, 90, 160), (215, 215, 225)
HEAT = np.array([(8, 6, 30), (75, 20, 105), (170, 50, 95), (240, 120, 40), (250, 240, 165)], np.float64)
"""Colours of the mel, from silence to its loudest."""

Colours = NDArray[np.uint8]


@dataclass(frozen=True)
class Spoken:
    """What was heard, and the row of the table."""

    samples: NDArray[np.float32]
    """(samples,) with the pauses between sentences."""
    first_sentence: tts_cli.Sentence
    figures: tuple[str, float, float, float, int]


def main() -> None:
    """Speaks, measures, draws."""
    OUT.mkdir(exist_ok=True)
    voice = tts_cli.load(threads=1)
    for _ in voice.stream("Warming up."):
        pass
    spoken = {name: speak(voice, speaker, name, text) for speaker, name, text in script(voice)}
    header = ("voice", "audio (s)", "first audio (ms)", "CPU s / audio s", "peak memory (MB)")
    print_table(f"{voice.acoustic.name}, streaming, one thread", header, [one.figures for one in spoken.values()])
    name = f"{voice.default_speaker}-question"
    picture(spoken[name], voice.acoustic.mel).save(OUT / f"{name}.png")
    print(f"audio: {OUT}/*.wav; waveform, mel and phones of {name}.wav: {OUT}/{name}.png")


def script(voice: tts_cli.Voice) -> Iterator[tuple[str, str, str]]:
    """Speaker, name of the file and text: a statement and a question by everyone, a minute by the default speaker."""
    for speaker in voice.speakers:
        yield speaker, f"{speaker}-statement", STATEMENT
        yield speaker, f"{speaker}-question", QUESTION
    yield voice.default_speaker, f"{voice.default_speaker}-passage", PASSAGE


def speak(voice: tts_cli.Voice, speaker: str, name: str, text: str) -> Spoken:
    """Streams `text` to out/NAME.wav."""
    chunks, arrivals, sentences = [], [], []
    start, cpu_start = time.perf_counter(), time.process_time()
    with WavFile(OUT / f"{name}.wav", voice.sample_rate) as file:
        for chunk in voice.stream(text, speaker, sentence_silence_s=PAUSE_S):
            arrivals.append(time.perf_counter() - start)
            chunks.append(chunk.samples)
            sentences += [chunk.sentence] if chunk.sentence else []
            file.write(chunk.samples)
    cpu_s, samples = time.process_time() - cpu_start, np.concatenate(chunks)
    audio_s = len(samples) / voice.sample_rate
    cpu_s_per_speech_s = cpu_s / (audio_s - PAUSE_S * (len(sentences) - 1))
    first_ms = round(1000 * first_audio(chunks, arrivals), 1)
    return Spoken(
        samples, sentences[0], (name, round(audio_s, 1), first_ms, round(cpu_s_per_speech_s, 4), round(peak_memory_mb()))
    )


def picture(spoken: Spoken, mel: MelConfig) -> Image.Image:
    """Waveform above mel, with the boundaries and names of the phones of the first sentence."""
    sentence = spoken.first_sentence
    durations = np.array(sentence.durations or (), np.int64)
    samples = spoken.samples[: durations.sum() * mel.hop_samples]
    panels = [draw_waveform(samples, mel.hop_samples), draw_mel(log_mel(samples, mel))]
    image = Image.fromarray(np.concatenate(panels))
    extended = Image.new("RGB", (image.width, image.height + LABEL_HEIGHT), PAPER)
    extended.paste(image)
    label_phones(ImageDraw.Draw(extended), sentence.tokens, durations, extended.height)
    return extended


def draw_waveform(samples: NDArray[np.float32], hop_samples: int) -> Colours:
    """The span between the least and the greatest sample of every column of pixels: (WAVE_HEIGHT, W, 3)."""
    columns = samples[: len(samples) // hop_samples * hop_samples].reshape(-1, hop_samples)
    parts = [part for column in columns for part in np.array_split(column, FRAME_WIDTH)]
    peak = max(float(np.abs(samples).max()), 1e-3)
    low = np.array([part.min() for part in parts]) / peak
    high = np.array([part.max() for part in parts]) / peak
    height = np.linspace(1, -1, WAVE_HEIGHT)[:, None]
    inside = (height >= low - 1 / WAVE_HEIGHT) & (height <= high + 1 / WAVE_HEIGHT)
    return np.where(inside[..., None], np.array(WAVE_COLOUR), np.array(PAPER)).astype(np.uint8)


def draw_mel(mel: NDArray[np.float32]) -> Colours:
    """`mel` (T, bands) in colours, low bands below: (bands * BAND_HEIGHT, T * FRAME_WIDTH, 3)."""
    heat = np.clip((mel - mel.max() + 9.0) / 9.0, 0.0, 1.0).T[::-1]
    places = np.linspace(0, 1, len(HEAT))
    colours = np.stack([np.interp(heat, places, channel) for channel in HEAT.T], -1).astype(np.uint8)
    return colours.repeat(BAND_HEIGHT, axis=0).repeat(FRAME_WIDTH, axis=1)


def label_phones(draw: ImageDraw.ImageDraw, tokens: tuple[str, ...], durations: NDArray[np.int64], height: int) -> None:
    """A line where each phone begins, its name below."""
    font = ImageFont.load_default(12)
    starts = np.concatenate([[0], np.cumsum(durations)]) * FRAME_WIDTH
    for token, start, end in zip(tokens, starts, starts[1:], strict=False):
        if start < end:
            draw.line([(start, 0), (start, height)], LINE_COLOUR)
            draw.text(((start + end) / 2, height - LABEL_HEIGHT / 2), token.rstrip("012"), INK, font, anchor="mm")


if __name__ == "__main__":
    main()
