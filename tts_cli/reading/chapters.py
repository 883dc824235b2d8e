"""Chapter marks of read documents, as FFmpeg metadata or as JSON for podcasts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tts_cli.config import StrictModel


class Chapter(StrictModel):
    """Chapter mark in the audio of a document."""

    title: str
    level: int
    """Level of the heading from 1; 0 for the document itself."""
    start_s: float
    """Start in the audio, in seconds."""


def chapters_text(chapters: Sequence[Chapter], total_s: float, title: str, as_json: bool) -> str:
    """Return the text of a file of chapter marks.

    Args:
        chapters: Chapters in the order of the audio.
        total_s: Length of the audio in seconds.
        title: Title of the document.
        as_json: True: "JSON Chapters" 1.2.0 of the Podcasting 2.0 namespace. False: a metadata file of FFmpeg
            (https://ffmpeg.org/ffmpeg-formats.html#Metadata-2).
    """
    if as_json:
        listed = [{"startTime": chapter.start_s, "title": chapter.title} for chapter in chapters]
        return json.dumps({"version": "1.2.0", "title": title, "chapters": listed}, indent=1, ensure_ascii=False) + "\n"
    ends = [*(chapter.start_s for chapter in chapters[1:]), total_s]
    lines = [";FFMETADATA1", f"title={_escaped(title)}"]
    for chapter, end_s in zip(chapters, ends, strict=True):
        span = [f"START={round(1000 * chapter.start_s)}", f"END={round(1000 * end_s)}"]
        lines += ["", "[CHAPTER]", "TIMEBASE=1/1000", *span, f"title={_escaped(chapter.title)}"]
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return "".join(f"\\{character}" if character in "=;#\\" else character for character in value)
