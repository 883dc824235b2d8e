"""Rehearsal of earlier speakers: a fine-tuning keeps the speakers of its initial weights without their recordings.

Before the training, the initial model speaks texts of the corpus in the voices of its own speakers (pseudo-rehearsal; Robins,
1995). The training learns from this speech beside the recordings of the new speakers: the initial model is the teacher of a
distillation (Hinton et al., 2015). A penalty on the distance to the initial weights would cost less, but it bounds weights, not
sound, and holds back the new speaker, too. Speech on disk needs no second model in the loop and fits every kind of model that
speaks. Export tests the speakers on sentences that were spoken in the same way.

A flow of prosody draws from the distribution that it has learnt, so that this stays; for the test it draws as the voice does.
"""

from __future__ import annotations

import io
import lzma
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import energy
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.corpora.manifest import Corpus, CorpusSummary, Recording, SpeakerSummary, open_corpus, write_arrays, write_corpus
from tts_cli.errors import ConfigError, CorpusError
from tts_cli.models import TrainableModel
from tts_cli.training import checkpoints
from tts_cli.training.recipe import Recipe, Rehearsal
from tts_cli.training.weights import facts_of

REHEARSED = "rehearsed"
"""Folder of a run with the rehearsed speech, a prepared corpus."""
PACKED_SPEECH = "rehearsed.npz.xz"
"""File of a packed training, and of its result, with the rehearsed speech."""


def with_earlier_speakers(corpus: Any, recipe: Recipe, run: Path | None, init_from: Sequence[Path]) -> Corpus:
    """Return `corpus` with the further speakers of the initial weights, as yet without clips.

    A training that has begun has the speakers of its newest checkpoint.

    Args:
        corpus: The training data of the recipe.
        recipe: A recipe with a rehearsal.
        run: Folder of a run to continue, if it has a checkpoint; None: a new run.
        init_from: Sources of the initial weights.

    Raises:
        ConfigError: There are no initial weights, or the data has no speakers.
        CheckpointError: A source cannot be read.
    """
    if not isinstance(corpus, Corpus):
        raise ConfigError(f"{recipe.data}: has no speakers that could be rehearsed", hint="remove the key rehearsal")
    begun = checkpoints.latest(run, lambda _: None) if run else None
    facts = [begun[0].description.facts] if begun else [facts_of(path) for path in init_from]
    if not facts:
        message = "the recipe rehearses the speakers of the initial weights, but names none"
        raise ConfigError(message, hint="add --init-from ADDON, or --set rehearsal=null")
    return _with_speakers(corpus, facts)


def _with_speakers(corpus: Corpus, facts: Sequence[CorpusFacts]) -> Corpus:
    earlier = {
        speaker.name: SpeakerSummary(clips=0, seconds=0.0, mean_log_f0=speaker.mean_log_f0, std_log_f0=speaker.std_log_f0)
        for each in facts
        for speaker in each.speakers
    }
    summary = corpus.summary.model_copy(update={"speakers": earlier | corpus.summary.speakers})
    return Corpus(corpus.folder, summary, corpus.recordings)


def earlier_speakers(corpus: Corpus) -> list[str]:
    """Return the speakers of `corpus` without a clip: those of the initial weights alone."""
    return [name for name in corpus.speakers if not corpus.summary.speakers[name].clips]


def rehearse(model: TrainableModel, corpus: Corpus, wishes: Rehearsal, seed: int, run: Path, temperature: float) -> str:
    """Let the initial `model` speak texts of `corpus` with the earlier speakers, and write the speech to the run.

    Args:
        model: The model with its initial weights.
        corpus: A corpus of `with_earlier_speakers`.
        wishes: Amount of speech.
        seed: Seed of the choice of texts.
        run: Folder of the run.
        temperature: Deviation of the noise of a flow of prosody in the sentences that are tested.

    Returns:
        One line for the user.

    Raises:
        ConfigError: The kind of model does not speak.
        CorpusError: The corpus cannot be read.
        OutputError: The speech cannot be written.
    """
    folder, names = run / REHEARSED, earlier_speakers(corpus)
    shutil.rmtree(folder, ignore_errors=True)
    planned = [*_planned(corpus, "test", names, wishes, seed)]
    if wishes.share:
        planned += _planned(corpus, "train", names, wishes, seed)
    was_training = model.training
    model.eval()
    temperatures = {"train": None, "test": temperature}
    recordings = [_spoken(model, corpus, folder, *one, temperatures[one[2]]) for one in planned]
    model.train(was_training)
    if recordings:
        write_corpus(folder, _summary(corpus, names, recordings), recordings)
    minutes = sum(one.duration for one in recordings if one.split == "train") / 60
    if not names:
        return "no speaker to rehearse: the corpus has all speakers of the initial weights"
    return f"speakers kept: {', '.join(names)}; the initial model spoke {minutes:.1f} minutes of the corpus' texts for them"


def with_rehearsed(corpus: Corpus, run: Path, share: float | None = None) -> Corpus:
    """Return `corpus` with the rehearsed speech in `run`, if there is any.

    Args:
        corpus: A corpus of `with_earlier_speakers`.
        run: Folder of the run.
        share: Share of the rehearsed speech in the split "train", about; the smaller part is repeated. None: no clip is repeated.

    Raises:
        CorpusError: The speech is damaged.
    """
    folder = (run / REHEARSED).absolute()
    if not folder.is_dir():
        return corpus
    found = open_corpus(folder, corpus.mel, corpus.summary.symbols)
    spoken = [one.model_copy(update={"features": str(folder / one.features)}) for one in found.recordings]
    recorded, learnt = corpus.of_split("train"), [one for one in spoken if one.split == "train"]
    if learnt and share is not None:
        times = share * len(recorded) / ((1 - share) * len(learnt))
        recorded, learnt = recorded * (max(1, round(1 / times)) - 1), learnt * (max(1, round(times)) - 1)
        return Corpus(corpus.folder, corpus.summary, [*corpus.recordings, *recorded, *spoken, *learnt])
    return Corpus(corpus.folder, corpus.summary, [*corpus.recordings, *spoken])


