"""Markup left over in a text: tags, entities, links, headings, emphasis and rules of Markdown, which are silent."""

from __future__ import annotations

import re
from html import unescape

from tts_cli.text.grammar import SemioticClass, Verbalization
from tts_cli.text.numbers import Words

_TAG = re.compile(r"</?([A-Za-z][\w:.-]{0,30})(?:[\s=/][^<>]{0,300})?>|<!--(?:[^-]|-(?!->)){0,2000}-->|<![A-Za-z][^<>]{0,200}>")
_PAUSES = frozenset({"break", "br", "p", "div", "hr", "li", "tr", "td", "s", "h1", "h2", "h3", "ul", "ol", "pausing", "pause"})
_STYLES = frozenset("b i u em strong small big sub sup span a code pre tt font mark del ins q cite abbr img p br div".split())
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,10}|#\d{1,7}|#[xX][\dA-Fa-f]{1,6});")
_ENTITIES: dict[str, Words] = {
    "&": ("and",), "<": ("less", "than"), ">": ("greater", "than"), "©": ("copyright",), "°": ("degrees",), "§": ("section",),
    "×": ("times",), "÷": ("divided", "by"), "±": ("plus", "or", "minus"), "€": ("euros",), "£": ("pounds",),
}  # fmt: skip
_LINK = re.compile(r"!?\[(?=[^\[\]\n]{1,300}\]\([^()\s]{1,500}(?:\([^()\s]{0,100}\)[^()\s]{0,100})?(?: \"[^\"\n]{0,200}\")?\))")
_TARGET = re.compile(r"\]\([^()\s]{1,500}(?:\([^()\s]{0,100}\)[^()\s]{0,100})?(?: \"[^\"\n]{0,200}\")?\)")
_ADDRESS = re.compile(r"\]\((?:[a-z]{2,10}:|www\.|/|#|\.{1,2}/|[\w-]+[./])")
_REFERENCE = re.compile(r"\[\^\w{1,20}\]:?")
_LABEL = re.compile(r"\]\[(?=[^\[\]\n]*[A-Za-z]{2})[\w -]{2,40}\](?!\()")
_EMPHASIS = re.compile(r"\*{1,3}|_{1,3}|~~|==|`{1,3}")
_HEADING = re.compile(r"#{1,6} ")
_QUOTE = re.compile(r"(?:> ?){1,5}(?=\S)")
_RULE = re.compile(
    r"[ ]{0,3}(?:(?:\* ?){3,40}|(?:- ?){3,80}|(?:_ ?){3,80}|(?:= ?){3,80}|(?:~ ?){3,80}|(?:# ?){3,40})[ ]{0,3}(?=\n|$)"
)
_TABLE_RULE = re.compile(r"\|?(?: ?:?-{2,40}:? ?\|){1,20}(?: ?:?-{2,40}:? ?)?(?=\n|$)")
_BARE_ADDRESS = re.compile(r"<(?=(?:https?://|mailto:|www\.|[\w.+-]{1,64}@)[^\s<>]{1,300}>)")


def _silence(end: int, rule: str, mark: str = " ", ends: bool = False, note: str = "") -> Verbalization:
    return Verbalization(end, (), "markup", rule, mark, ends, note=note)


def _read_tag(text: str, place: int) -> Verbalization | None:
    """Return the silent reading of a tag of HTML or SSML; tags of layout are pauses."""
    if match := _BARE_ADDRESS.match(text, place):
        return _silence(match.end(), "address in angle brackets")
    match = _TAG.match(text, place)
    if not match or _is_comparison(text, match):
        return None
    name = (match[1] or "").lower()
    note = "" if name in _STYLES or not name else f"the tag {match[0][:40]} is not spoken"
    return _silence(match.end(), "tag", "," if name in _PAUSES else " ", note=note)


def _is_comparison(text: str, match: re.Match[str]) -> bool:
    """Return True for two comparisons: "1 <x> 5" is no tag, "a <b> c" is one."""
    single = match[1] is not None and len(match[1]) == 1 and match[1] not in "abiupqs"
    return single and text[match.start() - 1 : match.start()].isalnum()


def _read_entity(text: str, place: int) -> Verbalization | None:
    match = _ENTITY.match(text, place)
    character = unescape(match[0]) if match else ""
    if not match or character == match[0]:
        return None
    if character in _ENTITIES:
        return Verbalization(match.end(), _ENTITIES[character], "markup", "entity")
    dash = {"—": "-", "–": "-", "…": "…", '"': '"', "“": '"', "”": '"'}
    return _silence(match.end(), "entity", dash.get(character, " "))


def _read_bracket(text: str, place: int) -> Verbalization | None:
    """Return the silent reading of the brackets of a link, and of its address."""
    if match := _REFERENCE.match(text, place) or _LABEL.match(text, place):
        return _silence(match.end(), "note of Markdown")
    if (match := _LINK.match(text, place)) and _ADDRESS.search(text, match.end(), match.end() + 310):
        return _silence(match.end(), "link")
    if (match := _TARGET.match(text, place)) and _ADDRESS.match(text, place) and text.rfind("[", max(0, place - 302), place) >= 0:
        return _silence(match.end(), "address of a link")
    return None


def _read_line(text: str, place: int) -> Verbalization | None:
    """Return the silent reading of a sign at the start of a line: a heading, a quotation, a rule."""
    if not _begins_line(text, place):
        return None
    for pattern, rule in ((_TABLE_RULE, "rule of a table"), (_RULE, "rule")):
        if match := pattern.match(text, place):
            return _silence(match.end(), rule, ".", ends=True)
    for pattern, rule in ((_HEADING, "heading"), (_QUOTE, "quotation")):
        if match := pattern.match(text, place):
            return _silence(match.end(), rule)
    return None


def _begins_line(text: str, place: int) -> bool:
    start = place
    while start > max(0, place - 4) and text[start - 1] in " >":
        start -= 1
    return start == 0 or text[start - 1] == "\n"


def _read_emphasis(text: str, place: int) -> Verbalization | None:
    """Return the silent reading of marks of emphasis that touch a word or mark on one side."""
    match = _EMPHASIS.match(text, place)
    if not match:
        return None
    before, after = text[place - 1 : place], text[match.end() : match.end() + 1]
    is_operator = match[0] in ("*", "==") and (
        (before.isalnum() and after.isalnum()) or (before in ("", " ") and after in ("", " "))
    )
    is_joint = match[0] == "_" and before.isalnum() and after.isalnum()
    return None if is_operator or is_joint else _silence(match.end(), "emphasis")


CLASSES = (
    SemioticClass("markup line", _read_line, characters="#>*-_=~|"),
    SemioticClass("tag", _read_tag, characters="<"),
    SemioticClass("entity", _read_entity, characters="&"),
    SemioticClass("link", _read_bracket, characters="![]"),
    SemioticClass("emphasis", _read_emphasis, characters="*_~=`"),
)
