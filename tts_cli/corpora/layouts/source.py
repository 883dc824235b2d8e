"""Sources of a corpus: the layout of a folder or a manifest is found, and its lines become clips and rejects."""

from __future__ import annotations

import importlib
import os
import pkgutil
import unicodedata
from collections import Counter
from itertools import islice
from pathlib import Path

from tts_cli.config import suggest
from tts_cli.config.plain_yaml import shortened
from tts_cli.corpora.layouts.clip import AUDIO_SUFFIXES, Clip, CorpusFolder, Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, stem
from tts_cli.errors import CorpusError

EXAMPLE = '{"audio": "wavs/first.wav", "text": "This is the first sentence.", "speaker": "ann"}'
"""Line of a manifest."""
_NAMES_OF_SEVERAL = ("manifest", "metadata")
"""Names of manifests that tell nothing: the corpus is named after their folder."""
_MOST_COUNTED = 1000
_LONGEST_NAME = 200
"""Bytes of the longest name of a file; most file systems allow 255, of which a suffix needs some."""


def _find_layouts() -> dict[str, Layout]:
    own = Path(__file__)
    names = [module.name for module in pkgutil.iter_modules([str(own.parent)]) if module.name != own.stem]
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    found: list[Layout] = [module.LAYOUT for module in modules if hasattr(module, "LAYOUT")]
    return {layout.name: layout for layout in sorted(found, key=lambda layout: layout.order)}


LAYOUTS = _find_layouts()
"""Layouts by name, in the order in which they are tried."""


def read_source(source: Path, layout: str | None = None, speaker: str | None = None) -> CorpusFolder:
    """Return the clips of a source, in the order of its transcripts. Unusable lines become rejects.

    Args:
        source: Folder of recordings with transcripts, or a manifest.
        layout: Key of `LAYOUTS`; None detects it.
        speaker: Name of the speaker of lines that name none; None for the name of the folder.

    Raises:
        CorpusError: The source is missing, does not have the layout, or its transcripts are empty.
    """
    if not source.exists():
        raise CorpusError(f"{source}: no such folder", hint="name the folder of a corpus, or a manifest")
    if layout is not None and layout not in LAYOUTS:
        raise CorpusError(f"unknown layout '{layout}'", hint=suggest(layout, list(LAYOUTS)))
    chosen = LAYOUTS[layout or detect_layout(source)]
    corpus = _corpus_name(source)
    reader = _Reader(corpus, speaker or chosen.speaker_of(corpus))
    for line in chosen.read(source):
        reader.add(line)
    if not reader.clips and not reader.rejects:
        raise CorpusError(f"{source}: its transcripts are empty", hint="write one line per recording into them")
    return CorpusFolder(corpus, reader.clips, reader.rejects)


def _corpus_name(source: Path) -> str:
    whole = source.resolve()
    if whole.is_dir():
        return whole.name
    return whole.parent.name if whole.stem in _NAMES_OF_SEVERAL else whole.stem


def detect_layout(source: Path) -> str:
    """Return the name of the layout of `source`, by its transcripts. Raises CorpusError if there are none."""
    fitting = next((name for name, layout in LAYOUTS.items() if source.exists() and layout.fits(source)), None)
    if fitting is None:
        hint = f"write manifest.jsonl, with a line for each recording: {EXAMPLE}; or choose a --layout: {', '.join(LAYOUTS)}"
        raise CorpusError(f"{source}: no corpus found{_found_instead(source)}", hint)
    return fitting


def _found_instead(source: Path) -> str:
    found = (name for _, _, names in os.walk(source) for name in names if Path(name).suffix.lower() in AUDIO_SUFFIXES)
    count = sum(1 for _ in islice(found, _MOST_COUNTED))
    named = f"{count} recording{'s' * (count > 1)}" + " or more" * (count == _MOST_COUNTED)
    return f": {named}, but no transcripts that any layout has" if count else ""


