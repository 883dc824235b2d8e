"""Texts: Unicode of every kind, control characters, markup, numbers, inline phones, and very long ones."""

from __future__ import annotations

from pathlib import Path
from random import Random

from case import Case

WORDS = (
    "hello",
    "there",
    "read",
    "Dr.",
    "U.S.A.",
    "it's",
    "naïve",
    "x",
    "I",
    "NASA",
    "rock'n'roll",
    "e.g.",
    "http://a.b/c?d=e#f",
    "a@b.co",
)
MARKS = (
    ".",
    "!",
    "?",
    ",",
    ";",
    ":",
    "…",
    "-",
    "–",
    "—",
    "(",
    ")",
    "[",
    "]",
    "[[",
    "]]",
    '"',
    "'",
    "“",
    "”",
    "/",
    "\\",
    "|",
    "&",
    "*",
    "#",
    "~",
)
MARKUP = (
    "<speak>",
    "</speak>",
    "<break time='9s'/>",
    "<break time='-1e9s'/>",
    "<prosody rate='x'>",
    "<!--",
    "-->",
    "<![CDATA[",
    "&amp;",
    "&#0;",
    "&#xD800;",
    "<say-as interpret-as='date'>",
    "{{",
    "}}",
    "$(",
    "%d%n",
    "[[B AW1]]",
    "[[ZZ9]]",
    "[[]]",
    "[[ [[",
    "[[B",
    "^",
    "_",
)
PREFIXES = ("", "$", "£", "€", "-", "+", "#", "No. ", "Sept. ")
ENDINGS = ("", "%", "th", "st", " kg", " km/h", "°C", " a.m.", "s", "'s", "x", "K", "M", " million", "m²", "/2", "-1990", " BC")


def make(random: Random, work: Path) -> Case:
    """Return a command that speaks a text, from the command line, a file, or standard input."""
    text = "".join(_piece(random) for _ in range(random.choice((1, 3, 10, 40))))
    if random.random() < 0.04:
        text *= random.choice((100, 300))
    text = text[:20_000]
    more = random.choice(
        ((), (), (), ("--json",), ("--save-timings", "t.TextGrid"), ("--output-dir", "lines"), ("--speaker", "high"))
    )
    output = () if "--output-dir" in more else ("-o", "out.wav")
    data = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.05:
        data = text.encode(random.choice(("utf-16", "utf-8-sig", "latin-1", "cp1252")), "replace")
    kind = random.randrange(5)
    if kind == 0:
        (work / "text.txt").write_bytes(data)
        return Case(("synth", "-i", "text.txt", *output, *more), output="out.wav")
    if kind == 1:
        return Case(("synth", *output, *more), data.decode("latin-1"), output="out.wav")
    if kind == 2:
        parser = random.choice((("--parser", "right-branching"), ("--parser", "tiny-linguistics")))
        return Case(("parse", *parser, *random.choice(((), ("--json",)))), data.decode("latin-1"))
    if kind == 3:
        (work / "lexicon.txt").write_bytes(data)
        return Case(("synth", "Hello there.", "--lexicon", "lexicon.txt", "-o", "out.wav"), output="out.wav")
    return Case(("synth", *output, *more, "--", text.replace("\0", "")), output="out.wav")


def _piece(random: Random) -> str:
    kind = random.randrange(10)
    if kind < 3:
        return random.choice(WORDS) + " "
    if kind == 3:
        return random.choice(MARKS) * random.choice((1, 1, 1, 2, 30))
    if kind == 4:
        return random.choice(MARKUP)
    if kind == 5:
        return random.choice(PREFIXES) + _number(random) + random.choice(ENDINGS) + " "
    if kind == 6:
        return "".join(chr(_code(random)) for _ in range(random.choice((1, 3, 20))))
    if kind == 7:
        return chr(random.randrange(32)) * random.choice((1, 2, 50))
    if kind == 8:
        return random.choice(("a", "ab", "ｅ", "e\u0301", "\u200b", "A.")) * random.choice((1, 50, 3000))
    return random.choice(("\n", "\n\n", "\r\n", "\u2028", "\x85", "\ufeff", "\u00ad", "\t", " " * 500))


def _number(random: Random) -> str:
    digits = str(random.randrange(10 ** random.choice((1, 2, 3, 4, 6, 9, 15, 40, 330))))
    kinds = (
        digits,
        f"{digits}.{digits}",
        f"{int(digits):,}",
        f"{digits[:2]}:{digits[:2]}",
        f"{digits[:2]}/{digits[:2]}/{digits[:4]}",
        f"1e{digits}",
        "٣" + digits,
        f"{digits}-{digits}",
        "MCMXC",
        "½",
        f"{digits[:4]}-{digits[:2]}-{digits[:2]}",
        "1.2.3.4",
        "²",
    )
    return random.choice(kinds)


def _code(random: Random) -> int:
    first, last = random.choice(
        (
            (0x20, 0x7E),
            (0x80, 0x24F),
            (0x300, 0x36F),
            (0x370, 0x7FF),
            (0x800, 0xD7FF),
            (0xD800, 0xDFFF),
            (0xE000, 0xFFFF),
            (0x10000, 0x1FFFF),
            (0xE0000, 0xE01EF),
            (0x2000, 0x206F),
            (0x10FFF0, 0x10FFFF),
        )
    )
    return random.randint(first, last)
