"""Alignments by other aligners: TextGrids and CTM files in, TextGrids out, and files that do not fit their clips."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic import MEL, noise

from tts_cli.audio.alignment import given_durations
from tts_cli.audio.textgrid import Interval, textgrid_text
from tts_cli.corpora import prepare
from tts_cli.corpora.alignments import Alignments, read_ctm
from tts_cli.corpora.clips import AnalysisTask
from tts_cli.corpora.layouts import Clip
from tts_cli.corpora.manifest import Recording, open_corpus
from tts_cli.corpora.prepare import PrepareOptions
from tts_cli.corpora.report import PrepareReport
from tts_cli.errors import CorpusError, InputError
from tts_cli.text import TextFrontEnd

pytest.importorskip("swift_f0")

Spans = list[tuple[str, float, float]]
WORDS: Spans = [("shall", 0.1, 0.3), ("i", 0.3, 0.35), ("carry", 0.4, 0.6), ("you", 0.6, 0.8)]
PHONES: Spans = [
    ("SH", 0.1, 0.2), ("AE1", 0.2, 0.25), ("L", 0.25, 0.3), ("AY1", 0.3, 0.35), ("sp", 0.35, 0.4), ("K", 0.4, 0.45),
    ("EH1", 0.45, 0.5), ("R", 0.5, 0.55), ("IY0", 0.55, 0.6), ("Y", 0.6, 0.7), ("UW1", 0.7, 0.8), ("sil", 0.8, 1.0),
]  # fmt: skip
TOKENS = "^ SH AE1 L _ AY1 _ K EH1 R IY0 _ Y UW1 ?".replace("_", "\N{SPACE}")


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[..., tuple[PrepareReport, list[Recording]]]:
    """Return a function that prepares one recording of noise, one second long, with the given files of alignments."""

    def run(
        *files: tuple[str, str], seconds: float = 1.0, text: str = "Shall I carry you?"
    ) -> tuple[PrepareReport, list[Recording]]:
        folder, grids = tmp_path / "mine", tmp_path / "grids"
        (folder / "wavs").mkdir(parents=True, exist_ok=True)
        (folder / "metadata.csv").write_text(f"one|{text}\n", encoding="utf-8")
        soundfile.write(folder / "wavs" / "one.wav", noise(seconds), MEL.sample_rate)
        for name, content in files:
            (grids / name).parent.mkdir(parents=True, exist_ok=True)
            (grids / name).write_text(content, encoding="utf-8")
        report = prepare.prepare([folder], tmp_path / "out", PrepareOptions(alignments=grids))
        path = tmp_path / "out" / "manifest.jsonl"
        return report, list(open_corpus(tmp_path / "out").recordings) if report.num_clips and path.exists() else []

    return run


def grid(phones: Spans = PHONES, words: Spans | None = WORDS, length_s: float = 1.0, **more: Spans) -> str:
    tiers = {**({"words": words} if words is not None else {}), "phones": phones, **more}
    return textgrid_text({name: [Interval(*span) for span in spans] for name, spans in tiers.items()}, length_s)


def ctm(phones: Spans = PHONES, name: str = "one") -> str:
    return "".join(f"{name} 1 {start:.3f} {end - start:.3f} {phone}\n" for phone, start, end in phones)


def renamed(spans: Spans, **names: str) -> Spans:
    return [(names.get(label, label), start, end) for label, start, end in spans]


UNSTRESSED = [(label.rstrip("012"), start, end) for label, start, end in PHONES]
IPA = renamed(
    PHONES, SH="ʃ", AE1="æ", L="ɫ", AY1="aj", sp="", K="kʰ", EH1="ɛ", R="ɹ", IY0="i", Y="j", UW1="ʉː", sil="spn"
)  # fmt: skip
XSAMPA = renamed(PHONES, SH="S", AE1="{", L="l", AY1="aI", sp="<p:>", K="k", EH1="E", R="r", IY0="i", Y="j", UW1="u:", sil="<p:>")
KALDI = [(f"{label}_I" if label not in ("sp", "sil") else label.upper(), start, end) for label, start, end in PHONES]


@pytest.mark.parametrize(
    "file",
    [
        ("one.TextGrid", grid()),
        ("anna/one.TextGrid", grid(UNSTRESSED)),
        ("one.TextGrid", grid(IPA)),
        ("one.TextGrid", grid(XSAMPA).replace('"phones"', '"MAU"').replace('"words"', '"ORT-MAU"')),
        ("mine_one.TextGrid", grid().replace('"phones"', '"mine - phones"').replace('"words"', '"mine - words"')),
        ("one.TextGrid", grid(words=None).replace('"phones"', '"phone"')),
        ("one.TextGrid", grid(renamed(PHONES, sp="<eps>", sil="spn"))),
        ("all.ctm", ctm()),
        ("all.ctm", ";; phones\n" + ctm(KALDI, "mine-one") + ctm(name="other")),
        ("all.ctm", ctm(UNSTRESSED).replace("\n", " 0.98\n")),
    ],
)
def test_every_form_gives_the_same_durations(
    file: tuple[str, str], spoken: Callable[..., tuple[PrepareReport, list[Recording]]]
) -> None:
    report, recordings = spoken(file)
    assert report.rejects == []
    assert report.alignments == {"given": 1}
    (recording,) = recordings
    assert " ".join(recording.tokens) == TOKENS
    # 80 frames a second: 0.1 s are 8 frames.
    assert recording.durations == (8, 8, 4, 4, 0, 4, 4, 4, 4, 4, 4, 0, 8, 8, recording.num_frames - 64)


def test_pronunciation_words_and_boundaries_of_the_file_count(
    spoken: Callable[..., tuple[PrepareReport, list[Recording]]],
) -> None:
    phones = [*PHONES[:9], ("Y", 0.59, 0.7), ("AH0", 0.7, 0.8)]
    report, (recording,) = spoken(("one.TextGrid", grid(phones, renamed(WORDS, i="I", you="yo-u"))))
    assert report.rejects == []
    assert " ".join(recording.tokens) == TOKENS.replace("UW1", "AH0")
    assert recording.durations[11:14] == (0, 8, 8)


def test_words_that_are_divided_otherwise_fit(spoken: Callable[..., tuple[PrepareReport, list[Recording]]]) -> None:
    words = [("shall-i", 0.1, 0.35), ("car", 0.4, 0.5), ("ry", 0.5, 0.6), ("you", 0.6, 0.8)]
    _, (recording,) = spoken(("one.TextGrid", grid(words=words)))
    assert " ".join(recording.tokens) == TOKENS


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (("one.TextGrid", grid(words=renamed(WORDS, carry="bury"))), "word 3 is 'bury', but the text has 'carry'"),
        (("one.TextGrid", grid(words=WORDS[:3], phones=PHONES[:9])), "word 4 is no further word, but the text has 'you'"),
        (("one.TextGrid", grid(words=[*WORDS, ("all", 0.8, 1.0)], phones=[*PHONES[:11], ("AO1", 0.8, 1.0)])), "word 5 is 'all'"),
        (("one.TextGrid", grid(renamed(PHONES, K="Q"))), "'Q' is no phone that can be mapped"),
        (("one.TextGrid", grid(words=[WORDS[0], *WORDS[2:]])), "the phone 'AY1' at 0.3 s is in no word"),
        (("one.TextGrid", grid(length_s=1.4)), "one.TextGrid: the alignment lasts 1.40 s, but the recording 1.00 s"),
        (("one.TextGrid", grid(PHONES[:11], length_s=0.8)), "one.TextGrid: the alignment lasts 0.80 s, but the recording 1.00 s"),
        (("one.TextGrid", grid()[:600]), "one.TextGrid:"),
        (
            ("one.TextGrid", grid(words=None, phones=[("B", n / 20, n / 20 + 0.05) for n in range(11)])),
            "first in the word 'Shall'",
        ),
        (("all.ctm", ctm([(label, 2 * start, 2 * end) for label, start, end in PHONES])), "the alignment lasts 1.60 s"),
    ],
)
def test_files_that_do_not_fit_are_rejects(
    file: tuple[str, str], told: str, spoken: Callable[..., tuple[PrepareReport, list[Recording]]]
) -> None:
    report, _ = spoken(file)
    (reject,) = report.rejects
    assert (reject.id, reject.kind) == ("one", "alignment file does not fit")
    assert told in reject.reason and file[0] in reject.reason


@pytest.mark.parametrize("length_s", [0.93, 1.07])
def test_a_length_that_is_a_little_off_is_mended(
    length_s: float, spoken: Callable[..., tuple[PrepareReport, list[Recording]]]
) -> None:
    report, (recording,) = spoken(("one.TextGrid", grid(length_s=length_s)))
    assert report.rejects == []
    assert sum(recording.durations) == recording.num_frames == MEL.num_frames(16000)


def test_two_files_that_fit_equally_are_refused_and_folders_decide(
    spoken: Callable[..., tuple[PrepareReport, list[Recording]]],
) -> None:
    report, _ = spoken(("a/one.TextGrid", grid()), ("b/one.TextGrid", grid()))
    assert "are both alignments of 'one'" in report.rejects[0].reason
    assert spoken(("mine/one.TextGrid", grid()))[0].alignments == {"given": 1}


def test_clips_without_a_file_or_with_unknown_words_are_aligned_here_and_counted(few: list[Path], tmp_path: Path) -> None:
    prepare.prepare(few[:1], tmp_path / "own", PrepareOptions(save_alignments=tmp_path / "grids"))
    first, second, third = sorted((tmp_path / "grids").rglob("*.TextGrid"))
    second.unlink()
    third.write_text(third.read_text().replace('"K"', '"spn"').replace('"N"', '"spn"'))
    text = third.read_text()
    third.write_text(text.replace('"got"', '"<unk>"'))
    report = prepare.prepare(few[:1], tmp_path / "again", PrepareOptions(alignments=tmp_path / "grids"))
    assert report.alignments == {"given": 1, "no alignment file": 1, "word without phones": 1}
    assert json.loads((tmp_path / "again" / "report.json").read_text())["alignments"] == dict(report.alignments)
    own, again = (open_corpus(tmp_path / name).recordings for name in ("own", "again"))
    assert [one.durations for one in own] == [one.durations for one in again]
    assert first.stem == "arctic_a0207"


def test_saved_alignments_give_the_same_corpus(few: list[Path], tmp_path: Path) -> None:
    grids = tmp_path / "grids"
    assert prepare.prepare(few, tmp_path / "own", PrepareOptions(save_alignments=grids)).alignments == {}
    report = prepare.prepare(few, tmp_path / "again", PrepareOptions(alignments=grids))
    assert report.alignments == {"given": 5}
    own, again = (open_corpus(tmp_path / name).recordings for name in ("own", "again"))
    assert own == again
    assert (grids / "kathleen" / "arctic_a0207.TextGrid").exists()


def test_a_changed_file_is_read_again(spoken: Callable[..., tuple[PrepareReport, list[Recording]]]) -> None:
    _, (before,) = spoken(("one.TextGrid", grid()))
    moved = [*PHONES[:9], ("Y", 0.6, 0.65), ("UW1", 0.65, 0.8)]
    _, (after,) = spoken(("one.TextGrid", grid(moved)))
    assert before.durations[12:14] == (8, 8)
    assert after.durations[12:14] == (4, 12)


def test_folders_without_alignments_are_refused(few: list[Path], tmp_path: Path) -> None:
    (tmp_path / "grids").mkdir()
    for folder in ("grids", "absent"):
        with pytest.raises(CorpusError, match="holds no alignments"):
            prepare.prepare(few[:1], tmp_path / "out", PrepareOptions(alignments=tmp_path / folder))
    (tmp_path / "grids" / "other.TextGrid").write_text(grid())
    with pytest.raises(CorpusError, match=r"no file is the alignment of a clip; it has other\.TextGrid"):
        prepare.prepare(few[:1], tmp_path / "out", PrepareOptions(alignments=tmp_path / "grids"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("one 1 0.1 0.2\n", ":1: is not of the form: utterance channel start duration phone"),
        ("one 1 0.1 0.2 K\none 1 zero 0.2 K\n", ":2: is not of the form"),
        ("one 1 nan 0.2 K\n", ":1: is not of the form"),
        ("one 1 0.1 -0.2 K\n", ":1: is not of the form"),
        ("one 1 0.1 0.2 K 0.9 more\n", ":1: is not of the form"),
        ("one 1 0.5 0.2 K\n\none 1 0.1 0.2 L\n", ":3: the phone 'L' of 'one' begins at 0.1 s, before the end"),
    ],
)
def test_malformed_ctm_files_are_named_by_line(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "all.ctm"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_ctm(path)
    assert caught.value.message.startswith(f"{path}{told}")


def test_durations_sum_to_the_frames_and_each_phone_has_one(tmp_path: Path) -> None:
    draw, front_end = random.Random(11), TextFrontEnd()
    utterance = front_end.utterance("Nobody knows how the natives got them.")
    phones = [token for token, word in zip(utterance.tokens, utterance.word_of_token, strict=True) if word >= 0]
    clip = Clip("mine", "one", "mine", utterance.text, tmp_path / "one.wav", "metadata.csv:1")
    for _ in range(40):
        seconds = draw.uniform(0.4, 4.0)
        edges = sorted(draw.uniform(0, seconds) for _ in range(len(phones) + 1))
        spans: Spans = list(zip(phones, edges, edges[1:], strict=False))
        (tmp_path / "one.ctm").write_text(
            "".join(f"one 1 {start:.4f} {end - start:.4f} {phone}\n" for phone, start, end in spans)
        )
        fitted, given = Alignments(tmp_path).of(clip, utterance)
        assert given is not None
        audio = np.zeros(round(seconds * MEL.sample_rate), np.float32)
        task = AnalysisTask("", clip.audio, fitted.tokens, fitted.word_of_token, MEL, fitted.words, given)
        durations = given_durations(audio, task, MEL, given.spans)
        assert durations.sum() == MEL.num_frames(len(audio))
        assert all(frames >= (word >= 0) for frames, word in zip(durations, fitted.word_of_token, strict=True))


def test_the_language_of_the_texts_counts(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "wavs").mkdir(parents=True)
    (folder / "metadata.csv").write_text("one|It was 3/4/2020.\n")
    soundfile.write(folder / "wavs" / "one.wav", noise(2.0), MEL.sample_rate)
    words = "It was the third of April twenty twenty".split()
    phones = [token for token in TextFrontEnd(language="en-GB").utterance("It was 3/4/2020.").tokens if token.isalnum()]
    spans = [(phone, 0.1 + 0.05 * place, 0.15 + 0.05 * place) for place, phone in enumerate(phones)]
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / "one.TextGrid").write_text(grid(spans, None, 2.0))
    report = prepare.prepare([folder], tmp_path / "out", PrepareOptions(language="en-GB", alignments=tmp_path / "grids"))
    assert report.rejects == []
    corpus = open_corpus(tmp_path / "out")
    assert corpus.recordings[0].normalized_text == " ".join(words) + "."
    assert corpus.facts.language == "en-GB"
