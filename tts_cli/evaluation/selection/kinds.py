"""Kinds of recorded sentences: that of the corpus, and further ones that rules find in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_cli.corpora.layouts.clip import KINDS, QUESTIONS
from tts_cli.corpora.manifest import Recording

FURTHER_KINDS = ("or", "declarative question", "command", "list", "contrast", "dialogue")
"""Kinds that rules find in the text; a sentence may be of several."""
ALL_KINDS = tuple(dict.fromkeys((*KINDS, *FURTHER_KINDS)))
"""Kinds of recorded sentences, in the order of the report."""
FEWEST_OF_KIND = 30
"""Number of recorded sentences that a kind needs for a claim."""
_ITEM = r"[\w'’-]+(?: [\w'’-]+){0,3}"
_LIST = re.compile(rf"\b{_ITEM}, {_ITEM}(?:, {_ITEM})*,? (?:and|or) [\w'’-]+", re.IGNORECASE)
_CONTRAST = re.compile(r"\b(?:but|instead|rather than|although|though|however|yet not|not only)\b", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“”]")
_OR = re.compile(r"\bor\b", re.IGNORECASE)
_BEGINS_A_QUESTION = re.compile(
    r"\W*(?:and |but |so |or |then )?(?:wh\w+|how|am|is|are|was|were|do|does|did|have|has|had|can|could|will|would|shall|should|"
    r"may|might|must|\w+n['’]t)\b",
    re.IGNORECASE,
)
_VERBS = (
    "ask be begin bring buy call catch check choose clean close come cook count cut draw drink drive eat enter find "
    "follow get give go grab hang help hit hold hurry keep leave listen look make mix move open pay pick play press pull "
    "push put read remember ride run say see send set show shut sit stand start stay stop take tell think throw touch "
    "try turn use wait wake walk wash watch write"
)
_COMMAND = re.compile(
    r"[\"“]?(?:please |now |then |so |just |and )?(?:do not|don['’]t|never|let['’]?s?|let us|" + _VERBS.replace(" ", "|") + r")\b"
    r"(?! (?:is|was|are|were)\b)",
    re.IGNORECASE,
)


def kinds_of(clip: Recording) -> tuple[str, ...]:
    """Return all kinds of a recorded sentence, of `ALL_KINDS`: first that of its corpus."""
    text, is_question = clip.text, clip.kind in QUESTIONS or clip.text.rstrip("\"”' ").endswith("?")
    found = {
        "or": is_question and bool(_OR.search(text)),
        "declarative question": is_question and clip.kind != "wh" and not _BEGINS_A_QUESTION.match(text),
        "command": not is_question and bool(_COMMAND.match(text)),
        "list": bool(_LIST.search(text)),
        "contrast": bool(_CONTRAST.search(text)),
        "dialogue": bool(_QUOTED.search(text)),
    }
    return tuple(dict.fromkeys((clip.kind, *(kind for kind, is_there in found.items() if is_there))))


def by_kind(clips: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Return the recorded sentences of each kind of which there is one."""
    kinds = {clip: kinds_of(clip) for clip in clips}
    names = dict.fromkeys((*ALL_KINDS, *(clip.kind for clip in clips)))
    found = {name: [clip for clip in clips if name in kinds[clip]] for name in names}
    return {name: members for name, members in found.items() if members}


def label_of(kind: str, count: int) -> str:
    """Return the heading of a kind with `count` recorded sentences, which says where they are too few for a claim."""
    return kind if count >= FEWEST_OF_KIND else f"{kind}, too few for a claim"


def few_of(clips: Sequence[Recording]) -> str:
    """Return a note that lists the kinds with fewer than `FEWEST_OF_KIND` recorded sentences; "" if there are none."""
    counts = {name: len(members) for name, members in by_kind(clips).items()}
    few = [f"{name} {counts.get(name, 0)}" for name in ALL_KINDS if counts.get(name, 0) < FEWEST_OF_KIND]
    return f"Kinds with fewer than {FEWEST_OF_KIND} recorded sentences, which support no claim: {', '.join(few)}." if few else ""
