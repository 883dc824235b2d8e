"""Word documents (.docx, ECMA-376) as passages: a ZIP archive with XML, read paragraph by paragraph."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from tts_cli.errors import InputError
from tts_cli.reading.hypertext import Passage, passage
from tts_cli.reading.left_out import Tell, ignore

_BODY = "word/document.xml"
_LARGEST_BYTES = 1 << 28
"""Largest size of one unpacked part; a ZIP bomb would fill the memory."""
_UNPACKING = (BadZipFile, OSError, RuntimeError, EOFError, ValueError, IndexError, struct.error, zlib.error)
_HEADING = re.compile(r"heading\s?([1-9])$", re.IGNORECASE)
_TITLES = {"title": 1, "subtitle": 2}
_SILENT_STYLES = re.compile(r"(?:toc|table of figures|index)\b ?\d*|toc heading|header|footer", re.IGNORECASE)
_LEFT_OUT = {
    "footnoteReference": "footnote",
    "endnoteReference": "endnote",
    "oMath": "formula",
    "oMathPara": "formula",
    "commentReference": "comment",
}
_SILENT = frozenset("del moveFrom instrText delText Fallback rt pPr rPr sectPr".split())
_RAISED = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_CHARACTERS = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "\u00ad"}
_DEPTH = 2
"""Number of elements around a block: document and body."""


class Docx:
    """Word document.

    Attributes:
        title: Title by its properties; may be empty.
        size: Size of the body in bytes of XML; `Passage.end` counts the same bytes, rounded down to portions.
    """

    def __init__(self, path: Path) -> None:
        """Read styles and properties. Raises InputError for a damaged or protected document."""
        self._path = path
        try:
            with ZipFile(path) as archive:
                self.size = self._info(archive, _BODY)
                properties = self._tree(archive, "docProps/core.xml")
                styles = self._tree(archive, "word/styles.xml")
                self._styles, self._listed = _styles(styles), _lists_of_styles(styles)
                self._numbered = _numbered(self._tree(archive, "word/numbering.xml"))
        except _UNPACKING as error:
            raise self._damaged("it is no ZIP archive") from error
        title = properties.find("{*}title") if properties is not None else None
        self.title = " ".join((title.text or "").split()) if title is not None else ""

    def passages(self, tell: Tell = ignore) -> Iterator[Passage]:
        """Yield the passages of the body. `tell` receives the kind of each part that is left out.

        Raises:
            InputError: The document is damaged.
        """
        try:
            with ZipFile(self._path) as archive, archive.open(_BODY) as file:
                yield from _Body(self._styles, self._listed, self._numbered, tell).passages(file, self.size)
        except (ElementTree.ParseError, *_UNPACKING) as error:
            raise self._damaged(f"{_BODY}: {error}") from error

    def _info(self, archive: ZipFile, name: str) -> int:
        try:
            size = archive.getinfo(name).file_size
        except KeyError as error:
            raise self._damaged(f"it lacks {name}") from error
        if size > _LARGEST_BYTES:
            message = f"{self._path}: is too large: {name} has {size >> 20} MB, more than {_LARGEST_BYTES >> 20} MB"
            raise InputError(message, hint="split it into several documents")
        return size

    def _tree(self, archive: ZipFile, name: str) -> ElementTree.Element | None:
        """Return a part of the document; None if it lacks the part."""
        if name not in archive.namelist():
            return None
        self._info(archive, name)
        try:
            # Expat limits the growth of entities and opens no external ones.
            return ElementTree.fromstring(archive.read(name))  # noqa: S314
        except (ElementTree.ParseError, LookupError) as error:
            raise self._damaged(f"{name}: {error}") from error

    def _damaged(self, reason: str) -> InputError:
        hint = "open it in a word processor and save it again, or: pandoc FILE -o book.md"
        return InputError(f"{self._path}: cannot be read as a Word document: {reason}", hint)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _value(element: ElementTree.Element | None, name: str = "val") -> str:
    """Return the attribute `name` of an element in its own namespace."""
    if element is None:
        return ""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _is_on(properties: ElementTree.Element | None, name: str) -> bool:
    found = properties.find(f"{{*}}{name}") if properties is not None else None
    return found is not None and _value(found) not in ("0", "false", "off", "none")


def _styles(tree: ElementTree.Element | None) -> dict[str, str]:
    """Return the name of each style of paragraphs; a style based on a heading has the name of the heading."""
    found = tree.findall("{*}style") if tree is not None else []
    names = {_value(style, "styleId"): _value(style.find("{*}name")) for style in found}
    parents = {_value(style, "styleId"): _value(style.find("{*}basedOn")) for style in found}
    levels = {_value(style, "styleId"): _value(style.find("{*}pPr/{*}outlineLvl")) for style in found}
    for style in list(names):
        place, seen = style, 0
        while place in names and not _HEADING.match(names[place]) and seen < 10:
            place, seen = parents.get(place, ""), seen + 1
        if place in names and seen < 10:
            names[style] = names[place]
        elif levels[style].isdigit() and int(levels[style]) < 9 and names[style].lower() not in _TITLES:
            names[style] = f"heading {int(levels[style]) + 1}"
    return names


def _lists_of_styles(tree: ElementTree.Element | None) -> dict[str, ElementTree.Element]:
    """Return the place in a list that each style of items gives, by style."""
    found = tree.findall("{*}style") if tree is not None else []
    places = {_value(style, "styleId"): style.find("{*}pPr/{*}numPr") for style in found}
    return {name: place for name, place in places.items() if place is not None}


def _numbered(tree: ElementTree.Element | None) -> dict[tuple[str, str], int]:
    """Return the first number of each level of numbered lists, by the numbers of list and level. Bullets are left out."""
    levels: dict[tuple[str, str], int] = {}
    if tree is None:
        return levels
    lists = {_value(one, "abstractNumId"): one for one in tree.findall("{*}abstractNum")}
    for number in tree.findall("{*}num"):
        abstract = lists.get(_value(number.find("{*}abstractNumId")))
        for level in abstract.findall("{*}lvl") if abstract is not None else []:
            if _value(level.find("{*}numFmt")) not in ("bullet", "none"):
                start = _value(level.find("{*}start"))
                levels[_value(number, "numId"), _value(level, "ilvl")] = int(start) if start.isdecimal() else 1
    return levels


class _Body:
    """Reader of the paragraphs and tables of a body."""

    def __init__(
        self,
        styles: dict[str, str],
        listed: dict[str, ElementTree.Element],
        numbered: dict[tuple[str, str], int],
        tell: Tell,
    ) -> None:
        self._styles, self._listed, self._numbered, self._tell = styles, listed, numbered, tell
        self._counts: dict[tuple[str, str], int] = {}

    def passages(self, file: IO[bytes], size: int) -> Iterator[Passage]:
        """Yield the passages of the XML in `file`; each paragraph or table is forgotten after it is read."""
        path: list[ElementTree.Element] = []
        for event, element in ElementTree.iterparse(file, ("start", "end")):  # noqa: S314
            if event == "start":
                path.append(element)
                continue
            path.pop()
            if _local(element) not in ("p", "tbl", "sdt") or not _is_block(path):
                continue
            for one in self._block(element):
                yield one._replace(end=min(file.tell(), size))
            element.clear()
            path[-1].remove(element)

    def _block(self, element: ElementTree.Element) -> Iterator[Passage]:
        kind = _local(element)
        if kind == "p":
            yield from self._paragraph(element)
        elif kind == "tbl":
            yield from self._table(element)
        elif (gallery := _value(element.find("{*}sdtPr//{*}docPartGallery"))) in ("Table of Contents", "Bibliographies"):
            self._tell(gallery.lower().replace("bibliographies", "bibliography"))
        else:
            content = element.find("{*}sdtContent")
            for inner in content if content is not None else ():
                if _local(inner) in ("p", "tbl", "sdt"):
                    yield from self._block(inner)

    def _paragraph(self, element: ElementTree.Element) -> Iterator[Passage]:
        properties = element.find("{*}pPr")
        style = self._styles.get(_value(properties.find("{*}pStyle")), "") if properties is not None else ""
        lines = "".join(self._texts(element)).split("\n")
        if not any(line.strip() for line in lines):
            if properties is not None and properties.find("{*}pBdr") is not None:
                yield Passage("", "pause")
            return
        if _SILENT_STYLES.fullmatch(style):
            self._tell("table of contents" if style.lower().startswith(("toc", "table")) else style.lower())
            return
        outline = _value(properties.find("{*}outlineLvl")) if properties is not None else ""
        heading = _HEADING.match(style)
        level = (
            int(heading[1]) if heading else int(outline) + 1 if outline in tuple("012345678") else _TITLES.get(style.lower(), 0)
        )
        if level:
            yield passage(lines, "heading", level)
        elif (number := self._number(properties)) is not None:
            yield passage([number + lines[0], *lines[1:]], "item")
        else:
            yield passage(lines, "item" if style.lower().startswith("list ") else "paragraph")

    def _number(self, properties: ElementTree.Element | None) -> str | None:
        """Return the number of an item before its text, "" for a bullet; None for a paragraph that is no item."""
        if properties is None:
            return None
        found = properties.find("{*}numPr")
        found = self._listed.get(_value(properties.find("{*}pStyle"))) if found is None else found
        if found is None:
            return None
        key = (_value(found.find("{*}numId")), _value(found.find("{*}ilvl")) or "0")
        if key[0] == "0":
            return None
        if key not in self._numbered:
            return ""
        self._counts[key] = self._counts.get(key, self._numbered[key] - 1) + 1
        for other in [other for other in self._counts if other[0] == key[0] and other[1] > key[1]]:
            del self._counts[other]
        return f"{self._counts[key]}: "

    def _table(self, element: ElementTree.Element) -> Iterator[Passage]:
        """Yield a passage for each row, each cell after the header of its column. A table of one cell is a frame."""
        rows = [row.findall("{*}tc") for row in element.findall("{*}tr")]
        if all(len(row) == 1 for row in rows):
            for cell in (cell for row in rows for cell in row):
                for inner in cell:
                    if _local(inner) in ("p", "tbl", "sdt"):
                        yield from self._block(inner)
            return
        header: list[str] = []
        for place, row in enumerate(element.findall("{*}tr")):
            cells = [self._cell(cell) for cell in row.findall("{*}tc")]
            if place == 0 and len(rows) > 1 and _is_header(element, row, cells):
                header = cells
                continue
            heads = header if len(header) == len(cells) else [""] * len(cells)
            parts = [f"{head}: {cell}" if head else cell for head, cell in zip(heads, cells, strict=True) if cell]
            if parts:
                yield passage(["; ".join(parts)], "item")

    def _cell(self, cell: ElementTree.Element) -> str:
        return " ".join("".join(self._texts(cell)).split())

    def _texts(self, element: ElementTree.Element) -> Iterator[str]:
        """Yield the pieces of text that are seen: without deleted, hidden and field code."""
        for child in element:
            kind = _local(child)
            if kind in _SILENT:
                continue
            if kind in _LEFT_OUT:
                self._tell(_LEFT_OUT[kind])
            elif kind == "t":
                yield child.text or ""
            elif kind in _CHARACTERS:
                yield "" if kind == "br" and _value(child, "type") == "page" else _CHARACTERS[kind]
            elif kind == "r":
                yield from self._run(child)
            elif kind == "p":
                yield "\n"
                yield from self._texts(child)
            else:
                yield from self._texts(child)

    def _run(self, run: ElementTree.Element) -> Iterator[str]:
        properties = run.find("{*}rPr")
        if any(_is_on(properties, name) for name in ("vanish", "webHidden")):
            return
        if any(_is_on(properties, name) for name in ("strike", "dstrike")):
            self._tell("text that is struck out")
            return
        place = _value(properties.find("{*}vertAlign")) if properties is not None else ""
        text = "".join(self._texts(run))
        changed = {"superscript": _RAISED, "subscript": _LOWERED}.get(place)
        yield text.translate(changed) if changed and any(map(str.isdigit, text)) else text


def _is_block(path: list[ElementTree.Element]) -> bool:
    """Return True inside of the body, and outside of any other block."""
    return len(path) == _DEPTH and _local(path[-1]) == "body"


def _is_header(table: ElementTree.Element, row: ElementTree.Element, cells: list[str]) -> bool:
    """Return True for a first row that is marked as a header, or is bold throughout, or holds no digits where others do."""
    if _is_on(row.find("{*}trPr"), "tblHeader"):
        return True
    runs = [run for run in row.iterfind(".//{*}r") if run.find("{*}t") is not None]
    if runs and all(_is_on(run.find("{*}rPr"), "b") for run in runs):
        return True
    look = table.find("{*}tblPr/{*}tblLook")
    return _value(look, "firstRow") == "1" and all(cells) and not any(map(str.isdigit, "".join(cells)))
