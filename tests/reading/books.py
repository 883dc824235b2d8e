"""Reads ten public books of different makers and counts the words that are lost: `python tests/reading/books.py`.

The books lie unpacked in public git repositories. They are cloned into a temporary folder, or taken from clones that exist
(`--clones FOLDER`, with a git directory OWNER+NAME/repo for each), packed as EPUB, and read. No book is part of this repository.

The words of a book are counted by another parser than the one of `tts read`: all text of the chapters but scripts, formulas,
hidden parts, navigation, and what the book itself marks as code, a note, a mark of a note, or the number of a page or line;
nor the table after the heading "Contents".
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tts_cli.errors import TtsError  # noqa: E402
from tts_cli.reading import open_document  # noqa: E402


class Book(NamedTuple):
    """Book in a public git repository."""

    repository: str
    """Owner and name on GitHub."""
    path: str
    """Folder of an unpacked EPUB, or a file."""


SHERLOCK = "standardebooks/arthur-conan-doyle_the-adventures-of-sherlock-holmes"
MUSIC = "GITenberg/How-to-Listen-to-Music-7th-ed.Hints-and-Suggestions-to-Untaught-Lovers-of-the-Art_17474"
BOOKS = (
    Book("IDPF/epub3-samples", "30/moby-dick"),
    Book("IDPF/epub3-samples", "30/childrens-literature"),
    Book("IDPF/epub3-samples", "30/accessible_epub_3"),
    Book("IDPF/epub3-samples", "30/wasteland"),
    Book("w3c/epub-tests", "tests/cnt-xhtml-support"),
    Book(SHERLOCK, "src"),
    Book("standardebooks/p-g-wodehouse_love-among-the-chickens", "src"),
    Book(MUSIC, "17474-h/17474-h.htm"),
    Book("GITenberg/The-Little-Colonel-s-Hero_15122", "15122-h/15122-h.htm"),
    Book("GITenberg/The-Devil-s-Dictionary_972", "972-h/972-h.htm"),
)
_READ = re.compile(r"\.(?:x?html?|opf|xml|css|ncx|txt)$|mimetype$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_SILENT = frozenset("head script style nav svg math template audio video object iframe canvas noscript title".split())
_VOID = frozenset("br img hr input meta link col source wbr area base embed track param".split())
_TYPES = frozenset(
    "noteref footnote footnotes endnote endnotes rearnote rearnotes pagebreak backlink toc landmarks page-list loi lot"
    " doc-noteref doc-footnote doc-endnote doc-endnotes doc-pagebreak doc-backlink doc-toc".split()
)
_CLASSES = frozenset("pagenum linenum lnum footnote footnotes programlisting screen fnanchor code toc".split())
"""Classes by which these books mark numbers of pages and lines, notes, and code."""


class Words(HTMLParser):
    """Words of one HTML document."""

    def __init__(self) -> None:
        """Begin a document."""
        super().__init__()
        self.pieces: list[str] = []
        self._open: list[bool] = []
        self._is_contents = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element; it is silent if its parent is."""
        values = {name: value or "" for name, value in attrs}
        classes = set(values.get("class", "").split())
        types = f"{values.get('epub:type', '')} {values.get('role', '')}".split()
        is_silent = tag in _SILENT or "hidden" in values or values.get("aria-hidden") == "true" or not _TYPES.isdisjoint(types)
        is_silent = is_silent or not _CLASSES.isdisjoint(classes)
        if tag in ("table", "ul", "ol") and self._is_contents:
            is_silent, self._is_contents = True, False
        if tag not in _VOID:
            self._open.append(is_silent or bool(self._open and self._open[-1]))
        if tag in ("p", "div", "br", "td", "li", "h1", "h2", "h3"):
            self.pieces.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Pass over an empty element."""

    def handle_endtag(self, tag: str) -> None:
        """End the last element."""
        if tag not in _VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add text."""
        if not self._open or not self._open[-1]:
            self.pieces.append(data)
            if data.strip():
                self._is_contents = data.strip().lower() == "contents"


def words(text: str) -> Counter[str]:
    """Return the number of each word."""
    return Counter(_WORD.findall(re.sub(r"[-‐]\s*\n\s*|[’'\u00ad\u2060\ufeff]", "", text.lower())))


