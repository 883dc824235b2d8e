"""Documents: HTML, EPUB, Markdown and plain text, changed where their structure lies, and bombs of bounded size."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from random import Random

from case import Case
from mutations import damage

TAGS = (
    "p",
    "h1",
    "h2",
    "h7",
    "div",
    "li",
    "ul",
    "ol",
    "table",
    "td",
    "script",
    "style",
    "pre",
    "br",
    "svg",
    "math",
    "title",
    "body",
    "x-y",
    "head",
)
ODD = (
    "<",
    ">",
    "<!",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "&",
    "&#",
    "&#x110000;",
    "&nbsp",
    "&bogus;",
    "<a href='",
    '"',
    "\0",
    "</",
)
MARKDOWN = (
    "# ",
    "## ",
    "- ",
    "1. ",
    "> ",
    "```\n",
    "***\n",
    "| a | b |\n|---|---|\n",
    "[a](b)",
    "![a](b)",
    "**",
    "`",
    "<b>",
    "\n\n",
    "    ",
    "---\n",
)
CONTAINER = '<?xml version="1.0"?><container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>'
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
SAID = ("Hello there.", "One.", "It was late; he said so.", "")


def make(random: Random, work: Path) -> Case:
    """Write a document, and return a command that reads it aloud."""
    kind = random.choice(("html", "epub", "md", "txt"))
    if kind == "epub":
        data = _epub(random)
    else:
        data = {"html": _html, "md": _markdown, "txt": _plain}[kind](random).encode("utf-8", "replace")
    if random.random() < 0.25:
        data = damage(random, data)
    if random.random() < 0.1:
        kind = random.choice(("html", "epub", "md", "txt", "pdf", "xhtml", "htm"))
    (work / f"book.{kind}").write_bytes(data)
    more = random.choice(((), (), ("--chapters", "c.json"), ("--chapters", "c.txt"), ("--json",), ("--resume",)))
    if random.random() < 0.2:
        return Case(("synth", "--long-form", "-i", f"book.{kind}", "-o", "out.wav", *more), output="out.wav")
    return Case(("read", f"book.{kind}", "-o", "out.wav", *more), output="out.wav")


def _said(random: Random) -> str:
    return random.choice(SAID)


def _html(random: Random) -> str:
    parts = [_element(random, 3) for _ in range(random.randrange(1, 6))]
    if random.random() < 0.15:
        parts.insert(random.randrange(len(parts) + 1), _bomb(random))
    return "<html><body>" + "".join(parts) + random.choice(("</body></html>", "", "</html></body>", "</"))


def _element(random: Random, depth: int) -> str:
    if random.random() < 0.15:
        return random.choice(ODD)
    tag = random.choice(TAGS)
    inner = "".join(_element(random, depth - 1) for _ in range(random.randrange(3))) if depth else ""
    attributes = random.choice(("", "", " lang='de'", " x=1 x=2", " a='", " hidden", " style='display:none'"))
    return f"<{tag}{attributes}>{_said(random)}{inner}" + random.choice((f"</{tag}>", f"</{tag}>", "", "</p>", f"</{tag}"))


def _bomb(random: Random) -> str:
    """Return a piece of at most 20 MB that is costly for readers that look back."""
    count = random.choice((1000, 50_000, 1_000_000))
    kinds = (
        " " * count * 20,
        "<a" + " x" * count + ">",
        "<" * count,
        "<div>" * count,
        "&" * count,
        "<!--" + "-" * count,
        "<a b='" + "x" * count * 10,
        "<p>" * count + "Hi.",
        "<table><tr><td>" * (count // 10),
        "\n" * count * 5,
        "<h1>" + "a" * min(count, 5000) + "</h1>",
        "&#1" * count,
    )
    return random.choice(kinds)


def _markdown(random: Random) -> str:
    parts = [random.choice((_said(random), random.choice(MARKDOWN), "\n")) for _ in range(random.randrange(2, 30))]
    if random.random() < 0.1:
        parts.append(random.choice(("[", "*", ">", "`", "_", "![", "(", "- ")) * random.choice((100, 5000, 50_000)))
    return "".join(parts)


def _plain(random: Random) -> str:
    joints = (" ", "\n", "\n\n", "\r\n", "\f", "\0", "\u2029")
    return "".join(_said(random) + random.choice(joints) * random.choice((1, 1, 1, 5000)) for _ in range(random.randrange(1, 8)))


def _epub(random: Random) -> bytes:
    names = random.choice(
        (["a.xhtml"], ["a.xhtml", "b.xhtml"], ["a%20b.xhtml"], ["../a.xhtml"], ["/etc/passwd"], ["a.xhtml"] * 3)
    )
    items = "".join(f'<item id="i{i}" href="{name}" media-type="application/xhtml+xml"/>' for i, name in enumerate(names))
    spine = "".join(f'<itemref idref="i{random.choice((i, i, i, 9))}"/>' for i in range(len(names)))
    package = f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest><spine>{spine}</spine></package>'
    if random.random() < 0.1:
        entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "ha"}">' for i in range(9))
        package = f"<!DOCTYPE package [{entities}]>" + package.replace("<spine>", "<spine>&e8;")
    texts = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER, "book.opf": package}
    texts |= {name: _html(random) for name in names}
    if random.random() < 0.2:
        texts.pop(random.choice(list(texts)))
    if random.random() < 0.3:
        name = random.choice(list(texts))
        texts[name] = damage(random, texts[name].encode("utf-8", "replace")).decode("latin-1")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", random.choice(METHODS)) as archive:
        for name, text in texts.items():
            archive.writestr(
                zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text.encode("utf-8", "replace"), random.choice(METHODS)
            )
        if random.random() < 0.1:
            archive.writestr(zipfile.ZipInfo("big.bin", (2020, 1, 1, 0, 0, 0)), bytes(30 * 2**20), zipfile.ZIP_DEFLATED)
    return file.getvalue()
