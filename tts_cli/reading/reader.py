"""Readers: a document is spoken sentence by sentence, with chapter marks, and gone on with after an interruption.

reader = Reader.of(Reading(document, voice.sentences), voice, {}, Path("book.wav"), resume=True)
reader.outlet(Path("book.wav"), raw=False)(reader.speech(reader.voice.stream, seed=0, notes=False), voice.sample_rate)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from tts_cli.addon.config import ADDON_FILE
from tts_cli.addon.library import file_hash
from tts_cli.audio.files import GrowingWav
from tts_cli.audio.mel import Floats
from tts_cli.config import StrictModel, parse, read_mapping
from tts_cli.errors import InputError
from tts_cli.output.outlets import STANDARD_OUTPUT, Outlet, is_device, new_text_file, outlet_to, to_wav
from tts_cli.output.speech import Speech, Tell, tell_nobody
from tts_cli.reading.chapters import Chapter, chapters_text
from tts_cli.reading.documents import Document, document_of, open_document
from tts_cli.reading.reading import Place, Reading, SentenceToRead
from tts_cli.text.phones import START
from tts_cli.voice.request import Break
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import AudioChunk, Voice

ELSEWHERE = frozenset(
    "text input_file output output_raw play output_dir resume long_form chapters as_json explain trace save_timings save_prosody"
    " threads cache_dir addon vocoder document".split()
)
"""Options of commands that do not change what is spoken, or are looked at for themselves."""


class ReadingState(StrictModel):
    """How far a reading is, in the file beside its audio."""

    digest: str
    """Of the document."""
    asked: dict[str, Any]
    """Everything else that decides what is spoken, by option."""
    num_sentences: int = 0
    passage: int = -1
    """Of the last sentence that is spoken."""
    sentence: int = -1
    end: int = 0
    """How much of the document is spoken."""
    num_samples: int = 0
    embedding: tuple[float, ...] | None = None
    """Of the last sentence, or the one that is being spoken."""
    chapters: tuple[Chapter, ...] = ()
    is_heading: bool = False
    """Whether nothing is spoken yet since the last chapter's heading."""


Watch = Callable[[ReadingState], None]
"""Is told how far a reading is."""


class Reader:
    """Speaks a reading sentence by sentence, and knows how far it is."""

    def __init__(self, reading: Reading, voice: Voice, state: ReadingState, part: Part | None, tell: Tell = tell_nobody) -> None:
        self.reading, self.voice, self.state = reading, voice, state
        self._part, self._tell = part, tell
        self._watch: Watch = lambda _: None
        self._current: SentenceToRead | None = None
        self._num_samples = state.num_samples

    @classmethod
    def of(
        cls,
        reading: Reading,
        voice: Voice,
        asked: dict[str, Any],
        path: Path | None,
        resume: bool,
        tell: Tell = tell_nobody,
    ) -> Reader:
        """The reader whose audio goes to `path`; one that goes on where another was interrupted, if that is wanted.

        `asked` is all that decides what is spoken besides the text; `voice` of the reader has chunks of one size. Raises
        InputError for a file that cannot be written, or cannot be gone on with.
        """
        state = ReadingState(digest=reading.document.digest, asked=asked)
        if path is None or path == STANDARD_OUTPUT or is_device(path):
            return cls(reading, voice, state, None, tell)
        to_wav(path)
        part = Part(path, tell)
        # Chunks of one size, however far the reading was: one that goes on is the same to the bit as one in one go.
        context = voice.acoustic.context
        largest = context.chunks.model_copy(update={"first": context.chunks.maximum})
        return cls(reading, voice.variant(schedule=largest), part.begin(state, resume), part, tell)

    def speech(self, stream: Callable[..., Iterator[AudioChunk]], seed: int, notes: bool) -> Speech:
        """What is not spoken yet, by `stream`, that of a voice; `seed` is that of the first sentence."""
        chunks = stream(self._said(), seed=seed + self.state.num_sentences)
        return Speech(self.voice, self._followed(chunks), notes, self.state.num_samples, self._tell)

    def outlet(self, path: Path | None, raw: bool, watching: Callable[[], AbstractContextManager[Watch]] | None = None) -> Outlet:
        """Return where the speech goes, as `outlet_to` does; while it goes there, `watching` is told how far it is."""
        inner = self._part.write if self._part else outlet_to(path, raw)

        def write(chunks: Iterable[Floats], sample_rate: int) -> None:
            with watching() if watching else nullcontext(self._watch) as self._watch:
                inner(chunks, sample_rate)

        return write

    def chapters(self, total_s: float, as_json: bool) -> str:
        """The chapters of what is spoken, as `chapters_text` has them."""
        return chapters_text(self.state.chapters, total_s, self.reading.document.title, as_json)

    def _followed(self, chunks: Iterator[AudioChunk]) -> Iterator[AudioChunk]:
        for chunk in chunks:
            if chunk.sentence is not None and self._current is not None:
                self._begin(self._current, chunk.sentence)
            self._num_samples += len(chunk.samples)
            yield chunk

    def _said(self) -> Iterator[Sentence | Break]:
        """What is not spoken yet; asked for more, it has been spoken to there."""
        last, state = Place(self.state.passage, self.state.sentence), self.state
        if state.embedding is not None:
            yield Break(0.0, Sentence(tokens=(START,), embedding=state.embedding))
        for step in self.reading.steps(last if state.num_sentences else None):
            if self.state.num_sentences:
                yield Break(step.pause_s)
            self._current = step
            yield step.sentence
            self.state = self.state.model_copy(
                update={
                    "num_sentences": self.state.num_sentences + 1,
                    "passage": step.place.passage,
                    "sentence": step.place.sentence,
                    "end": step.end,
                    "num_samples": self._num_samples,
                }
            )
            if self._part:
                self._part.keep(self.state)
            self._watch(self.state)

    def _begin(self, step: SentenceToRead, sentence: Sentence) -> None:
        """Notes where the sentence that is being spoken begins, and how it is spoken."""
        chapters, start_s = list(self.state.chapters), round(self._num_samples / self.voice.sample_rate, 6)
        heading = step.heading
        if heading and self.state.is_heading and chapters and heading.level > chapters[-1].level:
            # "Part One", and directly below it "Chapter One": one place to go to.
            chapters[-1] = chapters[-1].model_copy(
                update={"title": f"{chapters[-1].title}: {heading.text}", "level": heading.level}
            )
        elif heading:
            chapters.append(Chapter(title=heading.text, level=heading.level, start_s=start_s))
        elif not chapters:
            chapters.append(Chapter(title=self.reading.document.title, level=0, start_s=start_s))
        is_heading = bool(heading) or (self.state.is_heading and step.place.sentence > 0)
        known = {"chapters": tuple(chapters), "is_heading": is_heading, "embedding": sentence.embedding}
        self.state = self.state.model_copy(update=known)