def pack_rehearsed(run: Path) -> bytes | None:
    """Return the rehearsed speech in `run`, compressed, mels in half precision; None if the run has none.

    Raises:
        CorpusError: The speech is damaged.
    """
    if not (run / REHEARSED).is_dir():
        return None
    corpus = open_corpus(run / REHEARSED)
    frames = [corpus.load(one, ("mel", "log_f0", "voicing")) for one in corpus.recordings]
    arrays: dict[str, Any] = {name: np.concatenate([one[name] for one in frames]) for name in frames[0]}
    lines = "\n".join(one.model_dump_json() for one in (corpus.summary, *corpus.recordings))
    arrays |= {"mel": arrays["mel"].astype(np.float16), "lines": np.frombuffer(lines.encode(), np.uint8)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return lzma.compress(buffer.getvalue())


def unpack_rehearsed(file: Path, run: Path) -> None:
    """Write the speech in `file`, from `pack_rehearsed`, to `run`. Do nothing if the run has it, or if there is no such file.

    Raises:
        CorpusError: The speech is damaged.
        OutputError: The speech cannot be written.
    """
    folder = run / REHEARSED
    if not file.is_file() or (folder / "manifest.jsonl").is_file():
        return
    try:
        with np.load(io.BytesIO(lzma.decompress(file.read_bytes()))) as found:
            arrays = {name: found[name] for name in ("mel", "log_f0", "voicing", "lines")}
        first, *others = arrays.pop("lines").tobytes().split(b"\n")
        summary = CorpusSummary.model_validate_json(first)
        rows = [Recording.model_validate_json(line) for line in others]
    except (OSError, ValueError, KeyError, BadZipFile, lzma.LZMAError) as error:
        raise CorpusError(f"{file}: the rehearsed speech is damaged: {error}", hint="copy the file again") from error
    # A path from another machine could lead out of the folder.
    rows = [row.model_copy(update={"features": f"{place:05d}.npz"}) for place, row in enumerate(rows)]
    ends = np.cumsum([row.num_frames for row in rows])
    for row, end in zip(rows, ends, strict=True):
        frames = {name: values[end - row.num_frames : end].astype(np.float32) for name, values in arrays.items()}
        write_arrays(folder / row.features, {**frames, "energy": energy(frames["mel"])[:, 0]})
    write_corpus(folder, summary, rows)


def utterance_of(corpus: Corpus, recording: Recording) -> Features:
    """Return `phones`, `durations` and `mel` of a recording of `corpus`, for `TrainableModel.say`."""
    phones = np.array([corpus.summary.symbols.index(token) for token in recording.tokens], np.int64)
    return {"phones": phones, "durations": np.array(recording.durations, np.int64), **corpus.load(recording, ("mel",))}


def _planned(
    corpus: Corpus, split: str, names: Sequence[str], wishes: Rehearsal, seed: int
) -> Iterator[tuple[Recording, str, str]]:
    """Yield the clips to speak, each with its speaker and its split, "train" or "test"; no clip twice for a speaker."""
    source = corpus.of_split("train" if split == "train" else "validation")
    wanted = (wishes.sentences if split == "train" else wishes.tested) * len(names)
    order = np.random.default_rng([seed, len(split)]).permutation(len(source))
    # After so many rounds a clip would meet its first speaker again.
    period = len(names) // math.gcd(len(source), len(names))
    for number in range(min(wanted, len(source) * len(names))):
        again, place = divmod(number, len(source))
        yield source[order[place]], names[(number + again // period) % len(names)], split


def _spoken(
    model: TrainableModel, corpus: Corpus, folder: Path, source: Recording, name: str, split: str, temperature: float | None
) -> Recording:
    said = model.say(utterance_of(corpus, source), corpus.speakers.index(name), temperature=temperature)
    if said is None:
        message = f"a '{type(model).__module__.rpartition('.')[2]}' model does not speak, so it rehearses no speakers"
        raise ConfigError(message, hint="remove the key rehearsal, or --set rehearsal=null")
    durations, mel = said["durations"], np.asarray(said["mel"], np.float32)
    features = f"{split}/{name}/{source.corpus}-{source.id}.npz".replace("..", "_")
    frames: dict[str, NDArray[Any]] = {
        "log_f0": said["log_f0"],
        # Recordings have voiced and unvoiced frames alone.
        "voicing": np.round(np.asarray(said["voicing"], np.float32)),
        "energy": energy(mel)[:, 0],
    }
    write_arrays(folder / features, {"mel": mel, **frames})
    changes = {
        "audio_filepath": "",
        "speaker": name,
        "split": split,
        "durations": tuple(int(one) for one in durations),
        "num_frames": len(mel),
        "duration": len(mel) / corpus.mel.frame_rate,
        "features": features,
    }
    return source.model_copy(update=changes)


def _summary(corpus: Corpus, names: Sequence[str], recordings: Sequence[Recording]) -> Any:
    """Return the summary of the rehearsed speech."""
    speakers = {
        name: corpus.summary.speakers[name].model_copy(
            update={
                "clips": sum(one.speaker == name for one in recordings),
                "seconds": sum(one.duration for one in recordings if one.speaker == name),
            }
        )
        for name in names
    }
    return corpus.summary.model_copy(update={"speakers": speakers, "identity": ""})
