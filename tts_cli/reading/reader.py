"""Readers: speak a document sentence by sentence, with chapter marks, and resume after an interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tts_cli.addon.config import ADDON_FILE
from tts_cli.addon.library import file_hash
from tts_cli.audio.encoding import Finish, GrowingEncoded, unchanged
from tts_cli.audio.files import GrowingWav
from tts_cli.audio.formats import WAV, AudioFormat, FormatName, format_of
from tts_cli.audio.mel import Floats
from tts_cli.config import StrictModel, parse, read_mapping
from tts_cli.errors import InputError
from tts_cli.locks import OutputLock
from tts_cli.output.outlets import (
    STANDARD_OUTPUT,
    Outlet,
    Tell,
    is_device,
    new_text_file,
    outlet_to,
    tell_nobody,
    tell_rate,
    to_file,
)
from tts_cli.output.speech import Speech
from tts_cli.reading.chapters import Chapter, chapters_text
from tts_cli.reading.documents import Document, document_of, open_document
from tts_cli.reading.marks import mark_chapters
from tts_cli.reading.reading import Place, Reading, SentenceToRead
from tts_cli.text.phones import START
from tts_cli.voice.request import Break
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import AudioChunk, Voice

ELSEWHERE = frozenset(
    "text input_file output format output_raw play output_dir resume long_form chapters as_json explain trace save_timings"
    " save_prosody threads cache_dir addon vocoder document list_chapters split_chapters read_along epub_overlay".split()
)
"""Options that do not change the speech, or that `asked_of` covers by other values, such as hashes of the addons."""

MOST_LATE_S = 0.5
"""Longest delay of a passage after its time that is not told, in seconds."""


class ReadingState(StrictModel):
    """Progress of a reading, as the file `OUTPUT.part.json` beside the incomplete audio stores it."""

    digest: str
    """SHA-256 of the document."""
    asked: dict[str, Any]
    """Values that decide the speech besides the text, by option (see `asked_of`)."""
    num_sentences: int = 0
    """Number of spoken sentences."""
    passage: int = -1
    """Index of the passage with the last spoken sentence; -1 before the first."""
    sentence: int = -1
    """Index of the last spoken sentence in its passage; -1 before the first."""
    end: int = 0
    """Amount of the document that is spoken, in the unit of `Document.size`."""
    num_samples: int = 0
    """Samples of audio up to the end of the last spoken sentence."""
    embedding: tuple[float, ...] | None = None
    """Acoustic embedding of the last sentence that has begun; a selecting voice reads it for the next one."""
    chapters: tuple[Chapter, ...] = ()
    """Chapters that have begun."""
    is_heading: bool = False
    """True while only the heading of the last chapter is spoken."""


Watch = Callable[[ReadingState], None]
"""Function that receives the progress of a reading after each sentence."""


class Reader:
    """Runner that speaks a `Reading` to a file or elsewhere and keeps its progress: an interrupted reading can be resumed.

    Attributes:
        reading: Reading that is spoken.
        voice: Voice that speaks; with an output file, a variant with chunks of one size.
        state: Progress up to the last spoken sentence.
        steps: Sentences that have begun, if a list is assigned; None keeps none.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import tts_cli
        >>> from tts_cli.reading.documents import document_of
        >>> from tts_cli.reading.reader import Reader
        >>> from tts_cli.reading.reading import Reading
        >>> voice = tts_cli.load("arctic-16k")
        >>> document = document_of("The boats came home. Everyone was safe.", "Story")
        >>> path = Path(tempfile.mkdtemp()) / "story.wav"
        >>> reader = Reader.of(Reading(document, voice.sentences), voice, {}, path, resume=True)
        >>> reader.outlet(path, raw=False)(reader.speech(reader.voice.stream, seed=0, notes=False), voice.sample_rate)
    """

    def __init__(
        self,
        reading: Reading,
        voice: Voice,
        state: ReadingState,
        part: Part | None,
        tell: Tell = tell_nobody,
        asked_format: FormatName | None = None,
    ) -> None:
        """Prepare a reader at the progress `state`; `Reader.of` finds it.

        Args:
            reading: Reading to be spoken.
            voice: Voice that speaks.
            state: Progress from which the reading goes on.
            part: Incomplete audio with its progress; None keeps no progress.
            tell: Receives faults of the speech, and notes.
            asked_format: Value of `--format` for outlets without progress.
        """
        self.reading, self.voice, self.state = reading, voice, state
        self._part, self._tell, self._format = part, tell, asked_format
        self._watch: Watch = lambda _: None
        self._current: SentenceToRead | None = None
        self._num_samples = state.num_samples
        self.steps: list[SentenceToRead] | None = None
        self._latest_s = 0.0

    @classmethod
    def of(
        cls,
        reading: Reading,
        voice: Voice,
        asked: dict[str, Any],
        path: Path | None,
        resume: bool,
        tell: Tell = tell_nobody,
        asked_format: FormatName | None = None,
    ) -> Reader:
        """Return a reader for an output file; it goes on after an interruption of the same reading if `resume` is true.

        Args:
            reading: Reading to be spoken.
            voice: Voice that speaks; `Reader.voice` is a variant of it.
            asked: Values that decide the speech besides the text, by option (see `asked_of`). Resuming requires equal values.
            path: Audio file; None, `-` and devices keep no progress.
            resume: Go on where an earlier run was interrupted, or begin if there is none.
            tell: Receives faults of the speech, and notes on an interruption, another sample rate, and missing chapter marks.
            asked_format: Value of `--format`; None takes the format of the suffix.

        Raises:
            InputError: The file cannot be written; or an interrupted reading exists, and `resume` is false or another text or
                other values were read.
        """
        state = ReadingState(digest=reading.document.digest, asked=asked)
        if path is None or path == STANDARD_OUTPUT or is_device(path):
            return cls(reading, voice, state, None, tell, asked_format)
        to_file(path, asked_format)
        part = Part(path, tell, format_of(path, asked_format))
        # With chunks of one size, a resumed reading equals an uninterrupted one to the bit.
        context = voice.acoustic.context
        largest = context.chunks.model_copy(update={"first": context.chunks.maximum})
        return cls(reading, voice.variant(schedule=largest), part.begin(state, resume), part, tell, asked_format)

    def speech(self, stream: Callable[..., Iterator[AudioChunk]], seed: int, notes: bool) -> Speech:
        """Return the speech of the sentences that are not spoken yet.

        Args:
            stream: `Voice.stream` of `voice`, with further arguments bound if need be.
            seed: Seed of the first sentence of the document; each further sentence takes the next integer.
            notes: Keep the sentences in `Speech.sentences`.
        """
        chunks = stream(self._unspoken(), seed=seed + self.state.num_sentences)
        return Speech(self.voice, self._followed(chunks), notes, self.state.num_samples, self._tell)

    def outlet(self, path: Path | None, raw: bool, watching: Callable[[], AbstractContextManager[Watch]] | None = None) -> Outlet:
        """Return the outlet for the speech.

        Args:
            path: Audio file given to `of`; None writes to standard output (`raw`) or to the sound device.
            raw: Write 16-bit samples without a header to standard output.
            watching: Opens a context, such as a progress bar, that receives the progress while the outlet runs.
        """
        part = self._part
        inner = partial(part.write, finish=self._finish) if part else outlet_to(path, raw, self._format, self._tell)

        def write(chunks: Iterable[Floats], sample_rate: int) -> None:
            with watching() if watching else nullcontext(self._watch) as self._watch:
                inner(chunks, sample_rate)

        return write

    def chapters(self, total_s: float, as_json: bool) -> str:
        """Return the text of a file of chapter marks for the spoken part, see `chapters_text`. `total_s` is its length."""
        return chapters_text(self.state.chapters, total_s, self.reading.document.title, as_json)

    def _finish(self, path: Path) -> None:
        """Write chapter marks into the complete audio file at `path`."""
        if self._part:
            total_s = self._num_samples / self.voice.sample_rate
            mark_chapters(path, self._part.format, self.state.chapters, total_s, self.reading.document.title, self._tell)

    def _followed(self, chunks: Iterator[AudioChunk]) -> Iterator[AudioChunk]:
        for chunk in chunks:
            if chunk.sentence is not None and self._current is not None:
                self._begin(self._current, chunk.sentence)
            self._num_samples += len(chunk.samples)
            yield chunk

    def _unspoken(self) -> Iterator[Sentence | Break]:
        """Yield the sentences that are not spoken yet, with breaks. A request for the next means that the last one is spoken."""
        last, state = Place(self.state.passage, self.state.sentence), self.state
        if state.embedding is not None:
            yield Break(0.0, Sentence(tokens=(START,), embedding=state.embedding))
        for step in self.reading.steps(last if state.num_sentences else None):
            pause_s = self._pause(step)
            if self.state.num_sentences or pause_s:
                yield Break(pause_s)
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
        if self._latest_s > MOST_LATE_S:
            self._tell(f"note: passages began up to {self._latest_s:.1f} s after their times; a smaller --length-scale is faster")

    def _pause(self, step: SentenceToRead) -> float:
        """Return the silence before a sentence in seconds; a passage with a time waits for it."""
        due_s = step.passage.start_s
        if due_s is None or step.place.sentence:
            return step.pause_s if self.state.num_sentences else 0.0
        early_s = due_s - self._num_samples / self.voice.sample_rate
        self._latest_s = max(self._latest_s, -early_s)
        return max(early_s, 0.0)

    def _begin(self, step: SentenceToRead, sentence: Sentence) -> None:
        """Store the chapter that begins with a sentence, if any, and the embedding that the sentence is spoken with."""
        if self.steps is not None:
            self.steps.append(step)
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
    """Incomplete audio of a reading (`OUTPUT.part`, a WAV file), and the file with its progress (`OUTPUT.part.json`)."""

    def __init__(self, path: Path, tell: Tell = tell_nobody, audio_format: AudioFormat = WAV) -> None:
        """Name the files of a reading with the output file `path`; `tell` receives notes on interruptions and sample rates."""
        self._tell, self.format = tell, audio_format
        self._path = path.resolve()
        self._audio = self._path.with_name(f"{self._path.name}.part")
        self._notes = self._path.with_name(f"{self._path.name}.part.json")
        self._kept = ReadingState(digest="", asked={})
        self._lock = OutputLock(path)

    @property
    def is_begun(self) -> bool:
        """True if both files exist: an earlier run was interrupted."""
        return self._notes.exists() and self._audio.exists()

    def begin(self, state: ReadingState, resume: bool) -> ReadingState:
        """Return the stored progress of an interrupted reading, or `state` if there is none. `write` ends the lock on the output.

        Raises:
            InputError: Another process writes the output; or there is an interrupted reading, and `resume` is false, or it has
                another text or other options.
        """
        self._lock.acquire()
        try:
            return self._begun(state, resume)
        except BaseException:
            self._lock.release()
            raise

    def _begun(self, state: ReadingState, resume: bool) -> ReadingState:
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
        """Write the progress to its file. Raises OutputError if that fails."""
        with new_text_file(self._notes) as file:
            file.write(state.model_dump_json())
        self._kept = state

    def write(self, chunks: Iterable[Floats], sample_rate: int, finish: Finish = unchanged) -> None:
        """Append chunks, each of shape (samples,), to the incomplete audio; rename it to the output file at their end.

        The incomplete audio is a WAV file; at the end it is encoded if the output has another format. `finish` changes the
        encoded file before it gets its name. After an interruption the files stay if at least one sentence is complete. Raises
        OutputError if the file cannot be written.
        """
        tell_rate(self.format, sample_rate, self._tell)
        begun = (self._path, self._audio, sample_rate, self._kept.num_samples)
        try:
            with GrowingWav(*begun) if self.format is WAV else GrowingEncoded(*begun, self.format, finish) as file:
                for chunk in chunks:
                    file.write(chunk)
        except BaseException:
            if self._kept.num_sentences:
                spoken = clock(self._kept.num_samples, sample_rate)
                self._tell(f"{self._audio.name}: {spoken} of speech are kept; the same command with --resume goes on there")
            else:
                self._audio.unlink(missing_ok=True)
            raise
        else:
            self._notes.unlink(missing_ok=True)
        finally:
            self._lock.release()


def open_source(text: str, file: Path | None) -> Document:
    """Return the document to be read: `file` if it is given, else `text` as plain text. Raises InputError as `open_document`."""
    return open_document(file) if file else document_of(text, "Text")


def is_complete(path: Path | None) -> bool:
    """Return True if `path` is a file and no interrupted reading exists beside it."""
    return path is not None and path.is_file() and not Part(path).is_begun


def asked_of(options: Mapping[str, Any], voice: Voice) -> dict[str, Any]:
    """Return the values that decide the speech besides the text: options, hashes of the files they name, and of the addons.

    Args:
        options: Values of all options of a command, by parameter.
        voice: Voice that speaks.
    """

    def kept_value(value: Any) -> Any:
        is_file = isinstance(value, str | Path) and Path(value).is_file()
        return file_hash(Path(value)) if is_file else value if isinstance(value, bool | int | float) else str(value)

    addons = {"addon": voice.acoustic, "vocoder": voice.vocoder}
    hashes = {name: f"{addon.name} {file_hash(addon.folder / ADDON_FILE)}" for name, addon in addons.items() if addon}
    kept = {name: kept_value(value) for name, value in options.items() if name not in ELSEWHERE and value is not None}
    return {**hashes, **kept}


def clock(num_samples: int, sample_rate: int) -> str:
    """Return a duration as H:MM:SS, rounded down to seconds."""
    return str(timedelta(seconds=num_samples // sample_rate))
