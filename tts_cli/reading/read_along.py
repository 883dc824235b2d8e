"""Files for reading along: WebVTT with the time of each word, and an EPUB 3 with Media Overlays.

A word is shown where its span stands in the text of its passage, with the punctuation beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from tts_cli.files import atomic_write
from tts_cli.output.outlets import refuse_folder
from tts_cli.output.timings import TimedSentence
from tts_cli.reading.reading import SentenceToRead

Timed = tuple[SentenceToRead, TimedSentence]
"""Sentence of a document and its speech."""
WriteOverlay = Callable[[str, Sequence[Timed], Path], None]
"""Function that writes an EPUB from a title, sentences, and the file of the speech."""

_TYPES = {".mp3": "audio/mpeg", ".opus": "audio/ogg; codecs=opus"}
_CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    '<rootfiles><rootfile full-path="EPUB/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>\n'
)
_STYLE = ".spoken { background: #ffe9a8; }\n"


class ShownWord(NamedTuple):
    """Word of a passage with its place in the text and its time."""

    start: int
    end: int
    start_s: float
    end_s: float


def timed_words(step: SentenceToRead, timed: TimedSentence) -> list[ShownWord]:
    """Return the words of a sentence as they are written, in order; spoken words of one written word are one."""
    words: list[ShownWord] = []
    for (start, end), interval in zip(timed.sentence.spans, timed.words(), strict=False):
        if words and start < words[-1].end:
            words[-1] = words[-1]._replace(end=max(end, words[-1].end), end_s=interval.end_s)
        elif 0 <= start < end <= len(step.source):
            words.append(ShownWord(start, end, interval.start_s, interval.end_s))
    return [_with_marks(step.source, word) for word in words]


def _with_marks(text: str, word: ShownWord) -> ShownWord:
    """Return a word with the punctuation that touches it."""
    start, end = word.start, word.end
    while start and not text[start - 1].isspace() and not text[start - 1].isalnum():
        start -= 1
    while end < len(text) and not text[end].isspace() and not text[end].isalnum():
        end += 1
    return word._replace(start=start, end=end)


def webvtt(sentences: Iterable[Timed]) -> str:
    """Return WebVTT with a cue for each sentence, and a time stamp before each of its words."""
    cues = ["WEBVTT\n"]
    for step, timed in sentences:
        words = timed_words(step, timed)
        if words:
            pieces = [f"<{_stamp(word.start_s)}>{_text(step.source, words, place)}" for place, word in enumerate(words)]
            cues.append(f"{_stamp(words[0].start_s)} --> {_stamp(words[-1].end_s)}\n{''.join(pieces).strip()}\n")
    return "\n".join(cues)


def _text(source: str, words: Sequence[ShownWord], place: int) -> str:
    """Return a word with the text up to the next word of its sentence."""
    start = words[place].start if not place else max(words[place].start, words[place - 1].end)
    end = max(words[place].end, words[place + 1].start) if place + 1 < len(words) else words[place].end
    return escape(source[start:end], quote=False)


def _stamp(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


@contextmanager
def overlay_file(path: Path | None) -> Iterator[WriteOverlay | None]:
    """Open an EPUB that takes its name when the block ends well; None yields None.

    Raises:
        InputError: `path` is a folder.
        OutputError: The file cannot be written.
    """
    if path is None:
        yield None
        return
    refuse_folder(path)
    with atomic_write(path.resolve(), "wb") as file:

        def write(title: str, sentences: Sequence[Timed], audio: Path) -> None:
            with ZipFile(file, "w", ZIP_DEFLATED) as archive:
                # The first file of an EPUB is stored, so that its type stands at a known place.
                archive.writestr("mimetype", "application/epub+zip", ZIP_STORED)
                for name, text in overlay_parts(title, sentences, f"speech{audio.suffix.lower()}").items():
                    archive.writestr(name, text)
                archive.write(audio, f"EPUB/speech{audio.suffix.lower()}", ZIP_STORED)

        yield write


def overlay_parts(title: str, sentences: Sequence[Timed], audio: str) -> dict[str, str]:
    """Return the files of an EPUB with Media Overlays by their names, without the speech.

    Args:
        title: Title of the book.
        sentences: Sentences in order.
        audio: Name of the file of the speech.
    """
    chapters = _chapters(title, sentences)
    parts = {"META-INF/container.xml": _CONTAINER, "EPUB/style.css": _STYLE}
    durations = []
    for number, (name, inside) in enumerate(chapters, start=1):
        page, pars, seconds = _page(number, inside, audio)
        durations.append(seconds)
        parts[f"EPUB/{number}.xhtml"] = _xhtml(name, page)
        head = '<smil xmlns="http://www.w3.org/ns/SMIL" xmlns:epub="http://www.idpf.org/2007/ops" version="3.0">'
        body = f'<body epub:textref="{number}.xhtml">\n{pars}</body>'
        parts[f"EPUB/{number}.smil"] = f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{body}\n</smil>\n'
    links = "".join(f'<li><a href="{number}.xhtml">{escape(name)}</a></li>\n' for number, (name, _) in enumerate(chapters, 1))
    parts["EPUB/nav.xhtml"] = _xhtml(title, f'<nav epub:type="toc"><ol>\n{links}</ol></nav>\n')
    parts["EPUB/book.opf"] = _package(title, durations, audio)
    return parts


def _chapters(title: str, sentences: Sequence[Timed]) -> list[tuple[str, list[Timed]]]:
    """Return the title and the sentences of each chapter; a heading directly below a greater one shares its chapter."""
    chapters: list[tuple[str, list[Timed]]] = []
    above = 0
    for step, timed in sentences:
        passage = step.passage
        if passage.kind != "heading":
            chapters = chapters or [(title, [])]
        elif not step.place.sentence:
            if above and passage.level > above:
                chapters[-1] = (f"{chapters[-1][0]}: {passage.text}", chapters[-1][1])
            else:
                chapters.append((passage.text, []))
        chapters[-1][1].append((step, timed))
        above = passage.level
    return chapters


def _page(number: int, sentences: Sequence[Timed], audio: str) -> tuple[str, str, float]:
    """Return the blocks of a page, the pairs of its words and their times, and the seconds of speech."""
    blocks, pars, seconds, word_number = [], [], 0.0, 0
    for _, grouped in groupby(sentences, key=lambda pair: pair[0].place.passage):
        inside = list(grouped)
        passage, source = inside[0][0].passage, inside[0][0].source
        pieces, last = [], 0
        for word in (word for step, timed in inside for word in timed_words(step, timed)):
            word_number += 1
            start, end = max(word.start, last), max(word.end, last)
            pieces.append(f'{escape(source[last:start])}<span id="w{word_number}">{escape(source[start:end])}</span>')
            last = end
            clip = f'<audio src="{audio}" clipBegin="{word.start_s:.3f}s" clipEnd="{word.end_s:.3f}s"/>'
            pars.append(f'<par id="p{word_number}"><text src="{number}.xhtml#w{word_number}"/>{clip}</par>\n')
            seconds += word.end_s - word.start_s
        tag = f"h{min(max(passage.level, 1), 6)}" if passage.kind == "heading" else "p"
        blocks.append(f"<{tag}>{''.join(pieces)}{escape(source[last:])}</{tag}>\n")
    return "".join(blocks), "".join(pars), seconds


def _xhtml(title: str, body: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en">\n'
        f'<head><title>{escape(title)}</title><link rel="stylesheet" href="style.css"/></head>\n<body>\n{body}</body>\n</html>\n'
    )


def _package(title: str, durations: Sequence[float], audio: str) -> str:
    """Return the package document of an EPUB; `durations` holds the seconds of speech of each chapter."""
    numbers = range(1, len(durations) + 1)
    identity = uuid5(NAMESPACE_URL, f"{title} {durations}")
    audio_type = _TYPES.get(Path(audio).suffix, "audio/mpeg")
    items = [
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        '<item id="style" href="style.css" media-type="text/css"/>',
        f'<item id="speech" href="{audio}" media-type="{audio_type}"/>',
    ]
    for number in numbers:
        items.append(f'<item id="c{number}" href="{number}.xhtml" media-type="application/xhtml+xml" media-overlay="s{number}"/>')
        items.append(f'<item id="s{number}" href="{number}.smil" media-type="application/smil+xml"/>')
    metadata = [
        f'<dc:identifier id="id">urn:uuid:{identity}</dc:identifier>',
        f"<dc:title>{escape(title)}</dc:title>",
        "<dc:language>en</dc:language>",
        f'<meta property="dcterms:modified">{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</meta>',
        f'<meta property="media:duration">{sum(durations):.3f}s</meta>',
        *(f'<meta property="media:duration" refines="#s{number}">{durations[number - 1]:.3f}s</meta>' for number in numbers),
        '<meta property="media:active-class">spoken</meta>',
    ]
    spine = "\n".join(f'<itemref idref="c{number}"/>' for number in numbers)
    head = '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">'
    about = '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">\n' + "\n".join(metadata) + "\n</metadata>"
    manifest = "<manifest>\n" + "\n".join(items) + "\n</manifest>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{about}\n{manifest}\n<spine>\n{spine}\n</spine>\n</package>\n'
