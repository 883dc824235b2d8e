"""Prompts of a prepared corpus and of bare folders."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from prepared_clips import write_prepared

from tts_cli.corpora.manifest import open_corpus, write_arrays, write_corpus
from tts_cli.errors import AudioError, CorpusError, InputError
from tts_cli.evaluation.measures.identity import OwnVoices
from tts_cli.evaluation.prepared import PreparedVoices, folder_prompts, own_voices, read_held_out

pytestmark = pytest.mark.usefixtures("own_cache")


def test_held_out_clips_keep_speaker_text_and_recording(prepared: Path) -> None:
    clips, split = read_held_out(prepared)
    assert split == "test" and {clip.split for clip in clips} == {"test"}
    assert [(clip.speaker, clip.id) for clip in clips] == [
        ("high", "arctic_a0098"), ("high", "arctic_a0207"), ("low", "arctic_a0098"), ("low", "arctic_a0207"),
    ]  # fmt: skip
    assert clips[0].text == "Shall I carry you?" and clips[0].kind == "yes-no" and clips[0].audio.is_file()
    assert {clip.split for clip in read_held_out(prepared, "validation").clips} == {"validation"}
    assert len(read_held_out(prepared, limit=1).clips) == 2


def test_without_test_clips_those_of_validation_are_taken(tmp_path: Path) -> None:
    clips, split = read_held_out(write_prepared(tmp_path / "p", ("validation", "train")))
    assert split == "validation" and {clip.split for clip in clips} == {"validation"}


def test_speakers_are_those_asked_for_or_those_that_the_voices_know(prepared: Path) -> None:
    assert {clip.speaker for clip in read_held_out(prepared, speakers=("low",)).clips} == {"low"}
    assert {clip.speaker for clip in read_held_out(prepared, known=("other", "high")).clips} == {"high"}


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"speakers": ("anna",)}, CorpusError, "no clip of the split 'test' of anna"),
        ({"known": ("anna",)}, CorpusError, r"no clip of the split 'test' of a speaker of the voices \(anna\)"),
        ({"split": "tset"}, InputError, "no split 'tset'"),
    ],
)
def test_absent_speakers_and_splits_are_named(
    prepared: Path, options: dict[str, object], kind: type[InputError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        read_held_out(prepared, **options)  # type: ignore[arg-type]
    assert caught.value.hint in ("there are clips of: high, low", "did you mean 'test'?")


def test_a_corpus_without_held_out_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no held-out clip"):
        read_held_out(write_prepared(tmp_path / "p", ("train",)))


def test_lost_recordings_are_replaced_by_the_prepared_audio(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path / "p", ("test", "train"), each=1)
    corpus = open_corpus(folder)
    audio = np.arange(4 * corpus.mel.hop_samples, dtype=np.int16)
    for row in corpus.recordings:
        write_arrays(folder / row.features, {"audio": audio})
    rows = [row.model_copy(update={"audio_filepath": row.id}) for row in corpus.recordings]
    (tmp_path / "q").mkdir()
    write_corpus(tmp_path / "q", corpus.summary, rows)
    (tmp_path / "q/features").symlink_to(folder / "features")
    clip = read_held_out(tmp_path / "q").clips[0]
    samples, rate = soundfile.read(clip.audio, dtype="int16")
    assert np.array_equal(samples, audio) and rate == corpus.mel.sample_rate


def test_a_speaker_sounds_like_training_clips(prepared: Path, corpora: Path) -> None:
    voices = own_voices(prepared)
    assert isinstance(voices, PreparedVoices) and not isinstance(own_voices(corpora), PreparedVoices)
    assert len(voices.prints("high")) == 2 and voices.prints("high") != voices.prints("low")
    assert voices.prints("nobody") == () and isinstance(voices, OwnVoices)


def test_a_bare_folder_gives_its_own_prompts(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for name in ("b.wav", "a.flac", "anna/c.wav", "anna/d.wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, np.zeros(100), 16000)
    (folder / "a.txt").write_text("Said\n so.\n")
    found = [(prompt.speaker, prompt.id, prompt.text) for prompt in folder_prompts(folder)]
    assert found == [("made", "a", "Said so."), ("made", "b", ""), ("anna", "c", ""), ("anna", "d", "")]
    assert len(folder_prompts(folder, 1)) == 2
    (folder / "metadata.csv").write_text("b|Of the table.\n")
    assert folder_prompts(folder)[1].text == "Of the table."


@pytest.mark.parametrize(("name", "message"), [("nowhere", "no such folder"), ("empty", "holds no audio file")])
def test_a_folder_without_audio_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match=f"{name}: {message}"):
        folder_prompts(tmp_path / name)
