"""Parsers of other projects: distances of their tokens become distances of words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace

import pytest

from tts_cli.errors import InputError
from tts_cli.selection.parsers import Benepar, LinkGrammar, RightBranching, distances_of_words
from tts_cli.selection.syntax import parse_trees

WORDS, MARKS = ["I", "don't", "know", "John's", "dog"], ["", "", ",", "", "?"]


def test_right_branching() -> None:
    assert RightBranching().distances(WORDS, MARKS) == [0, 4, 3, 2, 1]


def test_tokens_without_a_word_and_words_without_a_token() -> None:
    (tree,) = parse_trees("(S (NP (X I)) (VP (X do) (X not) (VP (X know) (X that))) (X !))", "text")
    assert distances_of_words(tree, [0, 1, 1, 2, 4, -1], 5) == [0, 4, 2, 0, 1]
    assert distances_of_words(tree, [-1] * 6, 2) == [0, 0]
    with pytest.raises(ValueError, match="6 leaves cannot have 2 tokens"):
        distances_of_words(tree, [0, 1], 2)


class LinkPackage(ModuleType):
    """Stand-in for the package `linkgrammar`, as far as the parser uses it; every parse finds the same tree."""

    tokens: Sequence[str] = ("LEFT-WALL", "I", "don't", "know", ",", "John", "'s", "dog", "?", "RIGHT-WALL")
    tree = "(S (NP I.p)\n   (VP don't (VP know.v , (NP (NP John.m 's.p) dog{!}.n)))\n   ?)\n"
    fate = "parsed"
    LG_TimerExhausted = TimeoutError
    LG_Error = SimpleNamespace(set_handler=lambda _: None)

    def __init__(self) -> None:
        super().__init__("linkgrammar")
        self.texts: list[str] = []

    def Dictionary(self, language: str) -> str:  # noqa: N802
        return language

    def ParseOptions(self, **options: int) -> dict[str, int]:  # noqa: N802
        return options

    def Sentence(self, text: str, _: object, __: object) -> SimpleNamespace:  # noqa: N802
        self.texts.append(text)
        return SimpleNamespace(parse=lambda: self.parse(text))

    def parse(self, text: str) -> list[SimpleNamespace]:
        if self.fate == "late":
            raise self.LG_TimerExhausted
        linkage = SimpleNamespace(
            num_of_words=lambda: len(self.tokens),
            word_char_start=lambda token: text.index(self.tokens[token]),
            constituent_tree=lambda: self.tree if self.fate == "parsed" else "(S (NP I.p))",
        )
        return [] if self.fate == "none" else [linkage]


@pytest.fixture(name="link_package")
def _link_package(monkeypatch: pytest.MonkeyPatch) -> LinkPackage:
    package = LinkPackage()
    monkeypatch.setitem(sys.modules, "linkgrammar", package)
    return package


def test_link_grammar(link_package: LinkPackage) -> None:
    assert LinkGrammar().distances(WORDS, MARKS) == [0, 5, 4, 3, 2]
    assert link_package.texts == ["I don't know, John's dog?"]


def test_link_grammar_reads_leaves_of_treebanks_as_words(link_package: LinkPackage) -> None:
    words = ["I", "do", "n't", "know", "John", "'s", "dog"]
    assert LinkGrammar().distances(words, ["", "", "", ",", "", "", "?"]) == [0, 5, 0, 4, 3, 1, 2]
    assert link_package.texts == ["I don't know, John's dog?"]


@pytest.mark.parametrize("fate", ["late", "none", "in part"])
def test_link_grammar_takes_for_a_chain_what_it_cannot_parse(link_package: LinkPackage, fate: str) -> None:
    link_package.fate = fate
    assert LinkGrammar().distances(WORDS, MARKS) == [0, 4, 3, 2, 1]


def test_benepar(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("benepar")
    given: list[list[str]] = []

    def parser(_: str) -> SimpleNamespace:
        return SimpleNamespace(parse=lambda words: given.append(words) or tree)

    tree = "(TOP (SQ (NP (P I)) (VP (V do) (R n't) (VP (V know) (, ,) (NP (NP (N John) (POS 's)) (N dog)))) (. ?)))"
    package.__dict__.update(Parser=parser, InputSentence=lambda words: words)
    monkeypatch.setitem(sys.modules, "benepar", package)
    assert Benepar().distances(WORDS, MARKS) == [0, 6, 4, 3, 2]
    assert given == [["I", "do", "n't", "know", ",", "John", "'s", "dog", "?"]]


def test_benepar_without_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def parser(_: str) -> None:
        raise LookupError

    package = ModuleType("benepar")
    package.__dict__.update(Parser=parser)
    monkeypatch.setitem(sys.modules, "benepar", package)
    with pytest.raises(InputError, match="lacks its model 'benepar_en3'"):
        Benepar()


@pytest.mark.parametrize(("parser", "package"), [(LinkGrammar, "linkgrammar"), (Benepar, "benepar")])
def test_what_is_not_installed_says_how_to_get_it(parser: type, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match="is not installed") as raised:
        parser()
    assert raised.value.hint
    assert "install" in raised.value.hint
