"""Texts that are not those of the recordings, or not English."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic import PROMPTS, SAMPLE

from tts_cli.corpora import prepare
from tts_cli.corpora.language import foreign_share
from tts_cli.corpora.manifest import open_corpus
from tts_cli.corpora.prepare import PrepareOptions
from tts_cli.errors import RefusedError

pytest.importorskip("swift_f0")


def test_transcripts_that_lack_words_and_clips_that_say_theirs_twice_are_rejected(few: list[Path], tmp_path: Path) -> None:
    wavs = few[0] / "wavs"
    spoken = {name: soundfile.read(wavs / f"{name}.flac") for name in PROMPTS}
    changed = {
        "last": ("arctic_a0390", "I'll go over.", 'after "over"'),
        "half": ("arctic_b0195", "Nobody knows how.", 'after "how"'),
        "first": ("arctic_b0195", "the natives got them.", 'after "the"'),
        "twice": ("arctic_a0207", PROMPTS["arctic_a0207"], 'after "it"'),
        "both": ("arctic_a0390", PROMPTS["arctic_a0390"], 'after "afternoon"'),
    }
    for name, (source, _, _) in changed.items():
        audio, rate = spoken[source]
        more = {"twice": audio, "both": spoken["arctic_a0207"][0]}.get(name)
        soundfile.write(wavs / f"{name}.flac", audio if more is None else np.concatenate([audio, more]), rate)
    with (few[0] / "metadata.csv").open("a") as file:
        file.writelines(f"{name}|{text}\n" for name, (_, text, _) in changed.items())
    report = prepare.prepare(few[:1], tmp_path / "out", PrepareOptions())
    assert {recording.id for recording in open_corpus(tmp_path / "out").recordings} == set(PROMPTS)
    assert report.reasons == {"text and recording differ": len(changed)}
    for reject in report.rejects:
        assert f"more is said than written {changed[reject.id][2]}" in reject.reason


FOREIGN = {
    "German": "Der schnelle braune Fuchs springt über den faulen Hund. Heute ist ein schöner Tag und wir gehen in den Wald. Die"
    " Kinder spielen im Garten hinter dem Haus. Am Abend haben wir zusammen gegessen und viel gelacht.",
    "German without umlauts": "Er sagte nichts mehr, sondern ging langsam nach Hause. Niemand wusste, was geschehen war. Wir"
    " haben zusammen gegessen und sehr viel gelacht. Heute ist ein guter Tag, und morgen gehen wir wieder schwimmen.",
    "French": "Le petit chat est monté sur la table pour boire du lait. Nous irons demain à la mer avec nos amis. Il ne savait"
    " pas quoi dire à sa mère. Les enfants jouent dans le jardin derrière la maison.",
    "Spanish": "El perro corre por la calle mientras los niños juegan en el parque. Mañana iremos a la playa con nuestros amigos"
    " y comeremos pescado fresco. No sabía qué decir cuando llegó a su casa.",
    "Russian": "Собака бежит по улице, а дети играют в парке. Завтра мы поедем на море с друзьями и будем есть рыбу. Он не знал,"
    " что сказать, когда пришёл домой вечером; никого там не было, только кошка спала на старом диване у окна.",
}


@pytest.mark.parametrize("language", FOREIGN)
def test_texts_of_another_language_are_refused_with_the_share(
    write_ljspeech: Callable[..., Path], tmp_path: Path, language: str
) -> None:
    texts = FOREIGN[language].split(". ")
    folder = write_ljspeech("lj", [f"{n}|{text}" for n, text in enumerate(texts)], [str(n) for n in range(len(texts))])
    report = prepare.prepare([folder], tmp_path / "out", PrepareOptions())
    assert report.foreign_words > 0.3
    with pytest.raises(RefusedError, match=r"the texts are not English: \d\d%|the texts are not English: 100%") as caught:
        report.check(strict=False)
    assert caught.value.exit_code == 1
    words = {word.strip(".,;").lower() for word in FOREIGN[language].split()}
    assert foreign_share([FOREIGN[language]], words) == 0


def test_english_texts_are_english() -> None:
    texts = [line.split(",", 5)[-1] for line in (SAMPLE / "splits.csv").read_text().splitlines()[1:]]
    texts += (SAMPLE / "hard-sentences.txt").read_text().splitlines()
    assert 0 < foreign_share(texts) < 0.1
    assert foreign_share(["Jalapeño señor, naïve café."]) == 0


def test_recordings_that_do_not_say_their_texts_are_refused_with_the_figure(tmp_path: Path) -> None:
    wavs = tmp_path / "kathleen" / "wavs"
    shutil.copytree(SAMPLE / "kathleen" / "wavs", wavs)
    lines = (SAMPLE / "kathleen" / "metadata.csv").read_text().splitlines()[:10]
    names, texts = [line.split("|")[0] for line in lines], [line.split("|")[1] for line in lines]
    transcript = wavs.parent / "metadata.csv"
    for num_wrong, is_refused in ((3, False), (4, True)):
        moved = texts[1:num_wrong] + texts[:1] + texts[num_wrong:]
        transcript.write_text("".join(f"{name}|{text}\n" for name, text in zip(names, moved, strict=True)))
        report = prepare.prepare([wavs.parent], tmp_path / "out", PrepareOptions())
        assert report.num_clips == 10 - num_wrong
        if is_refused:
            with pytest.raises(
                RefusedError, match=r"^4 of 10 recordings do not say their text \(40%\), first .*metadata.csv:1: "
            ):
                report.check(strict=False)
        else:
            report.check(strict=False)
