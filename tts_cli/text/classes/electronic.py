"""Electronic addresses: web and mail addresses, handles, hashtags, paths, file names and addresses of the Internet Protocol."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, digits, year
from tts_cli.text.patterns import pattern
from tts_cli.text.spelling import mixed_case_parts, spell
from tts_cli.text.tables import rows

_MARKS = {
    ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "+": "plus", ":": "colon", "=": "equals",
    "&": "ampersand",
    "?": "question mark", "#": "hash", "%": "percent", "~": "tilde", "\\": "backslash", "*": "star", "$": "dollar", ",": "comma",
    "!": "exclamation mark",
}  # fmt: skip
_PARTS = pattern(r"[A-Za-z]+|\d+|[./@:_+=&?#%~\\*$,!-]")
_CANDIDATE = pattern(r"[\w.+&-]{1,64}(?:@\w|://|:\\|/\w|:\d)|[\w-]{1,64}\.\w")
_MAIL = pattern(r"[A-Za-z\d][\w.+&-]{0,63}@[A-Za-z\d][\w-]{0,62}(?:\.[\w-]{1,63}){1,4}(?:/[^\s<>\"()]{0,300}[\w])?")
_URL = pattern(r"(?:(?:https?|ftps?|sftp|ssh|git|file|mailto)://|www\.)[^\s<>\"()]{1,300}[\w/]", re.IGNORECASE)
_HOST = pattern(
    r"[A-Za-z\d][\w-]{0,62}(?:\.[A-Za-z\d][\w-]{0,62}){0,3}\.(?P<end>[A-Za-z]{2,6})(?![\w'@-])"
    r"(?P<port>:\d{2,5})?(?P<path>/[^\s<>\"()]{0,300}[\w/]|/|\?[\w=&%.-]{0,100}\w)?"
)
_IP = pattern(r"\d{1,3}(?:\.\d{1,3}){3}(?![\w.]{0,8}\.\d|\w)(?P<port>:\d{2,5}|/\d{1,2})?")
_HANDLE = pattern(r"@(?P<name>[A-Za-z_][\w]{0,29}(?:\.[A-Za-z_]\w{0,20})?)")
_HASHTAG = pattern(r"#(?P<name>\d{0,4}[A-Za-z_]\w{0,60})")
_PATH = pattern(r"(?:~|\.{1,2})?(?:/[\w.@+-]{1,60}){1,16}/?|~/|~\w{1,16}/(?:[\w.-]{1,60}/?){1,12}")
_SHARE = pattern(r"\\\\[\w.-]{1,60}(?:\\[\w$-]{1,60}(?:\.\w{1,5})?){1,8}\\?")
_PHONEMES = pattern(r"/[^/]*/")
_RELATIVE = pattern(
    r"[\w.-]{1,40}(?:/[\w.-]{1,60}){1,12}\.(?P<end>[a-z\d]{1,6})(?![\w/])|"
    r"[a-z_][\w-]{1,30}/(?:[\w-]{1,40}/){1,8}(?=[\s,;:!?)\"]|\.?$|\. )"
)
_WINDOWS = pattern(r"[A-Za-z]:\\(?:[\w.-]{1,60}(?: [A-Z][\w.-]{0,40}(?=\\))?\\?){0,16}")
_FILE = pattern(r"(?:\.?[\w-]{1,60})(?:\.[\w-]{1,30}){0,3}\.(?P<end>[A-Za-z][A-Za-z\d]{0,5})(?![\w'@]|-\w|\.\w)")
_WILD = pattern(r"\*\.(?P<end>[a-z][a-z\d]{0,5})\b")
_DOTFILE = pattern(r"\.(?P<name>[a-z]{2,16})(?![\w.]{0,20}[(])\b")
_SCHEMES = frozenset("http https ftp ftps sftp ssh git file mailto localhost".split())
_LOCAL = pattern(r"localhost:\d{2,5}(?!\w)")
_ALSO_WORDS = frozenset("go me it no at in be is us so to as am do log back temp".split())


@cache
def _file_types() -> dict[str, Words]:
    return {key: tuple(row[1].split()) for row in rows("file_types") for key in row[0].split("|")}


@cache
def _domains() -> dict[str, Words]:
    return {row[0]: tuple(row[1].split()) for row in rows("domains")}


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of an electronic address at `place`, or None."""
    character = text[place]
    if character in "@#":
        return _tagged(text, place)
    if character in "/~.\\":
        return _path(text, place)
    if not _CANDIDATE.match(text, place) or not begins_word(text, place) or (text[place - 1 : place] in tuple("@\\") and place):
        return None
    return _web(text, place) or _file(text, place)


