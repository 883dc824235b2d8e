"""Tests of fine-tuning: earlier speakers stay near their initial sound, both stages run in one training, sentences are spoken."""

from __future__ import annotations

import json
import re
import wave
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tts_cli.addon.opened import open_addon
from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.prosody_noise import at_temperature
from tts_cli.corpora.manifest import CorpusSummary, Recording, SpeakerSummary, open_corpus, write_corpus
from tts_cli.errors import CheckpointError, ConfigError, InputError
from tts_cli.export.checkpoint import ExportOptions, export_addon
from tts_cli.export.rehearsed import changes
from tts_cli.models import model_file
from tts_cli.text.phones import SYMBOLS
from tts_cli.training import checkpoints
from tts_cli.training.pack import PackOptions, pack
from tts_cli.training.recipe import Recipe, Rehearsal, load_recipe, parse_recipe, write_recipe
from tts_cli.training.rehearsal import REHEARSED, _planned, with_rehearsed
from tts_cli.training.start import create_model, train
from tts_cli.training.state import create_submodels
from tts_cli.training.weights import facts_of, find_source

ROOT = Path(__file__).parents[2]
VOCODER = str(ROOT / "tests/addons/tiny-vocoder")
NETWORK: dict[str, Any] = {
    "channels": 16, "prosody_channels": 16, "encoder_layers": 1, "decoder_layers": 1, "contour_layers": 1,
    "contour_channels": 8, "dropout": 0.0,
}  # fmt: skip
COPYCAT = {
    "reference_channels": 8, "reference_layers": 1, "speaker_encoder": {"channels": 8, "layers": 1, "dimensions": 4},
}  # fmt: skip
VAE = {"embedding_channels": 3, "reference_channels": 8, "reference_layers": 1}
OWN: dict[str, dict[str, Any]] = {"explicit-duration": {}, "copycat": COPYCAT, "vae": VAE}
FLOW = {"channels": 8, "heads": 2, "context_layers": 1, "flow_layers": 1, "steps": 2, "dropout": 0.0}
OPTIONS = ExportOptions(linguistics=str(ROOT / "tests/addons/tiny-linguistics"))
STAGE = {"regression_steps": 4, "first_step": 2, "trained": ["decoder.head."], "windows": [4, 8], "channels": 4}


def write_speakers(folder: Path, levels: dict[str, float]) -> Path:
    """Write a corpus in which the mel of each speaker has a level of its own."""
    folder.mkdir()
    mel, rows = MelConfig(), []
    for name, level in levels.items():
        for number in range(8):
            random = np.random.default_rng(number)
            tokens = ("^", *(SYMBOLS[int(one)] for one in random.integers(10, 30, 6)), ".")
            durations = tuple(int(one) for one in random.integers(3, 8, 8))
            total = sum(durations)
            frames = {"log_f0": np.full(total, 5.0, np.float32), "voicing": np.ones(total, np.float32)}
            sound = (level + np.linspace(0, 1, 80) + random.normal(0, 0.01, (total, 80))).astype(np.float32)
            np.savez(folder / f"{name}{number}.npz", mel=sound, energy=np.full(total, level, np.float32), **frames)
            rows.append(
                Recording(
                    id=str(number), audio_filepath="x.wav", text="x", normalized_text=str(number), duration=total / 80,
                    speaker=name, corpus=name, split="validation" if number > 5 else "train", kind="statement", tokens=tokens,
                    durations=durations, num_frames=total, features=f"{name}{number}.npz",
                )
            )  # fmt: skip
    speakers = {name: SpeakerSummary(clips=8, seconds=4.0, mean_log_f0=5.0, std_log_f0=0.2) for name in levels}
    write_corpus(folder, CorpusSummary(mel=mel, mel_hash=mel.hash, symbols=SYMBOLS, speakers=speakers, versions={}), rows)
    return folder


