"""Markdown as passages to be read aloud: CommonMark with tables, and the additions of GitHub, Obsidian and Pandoc.

The tokens of markdown-it are changed to those that are heard and rendered to HTML, of which `hypertext` makes passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from tts_cli.reading.hypertext import Included, passages_of_html
from tts_cli.reading.left_out import Tell, ignore
from tts_cli.reading.plain import lines_of, without_double_brackets

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

    from tts_cli.reading.hypertext import Passage

_FRONT_MATTER = re.compile(r"\A(?:---\n(?:.*\n)*?(?:---|\.\.\.)|\+\+\+\n(?:.*\n)*?\+\+\+)[ \t]*\n")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]\n^]+\]:[ \t]*\S.*", re.MULTILINE)
_NOTE = re.compile(
    r"^ {0,3}\[\^([^\]\s]+)\]:[ \t]*(.*(?:\n(?:[ \t]*\n)*(?: {2,}|\t).+|\n(?! {0,3}\[\^|[ \t]*\n|[#>-]).+)*)\n?", re.MULTILINE
)
_SILENT_LINE = re.compile(
    r"^[ \t]*(?::{3,}.*|\[(?:toc|_toc_)\]|\[\[_?toc_?\]\]|\*\[[^\]\n]+\]:.*)$", re.IGNORECASE | re.MULTILINE
)
_COMMENT = re.compile(r"%%(?:[^%]|%(?!%)){0,5000}%%")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_PROSE = re.compile(r"[^\W\d_]")
_PORTION = 2000
_WIKI = re.compile(r"(!?)\[\[([^\[\]|#\n]*)(?:#\^?([^\[\]|\n]*))?(?:\|([^\[\]\n]*))?\]\](?!\()")
_MARK = re.compile(r"\[\^([^\]\s]+)\]|\^\[([^\[\]\n]+)\]")
_MATH = re.compile(r"\$\$(.+?)\$\$|\$(?![\s$])((?:\\.|[^$\\])+?)(?<!\s)\$(?![\d$])|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_PRICE = re.compile(r"\d[\d.,]*\s[^\\^_={}]*$")
_SPOKEN_MATH = re.compile(r"[A-Za-z]|\d{1,9}(?:[.,]\d{1,9})?%?")
_CALLOUT = re.compile(r"\[!([A-Za-z][\w -]*)\][+-]?[ \t]*(.*)")
_TASK = re.compile(r"\[[ xX/>-]\]\s+")
_ATTRIBUTES = re.compile(r"\s*\{[#.:][^{}\n]*\}\s*$")
_HIGHLIGHT = re.compile(r"==(?=\S)([^=\n]+?)(?<=\S)==")
_RAISED = re.compile(r"(?<=[\w)])\^([\w+−-]{1,6})\^|(?<=\w)~(\w{1,6})~")
_EMOJI = re.compile(r"(?<![\w:]):[a-z][a-z0-9_+-]{1,30}:(?![\w:])")
_NOTES = "notes of the text"
_CODE = {"math": "formula", "mermaid": "diagram", "latex": "formula"}


def passages_of_markdown(text: str, tell: Tell = ignore, notes: bool = False, alt_texts: bool = False) -> Iterator[Passage]:
    """Yield the passages of a Markdown text. Portions are parsed when asked for.

    Args:
        text: Whole text.
        tell: Receives the kind of each part that is left out.
        notes: Read each footnote after the paragraph with its mark.
        alt_texts: Read the descriptions of pictures.
    """
    markdown, start = _parser(tell), 0
    if found := _FRONT_MATTER.match(text):
        start = found.end()
        tell("front matter")
    environment: dict[str, Any] = {_NOTES: {note[1]: note[2] for note in _NOTE.finditer(text)} if "[^" in text else {}}
    markdown.parse("\n\n".join(_REFERENCE.findall(text)), environment)
    for end in _portions(text, start):
        tokens = markdown.parse(_heard(text[start:end]), environment)
        markup = "".join(_rendered(markdown, tokens, environment, tell, notes))
        for one in passages_of_html(markup, included=Included(alt_texts=alt_texts)):
            yield one._replace(end=start + (end - start) * one.end // max(len(markup), 1))
        start = end


def _heard(portion: str) -> str:
    """Return a portion without definitions of notes, comments, and lines that order the layout."""
    portion = _NOTE.sub("\n", portion) if "[^" in portion else portion
    portion = _COMMENT.sub("", portion) if "%%" in portion else portion
    return _SILENT_LINE.sub("", portion)


def _portions(text: str, start: int) -> Iterator[int]:
    """Yield the ends of portions that can be parsed separately: at headings, and between paragraphs outside of code."""
    begun, before, fence = start, "x", ""
    for line, end in lines_of(text, start):
        here = end - len(line)
        whole = not fence and not before.strip()
        if whole and (line.startswith("#") or (here - begun > _PORTION and _PROSE.match(line))):
            yield here
            begun = here
        if marks := _FENCE.match(line):
            fence = "" if fence and marks[1].startswith(fence) else fence or marks[1]
        before = line
    yield len(text)


def _parser(tell: Tell) -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])

    def formula(state: StateInline, silent: bool) -> bool:
        found = _MATH.match(state.src, state.pos) if state.src[state.pos] in "$\\" else None
        inner = next(filter(None, found.groups()), "") if found else ""
        if not found or (found[2] and _PRICE.match(found[2])):
            return False
        spoken = _SPOKEN_MATH.fullmatch(inner.strip("`")) is not None
        return _written(state, silent, found, inner if spoken else "", None if spoken else tell, "formula")

    def wiki_link(state: StateInline, silent: bool) -> bool:
        found = _WIKI.match(state.src, state.pos) if state.src[state.pos] in "![" else None
        if not found or (shown := without_double_brackets(found[0])) == found[0]:
            return False
        if not found[1] and not found[2].isdigit():
            page = found[2].rpartition("/")[2]
            shown = found[4] or ", ".join(filter(None, (page, found[3])))
        return _written(state, silent, found, "" if found[1] else shown, tell if found[1] else None, "embedded file")

    def note_mark(state: StateInline, silent: bool) -> bool:
        found = _MARK.match(state.src, state.pos) if state.src[state.pos] in "[^" else None
        if not found or (found[1] and state.env[_NOTES].get(found[1]) is None):
            return False
        if not silent:
            # Tokens of text would be joined, and lose what they carry.
            state.push("html_inline", "", 0).meta = {_NOTES: found[2] or state.env[_NOTES][found[1]]}
        state.pos = found.end()
        return True

    markdown.inline.ruler.before("escape", "formula", formula)
    markdown.inline.ruler.before("link", "wiki_link", wiki_link)
    markdown.inline.ruler.before("link", "note_mark", note_mark)
    markdown.block.ruler.before("fence", "formula", _formula_block, {"alt": ["paragraph", "blockquote"]})
    return markdown


def _written(state: StateInline, silent: bool, found: re.Match[str], shown: str, tell: Tell | None, kind: str) -> bool:
    """Write `shown` in the place of a match, and tell that its kind is left out."""
    if not silent:
        state.push("text", "", 0).content = shown
        if tell and kind:
            tell(kind)
    state.pos = found.end()
    return True


def _formula_block(state: StateBlock, line: int, last: int, silent: bool) -> bool:
    """Take the lines from one that begins with $$ to one that ends with $$."""
    for ending in range(line, last):
        written = state.src[state.bMarks[ending] + state.tShift[ending] : state.eMarks[ending]].rstrip()
        if ending == line and not written.startswith("$$"):
            return False
        if written.endswith("$$") and (ending > line or len(written) > 4):
            if not silent:
                state.push("math_block", "", 0).hidden = True
                state.line = ending + 1
            return True
    return False


def _rendered(markdown: MarkdownIt, tokens: list[Token], environment: dict[str, Any], tell: Tell, notes: bool) -> Iterator[str]:
    """Yield the HTML of each block; the notes that it marks follow it, or are told."""
    block: list[Token] = []
    marked: list[str] = []
    for token in tokens:
        if token.type == "math_block":
            tell("formula")
            continue
        if token.type in ("fence", "code_block"):
            tell(_CODE.get(token.info.split(" ")[0].strip("{.}").lower(), "code"))
        block.append(token)
        if token.type == "inline":
            _speak(block, token)
            marked += [child.meta[_NOTES] for child in token.children or [] if _NOTES in child.meta]
        if token.level == 0 and token.nesting <= 0:
            yield markdown.renderer.render(block, markdown.options, environment)
            block = []
            for note in marked if notes else ():
                yield f"\n<p>{markdown.renderInline(' '.join(note.split()), environment)}</p>\n"
            for _ in () if notes else marked:
                tell("footnote")
            marked = []


def _speak(before: list[Token], token: Token) -> None:
    """Change the text of a block to the text that is heard. `before` ends with the tokens around it."""
    kinds = [one.type for one in before[-3:-1]]
    children = token.children or []
    first = children[0] if children else None
    if first is not None and first.type == "text" and kinds == ["blockquote_open", "paragraph_open"]:
        first.content = _CALLOUT.sub(_callout, first.content)
    if first is not None and first.type == "text" and kinds == ["list_item_open", "paragraph_open"]:
        first.content = _TASK.sub("", first.content, count=1)
    if kinds[-1:] == ["heading_open"] and children[-1:] and children[-1].type == "text":
        children[-1].content = _ATTRIBUTES.sub("", children[-1].content)
    for child in children:
        if child.type == "text":
            child.type = "html_inline"
            child.content = _marked(child.content)


def _callout(match: re.Match[str]) -> str:
    """Return the title of a callout; its kind stands for a missing one."""
    title = match[2].strip()
    return title + ("" if title[-1:] in tuple(".:!?") else ":") if title else f"{match[1].strip().capitalize()}:"


def _marked(written: str) -> str:
    """Return a text as HTML, with raised and lowered characters; highlighting and codes of emoji are left out."""
    text = escape(written, quote=False)
    text = _HIGHLIGHT.sub(r"\1", text) if "==" in text else text
    text = _EMOJI.sub("", text) if ":" in text else text
    if "^" not in text and "~" not in text:
        return text
    return _RAISED.sub(lambda match: f"<sup>{match[1]}</sup>" if match[1] else f"<sub>{match[2]}</sub>", text)