class Part:
    """The audio of a reading that is not complete, and beside it how far it is."""

    def __init__(self, path: Path, tell: Tell = tell_nobody) -> None:
        self._tell = tell
        self._path = path.resolve()
        self._audio = self._path.with_name(f"{self._path.name}.part")
        self._notes = self._path.with_name(f"{self._path.name}.part.json")
        self._kept = ReadingState(digest="", asked={})

    @property
    def is_begun(self) -> bool:
        """Whether there is something to go on with."""
        return self._notes.exists() and self._audio.exists()

    def begin(self, state: ReadingState, resume: bool) -> ReadingState:
        """Where to go on, or `state`. Raises InputError where there is another reading, or one that is not to be gone on with."""
        if not self.is_begun:
            self._notes.unlink(missing_ok=True)
            return state
        if not resume:
            hint = f"--resume goes on with it; delete {self._audio.name} to begin anew"
            raise InputError(f"{self._audio}: is a reading that was interrupted", hint)
        self._kept = parse(ReadingState, read_mapping(self._notes), str(self._notes))
        names = sorted(self._kept.asked.keys() | state.asked.keys())
        changed = [f"--{name.replace('_', '-')}" for name in names if self._kept.asked.get(name) != state.asked.get(name)]
        changed += ["text"] if self._kept.digest != state.digest else []
        if changed:
            hint = f"resume it as it was begun, or delete {self._audio.name} to begin anew"
            raise InputError(f"{self._audio}: was begun with another {' and '.join(changed)}", hint)
        return self._kept

    def keep(self, state: ReadingState) -> None:
        """Writes down how far the reading is. Raises OutputError."""
        with new_text_file(self._notes) as file:
            file.write(state.model_dump_json())
        self._kept = state

    def write(self, chunks: Iterable[Floats], sample_rate: int) -> None:
        """The outlet: appends to what there is; when `chunks` end, the file takes its name."""
        try:
            with GrowingWav(self._path, self._audio, sample_rate, self._kept.num_samples) as file:
                for chunk in chunks:
                    file.write(chunk)
        except BaseException:
            if self._kept.num_sentences:
                spoken = clock(self._kept.num_samples, sample_rate)
                self._tell(f"{self._audio.name}: {spoken} of speech are kept; the same command with --resume goes on there")
            else:
                self._audio.unlink(missing_ok=True)
            raise
        self._notes.unlink(missing_ok=True)


def open_source(text: str, file: Path | None) -> Document:
    """The document that is to be read: a file, by its name, or else `text` as a plain one."""
    return open_document(file) if file else document_of(text, "Text")


def is_complete(path: Path | None) -> bool:
    """Whether a reading whose audio goes there was not interrupted."""
    return path is not None and path.is_file() and not Part(path).is_begun


def asked_of(options: Mapping[str, Any], voice: Voice) -> dict[str, Any]:
    """What decides what is spoken besides the text, as JSON: the options, and the contents of the files that they name."""

    def told(value: Any) -> Any:
        is_file = isinstance(value, str | Path) and Path(value).is_file()
        return file_hash(Path(value)) if is_file else value if isinstance(value, bool | int | float) else str(value)

    addons = {"addon": voice.acoustic, "vocoder": voice.vocoder}
    hashes = {name: f"{addon.name} {file_hash(addon.folder / ADDON_FILE)}" for name, addon in addons.items() if addon}
    kept = {name: told(value) for name, value in options.items() if name not in ELSEWHERE and value is not None}
    return {**hashes, **kept}


def clock(num_samples: int, sample_rate: int) -> str:
    """Return a duration as hours, minutes and seconds."""
    return str(timedelta(seconds=num_samples // sample_rate))
