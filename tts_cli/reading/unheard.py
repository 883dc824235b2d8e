"""Elements of HTML and EPUB that a listener does not hear: hidden ones, navigation, notes, numbers of pages and lines."""

from __future__ import annotations

import re
from typing import NamedTuple

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = frozenset(
    "p div section article aside blockquote ul ol li dl dt dd figure figcaption caption details summary address header footer"
    " main body pre table tr hr form fieldset legend center hgroup".split()
) | frozenset(HEADINGS)
VOID = frozenset("br img hr input meta link col source wbr area base embed track param".split())
SECTIONS = frozenset("section article blockquote figure aside main".split())
"""Elements that decide whether a footer is that of the page."""
_ATTRIBUTED = frozenset("section blockquote figure aside".split())
"""Elements with footers that belong to the text: the signature of a letter, the source of a quotation."""
_SILENT = frozenset(
    "script style title nav svg del s strike rp template iframe object noscript canvas button select textarea datalist".split()
)
_TOLD = {"math": "formula", "audio": "recording", "video": "recording"}
_IMPLIED_ENDS = frozenset("p li dt dd td th tr option".split())
"""Elements that may lack an end tag."""
_MARKS = frozenset("noteref doc-noteref pagebreak doc-pagebreak backlink doc-backlink annoref".split())
_NAVIGATION = frozenset(
    "toc doc-toc toc-brief landmarks page-list doc-pagelist loi lot lov loa navigation search contentinfo doc-pageheader"
    " doc-pagefooter".split()
)
_NOTES = frozenset("footnote footnotes endnote endnotes rearnote rearnotes doc-footnote doc-endnote doc-endnotes".split())
_NOTE_CLASS = re.compile(
    r"_?(?:id)?(?:foot|end|rear)[-_]?notes?(?:[-_]?(?:text|body|content|list|area|block|definition|item|group|section|link|anchor"
    r"|ref(?:erence)?|back|back-?ref|back-?link|mark(?:er)?|num(?:ber)?|call|container))?s?|references|reflist"
)
_MARK_CLASS = re.compile(r"note[-_]?ref|fn[-_]?ref|fn[-_]?anchor|mw-editsection|headerlink|anchor-?link|footnote-?back(?:-?ref)?")
_REFERENCE_CLASS = re.compile(r"footnote|endnote|fn")
_NUMBER_CLASS = re.compile(
    r"(?:page|pg|line|verse|poem)[-_]?(?:num(?:ber)?s?|no|break|brk|mark(?:er)?|nr)|pb|pn|ln|lno|lnum|linenum\w*|pagenum\w*|folio|page"
)
_HEAD_CLASS = re.compile(
    r"(?:running|run|page)[-_]?(?:head(?:er|ing|line)?|title|foot(?:er)?)s?|breadcrumbs?|navbar|pagination|skip-?link"
)
_CONTENTS_NAME = re.compile(r"toc|table-?of-?contents|tableofcontents|toc-?(?:list|container)")
_CONTENTS_TAGS = frozenset("div ul ol dl table section aside details".split())
_CODE_CLASS = re.compile(r"highlight|codehilite|source-?code|program-?listing|prettyprint|code-?block|code|listing|screen")
_INITIAL_CLASS = re.compile(
    r"(?:drop|illuminated|raised)[-_]?(?:cap|caps|capital|letter|initial)s?\w?|initial[-_]?(?:cap|letter)?|lettrine"
)
_BOILERPLATE = re.compile(r"pg-?boilerplate|pg-?header|pg-?footer|pg-?machine-header")
_HIDING = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden|speak(?:-as)?\s*:\s*none)", re.IGNORECASE)
_LONGEST_SELECTORS, _LONGEST_BODY = 2000, 4000
_AT_BLOCK = re.compile(r"@[^{};]{0,300}\{(?:[^{}]{0,4000}\{[^{}]{0,4000}\}){0,200}[^{}]{0,4000}\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SELECTOR = re.compile(r"([a-z][\w-]*)?(?:([.#])([\w-]+))?", re.IGNORECASE)
_LONGEST_STYLE = 1 << 20


class Included(NamedTuple):
    """Parts of a document that are read only if they are asked for."""

    notes: bool = False
    """Footnotes and endnotes, each after the paragraph that refers to it."""
    alt_texts: bool = False
    """Descriptions of pictures and formulas."""
    keep_header: bool = False
    """Header and licence of Project Gutenberg."""


class Tags:
    """Judge of the elements of one HTML document.

    Attributes:
        included: Parts that are read.
    """

    def __init__(self, included: Included, styles: str = "") -> None:
        """Begin a document; `styles` are the rules of its style sheets."""
        self.included = included
        self._hidden: set[tuple[str, str, str]] = set()
        if styles:
            self.add_styles(styles)

    def add_styles(self, styles: str) -> None:
        """Read the rules of a style sheet that hide elements by name, class or id."""
        if not _HIDING.search(styles):
            return
        # Rules for print and for other media are not those of a listener.
        for rule in _AT_BLOCK.sub("", _COMMENT.sub("", styles[:_LONGEST_STYLE])).split("}")[:-1]:
            before, _, body = rule.rpartition("{")
            selectors = before.rpartition("{")[2][-_LONGEST_SELECTORS:]
            if len(body) <= _LONGEST_BODY and _HIDING.search(body):
                for selector in selectors.split(","):
                    if (found := _SELECTOR.fullmatch(selector.strip())) and found[0]:
                        self._hidden.add(((found[1] or "").lower(), found[2] or "", found[3] or ""))

    def reason(self, tag: str, values: dict[str, str], sections: list[str]) -> str | None:
        """Return why an element is not heard.

        Args:
            tag: Name of the element.
            values: Its attributes.
            sections: Names of the open elements of SECTIONS.

        Returns:
            The kind of the part to be told, an empty text to tell nothing, or None if the element is heard.
        """
        if tag in _SILENT or self._is_hidden(tag, values) or (tag == "footer" and _ATTRIBUTED.isdisjoint(sections)):
            return ""
        if tag in _TOLD:
            return _TOLD[tag]
        if tag in ("epub:case", "ops:case") or (tag == "dialog" and "open" not in values):
            return ""
        return self._by_meaning(tag, values) if values else None

    def _is_hidden(self, tag: str, values: dict[str, str]) -> bool:
        if "hidden" in values or values.get("aria-hidden", "").strip().lower() == "true":
            return True
        if "style" in values and _HIDING.search(values["style"]):
            return True
        if not self._hidden:
            return False
        names = [("", ""), ("#", values.get("id", "")), *((".", name) for name in values.get("class", "").split())]
        return any((name, *one) in self._hidden for one in names for name in ("", tag) if name or one[0])

    def _by_meaning(self, tag: str, values: dict[str, str]) -> str | None:
        """Return the reason by `epub:type`, `role` and `class`."""
        types = f"{values.get('epub:type', '')} {values.get('role', '')}".split()
        if not _MARKS.isdisjoint(types) or not _NAVIGATION.isdisjoint(types):
            return ""
        if not _NOTES.isdisjoint(types):
            return "footnote"
        classes = values.get("class", "").lower().split()
        if any(_BOILERPLATE.fullmatch(name) for name in (*classes, values.get("id", ""))):
            return None if self.included.keep_header else "Project Gutenberg header or licence"
        return self._by_class(tag, classes, values.get("id", "").lower())

    def _by_class(self, tag: str, classes: list[str], name: str) -> str | None:
        if tag in _CONTENTS_TAGS and any(_CONTENTS_NAME.fullmatch(one) for one in (*classes, name)):
            return "table of contents"
        for one in classes:
            if tag == "sup":
                # The link inside names the note; the number is judged by its place.
                return None
            if _MARK_CLASS.fullmatch(one) or (tag == "a" and _REFERENCE_CLASS.fullmatch(one)):
                return ""
            if _NOTE_CLASS.fullmatch(one) and tag not in HEADINGS and tag != "body":
                return "" if tag == "a" else "footnote"
            if _HEAD_CLASS.fullmatch(one) and tag not in ("h1", "h2", "header", "body"):
                return ""
            if tag in ("pre", "div", "table") and _CODE_CLASS.fullmatch(one):
                return "code block"
        return None


def is_number(tag: str, values: dict[str, str]) -> bool:
    """Return True for an element that may hold the number of a page or line: nothing is heard of it if it holds a number."""
    classes = values.get("class", "").lower().split()
    return tag != "body" and any(_NUMBER_CLASS.fullmatch(one) for one in classes)


def is_initial(values: dict[str, str]) -> bool:
    """Return True for an element that holds the first letter of a chapter."""
    return any(_INITIAL_CLASS.fullmatch(one) for one in values.get("class", "").lower().split())


def ends_unread(tag: str, unread: list[str], opens: bool) -> bool:
    """Return True if a tag ends the elements `unread`, which are left out and lack their end tags.

    Args:
        tag: Name in the tag.
        unread: Names of the open elements that are left out, from the outermost.
        opens: The tag is a start tag.
    """
    first = unread[0]
    if opens:
        if len(unread) > 1:
            return False
        return (first == "p" and tag in BLOCKS) or (first in _IMPLIED_ENDS and tag == first)
    return tag in BLOCKS and tag not in unread and (first in _IMPLIED_ENDS or first in ("span", "a", "sup", "b", "i", "em"))