def recipe_of(corpus: Path, **changed: Any) -> Recipe:
    mapping = {
        "model": "explicit-duration", "name": "x", "data": str(corpus), "network": NETWORK, "batches": {"batch_frames": 200},
        "optimiser": {"learning_rate": 1e-2, "schedule": "constant"}, "steps": 60, "ema_decay": 0.5, "accelerator": "cpu",
        "log_every": 1, "validations": 1, "snapshot_every": 2,
    }  # fmt: skip
    return parse_recipe(mapping | changed, "recipe")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a voice of two speakers; return its run."""
    folder = tmp_path_factory.mktemp("base")
    train(recipe_of(write_speakers(folder / "corpus", {"ann": -6.0, "cid": -3.0})), folder / "run", say=lambda _: None)
    return folder / "run"


@pytest.fixture
def added(tmp_path: Path) -> Iterator[Path]:
    """Write the corpus of a new speaker."""
    yield write_speakers(tmp_path / "added", {"bob": -1.0})


def drift(run: Path, corpus: Path, speech: Path) -> float:
    """Return the mean distance in dB of the earlier speakers from the speech in the run `speech`."""
    model, _ = checkpoints.load_model(run)
    return float(np.mean([one.mel_db for one in changes(model, open_corpus(speech / REHEARSED), open_corpus(corpus))]))


def test_the_earlier_speakers_stay_and_the_new_one_learns(base: Path, added: Path, tmp_path: Path) -> None:
    said: list[str] = []
    for name, share in (("kept", 0.5), ("lost", 0.0)):
        train(recipe_of(added, rehearsal={"share": share, "tested": 2}), tmp_path / name, [base], say=said.append)
    assert any("speakers kept: ann, cid; the initial model spoke 0." in line for line in said)
    model, _ = checkpoints.load_model(tmp_path / "kept")
    assert model.facts.speaker_names == ["ann", "bob", "cid"]
    kept, lost = (drift(tmp_path / name, added, tmp_path / "kept") for name in ("kept", "lost"))
    assert kept < 0.5 * lost
    spoken = model.say({"phones": np.array([1, 12, 20, 3])}, 1)
    assert spoken is not None
    assert abs(float(spoken["mel"].mean()) + 0.5) < 1, "the new speaker has its own level"


def test_the_training_sees_recordings_and_rehearsed_speech_in_equal_parts(base: Path, added: Path, tmp_path: Path) -> None:
    train(recipe_of(added, rehearsal={"tested": 3, "sentences": 7}, steps=1), tmp_path / "run", [base], say=lambda _: None)
    for share, repeated in ((0.5, (1, 2)), (0.2, (1, 8)), (0.8, (2, 1))):
        corpus = with_rehearsed(open_corpus(added), tmp_path / "run", share)
        counts = {name: sum(one.speaker == name for one in corpus.of_split("train")) for name in ("ann", "bob", "cid")}
        assert counts == {"ann": 6 * repeated[0], "bob": 6 * repeated[1], "cid": 6 * repeated[0]}
    assert {one.speaker for one in corpus.of_split("validation")} == {"bob"}
    tested = [(one.speaker, one.id) for one in corpus.of_split("test")]
    assert len(tested) == len(set(tested)) == 4, "each speaker speaks each of the two validation texts at most once"


@pytest.mark.parametrize("num_names", range(1, 9))
def test_no_speaker_rehearses_a_text_twice(num_names: int, added: Path) -> None:
    corpus, names = open_corpus(added), [f"speaker{number}" for number in range(num_names)]
    for split, wishes, most in (
        ("train", Rehearsal(sentences=4), 6),
        ("train", Rehearsal(), 6),
        ("test", Rehearsal(tested=1), 2),
    ):
        planned = [(source.id, name) for source, name, _ in _planned(corpus, split, names, wishes, 1)]
        assert len(set(planned)) == len(planned) == num_names * min(most, wishes.sentences if split == "train" else 1)
        counts = Counter(name for _, name in planned)
        assert max(counts.values()) - min(counts[name] for name in names) <= 2


def test_a_stopped_fine_tuning_resumes_to_the_same_losses(base: Path, added: Path, tmp_path: Path) -> None:
    changed = {
        "rehearsal": {},
        "network": {**NETWORK, "adversarial": STAGE},
        "optimisers": {"discriminator": {"schedule": "constant"}},
    }
    train(recipe_of(added, **changed, steps=9), tmp_path / "whole", [base], say=lambda _: None)
    for steps in (2, 5, 9):
        train(recipe_of(added, **changed, steps=steps), tmp_path / "parts", [base], say=lambda _: None)
    whole, parts = (checkpoints.read(checkpoints.newest(tmp_path / run)).tensors() for run in ("whole", "parts"))
    for part, tensors in whole.items():
        for name, value in tensors.items():
            assert torch.equal(value, parts[part][name]), f"{part}: {name}"


def test_both_stages_run_in_one_training(base: Path, added: Path, tmp_path: Path) -> None:
    changed = {"rehearsal": {}, "network": {**NETWORK, "adversarial": STAGE}, "checkpoint_every_minutes": 1e-9}
    train(recipe_of(added, **changed, keep_checkpoints=9, steps=8), tmp_path / "run", [base], say=lambda _: None)
    states = {step: checkpoints.read(folder).read("model") for step, folder in checkpoints.steps(tmp_path / "run").items()}
    moved = {
        (first, last): {name.split(".")[0] + ("+" if name.startswith("decoder.head.") else "")
                        for name, value in states[last].items() if not torch.equal(value, states[first][name])}
        for first, last in ((2, 4), (4, 6), (6, 8))
    }  # fmt: skip
    assert moved == {
        (2, 4): {"text_encoder", "prosody_encoder", "decoder", "decoder+"},
        (4, 6): {"discriminators"},
        (6, 8): {"discriminators", "decoder+"},
    }
    lines = [json.loads(line) for line in (tmp_path / "run/history.jsonl").read_text().splitlines()]
    learnt = {line["step"]: set(line) for line in lines if any(name.startswith("train/") for name in line)}
    assert "train/model/adversarial" not in learnt[4] and "train/discriminator/loss" not in learnt[4]
    assert "train/model/loss" not in learnt[6] and "train/discriminator/loss" in learnt[6]
    assert "train/model/adversarial" in learnt[8]


def test_rehearsal_needs_initial_weights_and_leaves_the_run_alone_without(base: Path, added: Path, tmp_path: Path) -> None:
    recipe = recipe_of(added, rehearsal={}, steps=1)
    with pytest.raises(ConfigError, match="rehearses the speakers of the initial weights") as refused:
        train(recipe, tmp_path / "run")
    assert "--init-from" in (refused.value.hint or "")
    train(recipe, tmp_path / "run", [base], say=lambda _: None)
    with pytest.raises(ConfigError, match="rehearses the speakers"):
        train(recipe, tmp_path / "run", restart=True)
    assert checkpoints.steps(tmp_path / "run")
    with pytest.raises(ConfigError, match="rehearses the speakers"):
        (tmp_path / "recipe").mkdir()
        write_recipe(recipe, tmp_path / "recipe")
        pack(tmp_path / "recipe" / "recipe.yaml", tmp_path / "packed", PackOptions())


def test_export_compares_the_earlier_speakers_and_the_new_one_is_the_default(base: Path, added: Path, tmp_path: Path) -> None:
    train(recipe_of(added, rehearsal={"share": 0.0, "tested": 2}), tmp_path / "run", [base], say=lambda _: None)
    said: list[str] = []
    export_addon(tmp_path / "run", tmp_path / "voice", None, ExportOptions(), said.append)
    figures = [line for line in said if line.startswith("beside the initial model: ")]
    assert [line.split(": ")[1] for line in figures] == ["ann", "cid"]
    assert all(" dB, F0 " in line and " ms, length " in line for line in figures)
    assert any(line.startswith("warning: ann changed by more than ") for line in said)
    config = open_addon(tmp_path / "voice").config
    assert (config.default_speaker, [one.name for one in config.speakers]) == ("bob", ["ann", "bob", "cid"])
    unchanged, _ = checkpoints.load_model(base)
    initial = list(changes(unchanged, open_corpus(tmp_path / "run" / REHEARSED), open_corpus(added)))
    assert [(one.mel_db, one.length, one.is_large) for one in initial] == [(pytest.approx(0, abs=1e-4), 0, False)] * 2


@pytest.mark.parametrize(("kind", "own"), [("copycat", COPYCAT), ("vae", VAE)])
def test_targets_and_narrators_are_added_to_an_addon(kind: str, own: dict[str, Any], tmp_path: Path) -> None:
    network = {"model": kind, "network": NETWORK | own}
    corpus = write_speakers(tmp_path / "corpus", {"ann": -6.0, "cid": -3.0})
    options = ExportOptions(linguistics=str(ROOT / "tests/addons/tiny-linguistics"))
    train(recipe_of(corpus, **network, steps=3), tmp_path / "base", say=lambda _: None)
    export_addon(tmp_path / "base", tmp_path / "initial", None, options, say=lambda _: None)
    added = write_speakers(tmp_path / "added", {"bob": -1.0})
    rehearsal = {"rehearsal": {"sentences": 3, "tested": 2}}
    train(recipe_of(added, **network, **rehearsal, steps=2), tmp_path / "run", [tmp_path / "initial"], say=lambda _: None)
    said: list[str] = []
    export_addon(tmp_path / "run", tmp_path / "voice", None, options, said.append)
    assert sum(line.startswith("beside the initial model: ") for line in said) == 2
    config = open_addon(tmp_path / "voice").config
    assert (config.default_speaker, [one.name for one in config.speakers]) == ("bob", ["ann", "bob", "cid"])
    if kind == "vae":
        speakers = np.load(tmp_path / "voice/assets/inventory-utterances.npy")[:, 0]
        assert np.bincount(speakers).tolist() == [3, 6, 3]
        state = checkpoints.read(checkpoints.newest(tmp_path / "run")).read("model")
        assert state["reference_encoder.summed_norm.count"] == 102, "the statistics of the addon count as many batches"


def test_sentences_are_spoken_at_each_validation(base: Path, added: Path, tmp_path: Path) -> None:
    spoken = {"texts": ["Hello there.", "Shall I carry you?"], "vocoder": VOCODER}
    train(recipe_of(added, rehearsal={}, spoken=spoken, steps=4, validations=2), tmp_path / "run", [base], say=lambda _: None)
    files = sorted(path.name for path in (tmp_path / "run/spoken").iterdir())
    assert files == [f"step-{step:06d}-{number}.wav" for step in (2, 4) for number in (1, 2)]
    with wave.open(str(tmp_path / "run/spoken" / files[0])) as file:
        assert file.getframerate() == 16000 and file.getnframes() > 1000
    tags = b"".join(path.read_bytes() for path in (tmp_path / "run/tensorboard").iterdir())
    assert b"spoken/1" in tags and b"spoken/2" in tags


def test_without_a_vocoder_the_training_goes_on_and_says_so(base: Path, added: Path, tmp_path: Path) -> None:
    said: list[str] = []
    spoken = {"texts": ["Hello there."], "vocoder": "absent"}
    train(recipe_of(added, rehearsal={}, spoken=spoken, steps=1), tmp_path / "run", [base], say=said.append)
    assert any("no sentences are spoken at validations: unknown addon 'absent'" in line for line in said)
    with pytest.raises(ConfigError, match="the model has no speaker 'eve'"):
        wishes = {"texts": ["Hello."], "vocoder": VOCODER, "speaker": "eve"}
        train(recipe_of(added, rehearsal={}, spoken=wishes, steps=1), tmp_path / "other", [base], say=said.append)


def test_sources_of_weights_go_by_path_and_by_name(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TTS_ADDONS", str(ROOT / "tests/addons"))
    assert find_source(str(base)) == base
    assert find_source("tiny-acoustic") == ROOT / "tests/addons/tiny-acoustic"
    assert find_source("arctic-16k").name == "arctic-16k"
    (tmp_path / "tiny-acoustic").mkdir()
    assert find_source("tiny-acoustic") == ROOT / "tests/addons/tiny-acoustic", "a folder without weights hides no addon"
    with pytest.raises(InputError, match="tiny-akoustic: no such addon, checkpoint or run") as refused:
        find_source("tiny-akoustic")
    assert "tiny-acoustic" in (refused.value.hint or "")


@pytest.mark.parametrize("name", ["fine-tune-16k", "fine-tune-copycat-16k", "fine-tune-prosody-16k"])
def test_the_first_line_of_a_recipe_is_its_command_and_its_network_that_of_the_base(name: str) -> None:
    path = ROOT / f"recipes/{name}.yaml"
    recipe = load_recipe(path)
    command = path.read_text().splitlines()[0].removeprefix("# ").split()
    initial = open_addon(find_source(command[command.index("--init-from") + 1])).config
    provenance = initial.provenance["recipe"]
    assert (recipe.model, recipe.speakers) == (initial.provenance["kind"], None)
    sizes = [one.network.model_dump(mode="json") for one in (parse_recipe(provenance, "addon.json"), recipe)]
    for network in sizes:
        for key in ("adversarial", "dropout", "kl_warmup_steps"):
            network.pop(key, None)
        if network["flow"]:
            network["flow"].pop("dropout")
    assert sizes[0] == sizes[1]
    # Each rate factor names parameters of the model.
    create_submodels(create_model(recipe, facts_of(find_source(command[command.index("--init-from") + 1]))), recipe)


def flowing_voice(kind: str, base: Path, folder: Path, temperature: float) -> Path:
    """Write an addon with a flow of prosody that speaks at this temperature."""
    network = {**NETWORK, **OWN[kind], "flow": FLOW}
    corpus = base.parent / "corpus"
    # Layers of the flow begin at 0, and speech without a network in it would compare nothing.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.init, "zeros_", partial(torch.nn.init.normal_, std=0.3))
        train(recipe_of(corpus, model=kind, network=network, steps=2), folder / "flow", say=lambda _: None)
    export_addon(folder / "flow", folder / "voice", None, OPTIONS, lambda _: None)
    description = folder / "voice/addon.json"
    fields = json.loads(description.read_text())
    fields["stack"] = at_temperature(fields["stack"], temperature)
    description.write_text(json.dumps(fields))
    return folder / "voice"


@pytest.mark.parametrize("kind", ["explicit-duration", "vae"])
def test_a_voice_with_a_flow_of_prosody_gets_a_speaker_and_keeps_its_own(
    kind: str, base: Path, added: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = flowing_voice(kind, base, tmp_path, temperature=0.25)
    owner, temperatures = model_file(kind).Model, []
    plain = owner.say
    monkeypatch.setattr(
        owner, "say", lambda *given, **named: temperatures.append(named.get("temperature")) or plain(*given, **named)
    )
    changed = {
        "model": kind, "network": {**NETWORK, **OWN[kind], "flow": FLOW, "adversarial": STAGE}, "steps": 8,
        "rehearsal": {"sentences": 3, "tested": 2}, "spoken": {"texts": ["Hello there."], "vocoder": VOCODER},
        # Too small to change a weight, so the trained model is the initial one.
        "optimiser": {"learning_rate": 1e-15, "weight_decay": 0},
    }  # fmt: skip
    said: list[str] = []
    train(recipe_of(added, **changed), tmp_path / "run", [voice], say=said.append)
    assert any("speakers kept: ann, cid" in line for line in said)
    assert Counter(temperatures) == {None: 6, 0.25: 5}, "rehearsed; tested, and spoken at the validation"
    monkeypatch.undo()
    export_addon(tmp_path / "run", tmp_path / "mine", None, OPTIONS, said.append)
    compared = [line for line in said if line.startswith("beside the initial model: ")]
    assert len(compared) == 2
    if kind == "explicit-duration":
        assert all("mel 0.00 dB, F0 0.00 semitones, durations 0.0 ms, length +0.0 %" in line for line in compared)
    config = open_addon(tmp_path / "mine").config
    assert [one.name for one in config.speakers] == ["ann", "bob", "cid"]
    assert config.default_speaker == "bob"
    assert '{"type": "ProsodyNoise", "temperature": 0.25}' in json.dumps(config.stack)
    model, _ = checkpoints.load_model(tmp_path / "run")
    same, other = (
        [one.duration_ms for one in changes(model, open_corpus(tmp_path / "run" / REHEARSED), open_corpus(added), temperature)]
        for temperature in (0.25, 1.0)
    )
    # Running statistics of the reference encoder have changed.
    assert max(same) <= (0 if kind == "explicit-duration" else 0.5 * min(other))
    assert min(other) > 10


def test_a_flow_keeps_its_distribution_in_rehearsed_speech(base: Path, added: Path, tmp_path: Path) -> None:
    voice = flowing_voice("explicit-duration", base, tmp_path, temperature=0.25)
    changed = {"network": {**NETWORK, "flow": FLOW, "adversarial": STAGE}, "rehearsal": {"sentences": 6}, "steps": 1}
    train(recipe_of(added, **changed), tmp_path / "run", [voice], say=lambda _: None)
    rehearsed = [one for one in open_corpus(tmp_path / "run" / REHEARSED).recordings if one.split == "train"]
    rows = [np.log1p(one.durations) for one in rehearsed]
    deviations = np.std([row[1:7] for row in rows], axis=0)
    assert deviations.min() > 0.2, "each place of a sentence has other noise in another sentence"
    assert len({one.durations for one in rehearsed}) == len(rehearsed) == 12


def test_initial_weights_that_cannot_speak_are_refused_with_the_remedy(base: Path, added: Path, tmp_path: Path) -> None:
    voice = flowing_voice("explicit-duration", base, tmp_path, temperature=0.7)
    adversarial = {"rehearsal": {"sentences": 1, "tested": 1}, "steps": 1}
    network = {**NETWORK, "adversarial": STAGE}
    with pytest.raises(
        CheckpointError, match=r"has a flow of prosody .* and the recipe has none, so prosody_encoder begins"
    ) as caught:
        train(recipe_of(added, network=network, **adversarial), tmp_path / "run", [voice], say=lambda _: None)
    section, row = re.search(r"network.flow: (\{.*\}), and in rate_factors write (\S+) for", caught.value.hint or "").groups()
    remedied = {**adversarial, "network": {**network, "flow": yaml.safe_load(section)}, "rate_factors": {row: 5.0}}
    train(recipe_of(added, **remedied), tmp_path / "run", [voice], say=lambda _: None)
    with pytest.raises(
        CheckpointError, match=r"has no flow of prosody .* and the recipe has one, so prosody_encoder begins"
    ) as caught:
        train(recipe_of(added, **remedied), tmp_path / "other", [base], say=lambda _: None)
    row = (caught.value.hint or "").split("rate_factors write ")[1].split(" for ")[0]
    plain = {**adversarial, "network": network, "rate_factors": {row: 5.0}}
    train(recipe_of(added, **plain), tmp_path / "other", [base], say=lambda _: None)


def test_without_rehearsal_an_untrained_prosody_encoder_is_told(base: Path, added: Path, tmp_path: Path) -> None:
    voice = flowing_voice("explicit-duration", base, tmp_path, temperature=0.7)
    for kind, flow, source, told in (
        ("explicit-duration", None, voice, f"warning: {voice} has a flow of prosody (network.flow) and the recipe has none"),
        ("vae", None, voice, f"warning: {voice} has a flow of prosody (network.flow) and the recipe has none"),
        ("copycat", None, voice, f"warning: {voice} has a flow of prosody (network.flow) and the recipe has none"),
        ("explicit-duration", FLOW, base, f"{base} has no flow of prosody (network.flow) and the recipe has one"),
        ("explicit-duration", FLOW, voice, None),
        ("explicit-duration", None, base, None),
    ):
        said: list[str] = []
        network = {**NETWORK, **OWN[kind]} | ({"flow": flow} if flow else {})
        train(recipe_of(added, model=kind, network=network, steps=1), tmp_path / "run", [source], True, said.append)
        part = "duration_encoder" if kind == "copycat" else "prosody_encoder"
        assert [line for line in said if "untrained" in line] == ([f"{told}, so {part} begins untrained"] if told else []), kind