def words_of(path: Path) -> Counter[str]:
    """Return the words of a book that should be heard, by the parser of this file."""
    if path.suffix != ".epub":
        text = path.read_bytes().decode("utf-8", "replace")
        begin, end = re.search(r"\*\*\*\s?START OF TH[^\n]*\n", text), re.search(r"\*\*\*\s?END OF TH", text)
        text = text[begin.end() if begin else 0 : end.start() if end else len(text)]
        return words(text if path.suffix == ".txt" else _text_of(text))
    counted: Counter[str] = Counter()
    with ZipFile(path) as archive:
        container = ElementTree.fromstring(archive.read("META-INF/container.xml"))  # noqa: S314
        rootfile = container.find(".//{*}rootfile")
        name = rootfile.get("full-path", "") if rootfile is not None else ""
        package = ElementTree.fromstring(archive.read(name))  # noqa: S314
        files = {one.get("id"): one for one in package.iterfind(".//{*}manifest/{*}item")}
        for one in package.iterfind(".//{*}spine/{*}itemref"):
            item = files[one.get("idref")]
            if one.get("linear") != "no" and "html" in item.get("media-type", ""):
                chapter = normpath(join(dirname(name), unquote(item.get("href", ""))))
                counted += words(_text_of(archive.read(chapter).decode("utf-8-sig")))
    return counted


def _text_of(markup: str) -> str:
    parser = Words()
    parser.feed(markup)
    parser.close()
    return "".join(parser.pieces)


def packed(book: Book, clones: Path, target: Path) -> Path:
    """Write a book of a clone as an EPUB, or as the file that it is. Pictures and fonts are empty."""
    folder = clones / book.repository.replace("/", "+") / "repo"
    git = ["git", "--git-dir", str(folder / ".git" if (folder / ".git").is_dir() else folder)]
    if Path(book.path).suffix in (".txt", ".htm", ".html"):
        path = target / Path(book.path).name
        path.write_bytes(subprocess.run([*git, "show", f"HEAD:{book.path}"], check=True, capture_output=True).stdout)
        return path
    path = target / f"{book.repository.partition('/')[2]}-{Path(book.path).name}.epub"
    listed = subprocess.run([*git, "ls-tree", "-r", "-z", "--name-only", f"HEAD:{book.path}"], check=True, capture_output=True)
    with ZipFile(path, "w") as archive:
        for name in filter(None, listed.stdout.decode().split("\0")):
            shown = [*git, "show", f"HEAD:{book.path}/{name}"]
            is_read = _READ.search(name)
            archive.writestr(name, subprocess.run(shown, check=True, capture_output=True).stdout if is_read else b"")
    return path


def cloned(folder: Path) -> Path:
    """Clone all repositories into `folder`."""
    for repository in dict.fromkeys(book.repository for book in BOOKS):
        target = folder / repository.replace("/", "+") / "repo"
        subprocess.run(["git", "clone", "--depth", "1", f"https://github.com/{repository}", str(target)], check=True)
    return folder


def main() -> int:
    """Read all books and print a table: words of the book, words that are lost, parts left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, help="folder of existing clones")
    parser.add_argument("--lost", type=int, default=0, help="print so many of the lost words of each book")
    options = parser.parse_args()
    refused, total = 0, Counter[str]()
    with tempfile.TemporaryDirectory() as temporary:
        clones = options.clones or cloned(Path(temporary))
        print("| book | words | lost | share | left out |\n|---|---|---|---|---|")
        for book in BOOKS:
            path = packed(book, clones, Path(temporary))
            expected = words_of(path)
            try:
                document = open_document(path)
                heard = words("\n".join(one.text for one in document.passages()))
            except TtsError as error:
                refused += 1
                print(f"| {path.name[:50]} | {expected.total()} | refused: {error.message} | | |")
                continue
            lost = expected - heard
            total.update(words=expected.total(), lost=lost.total())
            share = 100 * lost.total() / max(expected.total(), 1)
            left_out = ", ".join(f"{kind} ({number})" for kind, number in sorted(document.left_out.items()))
            print(f"| {path.name[:50]} | {expected.total()} | {lost.total()} | {share:.3f} % | {left_out[:300]} |")
            if options.lost:
                print("    lost:", lost.most_common(options.lost), "\n    more:", (heard - expected).most_common(options.lost))
    share = 100 * total["lost"] / max(total["words"], 1)
    print(f"{len(BOOKS)} books, {refused} refused, {total['words']} words, {total['lost']} lost = {share:.3f} %")
    return 1 if refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