class _Reader:
    """Collector of clips and rejects, which finds the recording of each line."""

    def __init__(self, corpus: str, speaker: str) -> None:
        self.corpus, self.speaker = corpus, speaker
        self.clips, self.rejects = list[Clip](), list[Reject]()
        self._recordings, self._first_seen = _Recordings(), dict[tuple[str, str], str]()

    def add(self, line: Listed | Reject) -> None:
        """Add a clip, or a reject if the line is one or has no recording of its own."""
        result = line if isinstance(line, Reject) else self._located(line)
        if isinstance(result, Reject):
            self.rejects.append(result)
        else:
            self.clips.append(result)

    def _located(self, line: Listed) -> Clip | Reject:
        corpus = line.corpus or self.corpus
        if first := self._first_seen.get((corpus, line.id)):
            return Reject(line.where, line.id, "duplicate id", f"duplicate id, first seen at {first}")
        self._first_seen[corpus, line.id] = line.where
        if not all(map(_is_file_name, (corpus, *line.id.split("/")))):
            reason = f"the id is not a file name of at most {_LONGEST_NAME} bytes, or not one below the folder of recordings"
            return Reject(line.where, line.id[:_LONGEST_NAME], "unusable id", reason)
        name = line.recording or line.id
        audio = next((found for folder in line.folders if (found := self._recordings.find(folder, name))), None)
        if audio is None:
            return Reject(
                line.where, line.id, "missing audio", f"missing audio: no recording '{shortened(name)}' in {line.folders[0]}"
            )
        return Clip(
            corpus=corpus, id=line.id, speaker=self._speaker_of(line, corpus), text=line.text, audio=audio, where=line.where,
            split=line.split, kind=line.kind, start_s=line.start_s, end_s=line.end_s, phones=line.phones,
            durations_s=line.durations_s, document=line.document, position=line.position, session=line.session,
        )  # fmt: skip

    def _speaker_of(self, line: Listed, corpus: str) -> str:
        # Speakers of many corpora are called 0 and 1; the name of the corpus keeps them apart.
        return f"{corpus}_{line.speaker}" if line.speaker.isdecimal() else line.speaker or self.speaker


def _is_file_name(name: str) -> bool:
    """Return whether files of features can be called so on every file system."""
    return name not in ("", ".", "..") and "\0" not in name and len(name.encode("utf-8", "replace")) <= _LONGEST_NAME


class _Recordings:
    """Index of recordings by folder and name without extension. Each folder is listed once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, Path]] = {}

    def find(self, folder: Path, name: str) -> Path | None:
        """Return the recording `name`, which may begin with folders below `folder`. A suffix chooses among several files."""
        try:
            return None if "\0" in name else self._find(folder, name)
        except OSError:
            # Names may be too long for the file system.
            return None

    def _find(self, folder: Path, name: str) -> Path | None:
        bare = stem(name)
        if name != bare and (folder / name).is_file():
            return folder / name
        *below, last = bare.split("/")
        folder = folder.joinpath("/".join(below) or ("/" if below else ""))
        if folder not in self._folders:
            self._folders[folder] = _recordings_in(folder)
        return self._folders[folder].get(last)


def _recordings_in(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        # A pipe or a device never ends.
        names = [entry.name for entry in entries if Path(entry.name).suffix.lower() in AUDIO_SUFFIXES and entry.is_file()]
    audible = [folder / name for name in names]
    audible.sort(key=lambda path: AUDIO_SUFFIXES.index(path.suffix.lower()), reverse=True)
    # Some file systems keep names decomposed (NFD), whatever the transcript has.
    return {unicodedata.normalize("NFC", path.stem): path for path in audible}


def refuse_named_speakers(speaker: str, found: list[CorpusFolder]) -> None:
    """Raise CorpusError if no line took the name `speaker`, because the transcripts name all speakers."""
    names = Counter(clip.speaker for source in found for clip in source.clips)
    if names and speaker not in names:
        some = ", ".join(list(names)[:3]) + (" ..." if len(names) > 3 else "")
        raise CorpusError(f"--speaker {speaker}: the transcripts name their speakers: {some}", hint="leave out --speaker")
