"""Homographs: their senses, the light classifier, the rules beside it, and a sample of the labelled sentences."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from tts_cli.text import TextFrontEnd
from tts_cli.text.dictionary import cmu_pronunciations
from tts_cli.text.heteronyms import LEARNED, choose, sure
from tts_cli.text.homographs import LIGHT_SENSES, TABLE_SIZE, WEIGHTS_FILE, LightSenses, homographs
from tts_cli.text.phones import PHONES, VOWELS

FRONT_END = TextFrontEnd()


def spoken(sentence: str, word: str, front_end: TextFrontEnd = FRONT_END) -> str:
    """Return the phones of the first `word` in `sentence`."""
    utterance = front_end.utterance(sentence)
    index = utterance.words.index(word)
    return " ".join(token for token, of in zip(utterance.tokens, utterance.word_of_token, strict=True) if of == index)


def test_every_homograph_has_all_its_pronunciations() -> None:
    assert len(homographs()) == 162
    for word, senses in homographs().items():
        assert len(senses) >= 2 and len({sense.phones for sense in senses}) == len(senses), word
        for sense in senses:
            assert set(sense.phones) <= set(PHONES), sense
            assert sum(phone.endswith("1") for phone in sense.phones if phone[:2] in VOWELS) == 1, sense
            assert sense.kind in "NVA" and sense.name.startswith(word)


def test_most_pronunciations_are_those_of_the_dictionary() -> None:
    senses = [(word, sense) for word, every in homographs().items() for sense in every]
    assert sum(sense.phones in cmu_pronunciations(word) for word, sense in senses) > 0.75 * len(senses)


@pytest.mark.parametrize(
    ("sentence", "word", "phones"),
    [
        ("They attribute it to luck.", "attribute", "AH0 T R IH1 B Y UW2 T"),
        ("It is an attribute of the class.", "attribute", "AE1 T R AH0 B Y UW2 T"),
        ("The axes of the graph are labelled.", "axes", "AE1 K S IY2 Z"),
        ("They carried axes and saws.", "axes", "AE1 K S IH2 Z"),
        ("They tried to overthrow the king.", "overthrow", "OW2 V ER0 TH R OW1"),
        ("After the overthrow of the king, peace came.", "overthrow", "OW1 V ER0 TH R OW2"),
        ("He is a consummate liar.", "consummate", "K AA1 N S AH0 M AH0 T"),
        ("Yesterday she read the whole book.", "read", "R EH1 D"),
        ("I have read it.", "read", "R EH1 D"),
        ("He read it twice last night.", "read", "R EH1 D"),
        ("Can you read this?", "read", "R IY1 D"),
        ("Do they object?", "object", "AH0 B JH EH1 K T"),
        ("Did he read it?", "read", "R IY1 D"),
        ("He took a bow and left the stage.", "bow", "B AW1"),
        ("The train to Reading was late.", "Reading", "R EH1 D IH0 NG"),
        ("Reading is fun.", "Reading", "R IY1 D IH0 NG"),
        ("An aged man sat there.", "aged", "EY1 JH IH0 D"),
        ("He aged ten years.", "aged", "EY1 JH D"),
        ("Please read the next page.", "read", "R IY1 D"),
        ("She took the lead in the race.", "lead", "L IY1 D"),
        ("Lead pipes are old.", "Lead", "L EH1 D"),
        ("We live in a small town.", "live", "L IH1 V"),
        ("The show was broadcast live.", "live", "L AY1 V"),
        ("Do not tear the paper.", "tear", "T EH1 R"),
        ("She tied a bow in her hair.", "bow", "B OW1"),
        ("They stood at the bow of the ship.", "bow", "B AW1"),
        ("The factory will produce cars.", "produce", "P R AH0 D UW1 S"),
        ("Fresh produce is sold at the market.", "produce", "P R OW1 D UW0 S"),
        ("He wound the rope around the post.", "wound", "W AW1 N D"),
        ("The nurse dressed the wound.", "wound", "W UW1 N D"),
        ("Use a sharp knife.", "Use", "Y UW1 Z"),
        ("It is no use at all.", "use", "Y UW1 S"),
        ("There is no excuse for this.", "excuse", "IH0 K S K Y UW1 S"),
        ("A minute amount of poison was found.", "minute", "M AY0 N UW1 T"),
        ("Wait a minute.", "minute", "M IH1 N AH0 T"),
        ("He dove into the lake.", "dove", "D OW1 V"),
        ("I sent them my resume.", "resume", "R EH1 Z AH0 M EY2"),
        ("Talks will resume on Monday.", "resume", "R IH0 Z UW1 M"),
        ("They had a blazing row.", "row", "R AW1"),
        ("We sat in the front row.", "row", "R OW1"),
        ("Polish the silver.", "Polish", "P AA1 L IH0 SH"),
        ("She speaks Polish at home.", "Polish", "P OW1 L IH0 SH"),
        ("He would never desert his friends.", "desert", "D IH0 Z ER1 T"),
        ("The desert is hot.", "desert", "D EH1 Z ER0 T"),
        ("I object to this.", "object", "AH0 B JH EH1 K T"),
        ("It is subject to change.", "subject", "S AH1 B JH IH0 K T"),
        ("She was content with her life.", "content", "K AH0 N T EH1 N T"),
        ("The museum will house the collection.", "house", "HH AW1 Z"),
        ("Please mouth the words.", "mouth", "M AW1 DH"),
        ("The Book of Job is old.", "Job", "JH OW1 B"),
        ("My job is hard.", "job", "JH AA1 B"),
        ("For the sake of peace.", "sake", "S EY1 K"),
        ("He attributes it to luck.", "attributes", "AH0 T R IH1 B Y UW2 T S"),
        ("The attributes of the class.", "attributes", "AE1 T R AH0 B Y UW2 T S"),
        ("She overthrows the king.", "overthrows", "OW2 V ER0 TH R OW1 Z"),
        ("Those affiliates left.", "affiliates", "AH0 F IH1 L IY0 AH0 T S"),
        ("The houses are old.", "houses", "HH AW1 S AH0 Z"),
        ("She shed tears.", "tears", "T IH1 R Z"),
    ],
)
def test_sentences_without_an_encoder(sentence: str, word: str, phones: str) -> None:
    assert spoken(sentence, word) == phones


def test_neighbours_that_leave_no_doubt_precede_the_classifier() -> None:
    names = [
        homographs()["read"][index].name
        for index in (sure("read", "", "have", ""), sure("read", "", "will", ""))
        if index is not None
    ]
    assert names == ["read_past", "read_present"]
    assert sure("read", "", "they", "it") is None
    assert sure("convict", "", "would", "") is not None and sure("convict", "", "the", "") is None


def test_a_homograph_without_examples_follows_rules() -> None:
    assert "desert" not in LEARNED
    assert choose("desert", [("X",)], "to", "the") == ("D", "IH0", "Z", "ER1", "T")
    assert choose("desert", [("X",)], "a", "") == ("D", "EH1", "Z", "ER0", "T")


def test_a_lexicon_wins_over_every_classifier(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("axes AE1 K S\nread R AA1 D\n", encoding="utf-8")
    front_end = TextFrontEnd(path)
    assert spoken("The axes cross.", "axes", front_end) == "AE1 K S"
    assert spoken("I have read it.", "read", front_end) == "R AA1 D"


def test_another_classifier_may_choose() -> None:
    class Last:
        def prepare(self) -> None:
            pass

        def choose(self, words: list[str], marks: list[str], places: list[int]) -> list[int]:
            assert len(words) == len(marks)
            return [len(homographs()[words[place].lower()]) - 1 for place in places]

    front_end = TextFrontEnd(senses=Last())
    assert spoken("August was hot.", "August", front_end) == "AW1 G UH2 S T"
    assert spoken("I have read it.", "read", front_end) == "R EH1 D"


def test_scores_are_log_probabilities_and_the_weights_are_small(tmp_path: Path) -> None:
    import math

    scores = LIGHT_SENSES.scores(["the", "wind", "blew"], [" ", " ", "."], 1)
    assert sum(map(math.exp, scores)) == pytest.approx(1)
    assert WEIGHTS_FILE.stat().st_size == 4 + TABLE_SIZE <= 70_000
    blank = tmp_path / "blank"
    blank.write_bytes(struct.pack("<f", 1.0) + bytes(TABLE_SIZE))
    assert LightSenses(blank).scores(["wind"], ["."], 0) == pytest.approx([math.log(0.5)] * 2)


@pytest.mark.skipif("TTS_CORPORA" not in os.environ, reason="TTS_CORPORA does not say where the real corpora are")
def test_a_sample_of_the_held_out_sentences() -> None:
    pytest.importorskip("torch")
    from tts_cli.models.homographs import accuracy, held_out, read_examples, spoken_senses

    examples = read_examples(Path(os.environ["TTS_CORPORA"]) / "homographs")
    sample = [example for example, is_held in zip(examples, held_out(examples), strict=True) if is_held]
    assert len(sample) > 1400
    assert accuracy(sample, spoken_senses(sample, LIGHT_SENSES)).micro > 0.94
