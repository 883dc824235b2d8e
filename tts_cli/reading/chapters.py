"""Chapter marks of a reading, for FFmpeg and for podcasts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tts_cli.config import StrictModel


class Chapter(StrictModel):
    """Where a chapter begins."""

    title: str
    level: int
    start_s: float


def chapters_text(chapters: Sequence[Chapter], total_s: float, title: str, as_json: bool) -> str:
    """The chapters as a metadata file of FFmpeg, or as the JSON that podcasts have.

    https://ffmpeg.org/ffmpeg-formats.html#Metadata-2, and "JSON Chapters" 1.2.0 of the Podcasting 2.0 namespace.
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
