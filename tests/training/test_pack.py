"""Tests of packed trainings: they run with torch alone, keep to their limits, and come back as ordinary runs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from synthetic import write_spoken_corpus
from torch import nn

from tts_cli.cli.main import main
from tts_cli.corpora.manifest import open_corpus
from tts_cli.errors import CheckpointError, ConfigError, CorpusError, InputError
from tts_cli.export.checkpoint import ExportOptions, export_addon
from tts_cli.models.layers import ConvNeXtBlock
from tts_cli.training import away, checkpoints, packages, travel
from tts_cli.training.pack import PackOptions, pack, read_about
from tts_cli.training.portable import read_state
from tts_cli.training.predict import predict_mels
from tts_cli.training.recipe import load_recipe, parse_recipe
from tts_cli.training.rehearsal import REHEARSED
from tts_cli.training.start import train
from tts_cli.training.unpack import name_of, unpack

ELSEWHERE = ("torch", "numpy", "scipy", "safetensors", "tensorboard", "lightning-fabric", "pyyaml")
"""Packages that the other machine has; lightning brings PyYAML."""
NETWORK = {
    "channels": 16, "layers": 1, "pitch_channels": 8, "pitch_layers": 1, "pitch_bins": 16, "own_f0_after": 0,
    "adversarial": {"first_step": 2, "discriminators": {"channels": 2, "periods": [2, 3], "windows_ms": [10.0]}},
}  # fmt: skip


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the recipe of a small vocoder with discriminators, and a corpus of real speech."""
    folder = tmp_path_factory.mktemp("small")
    write_spoken_corpus(folder / "corpus", 4)
    content = {
        "model": "vocoder", "name": "small", "data": str(folder / "corpus"), "network": NETWORK, "steps": 1000,
        "batches": {"num_segments": 2, "segment_frames": 32, "margin_frames": 20}, "accelerator": "cpu",
        "snapshot_every": 2, "log_every": 1, "validate_every": 500, "validation_batches": 2,
    }  # fmt: skip
    (folder / "recipe.yaml").write_text(yaml.safe_dump(content))
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def begun(recipe: Path) -> Path:
    """Return a run of four steps."""
    run = recipe.with_name("run")
    train(load_recipe(recipe, overrides=["steps=4"]), run, say=[].append)
    return run


@pytest.fixture(scope="module")
def packed(begun: Path) -> Path:
    """Return the run, packed for this Python."""
    folder = begun.with_name("packed")
    pack(begun, folder, PackOptions(size_mb=6, overrides=("steps=1000",)), [].append)
    return folder


