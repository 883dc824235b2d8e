"""Chess: moves in algebraic notation, with their numbers."""

from __future__ import annotations

import re

from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, previous_word
from tts_cli.text.numbers import Words, cardinal

_PIECES = {"K": "king", "Q": "queen", "R": "rook", "B": "bishop", "N": "knight"}
_NEAR = 40
_CASTLING = r"(?:O-O(?:-O)?|0-0(?:-0)?)"
_MOVE = r"(?:[KQRBN][a-h]?[1-8]?x?[a-h][1-8]|[a-h]x[a-h][1-8]|[a-h][1-8])(?:=[QRBN])?"
_TOKEN = re.compile(
    rf"(?:(?P<castling>{_CASTLING})|(?P<move>{_MOVE}))(?P<check>\+\+?|#)?(?P<praise>[!?]{{0,2}}(?![\w!?]))(?![\w'=/@])"
)
_PARTS = re.compile(r"([KQRBN]?)([a-h]?)([1-8]?)(x?)([a-h])([1-8])(?:=([QRBN]))?$")
_SURE = re.compile(r"[KQRBN][a-h]?[1-8]?x[a-h][1-8]|[a-h]x[a-h][1-8]|O-O|[KQRBN][a-h][1-8][+#]|[a-h][1-8]=[QRBN]")
_LIKELY = re.compile(rf"(?<![\w/])(?:\d{{1,3}}\.{{1,3}} ?{_MOVE}|[KQRBN][a-h]?x?[a-h][1-8]|[a-h]x[a-h][1-8]|O-O)(?![\w'])")
_NUMBER = re.compile(rf"(\d{{1,3}})(\.{{1,3}}) ?(?=(?:{_CASTLING}|{_MOVE})(?![\w'/@]))")
_VERBS = frozenset(
    "played plays play playing moved move moves moving answered replied opened castled blundered with after".split()
)


def _read_move(text: str, place: int) -> Verbalization | None:
    if not begins_word(text, place) or text[place - 1 : place] in ("-", "/", "#", "@", "_"):
        return None
    match = _TOKEN.match(text, place)
    if not match or not (_SURE.match(text, place) or _is_game(text, match)):
        return None
    words = _castling(text, match) if match["castling"] else _move(match["move"])
    check = {"+": ("check",), "++": ("double", "check"), "#": ("checkmate",)}.get(match["check"] or "", ())
    end = (
        match.start("praise")
        if text[match.end() : match.end() + 1] not in ("", " ") or not _praises(text, match)
        else match.end()
    )
    return Verbalization(end, (*words, *check), "chess", "move")


def _praises(text: str, match: re.Match[str]) -> bool:
    """Return True if the marks after a move judge it, instead of ending the sentence: "Nf3! e5"."""
    return bool(match["praise"]) and text[match.end() + 1 : match.end() + 2].islower()


def _is_game(text: str, match: re.Match[str]) -> bool:
    """Return True if the words around are of a game of chess: another move, a move number, or a verb before a piece's move."""
    before, after = text[max(0, match.start() - _NEAR) : match.start()], text[match.end() : match.end() + _NEAR]
    if _LIKELY.search(before) or _LIKELY.search(after) or re.search(r"(?<!\w)\d{1,3}\.{1,3} ?$", before):
        return True
    return match[0][0].isupper() and previous_word(text, match.start()).lower() in _VERBS


def _castling(text: str, match: re.Match[str]) -> Words:
    side = "queenside" if len(match["castling"]) > len("O-O") else "kingside"
    return (side,) if previous_word(text, match.start()).startswith("castl") else ("castles", side)


def _move(move: str) -> Words:
    parts = _PARTS.match(move)
    if not parts:
        return ()
    piece, file, rank, takes, to_file, to_rank, promoted = parts.groups()
    words: Words = (_PIECES[piece],) if piece else ()
    words += ((file.upper() + ".",) if file else ()) + (cardinal(rank) if rank else ()) + (("takes",) if takes else ())
    words += (to_file.upper() + ".", *cardinal(to_rank))
    return (*words, "promotes", "to", _PIECES[promoted]) if promoted else words


def _read_number(text: str, place: int) -> Verbalization | None:
    match = _NUMBER.match(text, place)
    if not match or not begins_word(text, place):
        return None
    *words, last = cardinal(match[1])
    return Verbalization(match.end(2), (*words, last + ","), "chess", "number of a move")


CLASSES = (
    SemioticClass("chess", _read_move, words=frozenset("abcdefgh"), marked=True),
    SemioticClass("chess number", _read_number, characters="0123456789"),
)
