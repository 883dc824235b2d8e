"""Demonstration (`make demo`): stream shipped voices, transfer the prosody of a recording, and select prosody by syntax.

Tables show the cost; the folder out/ receives audio and pictures.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tts_cli
from tts_cli.addon import library
from tts_cli.audio.files import WavFile
from tts_cli.cli.terminal import print_table
from tts_cli.output.pictures import Shown, draw, draw_contours
from tts_cli.output.timings import Recorded, TimedSentence
from tts_cli.selection.choosing import choosing
from tts_cli.transfer.listening import listen
from tts_cli.voice.bench import TEXTS, first_audio, peak_memory_mb
from tts_cli.voice.synthesis import SpeechInput

OUT = Path("out")
STATEMENT = "The boats came home before the storm, and everyone was safe."
QUESTION = "Did you hear the wind last night?"
PASSAGE = TEXTS["60 s"]
RECORDING = Path("data/cmu_us_bdl_arctic/wav/arctic_a0500.flac")
SAID = "Who the devil gave it to you to be judge and jury?"
TARGET = "kathleen"
STRATEGIES = ("centroid", "syntactic", "bert", "bert+syntactic")
SENTENCES = {
    "or-question": "Does he wear a black suit or a blue one?",
    "wh-question": "Who ate the rest of my pizza?",
    "compound": "Get scores, schedules, and listen to live audio streams.",
}
STORY = (
    "The rain had stopped, and the lamps along the harbour were lit one after another. Who could have left the boat there? "
    "Nobody in the village had seen it before, and nobody cared to ask. The old man looked at it for a long time, "
    "shook his head, and went home without a word."
)
PAUSE_S = 0.3
"""Silence between sentences, in seconds."""


@dataclass(frozen=True)
class Spoken:
    """Speech of one text, with its row of the table."""

    samples: NDArray[np.float32]
    """Audio with the pauses between sentences, shape (samples,)."""
    sample_rate: int
    """Sample rate in Hz."""
    sentences: list[TimedSentence]
    figures: tuple[str, float, float, float, int]
    """Name, seconds of audio, ms to first audio, CPU seconds per second of audio, peak memory in MB."""


def main() -> None:
    """Speak a script with the default voice, measure and draw it; then transfer and select prosody."""
    OUT.mkdir(exist_ok=True)
    voice = tts_cli.load(threads=1)
    for _ in voice.stream("Warming up."):
        pass
    spoken = {name: speak(voice, speaker, name, text) for speaker, name, text in script(voice)}
    header = ("voice", "audio (s)", "first audio (ms)", "CPU s / audio s", "peak memory (MB)")
    print_table(f"{voice.acoustic.name}, streaming, one thread", header, [one.figures for one in spoken.values()])
    name = f"{voice.default_speaker}-question"
    draw(OUT / f"{name}.png", [shown(spoken[name], f"{name}.wav")], voice.acoustic.mel)
    print(f"audio: {OUT}/*.wav; waveform, mel, F0 and phones of {name}.wav: {OUT}/{name}.png")
    transfer(tts_cli.load(library.TRANSFER_ADDON, threads=1), header)
    select(header)


def transfer(voice: tts_cli.Voice, header: tuple[str, ...]) -> None:
    """Transfer the prosody of a recording to another speaker, and draw both. `header` names the columns of the table."""
    cpu_start = time.process_time()
    heard = listen(RECORDING, SAID, voice.acoustic)
    analysis = (time.process_time() - cpu_start) / (len(heard.audio) / voice.acoustic.sample_rate)
    name = f"{RECORDING.stem}-as-{TARGET}"
    spoken = speak(voice, TARGET, name, [heard.source])
    print_table(f"{voice.acoustic.name}, like {RECORDING}", header, [spoken.figures])
    mel, source = voice.acoustic.mel, TimedSentence(heard.source.sentence, 0.0, Recorded(voice.frames_per_second))
    recorded = Shown(RECORDING.name, heard.audio, mel.sample_rate, source.phones(), source.words())
    draw(OUT / f"{name}.png", [recorded, shown(spoken, f"{name}.wav")], mel)
    print(f"recording and result above each other: {OUT}/{name}.png; analysis: {analysis:.3f} CPU s / s of recording")


def select(header: tuple[str, ...]) -> None:
    """Speak sentences by each selection strategy and a story by two, and draw F0. `header` names the columns of the table."""
    spoken: dict[str, dict[str, Spoken]] = {}
    for strategy in STRATEGIES:
        voice = tts_cli.load(library.SELECTION_ADDON, threads=1, edit_stack=choosing(library.SELECTION_ADDON, strategy=strategy))
        for _ in voice.stream("Warming up."):
            pass
        texts = SENTENCES | ({"story": STORY} if strategy in (STRATEGIES[0], STRATEGIES[-1]) else {})
        for name, text in texts.items():
            spoken.setdefault(name, {})[strategy] = speak(voice, voice.default_speaker, f"{name}-{strategy}", text)
    print_table(
        f"{voice.acoustic.name}, the melody selected by syntax and meaning",
        header,
        [one.figures for by_strategy in spoken.values() for one in by_strategy.values()],
    )
    story = spoken.pop("story")
    panels = {SENTENCES[name]: rows(by_strategy, 0) for name, by_strategy in spoken.items()}
    draw_contours(OUT / "selection.png", panels, voice.acoustic.mel)
    sentences = [one.sentence.text for one in story[STRATEGIES[0]].sentences]
    panels = {f"{place}. {text}": rows(story, place - 1) for place, text in enumerate(sentences, 1)}
    draw_contours(OUT / "story.png", panels, voice.acoustic.mel)
    print(f"F0 of each sentence by strategy: {OUT}/selection.png, {OUT}/story.png; hear {OUT}/story-*.wav")


def rows(by_strategy: Mapping[str, Spoken], place: int) -> list[Shown]:
    """Return the sentence at `place` by each strategy, to be drawn one above the other."""
    return [shown(spoken, strategy, place) for strategy, spoken in by_strategy.items()]


def script(voice: tts_cli.Voice) -> Iterator[tuple[str, str, str]]:
    """Yield speaker, file name and text: statement and question by each speaker, a minute of text by the default speaker."""
    for speaker in voice.speakers:
        yield speaker, f"{speaker}-statement", STATEMENT
        yield speaker, f"{speaker}-question", QUESTION
    yield voice.default_speaker, f"{voice.default_speaker}-passage", PASSAGE


def speak(voice: tts_cli.Voice, speaker: str, name: str, text: SpeechInput) -> Spoken:
    """Stream `text` to the file out/NAME.wav, and measure the time to first audio, CPU time and memory."""
    chunks, arrivals, sentences, num_samples = [], [], [], 0
    start, cpu_start = time.perf_counter(), time.process_time()
    with WavFile(OUT / f"{name}.wav", voice.sample_rate) as file:
        for chunk in voice.stream(text, speaker, sentence_silence_s=PAUSE_S):
            arrivals.append(time.perf_counter() - start)
            chunks.append(chunk.samples)
            sentences += [TimedSentence(chunk.sentence, num_samples / voice.sample_rate, voice)] if chunk.sentence else []
            num_samples += len(chunk.samples)
            file.write(chunk.samples)
    cpu_s, samples = time.process_time() - cpu_start, np.concatenate(chunks)
    audio_s = len(samples) / voice.sample_rate
    cpu_s_per_speech_s = cpu_s / (audio_s - PAUSE_S * (len(sentences) - 1))
    first_ms = round(1000 * first_audio(chunks, arrivals), 1)
    figures = name, round(audio_s, 1), first_ms, round(cpu_s_per_speech_s, 4), round(peak_memory_mb())
    return Spoken(samples, voice.sample_rate, sentences, figures)


def shown(spoken: Spoken, title: str, place: int = 0) -> Shown:
    """Return the sentence at `place` of `spoken`, to be drawn under `title`."""
    sentence, rate = spoken.sentences[place], spoken.sample_rate
    alone, tokens = replace(sentence, start_s=0.0), sentence.tokens()
    start, end = (round(seconds * rate) for seconds in (tokens[0].start_s, tokens[-1].end_s))
    return Shown(title, spoken.samples[start:end], rate, alone.phones(), alone.words())


if __name__ == "__main__":
    main()
