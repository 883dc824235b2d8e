"""Elements of HTML to passages: headings, paragraphs, lists, tables, pictures, links and notes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from tts_cli.reading import inline
from tts_cli.reading.block import HtmlBlock, HtmlSource
from tts_cli.reading.lines import cleaned, has_text, paragraphs, whole_lines
from tts_cli.reading.markup import Tag
from tts_cli.reading.notes import Notes, is_mark, without_own_mark
from tts_cli.reading.passage import Kind, Passage, passage
from tts_cli.reading.unheard import BLOCKS, HEADINGS, SECTIONS, VOID, Included, Tags, ends_unread, is_initial, is_number

_DEEPEST = 512
"""Most elements inside each other that are left out, and most open sections; each end tag is looked for among them."""
_PAIRS = {"sup": (inline.SUP, inline.SUP_END), "sub": (inline.SUB, inline.SUB_END), "q": ("“", "”")}
_INITIAL = re.compile(
    r"(?:.*\b(?:letter|capital|initial|cap|dropcap|illumination|decorative|decorated|ornate|ornamental|illuminated)\b\W*)?([\"“‘']?[A-Z])[\"”’'.]?",
    re.IGNORECASE,
)
_NO_DESCRIPTION = re.compile(
    r"\W*|.*\.(?:jpe?g|png|gif|svg|webp)|(?:image|picture|cover|logo|illustration|decoration|ornament)\W*\d*", re.IGNORECASE
)
_NOTES_HEADING = re.compile(r"(?:foot|end)?notes?\W*", re.IGNORECASE)
_LONGEST_EXPANSION = 80
_LONGEST_MARK = 8
_NOT_LATIN = re.compile(r"[\u0400-\uffff]")
_LATIN = re.compile(r"[A-Za-z]")


class HtmlReader:
    """Builder of passages from tags and text.

    Attributes:
        ready: Complete passages, each with the number of its links if nothing but links is heard of it.
    """

    def __init__(self, chapter: HtmlSource, notes: Notes, read_note: Callable[[HtmlSource], Iterable[Passage]]) -> None:
        """Begin a chapter.

        Args:
            chapter: Chapter to be read.
            notes: Notes of the document or book.
            read_note: Function that returns the passages of a note.
        """
        self.ready: list[tuple[Passage, int]] = []
        self._chapter, self._notes, self._read_note = chapter, notes, read_note
        self._tags = Tags(chapter.included, chapter.styles)
        self._block = HtmlBlock()
        self._number = self._initial = ""
        self._in_pre = self._in_note = False
        self._unread: list[str] = []
        self._sections: list[str] = []
        self._lists: list[int | None] = []
        self._cells: list[str] | None = None
        self._header: list[str] = []
        self._is_header = False
        self._link: tuple[int, str, str] | None = None
        self._endings: list[tuple[str, str]] = []
        self._replaced: tuple[str, int, str] | None = None
        self._held: Passage | None = None

    def take(self, piece: Tag | str) -> None:
        """Take the next tag or text."""
        if isinstance(piece, str):
            if not self._unread:
                self._write(inline.MARKS.sub("", piece))
            elif self._unread[-1] == "style":
                self._tags.add_styles(piece)
            return
        if piece.opens:
            self._start(piece.name.removeprefix("xhtml:").removeprefix("h:"), piece.attributes)
        if piece.closes:
            self._end(piece.name.removeprefix("xhtml:").removeprefix("h:"))

    def _write(self, text: str) -> None:
        if self._in_pre and "\n" in text:
            first, *others = text.split("\n")
            self._block.lines[-1].append(first)
            self._block.lines += [[one] for one in others]
        else:
            self._block.lines[-1].append(text)

    def _start(self, tag: str, values: dict[str, str]) -> None:
        if self._unread and ends_unread(tag, self._unread, opens=True):
            self._unread.clear()
        if self._unread or self._is_unread(tag, values):
            if tag not in VOID and len(self._unread) < _DEEPEST:
                self._unread.append(tag)
            return
        if tag in BLOCKS:
            self._end_block()
            if tag in SECTIONS and len(self._sections) < _DEEPEST:
                self._sections.append(tag)
        if values and ("id" in values or "name" in values) and self._begins_note(tag, values):
            return
        if tag in HEADINGS:
            self._block.level = int(tag[1])
        elif tag in ("ul", "ol"):
            start = values.get("start", "")
            self._lists.append(None if tag == "ul" else int(start) if start.isdecimal() and len(start) < 10 else 1)
        elif tag == "li" and self._lists:
            self._begin_item(values.get("value", ""))
        elif tag == "br":
            self._block.lines.append([])
        elif tag == "img":
            self._picture(values)
        else:
            self._begin_other(tag, values)

    def _is_unread(self, tag: str, values: dict[str, str]) -> bool:
        if tag == "code" and self._in_pre:
            self._leave_out_code()
            return True
        if tag == "rt":
            return not self._reads_annotation()
        reason = self._tags.reason(tag, values, self._sections)
        if reason is None:
            return False
        if reason == "footnote" and self._chapter.included.notes:
            key = self._notes.key(self._chapter.file, f"#{values.get('id', '')}")
            return self._notes.is_read(key) or self._in_note or tag in ("section", "ol", "ul")
        if reason == "code block":
            self._end_block()
            self._leave_out_code()
        elif tag == "math" and self._chapter.included.alt_texts and values.get("alttext"):
            self._write(f" {values['alttext']} ")
        elif reason:
            self._chapter.tell(reason)
        if tag in ("a", "sup") and "href" in values:
            self._add_mark(values["href"], values.get("id", ""))
        return True

    def _leave_out_code(self) -> None:
        self._chapter.tell("code block")
        self._add(Passage("", "code"))

    def _begins_note(self, tag: str, values: dict[str, str]) -> bool:
        """Leave out an element to which the mark of a note refers. Return True if the element itself is left out."""
        key = self._notes.key(self._chapter.file, f"#{values.get('id') or values.get('name', '')}")
        if not self._notes.is_note(key) or tag in HEADINGS or tag in ("body", "main", "article"):
            return False
        if tag not in BLOCKS:
            begun = "".join(self._block.text_lines())
            self._block.is_note = self._block.is_note or len(inline.MARKS.sub("", begun).strip()) < 5
            return False
        self._chapter.tell("footnote")
        if tag not in VOID:
            self._unread.append(tag)
        if tag == "dt":
            self._in_note = True
        self._held = None
        return True

    def _begin_item(self, value: str) -> None:
        number = self._lists[-1]
        if number is not None and value.isdecimal() and len(value) < 10:
            number = int(value)
        self._number = "" if number is None else f"{number}: "
        self._lists[-1] = None if number is None else number + 1

    def _begin_other(self, tag: str, values: dict[str, str]) -> None:
        if tag == "hr":
            self._add(Passage("", "pause"))
        elif tag == "pre":
            self._in_pre = True
        elif tag == "table":
            self._header = []
        elif tag == "tr":
            self._cells, self._is_header = [], True
        elif tag in ("td", "th") and self._cells is not None:
            self._cells.append("")
            self._block.lines = [[]]
        else:
            self._begin_inline(tag, values)

    def _begin_inline(self, tag: str, values: dict[str, str]) -> None:
        if tag == "a" and values.get("href"):
            self._begin_link(values["href"], values.get("id") or values.get("name", ""))
            return
        begin, end = _PAIRS.get(tag, ("", ""))
        if values and is_number(tag, values):
            begin, end = inline.NUMBER, inline.NUMBER_END
        elif values and is_initial(values):
            end = inline.INITIAL
        elif tag in ("abbr", "acronym", "ruby"):
            self._replaced = (tag, self._mark(), values.get("title", ""))
        if begin or end:
            self._block.lines[-1].append(begin)
            if tag not in VOID and len(self._endings) < _DEEPEST:
                self._endings.append((tag, end))

    def _mark(self) -> int:
        """Return the place in the last line at which the next piece stands."""
        return len(self._block.lines[-1])

    def _begin_link(self, address: str, name: str) -> None:
        self._end_link()
        is_local = not re.match(r"[a-z][a-z0-9+.-]*:|//", address, re.IGNORECASE)
        if is_local:
            self._block.lines[-1].append(inline.LINK)
            self._link = (self._mark() - 1, address, name)

    def _end_link(self) -> None:
        """Remove the link that ends if it is the mark of a note."""
        if not self._link:
            return
        start, address, name = self._link
        self._link = None
        pieces = self._block.lines[-1]
        text = "".join(pieces[start:])
        held, self._block.lines[-1] = pieces[start:], pieces[:start]
        before = self._block.last_character()
        is_raised = any(tag == "sup" for tag, _ in self._endings)
        key = self._notes.key(self._chapter.file, address)
        if not before.strip() and self._notes.leads_back(key) and len(inline.MARKS.sub("", text).strip()) < _LONGEST_MARK:
            self._block.is_note = True
        elif is_mark(text, address, before, is_raised):
            self._add_mark(address, name)
        else:
            self._block.lines[-1] = [*pieces[:start], *held, inline.LINK_END]

    def _add_mark(self, address: str, name: str) -> None:
        key = self._notes.key(self._chapter.file, address)
        source = self._notes.key(self._chapter.file, f"#{name}") if name else ""
        if self._notes.leads_back(key):
            return
        if self._notes.add(key, source) and self._chapter.included.notes:
            self._block.refers_to.append(key)

    def _picture(self, values: dict[str, str]) -> None:
        alt = " ".join(values.get("alt", "").split())
        if not alt or values.get("role") in ("presentation", "none"):
            return
        at_start = not self._block.last_character().strip() and not self._block.level
        if at_start and (initial := _INITIAL.fullmatch(alt)) and initial[1][-1].isupper():
            self._block.lines[-1].append(f"{initial[1]}{inline.INITIAL}")
        elif self._chapter.included.alt_texts and not _NO_DESCRIPTION.fullmatch(alt):
            self._block.lines[-1].append(f" {alt} ")
        elif not _NO_DESCRIPTION.fullmatch(alt):
            self._block.alts.append(alt)

    def _reads_annotation(self) -> bool:
        """Return True if a word in another script is replaced by its annotation; any other annotation is left out."""
        if not self._replaced or self._replaced[0] != "ruby":
            return False
        start = self._replaced[1]
        base = "".join(self._block.lines[-1][start:])
        is_replaced = not _LATIN.search(base) and bool(_NOT_LATIN.search(base))
        if is_replaced:
            del self._block.lines[-1][start:]
        return is_replaced

    def _end(self, tag: str) -> None:
        if self._unread:
            # An element that was never closed ends with its parent.
            if tag in self._unread:
                del self._unread[len(self._unread) - 1 - self._unread[::-1].index(tag) :]
                return
            if not ends_unread(tag, self._unread, opens=False):
                return
            self._unread.clear()
        if tag in ("td", "th") and self._cells:
            self._end_link()
            self._cells[-1] = " ".join(" ".join(self._block.text_lines()).split())
            self._block.lines = [[]]
            self._is_header = self._is_header and tag == "th"
        elif tag == "tr":
            self._end_row()
        elif tag in BLOCKS:
            self._end_block()
        else:
            self._end_inline(tag)
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag in SECTIONS and tag in self._sections:
            del self._sections[len(self._sections) - 1 - self._sections[::-1].index(tag) :]
        self._in_pre = self._in_pre and tag != "pre"
        self._in_note = self._in_note and tag != "dl"

    def _end_inline(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        for place in range(len(self._endings) - 1, -1, -1):
            if self._endings[place][0] == tag:
                self._block.lines[-1].append(self._endings.pop(place)[1])
                break
        if self._replaced and self._replaced[0] == tag:
            _, start, title = self._replaced
            self._replaced = None
            if title and _is_expansion(title) and start <= self._mark():
                self._block.lines[-1][start:] = [title]

    def _end_row(self) -> None:
        """Add the row of a table: each cell after the header of its column. The row of headers alone gives no passage."""
        cells, self._cells = self._cells or [], None
        block, self._block = self._block, HtmlBlock()
        if self._is_header and not self._header:
            self._header = cells
            return
        headers = self._header if len(self._header) == len(cells) else [""] * len(cells)
        said = [
            (inline.spoken(header).strip(), cell)
            for header, cell in zip(headers, cells, strict=True)
            if inline.spoken(cell).strip()
        ]
        parts = [f"{header}: {cell}" if header else cell for header, cell in said]
        if parts and not self._left_out(block):
            marked = "; ".join(parts)
            self._add(passage([cleaned(inline.spoken(marked))], "item"), inline.num_links(marked))
            self._add_notes(block)

    def _end_block(self) -> None:
        self._end_link()
        if self._cells is not None:
            # Paragraphs in a table's cell are parts of the cell.
            self._block.lines[-1].append(" ")
            return
        block, self._block = self._block, HtmlBlock()
        self._endings.clear()
        self._replaced = None
        lines = block.text_lines()
        if not any(map(has_text, lines)) and block.level and block.alts:
            lines, block.alts = block.alts, []
        for _ in block.alts:
            self._chapter.tell("description of a picture")
        if any(map(has_text, lines)) and not self._left_out(block):
            for part in paragraphs(lines) if not block.level else [lines]:
                self._add_lines(part, block.level)
            self._add_notes(block)

    def _left_out(self, block: HtmlBlock) -> bool:
        """Return True for the text of a note that is not read here."""
        if block.is_note:
            self._chapter.tell("footnote")
            self._held = None
        return block.is_note

    def _add_lines(self, lines: list[str], level: int) -> None:
        marked = "\n".join(lines)
        lines = inline.without_verse_numbers([inline.spoken(line) for line in lines])
        if self._initial:
            lines[0] = inline.spoken(f"{self._initial} {lines[0].lstrip()}")
            self._initial = ""
        elif inline.INITIAL in marked and len("".join(lines).strip()) < 3:
            self._initial = f"{''.join(lines).strip()}{inline.INITIAL}"
            return
        kind: Kind = "heading" if level else "item" if self._lists else "paragraph"
        parts = whole_lines(lines)
        if not parts:
            return
        found = passage([self._number + parts[0].strip(), *parts[1:]], kind, level)
        self._add(found, inline.num_links(marked))
        self._number = ""

    def _add(self, found: Passage, num_links: int = 0) -> None:
        """Add a passage. A heading such as "Notes" is held back until a passage follows that is heard."""
        self._release()
        if found.kind == "heading" and _NOTES_HEADING.fullmatch(found.text):
            self._held = found
        else:
            self.ready.append((found, num_links))

    def _release(self) -> None:
        if self._held:
            self.ready.append((self._held, 0))
            self._held = None

    def _add_notes(self, block: HtmlBlock) -> None:
        for key in block.refers_to:
            if markup := self._notes.text(key):
                chapter = HtmlSource(markup, self._chapter.file, self._chapter.is_xml, Included(notes=True))
                texts = [one.text for one in self._read_note(chapter) if one.text]
                self.ready += [(passage([text if number else without_own_mark(text)]), 0) for number, text in enumerate(texts)]

    def close(self) -> None:
        """End the last passage."""
        self._cells = None
        self._end_block()
        if self._initial:
            self._add(passage([inline.spoken(self._initial)]))
        self._release()


def _is_expansion(title: str) -> bool:
    return len(title) <= _LONGEST_EXPANSION and bool(_LATIN.search(title)) and "://" not in title
