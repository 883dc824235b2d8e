"""Alignments by other aligners: TextGrids and CTM files in (`--alignments`), TextGrids out (`--save-alignments`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_cli.audio.textgrid import Interval, mended
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import CorpusError, InputError
from tts_cli.files import atomic_write
from tts_cli.output.timings import Recorded, TimedSentence, textgrid
from tts_cli.text.phones import Utterance
from tts_cli.voice.annotation import Annotation, is_silence, read_annotation
from tts_cli.voice.fitting import fit, has_unknown_word, refuse_unlike
from tts_cli.voice.sentence import Sentence

LENGTH_SLACK_S = 0.1
"""Largest difference, in seconds, between the length of a recording and that of its alignment."""
_COLUMNS = "utterance channel start duration phone"


@dataclass(frozen=True)
class GivenAlignment:
    """Phones of one clip, as another aligner found them."""

    where: str
    """File, for messages."""
    spans: tuple[tuple[float, float], ...]
    """Start and end of each phone, in seconds."""
    length_s: float | None
    """Length of the recording, in seconds; None if the file does not tell it."""

    def refuse_other_length(self, seconds: float) -> None:
        """Raise InputError if the recording, `seconds` long, is of another length than the alignment."""
        end_s = self.spans[-1][1] if self.length_s is None else self.length_s
        if end_s > seconds + LENGTH_SLACK_S or (self.length_s is not None and end_s < seconds - LENGTH_SLACK_S):
            message = f"{self.where}: the alignment lasts {end_s:.2f} s, but the recording {seconds:.2f} s"
            raise InputError(message, hint="is it the alignment of another recording?")


class Alignments:
    """Alignments of a folder, by clip.

    Attributes:
        counts: Number of clips by the source of their alignment.
    """

    def __init__(self, folder: Path) -> None:
        """Find the TextGrids in `folder` and the folders below, and read its CTM files.

        Raises:
            CorpusError: There are none.
            InputError: A CTM file is malformed; names file and line.
        """
        paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self._grids = defaultdict[str, list[Path]](list)
        for path in paths:
            if path.suffix.lower() == ".textgrid":
                self._grids[path.stem].append(path)
        self._utterances = {name: found for path in paths if path.suffix.lower() == ".ctm" for name, found in read_ctm(path)}
        if not self._grids and not self._utterances:
            hint = "name a folder of TextGrids that are called like the clips, or of CTM files"
            raise CorpusError(f"{folder}: holds no alignments (*.TextGrid, *.ctm)", hint)

    def of(self, clip: Clip, utterance: Utterance) -> tuple[Utterance, GivenAlignment | None]:
        """Return the utterance with the phones that were aligned, and their times; None for a clip to align here.

        Raises:
            InputError: The alignment is malformed, or of other words; names the place.
        """
        annotation = self._find(clip)
        if annotation is None:
            self.counts["no alignment file"] += 1
            return utterance, None
        words = annotation.spoken()
        if has_unknown_word(words):
            self.counts["word without phones"] += 1
            return utterance, None
        refuse_unlike(annotation, words, utterance)
        fitted = fit(annotation, words, utterance)
        self.counts["given"] += 1
        return fitted.utterance, GivenAlignment(annotation.where, fitted.spans, annotation.length_s)

    def refuse_none(self) -> None:
        """Raise CorpusError if clips were looked for, and none has an alignment."""
        if self.counts.total() and self.counts["no alignment file"] == self.counts.total():
            message = f"{self.folder}: no file is the alignment of a clip; it has {self._example()}"
            raise CorpusError(message, hint="a TextGrid is named after the id of its clip, an utterance of a CTM file likewise")

    def _example(self) -> str:
        return next((f"{paths[0].name}" for paths in self._grids.values()), None) or f"'{next(iter(self._utterances))}'"

    def _find(self, clip: Clip) -> Annotation | None:
        name = clip.id.rpartition("/")[2]
        paths = self._grids.get(name) or [path for prefix in _owners(clip) for path in self._grids.get(f"{prefix}_{name}", ())]
        if paths:
            return read_annotation(_nearest(paths, clip))
        keys = (clip.id, name, *(f"{prefix}{mark}{name}" for prefix in _owners(clip) for mark in "-_"))
        return next((self._utterances[key] for key in keys if key in self._utterances), None)


def _owners(clip: Clip) -> tuple[str, ...]:
    return tuple(dict.fromkeys((clip.speaker, clip.corpus)))


def _nearest(paths: Sequence[Path], clip: Clip) -> Path:
    """Return the file whose folders are named after the corpus, the speaker and the folders of the clip.

    Raises:
        InputError: Two files fit equally well.
    """
    own = {clip.corpus, clip.speaker, *clip.id.split("/")[:-1]}
    ranked = sorted(paths, key=lambda path: -len(own & set(path.parts[:-1])))
    if len(ranked) > 1 and len(own & set(ranked[0].parts[:-1])) == len(own & set(ranked[1].parts[:-1])):
        message = f"{ranked[0]} and {ranked[1]} are both alignments of '{clip.id}'"
        raise InputError(message, hint="put them into folders with the names of the corpora or speakers")
    return ranked[0]


def read_ctm(path: Path) -> Iterable[tuple[str, Annotation]]:
    """Return the phones of each utterance of a CTM file of Kaldi, `utterance channel start duration phone` a line.

    Raises:
        InputError: A line is malformed, or a phone begins before the end of the one before it; names file and line.
    """
    spans = defaultdict[str, list[Interval]](list)
    for number, line in enumerate(_ctm_lines(path), start=1):
        if line.strip() and not line.startswith(";;"):
            name, span = _ctm_span(line, number, f"{path}:{number}")
            before = spans[name][-1].end_s if spans[name] else None
            spans[name].append(mended(span, before, f"{path}:{number}: the phone '{span.label}' of '{name}'"))
    heard = {name: tuple(span for span in found if not is_silence(span.label)) for name, found in spans.items()}
    return [(name, Annotation(str(path), found)) for name, found in heard.items()]


def _ctm_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no UTF-8 text", hint="save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", hint="make it readable") from error


def _ctm_span(line: str, number: int, where: str) -> tuple[str, Interval]:
    """Return utterance and phone of a line; a sixth column, the confidence, is left out."""
    cells = line.split()
    try:
        name, _, start, length, label = cells[:5]
        start_s, length_s = float(start), float(length)
    except ValueError:
        raise InputError(f"{where}: is not of the form: {_COLUMNS}", hint=f"write: {_COLUMNS}, times in seconds") from None
    if len(cells) > 6 or not (0 <= start_s < 1e6 and 0 <= length_s < 1e6):
        raise InputError(f"{where}: is not of the form: {_COLUMNS}", hint=f"write: {_COLUMNS}, times in seconds")
    return name, Interval(label, start_s, start_s + length_s, number)


def write_alignments(
    folder: Path, clips: Iterable[tuple[Clip, Utterance, tuple[int, ...], float]], frames_per_second: float
) -> None:
    """Write `CORPUS/ID.TextGrid` of every clip into `folder`, for Praat and for `--alignments`.

    Args:
        folder: Folder to write to, made if it is missing.
        clips: Clips with their utterances, the frames of each token, and the length of the recording in seconds.
        frames_per_second: Frame rate of the durations.

    Raises:
        OutputError: A file cannot be written.
    """
    clock = Recorded(frames_per_second)
    for clip, utterance, durations, seconds in clips:
        timed = TimedSentence(Sentence.of(utterance, durations=durations), 0.0, clock)
        # The last frame may reach beyond the recording.
        end_s = max([seconds, *(phone.end_s for phone in timed.phones()[-1:])])
        with atomic_write(folder / clip.corpus / f"{clip.id}.TextGrid", parents=True) as file:
            file.write(textgrid([timed], end_s))


def counts_of(alignments: Alignments | None) -> Mapping[str, int]:
    """Return the number of clips by the source of their alignment; empty without `--alignments`."""
    return dict(alignments.counts.most_common()) if alignments else {}