@pytest.fixture
def loose(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a pack of the recipe without its packages, for tests that need none."""
    folder = recipe.with_name("loose")
    if not folder.exists():
        monkeypatch.setattr("tts_cli.training.pack.packed_packages", lambda _: b"none")
        pack(recipe, folder, PackOptions(size_mb=1), [].append)
    return folder


def _environment(folder: Path) -> None:
    """Fill `folder` with the packages that the other machine has, and their dependencies."""
    found: dict[str, importlib.metadata.Distribution] = {}
    names = list(ELSEWHERE)
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        try:
            found.setdefault(name, importlib.metadata.distribution(name))
        except importlib.metadata.PackageNotFoundError:
            continue
        needs = [need for need in found[name].requires or () if "extra ==" not in need]
        names += [need for need in (re.split(r"[^\w.-]", need)[0] for need in needs) if need.lower() not in found]
    for distribution in found.values():
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(str(distribution.locate_file(top)))


def _travel(pack_folder: Path, out: Path, *arguments: str, minutes: float = 2) -> int:
    given = ["--minutes", str(minutes), "--out", str(out), "--work", str(out.with_name("work")), *arguments]
    return travel.run(pack_folder, given, time.monotonic())


def _train_elsewhere(pack_folder: Path, folder: Path, arguments: str) -> None:
    """Train in a process that has the packages of the other machine alone; the result is in `folder`/out."""
    (folder / "site").mkdir()
    _environment(folder / "site")
    assert not (folder / "site" / "pydantic").exists()
    command = [sys.executable, "-S", str(pack_folder / "train_here.py"), "--minutes", "2", "--out", str(folder / "out")]
    command += ["--work", str(folder / "work"), *arguments.split()]
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder / "site")}
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_training_goes_on_without_the_project_and_comes_back(packed: Path, begun: Path, tmp_path: Path) -> None:
    _train_elsewhere(packed, tmp_path, "--set steps=9 --set loaders=1 --files 8 --file-mb 0.3 --total-mb 1")
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    assert len(sizes) <= 8
    assert max(sizes.values()) <= 300_000
    assert sum(sizes.values()) <= 1_000_000
    assert "steps/s" in (tmp_path / "out" / "log.txt").read_text()
    assert soundfile.info(tmp_path / "out" / "samples.opus").duration > 1
    said: list[str] = []
    run = shutil.copytree(begun, tmp_path / "run")
    newest = unpack(tmp_path / "out", run, said.append)
    assert any("steps 4 to 9 on " in line for line in said)
    assert newest.name == "step-000000009"
    again = train(load_recipe(run / "recipe.yaml", overrides=["steps=11"]), run, say=said.append)
    assert again.name == "step-000000011"
    assert checkpoints.read(again).description.elsewhere[0].last_step == 9
    losses = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert {loss["step"] for loss in losses if "train/generator/loss" in loss} == set(range(3, 12))
    export_addon(run, tmp_path / "addon", None, ExportOptions(), said.append)
    assert "- trained elsewhere: steps 4 to 9" in (tmp_path / "addon" / "MODEL_CARD.md").read_text()
    with pytest.raises(CheckpointError, match="has 11 steps already"):
        unpack(tmp_path / "out", run, said.append)


def test_the_state_of_a_run_travels_with_it(packed: Path, begun: Path) -> None:
    description, found = read_state(packed / "state")
    stored = checkpoints.read(begun / "checkpoints" / "step-000000004").tensors()
    assert description.step == 4
    for part, tensors in stored.items():
        same = [torch.equal(found.get(f"{part}/{name}", stored["average"].get(name)), value) for name, value in tensors.items()]
        assert all(same), part
    about = read_about(packed)
    assert (about.name, about.python, about.num_left_out) == ("small", packages.running_python(), 0)
    assert sum(path.stat().st_size for path in packed.rglob("*") if path.is_file()) < 6e6


def test_no_clip_travels_that_is_not_learnt_from(packed: Path, tmp_path: Path) -> None:
    assert _travel(packed, tmp_path / "out", "--set", "steps=4") == 2, "there is nothing to train"
    names = sorted(path.stem for path in (tmp_path / "work" / "corpus").rglob("*.npz"))
    assert [name for name in names if name.endswith("-2")] == ["bdl-2", "slt-2"], "validation draws both"
    assert len(names) == 8
    assert len((tmp_path / "work" / "corpus" / "manifest.jsonl").read_text().splitlines()) == 8


def test_a_recipe_begins_with_the_weights_of_a_run_and_fresh_discriminators(
    recipe: Path, begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_cli.training.pack.packed_packages", lambda _: b"none")
    plain = ["network.adversarial=null", "steps=2"]
    train(load_recipe(recipe, overrides=plain), tmp_path / "plain", say=[].append)
    pack(recipe, tmp_path / "packed", PackOptions(size_mb=1, init_from=(tmp_path / "plain",)), [].append)
    _, found = read_state(tmp_path / "packed" / "state")
    average = checkpoints.find(tmp_path / "plain").read("average")
    assert found.keys() == {f"average/{name}" for name in average}
    assert all(torch.equal(found[f"average/{name}"], value) for name, value in average.items())
    with pytest.raises(InputError, match="this training has begun"):
        pack(begun, tmp_path / "other", PackOptions(init_from=(tmp_path / "plain",)), [].append)


def test_it_ends_in_time_and_the_schedule_with_it(loose: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    assert _travel(loose, tmp_path / "out", "--finish", minutes=0.2) == 0
    assert time.monotonic() - started < 40, "12 s, and the time that a busy machine takes to stop"
    description, _ = read_state(tmp_path / "out")
    assert 0 < description.step < 1000
    assert description.recipe["steps"] == description.step
    assert re.match(r"1000 -> \d+", description.elsewhere[0].changed["steps"])


def test_larger_batches_and_other_keys_are_told_and_validation_stays(loose: Path, tmp_path: Path) -> None:
    assert _travel(loose, tmp_path / "out", "--batch-scale", "2", "--set", "steps=2", "--set", "precision=bf16-mixed") == 0
    first, _ = read_state(tmp_path / "out")
    assert first.elsewhere[0].changed == {
        "batches.num_segments": "2 -> 4",
        "precision": "32-true -> bf16-mixed",
        "steps": "1000 -> 2",
    }
    assert first.recipe["batches"]["num_segments"] == 2
    again = ["--state", str(tmp_path / "out"), "--set", "steps=3"]
    assert _travel(loose, tmp_path / "out2", *again) == 0
    second, _ = read_state(tmp_path / "out2")
    assert [(stay.first_step, stay.last_step) for stay in second.elsewhere] == [(0, 2), (2, 3)]
    assert name_of(tmp_path / "out2") == "recipe"
    assert main(["unpack", str(tmp_path / "out2"), "--output", str(tmp_path / "run")]) == 0
    assert checkpoints.newest(tmp_path / "run").name == "step-000000003"
    assert main(["unpack", str(tmp_path / "out"), "--output", str(tmp_path / "run")]) == 2


def test_weights_are_there_before_the_end(loose: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travel, "SAVE_MINUTES", 1e-6)
    monkeypatch.setattr(away.AwayLoop, "_finish", lambda *_: None)
    assert _travel(loose, tmp_path / "out", "--set", "steps=3") == 0
    description, found = read_state(tmp_path / "out")
    assert description.step == 3
    assert not any(name.startswith("optimiser/") for name in found)
    said: list[str] = []
    run = unpack(tmp_path / "out", tmp_path / "run", said.append).parents[1]
    assert "the optimizer states of 'generator' are fresh" in said
    assert train(load_recipe(run / "recipe.yaml", overrides=["steps=4"]), run, say=said.append).name == "step-000000004"


def test_what_is_wrong_is_told_in_a_line(
    loose: Path, begun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _travel(loose, tmp_path / "out", "--set", "stps=3") == 2
    assert "error: --set stps=3: unknown key 'stps'\nhint: did you mean 'steps'?" in capsys.readouterr().err
    assert _travel(loose, tmp_path / "out", "--files", "4") == 2
    assert _travel(loose, tmp_path / "out", "--total-mb", "0.25") == 2
    assert "the weights do not fit" in capsys.readouterr().err
    monkeypatch.setattr("tts_cli.training.pack.packed_packages", lambda _: b"none")
    with pytest.raises(InputError, match="cannot hold"):
        pack(begun, tmp_path / "small", PackOptions(size_mb=0.05), [].append)
    with pytest.raises(ConfigError, match=r"trained with other settings.*ema_decay"):
        pack(begun, tmp_path / "small", PackOptions(overrides=("ema_decay=0.5",)), [].append)
    with pytest.raises(InputError, match="no version of Python"):
        pack(begun, tmp_path / "small", PackOptions(python="three"), [].append)
    with pytest.raises(InputError, match=r"no wheel of soxr==0\.0 for Python 3\.12"):
        packages._download("soxr==0.0", "3.12", tmp_path)


def test_another_python_is_refused_before_anything_is_imported(loose: Path, tmp_path: Path) -> None:
    for name in ("train_here.py", "pack.json"):
        (tmp_path / name).write_bytes((loose / name).read_bytes().replace(packages.running_python().encode(), b"3.99"))
    command = [sys.executable, "-S", str(tmp_path / "train_here.py"), "--minutes", "1", "--out", "out"]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the packages of this pack are for Python 3.99\nhint: pack the training again with --python" in done.stderr


@pytest.mark.parametrize(("compiled_ms", "verdict"), [(1, "kept"), (9, "undone")])
def test_what_is_compiled_stays_so_only_if_it_is_faster(compiled_ms: int, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(away.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(nn.Module, "compile", lambda self, **_: setattr(self, "_compiled_call_impl", lambda x: x))
    block = ConvNeXtBlock(4, 3, 2)
    trial, said = away.CompileTrial(nn.Sequential(block), "trial"), []
    for _ in range(100):
        now[0] += (compiled_ms if trial.is_on else 5) / 1000
        said += [remark for remark in [trial.after_step()] if remark]
        with trial.paused():
            assert block._compiled_call_impl is None
    assert len(said) == 2
    assert said[1].endswith(f"{compiled_ms} ms a step compiled, 5 before: {verdict}")
    assert trial.is_on == (block._compiled_call_impl is not None) == (verdict == "kept")


def test_the_model_whose_mels_a_vocoder_learns_from_travels_with_it(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_cli.training.pack.packed_packages", lambda _: b"none")
    corpus = shutil.copytree(recipe.with_name("corpus"), tmp_path / "corpus")
    network = {"channels": 8, "prosody_channels": 8, "encoder_layers": 1, "decoder_layers": 1, "contour_layers": 1}
    voice = {"model": "explicit-duration", "name": "voice", "data": str(corpus), "network": network, "batches": {}, "steps": 1}
    train(parse_recipe(voice, "recipe"), tmp_path / "voice", say=[].append)
    predict_mels(tmp_path / "voice", corpus)
    options = PackOptions(size_mb=2, data=corpus, overrides=("batches.predicted={models: [voice], share: 0.7}",))
    with pytest.raises(InputError, match="'small' learns from mels that 'voice' predicts"):
        pack(recipe, tmp_path / "packed", options, [].append)
    pack(recipe, tmp_path / "packed", replace(options, predict_from=(tmp_path / "voice",)), [].append)
    assert _travel(tmp_path / "packed", tmp_path / "out", "--set", "steps=2") == 0
    for name in ("slt-1", "bdl-2"):
        place = Path("predicted") / "voice" / "features" / "real" / f"{name}.npy"
        here, there = np.load(corpus / place), np.load(tmp_path / "work" / "corpus" / place)
        assert here.shape == there.shape
        assert np.abs(here.astype(np.float32) - there.astype(np.float32)).mean() < 0.1


def test_a_flow_of_prosody_is_trained_elsewhere_from_the_voice_before_it(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_cli.training.pack.packed_packages", lambda _: b"none")
    sizes = {"channels": 8, "prosody_channels": 8, "encoder_layers": 1, "decoder_layers": 1, "contour_layers": 1}
    flow = {"channels": 8, "heads": 2, "context_layers": 1, "flow_layers": 1, "steps": 2}
    mapping = {**yaml.safe_load(recipe.read_text()), "model": "explicit-duration", "batches": {}, "network": sizes, "steps": 1}
    train(parse_recipe(mapping, "recipe"), tmp_path / "voice", say=[].append)
    mapping |= {"network": {**sizes, "flow": flow}, "batches": {"rare_times": 2, "lent": 0.5}, "name": "flow"}
    (tmp_path / "flow.yaml").write_text(yaml.safe_dump(mapping))
    pack(tmp_path / "flow.yaml", tmp_path / "packed", PackOptions(size_mb=1, init_from=(tmp_path / "voice",)), [].append)
    assert _travel(tmp_path / "packed", tmp_path / "out", "--set", "steps=3") == 0
    unpack(tmp_path / "out", tmp_path / "run", [].append)
    found, before = (checkpoints.find(tmp_path / name).read("average") for name in ("run", "voice"))
    assert "prosody_encoder.head.weight" in found
    shared = [name for name in found if name in before and not name.startswith("prosody_encoder")]
    assert len(shared) > 40
    assert all(torch.allclose(found[name], before[name], atol=1e-2) for name in shared)


@pytest.fixture(scope="module")
def fine_tuning(recipe: Path) -> Path:
    """Return the recipe of a voice that gets the speaker bdl and rehearses slt; the run `voice` beside it has its weights."""
    folder = recipe.parent
    sizes = {"channels": 8, "prosody_channels": 8, "encoder_layers": 1, "decoder_layers": 1, "contour_layers": 1, "dropout": 0}
    mapping = {**yaml.safe_load(recipe.read_text()), "model": "explicit-duration", "network": sizes, "steps": 1, "batches": {}}
    train(parse_recipe({**mapping, "speakers": ["slt"]}, "recipe"), folder / "voice", say=[].append)
    mapping |= {"speakers": ["bdl"], "rehearsal": {"sentences": 2, "tested": 1}, "steps": 50}
    (folder / "mine.yaml").write_text(yaml.safe_dump(mapping))
    return folder / "mine.yaml"


def test_a_fine_tuning_takes_its_rehearsed_speech_along_and_back(fine_tuning: Path, tmp_path: Path) -> None:
    options = PackOptions(size_mb=6, init_from=(fine_tuning.with_name("voice"),))
    said: list[str] = []
    pack(fine_tuning, tmp_path / "packed", options, said.append)
    assert any(line.startswith("speakers kept: slt; the initial model spoke ") for line in said)
    _train_elsewhere(tmp_path / "packed", tmp_path, "--set steps=2 --files 6")
    assert len(list((tmp_path / "out").iterdir())) <= 6
    run = unpack(tmp_path / "out", tmp_path / "run", said.append).parents[1]
    train(load_recipe(fine_tuning, overrides=["steps=1"]), tmp_path / "home", options.init_from, say=[].append)
    there, here = (open_corpus(folder / REHEARSED) for folder in (run, tmp_path / "home"))
    assert there.summary.speakers.keys() == here.summary.speakers.keys() == {"slt"}
    for ours, theirs in zip(here.recordings, there.recordings, strict=True):
        assert ours.model_copy(update={"features": theirs.features}) == theirs
        for name, values in here.load(ours, ("mel", "log_f0", "voicing", "energy")).items():
            assert np.allclose(values, there.load(theirs, (name,))[name], atol=5e-3), name
    again = train(load_recipe(run / "recipe.yaml", overrides=["steps=3"]), run, say=said.append)
    assert checkpoints.read(again).description.elsewhere[0].last_step == 2
    assert checkpoints.load_model(run)[0].facts.speaker_names == ["bdl", "slt"]
    export_addon(run, tmp_path / "addon", None, ExportOptions(), said.append)
    assert any(line.startswith("beside the initial model: slt: mel ") for line in said)


def test_a_begun_fine_tuning_keeps_its_own_speech(
    fine_tuning: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tts_cli.training.pack.packed_packages", lambda _: b"none")
    run = tmp_path / "run"
    train(load_recipe(fine_tuning, overrides=["steps=1"]), run, [fine_tuning.with_name("voice")], say=[].append)
    before = {path.name: path.read_bytes() for path in (run / REHEARSED).rglob("*") if path.is_file()}
    pack(run, tmp_path / "packed", PackOptions(size_mb=1, overrides=("steps=50",)), [].append)
    assert _travel(tmp_path / "packed", tmp_path / "out", "--file-mb", "0.001", "--set", "steps=2") == 2
    assert "does not fit into one file\nhint: allow larger files: --file-mb" in capsys.readouterr().err
    assert _travel(tmp_path / "packed", tmp_path / "out", "--set", "steps=2") == 0
    assert (tmp_path / "work" / REHEARSED / "manifest.jsonl").is_file()
    unpack(tmp_path / "out", run, [].append)
    assert before == {path.name: path.read_bytes() for path in (run / REHEARSED).rglob("*") if path.is_file()}
    (tmp_path / "out" / "rehearsed.npz.xz").write_bytes(b"damaged")
    with pytest.raises(CorpusError, match=r"rehearsed.npz.xz: the rehearsed speech is damaged"):
        unpack(tmp_path / "out", tmp_path / "other", [].append)