_NUMBERED = pattern(r"#[A-Z]{0,4}-?\d+[A-Za-z]?(?!\w)")


def _tagged(text: str, place: int) -> Verbalization | None:
    if not begins_word(text, place) or text[place - 1 : place] == "&":
        return None
    if match := _HANDLE.match(text, place):
        return Verbalization(match.end(), ("at", *name_words(match["name"])), "handle", "@ and a name")
    if (match := _HASHTAG.match(text, place)) and not _NUMBERED.match(text, place):
        return Verbalization(match.end(), ("hashtag", *name_words(match["name"])), "handle", "# and a word")
    return None


def _web(text: str, place: int) -> Verbalization | None:
    if match := _URL.match(text, place):
        address = match[0]
        while address.endswith("'"):
            address = address[:-1]
        return Verbalization(place + len(address), _address(address), "url", "web address")
    if match := _MAIL.match(text, place):
        return Verbalization(match.end(), _address(match[0]), "url", "mail address")
    if text[place].isdigit() and (match := _IP.match(text, place)):
        return Verbalization(match.end(), _protocol_address(match[0]), "url", "address of the Internet Protocol")
    if match := _LOCAL.match(text, place):
        return Verbalization(match.end(), _address(match[0]), "url", "local host and port")
    return _host(text, place)


def _host(text: str, place: int) -> Verbalization | None:
    """Return the reading of a host name whose last part is a known top-level domain."""
    match = _HOST.match(text, place)
    if not match:
        return None
    end = match["end"]
    if end not in _domains() and not (match[0].isupper() and end in ("COM", "ORG", "NET", "EDU", "GOV")):
        return None
    host = match[0][: match.end("end") - place]
    first = host.split(".")[0]
    if host.count(".") == 1 and (end in _ALSO_WORDS or first.isdigit()) and not (match["path"] or match["port"]):
        return None
    if re.search(r"\.[A-Z][a-z]", host) and not match["path"]:
        return None
    return Verbalization(match.end(), _address(match[0]), "url", f"host name in .{end}")


def _path(text: str, place: int) -> Verbalization | None:
    """Return the reading of a path that begins with a slash, a tilde or dots, or of a hidden file."""
    before = text[place - 1 : place] if place else " "
    if before not in " \n\"'([=:,>" or text[place : place + 2] == "//":
        return None
    if match := _SHARE.match(text, place):
        return Verbalization(match.end(), _file_words(match[0]), "code", "path of a shared folder")
    match = _PATH.match(text, place)
    if match and re.search("[A-Za-z]", match[0]) and not _PHONEMES.fullmatch(match[0]):
        written = match[0]
        while written[-1] in ".-'":
            written = written[:-1]
        return Verbalization(place + len(written), _file_words(written), "code", "path of a file")
    dotted = _DOTFILE.match(text, place)
    if dotted and (
        dotted["name"] in _file_types()
        or dotted["name"] in ("gitignore", "env", "bashrc", "zshrc", "vimrc", "npmrc", "dockerignore", "com", "org", "net")
    ):
        return Verbalization(dotted.end(), ("dot", *_ending(dotted["name"])), "code", "ending of a file name")
    return None


def read_files(text: str, place: int) -> Verbalization | None:
    """Return the reading of all files of a type, such as *.csv, at `place`, or None."""
    match = _WILD.match(text, place)
    if not match or match["end"] not in _file_types() or not begins_word(text, place):
        return None
    return Verbalization(match.end(), ("star", "dot", *_ending(match["end"])), "code", "files of a type")


