"""Share of inputs that the text front end reads as one of the accepted readings: `python tests/text/readings.py FILE... [-v]`.

Each line of a file has a class, an input, and readings that " / " separates, with tabs between them. Not compared are case,
hyphens, punctuation, "and" inside numbers, zero against oh, "a" against "one" before a magnitude, and letters joined or apart.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

from tts_cli.errors import TextError
from tts_cli.text import TextFrontEnd

SAME = {"zero": "oh", "okay": "ok", "etcetera": "et cetera", "o": "oh"}
MAGNITUDES = r"hundred|thousand|million|billion|trillion"


def spoken(front_end: TextFrontEnd, text: str) -> str:
    """Return all words of `text` as they are spoken."""
    try:
        return " ".join(word for utterance in front_end.sentences(text, 400) for word in utterance.words)
    except TextError as error:
        return f"<{error.message}>"


def comparable(reading: str) -> str:
    """Return `reading` without the differences that do not count."""
    text = re.sub(r"\b([a-z])['’]s\b", r"\1 s", reading.lower())
    text = re.sub(r"[^a-z0-9< ]", " ", re.sub(r"['’]", "", text))
    text = " ".join(SAME.get(word, word) for word in text.split())
    text = re.sub(rf"\b({MAGNITUDES}) and (?=\w)", r"\1 ", text)
    text = re.sub(rf"\ba (?=(?:{MAGNITUDES})\b)", "one ", text)
    # A word is split into letters where the other side has letters: both are joined.
    return re.sub(r"(?<=\b\w) (?=\w\b)", "", text).replace("per cent", "percent")


def main(arguments: list[str]) -> None:
    """Print the inputs that are read otherwise, with -v, and the share of right ones by class."""
    front_end = TextFrontEnd()
    right, total = defaultdict(int), defaultdict(int)
    for path in (Path(argument) for argument in arguments if argument != "-v"):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, text, readings = (*line.split("\t"), "", "")[:3]
            if not readings or text == "input":
                continue
            said = spoken(front_end, text)
            total[name] += 1
            if comparable(said) in {comparable(reading) for reading in readings.split(" / ")}:
                right[name] += 1
            elif "-v" in arguments:
                print(f"{name}: {text}\n  said: {said}\n  accepted: {readings}")
    for name in sorted(total):
        print(f"{name:16} {right[name]}/{total[name]}")
    print(f"total {sum(right.values())}/{sum(total.values())} = {100 * sum(right.values()) / max(sum(total.values()), 1):.1f} %")


if __name__ == "__main__":
    main(sys.argv[1:])
