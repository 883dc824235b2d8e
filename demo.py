"""Demonstration (`make demo`): stream shipped voices, transfer the prosody of a recording, select prosody, and read a story.

Tables show the cost; the folder out/ receives audio, pictures, and a page on which the voices can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tts_cli
from tts_cli.addon import library
from tts_cli.audio.files import WavFile
from tts_cli.cli.terminal import print_table
from tts_cli.evaluation.html import PlayerRow, ReportPage, Sound
from tts_cli.evaluation.plots import f0_overlay
from tts_cli.evaluation.report import Grid
from tts_cli.output.pictures import Shown, draw, draw_contours
from tts_cli.output.timings import Recorded, TimedSentence
from tts_cli.selection.choosing import choosing, strategy_of
from tts_cli.transfer.listening import listen
from tts_cli.voice.bench import TEXTS, first_audio, peak_memory_mb
from tts_cli.voice.synthesis import SpeechInput

OUT = Path("out")
PAGE = "demo.html"
"""Name of the page in `OUT`."""
STATEMENT = "The boats came home before the storm, and everyone was safe."
QUESTION = "Did you hear the wind last night?"
PASSAGE = TEXTS["60 s"]
RECORDING = Path("data/cmu_us_bdl_arctic/wav/arctic_a0500.flac")
SAID = "Who the devil gave it to you to be judge and jury?"
TARGET = "kathleen"
ARTICLE = "Tyagi et al. (2020)"
CENTROID, DEFAULT = "centroid", "default"
STRATEGIES = (CENTROID, "syntactic", "bert", "bert+syntactic")
"""Strategies of the article."""
SENTENCES = {
    "or-question": "Does he wear a black suit or a blue one?",
    "wh-question": "Who ate the rest of my pizza?",
    "compound": "Get scores, schedules, and listen to live audio streams.",
}
"""Sentences of the article, by kind."""
STORY = Path("data/story.txt")
READER = "robotutor_a"
"""Speaker who reads the story: a reader of children's stories."""
HEADER = ("voice", "audio (s)", "first audio (ms)", "CPU s / audio s", "peak memory (MB)")
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
    """Speak a script with the default voice, measure and draw it; then transfer and select prosody, and read a story."""
    OUT.mkdir(exist_ok=True)
    page = ReportPage("Shipped voices", "Another button of a row goes on at the same place, so that voices can be compared.")
    page.note("No listener has judged these voices. Judge for yourself.")
    average = warm(tts_cli.load(threads=1))
    introduce(page, average)
    transfer(page, tts_cli.load(library.TRANSFER_ADDON, threads=1))
    default = strategy_of(library.SELECTION_ADDON)
    select(page, default)
    read_story(page, average, default)
    page.write(OUT / PAGE)
    print(f"everything to hear and see on one page: {OUT / PAGE}")


def warm(voice: tts_cli.Voice) -> tts_cli.Voice:
    """Return `voice` after a first sentence, whose cost is not that of the later ones."""
    for _ in voice.stream("Warming up."):
        pass
    return voice


def selecting(strategy: str) -> tts_cli.Voice:
    """Return the voice that selects its prosody, by `strategy`."""
    edit_stack = choosing(library.SELECTION_ADDON, strategy=strategy)
    return warm(tts_cli.load(library.SELECTION_ADDON, threads=1, edit_stack=edit_stack))


def introduce(page: ReportPage, voice: tts_cli.Voice) -> None:
    """Speak a statement and a question by each speaker and a minute of text by the default one; draw one question."""
    page.section(f"Speakers of {voice.acoustic.name}")
    spoken = {name: speak(voice, speaker, name, text) for speaker, name, text in script(voice)}
    tabulate(page, f"{voice.acoustic.name}, streaming, one thread", spoken.values())
    for kind, text in (("statement", STATEMENT), ("question", QUESTION)):
        page.players([PlayerRow(kind, {speaker: sound(spoken[f"{speaker}-{kind}"]) for speaker in voice.speakers}, text)], kind)
    speaker = voice.default_speaker
    page.players([PlayerRow("a minute of text", {speaker: sound(spoken[f"{speaker}-passage"])})])
    name = f"{speaker}-question"
    draw(OUT / f"{name}.png", [shown(spoken[name], f"{name}.wav")], voice.acoustic.mel)
    print(f"audio: {OUT}/*.wav; waveform, mel, F0 and phones of {name}.wav: {OUT}/{name}.png")


def transfer(page: ReportPage, voice: tts_cli.Voice) -> None:
    """Transfer the prosody of a recording to another speaker, and draw both."""
    page.section("Prosody of a recording")
    cpu_start = time.process_time()
    heard = listen(RECORDING, SAID, voice.acoustic)
    analysis = (time.process_time() - cpu_start) / (len(heard.audio) / voice.acoustic.sample_rate)
    name = f"{RECORDING.stem}-as-{TARGET}"
    spoken = speak(voice, TARGET, name, [heard.source])
    tabulate(page, f"{voice.acoustic.name}, like {RECORDING}", [spoken])
    mel, source = voice.acoustic.mel, TimedSentence(heard.source.sentence, 0.0, Recorded(voice.frames_per_second))
    recorded = Shown(RECORDING.name, heard.audio, mel.sample_rate, source.phones(), source.words())
    draw(OUT / f"{name}.png", [recorded, shown(spoken, f"{name}.wav")], mel)
    sounds = {"recording": Sound(heard.audio, mel.sample_rate), f"as {TARGET}": sound(spoken)}
    page.players([PlayerRow(RECORDING.stem, sounds, SAID)])
    print(f"recording and result above each other: {OUT}/{name}.png; analysis: {analysis:.3f} CPU s / s of recording")