def _file(text: str, place: int) -> Verbalization | None:
    """Return the reading of a path of Windows, a relative path or a file name."""
    if match := _WINDOWS.match(text, place):
        written = match[0].rstrip(".-")
        return Verbalization(place + len(written), _file_words(written), "code", "path of a file")
    if (match := _RELATIVE.match(text, place)) and (not match["end"] or match["end"] in _file_types()):
        return Verbalization(match.end(), _file_words(match[0]), "code", "path of a file")
    match = _FILE.match(text, place)
    if not match or match["end"].lower() not in _file_types() or match["end"].istitle():
        return None
    stem = match[0][: match.start("end") - place - 1]
    if stem.isdigit() and match["end"] not in ("jpg", "png", "mp3", "mp4", "txt", "pdf", "wav", "csv", "json"):
        return None
    if match["end"] in _ALSO_WORDS and not re.search(r"[\d_/.-]|[a-z][A-Z]", stem) and cmu_has(stem.lower()):
        return None
    return Verbalization(match.end(), _file_words(match[0]), "code", "name of a file")


def _address(address: str) -> Words:
    """Return the words of a mail or web address; digits one by one, marks by their names."""
    words: list[str] = []
    parts = _PARTS.findall(address.rstrip("/") if "://" not in address or address.count("/") > 2 else address)
    host = _host_end(parts)
    for place, part in enumerate(parts):
        if part.isdigit():
            words += digits(part)
        elif part.isalpha():
            words += _domains()[part.lower()] if place in host and part.lower() in _domains() else _address_word(part)
        else:
            words += _MARKS[part].split()
    return tuple(words)


def _protocol_address(address: str) -> Words:
    words: list[str] = []
    for part in re.findall(r"[./:]|\d+", address):
        words += _MARKS[part].split() if not part.isdigit() else cardinal(part) if part == "10" else digits(part)
    return tuple(words)


def _host_end(parts: list[str]) -> range:
    """Return the places of the top-level domain in the parts of an address: from its last dots to the first slash."""
    start = 4 if parts[1:4] == [":", "/", "/"] else 0
    if "@" in parts:
        start = parts.index("@")
    ends = [place for place, part in enumerate(parts) if place > start and part in "/?:"]
    end = ends[0] if ends else len(parts)
    dots = [place for place in range(start, end) if parts[place] == "."]
    return range(dots[-1] if not dots or end - dots[-1] != 2 else max(dots[-1], 0), end) if dots else range(0)


def _address_word(part: str) -> Words:
    ending = _file_types().get(part)
    if ending and len(ending) > 1 and part in ("html", "htm", "php", "pdf", "js", "jpg", "json", "xml", "css", "png"):
        return ending
    pieces = mixed_case_parts(part)
    if len(pieces) > 1 and not part.isupper():
        return tuple(word for piece in pieces for word in _piece(piece))
    return _piece(part)


def _piece(part: str) -> Words:
    """Return a word, or the letters of a part that is no word."""
    if len(part) == 1 or (len(part) > 1 and not re.search("[aeiouy]", part.lower()) and not cmu_has(part.lower())):
        return spell(part)
    if part.isupper() and len(part) <= 4 and not cmu_has(part.lower()):
        return spell(part)
    if len(part) == 3 and not cmu_has(part):
        return (
            spell(part)
            if part.lower() in ("usr", "etc", "src", "faq", "api", "url", "ftp", "ssh", "uk", "usa", "cv")
            else (part,)
        )
    return spell(part) if part.lower() in ("etc", "faq", "api", "usr", "lib64") else (part,)


def name_words(name: str) -> Words:
    """Return the words of a handle, hashtag or file name: split at capitals, digits and underscores."""
    words: list[str] = []
    for part in _PARTS.findall(name):
        if part.isdigit():
            words += _number(part)
        elif part.isalpha():
            pieces = mixed_case_parts(part) if not part.islower() else [part]
            words += [word for piece in pieces for word in _piece(piece)]
        else:
            words += _MARKS[part].split()
    return tuple(words)


def _number(part: str) -> Words:
    if len(part) == 4 and part[:2] in ("19", "20"):
        return year(part)
    return cardinal(part) if len(part) <= 2 and part[0] != "0" else digits(part)


def _ending(end: str) -> Words:
    return _file_types().get(end.lower()) or name_words(end)


def _file_words(written: str) -> Words:
    """Return the words of a path or file name, with the words of its ending."""
    stem, dot, end = written.rpartition(".")
    if dot and stem and end.lower() in _file_types():
        return (*name_words(stem.rstrip(".")), "dot", *_ending(end))
    return name_words(written)


FILES = SemioticClass("files of a type", read_files, characters="*")
CLASS = SemioticClass("electronic", read, characters="0123456789@#/~.\\", words=_SCHEMES, marked=True)
