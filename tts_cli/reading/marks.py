"""Chapter marks inside audio files: frames CHAP and CTOC of ID3 in MP3, comments CHAPTERxxx in FLAC, Ogg Vorbis and Opus.

Sources: ID3v2 Chapter Frame Addendum 1.0 (https://id3.org/id3v2-chapters-1.0); Chapter Extension of Ogg
(https://wiki.xiph.org/Chapter_Extension).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tts_cli.audio.formats import AudioFormat
from tts_cli.output.outlets import Tell
from tts_cli.reading.chapters import Chapter

MOST_COMMENTS = 999
"""Most chapters in comments: their numbers have three digits, from 001."""
_MOST_CHILDREN = 255
"""Most entries of a table of contents in ID3: one byte counts them."""
_UNKNOWN_OFFSET = 0xFFFFFFFF


def mark_chapters(
    path: Path, audio_format: AudioFormat, chapters: Sequence[Chapter], total_s: float, title: str, tell: Tell
) -> None:
    """Write the title and the chapters into a complete audio file. Nothing is written without a heading, or into WAV.

    Args:
        path: Audio file; its name does not matter.
        audio_format: Format of the file.
        chapters: Chapters in the order of the audio.
        total_s: Length of the audio in seconds.
        title: Title of the document.
        tell: Receives a note if the package mutagen is missing, or if the format cannot hold all chapters.

    Raises:
        OSError: The file cannot be written.
    """
    if audio_format.name == "wav" or not any(chapter.level for chapter in chapters):
        return
    if find_spec("mutagen") is None:
        hint = "pip install mutagen, or the extra [documents]; --chapters FILE needs none"
        tell(f"note: no chapter marks are inside the file, because the package mutagen is missing: {hint}")
        return
    from mutagen import MutagenError

    try:
        if audio_format.name == "mp3":
            _write_frames(path, chapters, total_s, title)
        else:
            _write_comments(path, audio_format, chapters, title)
    except MutagenError as error:
        raise OSError(str(error)) from error
    if audio_format.name != "mp3" and len(chapters) > MOST_COMMENTS:
        tell(f"note: only the first {MOST_COMMENTS} of {len(chapters)} chapters have marks inside the file; MP3 holds more")


def _write_frames(path: Path, chapters: Sequence[Chapter], total_s: float, title: str) -> None:
    from mutagen.id3 import CHAP, CTOC, ID3, TIT2, CTOCFlags, Encoding

    def titled(text: str) -> TIT2:
        return TIT2(encoding=Encoding.UTF8, text=text)

    tags = ID3()
    tags.add(titled(title))
    names = [f"chapter{number}" for number in range(1, len(chapters) + 1)]
    ends = [*(chapter.start_s for chapter in chapters[1:]), total_s]
    for name, chapter, end_s in zip(names, chapters, ends, strict=True):
        span = {"start_time": round(1000 * chapter.start_s), "end_time": round(1000 * end_s)}
        offsets = {"start_offset": _UNKNOWN_OFFSET, "end_offset": _UNKNOWN_OFFSET}
        tags.add(CHAP(element_id=name, **span, **offsets, sub_frames=[titled(chapter.title)]))
    level = 0
    while len(names) > _MOST_CHILDREN:
        # Tables of tables: each holds as many entries as one byte can count.
        level += 1
        groups = [names[start : start + _MOST_CHILDREN] for start in range(0, len(names), _MOST_CHILDREN)]
        names = [f"contents{level}.{number}" for number in range(1, len(groups) + 1)]
        for name, group in zip(names, groups, strict=True):
            tags.add(CTOC(element_id=name, flags=CTOCFlags.ORDERED, child_element_ids=group, sub_frames=[]))
    flags = CTOCFlags.TOP_LEVEL | CTOCFlags.ORDERED
    tags.add(CTOC(element_id="contents", flags=flags, child_element_ids=names, sub_frames=[titled(title)]))
    tags.save(path)


def _write_comments(path: Path, audio_format: AudioFormat, chapters: Sequence[Chapter], title: str) -> None:
    from mutagen.flac import FLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    kinds: dict[str, Any] = {"flac": FLAC, "ogg": OggVorbis, "opus": OggOpus}
    file = kinds[audio_format.name](path)
    if file.tags is None:
        file.add_tags()
    file["TITLE"] = title
    for number, chapter in enumerate(chapters[:MOST_COMMENTS], start=1):
        minutes, milliseconds = divmod(round(1000 * chapter.start_s), 60_000)
        clock = f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
        file[f"CHAPTER{number:03d}"] = clock
        file[f"CHAPTER{number:03d}NAME"] = chapter.title
    file.save()