def select(page: ReportPage, default: str) -> None:
    """Speak the article's sentences by each of its strategies and by the `default` of the addon, and draw F0."""
    spoken: dict[str, dict[str, Spoken]] = {}
    for strategy in dict.fromkeys((CENTROID, default, *STRATEGIES)):
        voice = selecting(strategy)
        for name, text in SENTENCES.items():
            spoken.setdefault(name, {})[strategy] = speak(voice, voice.default_speaker, f"{name}-{strategy}", text)
    page.section("Prosody by the sentence", f"{voice.acoustic.name} as {voice.default_speaker} speaks sentences of {ARTICLE}.")
    title = f"{voice.acoustic.name}, the melody selected by the sentence"
    tabulate(page, title, [one for by_strategy in spoken.values() for one in by_strategy.values()])
    for name, by_strategy in spoken.items():
        sounds = {by: sound(one) for by, one in by_strategy.items()}
        sounds = {DEFAULT if by == default else by: replace(one, caption=by * (by == default)) for by, one in sounds.items()}
        page.players([PlayerRow(name, sounds, SENTENCES[name])], name)
        compare(page, {by: by_strategy[by] for by in (CENTROID, default)})
    draw_contours(OUT / "selection.png", {SENTENCES[name]: rows(one) for name, one in spoken.items()}, voice.acoustic.mel)
    print(f"F0 of each sentence by strategy, by default {default}: {OUT}/selection.png")


def read_story(page: ReportPage, average: tts_cli.Voice, default: str) -> None:
    """Read a story by the voice that selects its prosody, and by one that does not; draw the F0 of the questions.

    Args:
        page: Page that receives players and plots.
        average: Voice that does not select.
        default: Strategy by which the addon selects if no other is chosen.
    """
    text, spoken = STORY.read_text(encoding="utf-8"), {}
    plain = speak(average, average.default_speaker, f"story-{average.acoustic.name}", text)
    for strategy in (CENTROID, default):
        voice = selecting(strategy)
        spoken[strategy] = speak(voice, READER, f"story-{strategy}", text)
    name = voice.acoustic.name
    told = f"{name} reads {STORY} as {READER}, {average.acoustic.name} as {average.default_speaker}. "
    told += f"Speakers of {name}: {', '.join(voice.speakers)}."
    page.section("A story", told)
    tabulate(page, f"a story by {average.acoustic.name} and {name}", [plain, *spoken.values()])

    def players(row: str, text: str = "", place: int | None = None) -> None:
        sounds = {average.acoustic.name: sound(plain, place, average.default_speaker)}
        sounds |= {CENTROID: sound(spoken[CENTROID], place, f"{name}, {READER}")}
        sounds |= {DEFAULT: sound(spoken[default], place, f"{name}, {READER}, {default}")}
        page.players([PlayerRow(row, sounds, text)], row)

    players("whole story")
    panels = {}
    for place, sentence in enumerate(one.sentence.text for one in plain.sentences):
        players(str(place + 1), sentence, place)
        if "?" in sentence:
            compare(page, spoken, place)
            panels[f"{place + 1}. {sentence}"] = rows(spoken, place)
    draw_contours(OUT / "story.png", panels, voice.acoustic.mel)
    print(f"{told}\nhear {OUT}/story-*.wav; F0 of its questions: {OUT}/story.png")


def tabulate(page: ReportPage, title: str, spoken: Iterable[Spoken]) -> None:
    """Print the table of costs, and add it to the page."""
    lines = [one.figures for one in spoken]
    print_table(title, HEADER, lines)
    page.table(Grid(title, HEADER, [[str(cell) for cell in line] for line in lines]))


def compare(page: ReportPage, spoken: Mapping[str, Spoken], place: int = 0) -> None:
    """Draw the F0 of the sentence at `place`, by name of the system, in one plot."""
    names, text = " and ".join(spoken), next(iter(spoken.values())).sentences[place].sentence.text
    page.figure(f0_overlay(rows(spoken, place)), f'F0 over the words of "{text}" by {names}.', "F0 over the words")


def rows(by_system: Mapping[str, Spoken], place: int = 0) -> list[Shown]:
    """Return the sentence at `place` by each system, to be drawn together."""
    return [shown(spoken, system, place) for system, spoken in by_system.items()]


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


def sound(spoken: Spoken, place: int | None = None, caption: str = "") -> Sound:
    """Return the sentence at `place` of `spoken`, or the whole, for a player with a caption."""
    return Sound(spoken.samples if place is None else shown(spoken, "", place).audio, spoken.sample_rate, caption)


def shown(spoken: Spoken, title: str, place: int = 0) -> Shown:
    """Return the sentence at `place` of `spoken`, to be drawn under `title`."""
    sentence, rate = spoken.sentences[place], spoken.sample_rate
    alone, tokens = replace(sentence, start_s=0.0), sentence.tokens()
    start, end = (round(seconds * rate) for seconds in (tokens[0].start_s, tokens[-1].end_s))
    return Shown(title, spoken.samples[start:end], rate, alone.phones(), alone.words())


if __name__ == "__main__":
    main()
