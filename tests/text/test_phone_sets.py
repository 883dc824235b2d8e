"""Phones in IPA, X-SAMPA and variants of the CMU set, and their mapping to the phones of the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_cli.errors import TextError
from tts_cli.text import TextFrontEnd, tables
from tts_cli.text.dictionary import read_lexicon
from tts_cli.text.phone_sets import guess_notation, label_notation, label_phones, read_phones, with_stress
from tts_cli.text.phones import PHONES, VOWELS


@pytest.mark.parametrize(
    ("written", "notation", "phones"),
    [
        ("təˈmɑːtəʊ", "ipa", "T AH0 M AA1 T OW0"),
        ("/t ə ˈm ɑː t əʊ/", "ipa", "T AH0 M AA1 T OW0"),
        ('t@"mA:t@U', "x-sampa", "T AH0 M AA1 T OW0"),
        ("T AH0 M EY1 T OW0", "arpabet", "T AH0 M EY1 T OW0"),
        ("t ay1", "arpabet", "T AY1"),
        ("b V t", "x-sampa", "B AH1 T"),
        ("D @", "x-sampa", "DH AH0"),
        ("ðə", "ipa", "DH AH0"),
        ("hɒt", "ipa", "HH AA1 T"),
        ("hɪər", "ipa", "HH IH1 R"),
        ("ˈhɪərɪŋ", "ipa", "HH IH1 R IH0 NG"),
        ("skweə", "ipa", "S K W EH1 R"),
        ("kjʊə", "ipa", "K Y UH1 R"),
        ("kɑː", "ipa", "K AA1"),
        ("ˈwɔːtə", "ipa", "W AO1 T AH0"),
        ("ˈbʌtər", "ipa", "B AH1 T ER0"),
        ("ˈfɜːri", "ipa", "F ER1 IY0"),
        ("t͡ʃɜːt͡ʃ", "ipa", "CH ER1 CH"),
        ("dʒʌdʒ", "ipa", "JH AH1 JH"),
        ("bʌtn̩", "ipa", "B AH1 T AH0 N"),
        ("ˈbɒtl̩", "ipa", "B AA1 T AH0 L"),
        ("ˌfəʊtəˈɡræfɪk", "ipa", "F OW2 T AH0 G R AE1 F IH0 K"),
        ("bɔɪ", "ipa", "B OY1"),
        ("naʊ", "ipa", "N AW1"),
        ("tʰɒmʔ", "ipa", "T AA1 M T"),
        ("lɪf.tɪŋ", "ipa", "L IH1 F T IH0 NG"),
        ("S E d j u:l", "x-sampa", "SH EH1 D Y UW0 L"),
        ("r\\3:m", "x-sampa", "R ER1 M"),
        ('%In"vEn_tS', "x-sampa", None),
    ],
)
def test_pronunciations_are_mapped(written: str, notation: str, phones: str | None) -> None:
    assert guess_notation(written) == notation
    if phones:
        assert " ".join(read_phones(written, "here")) == phones


def test_each_row_of_the_table_gives_phones_of_the_models() -> None:
    known = {*PHONES, *VOWELS}
    for phones, ipa, xsampa, _ in tables.rows("phone_sets"):
        assert set(phones.split()) <= known
        for notation, symbols in (("ipa", ipa), ("x-sampa", xsampa)):
            if symbols != "-":
                assert [label_phones(symbol, notation) for symbol in symbols.split("|")] == [tuple(phones.split())] * len(  # type: ignore[arg-type]
                    symbols.split("|")
                )


def test_each_vowel_of_a_pronunciation_has_one_stress() -> None:
    for vowel in ("ɑː", "ɪə", "əʊ", "ɒ"):
        for written in (f"p{vowel}", f"ˈp{vowel}tə", f"tə'p{vowel}"):
            phones = read_phones(written, "here")
            assert set(phones) <= set(PHONES)
            assert sum(phone.endswith("1") for phone in phones) == 1


def test_a_lexicon_may_mix_notations_and_an_unknown_symbol_is_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text('# British\ntomato\ttəˈmɑːtəʊ\nschedule S"EdZu:l # also sk\nSQL S IY1 K W AH0 L\n', encoding="utf-8")
    assert read_lexicon(path)["tomato"] == ("T", "AH0", "M", "AA1", "T", "OW0")
    assert read_lexicon(path)["schedule"] == ("SH", "EH1", "JH", "UW0", "L")
    assert "AA1" in TextFrontEnd(path).utterance("A tomato.").tokens
    path.write_text("ok T AY1\nloch lɒꭓ\n", encoding="utf-8")
    with pytest.raises(TextError, match=r"words\.txt:2: 'ꭓ' is no IPA symbol of English") as caught:
        read_lexicon(path)
    assert "nearest English sound" in (caught.value.hint or "")
    path.write_text("ok ˈ\n", encoding="utf-8")
    with pytest.raises(TextError, match=r"words\.txt:1: no phones"):
        read_lexicon(path)


def test_labels_of_alignments_are_mapped() -> None:
    assert label_notation(["AH", "B", "T"]) == "arpabet"
    assert label_notation(["aa", "b", "ax"]) == "arpabet"
    assert label_notation(["B_B", "AH1_I", "T_E"]) == "arpabet"
    assert label_notation(["ow", "b", "ɫ", "ej"]) == "ipa"
    assert label_notation(["@U", "b", "V", "{"]) == "x-sampa"
    assert [label_phones(label, "ipa") for label in ("tʲ", "d̪", "ɫ̩", "ɾ̃", "pʰ", "əw", "kʷ")] == [
        ("T",), ("DH",), ("AH0", "L"), ("N",), ("P",), ("OW",), ("K",),
    ]  # fmt: skip
    with pytest.raises(KeyError):
        label_phones("ɮ", "ipa")


def test_stress_comes_from_the_pronunciation_that_agrees() -> None:
    record = [("R", "AH0", "K", "AO1", "R", "D"), ("R", "EH1", "K", "ER0", "D")]
    assert with_stress(("R", "EH", "K", "ER", "D"), record) == record[1]
    assert with_stress(("R", "IH", "K", "AO", "D"), record) == ("R", "IH0", "K", "AO1", "D")
    assert with_stress(("L", "AE", "T", "ER"), [("L", "AE1", "D", "ER0")]) == ("L", "AE1", "D", "ER0")
    assert with_stress(("AH", "B", "AA"), []) == ("AH1", "B", "AA0")
    assert with_stress(("B", "AW2"), record) == ("B", "AW2")
