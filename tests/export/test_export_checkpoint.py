"""Tests of `tts export-addon`: from a checkpoint and its corpus to an addon that opens, and back into training."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tts_cli.addon.config import ChunkSchedule
from tts_cli.addon.opened import open_addon
from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.prosody_noise import ProsodyNoiseOptions, at_temperature
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.manifest import CorpusSummary, Recording, SpeakerSummary, open_corpus, write_corpus
from tts_cli.errors import AddonError, CheckpointError, CorpusError, InputError
from tts_cli.export.checkpoint import ExportOptions, export_addon
from tts_cli.models import TrainableModel, find_kind
from tts_cli.models.parameters import addon_state_dict
from tts_cli.selection.inventory import Inventory
from tts_cli.selection.parsing import open_linguistics
from tts_cli.text.phones import SYMBOLS
from tts_cli.training import checkpoints
from tts_cli.training.predict import trained_model
from tts_cli.training.recipe import Recipe, parse_recipe
from tts_cli.training.start import create_model
from tts_cli.training.state import TrainingState
from tts_cli.training.weights import facts_of, inherited, initialise, lineage, of_speakers, spoken_temperature
from tts_cli.voice.synthesis import Voice, load

VOICE = {"channels": 8, "prosody_channels": 8, "encoder_layers": 1, "decoder_layers": 1, "contour_layers": 1}
SPEAKER = {"channels": 8, "layers": 1, "dimensions": 4}
NETWORKS: dict[str, dict[str, Any]] = {
    "copycat": {**VOICE, "reference_channels": 8, "reference_layers": 1, "speaker_encoder": SPEAKER},
    "explicit-duration": VOICE,
    "speaker": SPEAKER,
    "vae": {**VOICE, "embedding_channels": 3, "reference_channels": 8, "reference_layers": 1},
    "vocoder": {"channels": 8, "layers": 1, "pitch_channels": 8, "pitch_layers": 1, "pitch_bins": 8},
}
SPLITS = ("train", "test", "train", "validation")
TINY_ADDONS = Path(__file__).parents[1] / "addons"
LINGUISTICS = str(TINY_ADDONS / "tiny-linguistics")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a corpus of two speakers with four clips of noise each; return its folder."""
    folder = tmp_path_factory.mktemp("corpus")
    mel = MelConfig()
    recordings = [_recording(folder, speaker, number, split) for speaker in "ab" for number, split in enumerate(SPLITS)]
    speakers = {name: SpeakerSummary(clips=4, seconds=1.0, mean_log_f0=5.0, std_log_f0=0.2) for name in "ab"}
    write_corpus(folder, CorpusSummary(mel=mel, mel_hash=mel.hash, symbols=SYMBOLS, speakers=speakers, versions={}), recordings)
    return folder


def _recording(folder: Path, speaker: str, number: int, split: str) -> Recording:
    tokens = SYMBOLS[1 : 6 + number]
    durations = tuple(range(2, 2 + len(tokens)))
    num_frames = sum(durations)
    random = np.random.default_rng(number)
    frames = {name: random.standard_normal(num_frames, np.float32) for name in ("log_f0", "voicing", "energy")}
    mel = random.standard_normal((num_frames, 80), np.float32)
    name = f"{speaker}{number}"
    np.savez(folder / f"{name}.npz", mel=mel, audio=np.zeros(num_frames * 200, np.int16), **frames)
    return Recording(
        id=name, audio_filepath=f"{name}.wav", text=name, normalized_text=name, duration=num_frames / 80, speaker=speaker,
        corpus="noise", split=split, kind="statement", tokens=tokens, durations=durations, num_frames=num_frames,
        features=f"{name}.npz",
    )  # fmt: skip


def _checkpoint(kind: str, corpus: Path, run: Path, **about: Any) -> tuple[Recipe, Path]:
    """Write an untrained checkpoint to `run`, with changes of its description; return its recipe and its folder."""
    mapping = {"model": kind, "name": "noise", "data": str(corpus), "network": NETWORKS[kind], "batches": {}, "steps": 1}
    recipe = parse_recipe(mapping, "recipe")
    model = create_model(recipe, open_corpus(corpus).facts)
    description = checkpoints.Description(
        kind=kind, step=0, recipe=recipe.model_dump(mode="json"), facts=model.facts, random={}, seconds=0.0, versions={}
    ).model_copy(update=about)
    return recipe, checkpoints.save(run, TrainingState(model, recipe).tensors(), description)


@pytest.mark.parametrize("kind", ["explicit-duration", "vae", "vocoder"])
def test_a_voice_reads_text_in_the_language_of_its_corpus(kind: str, corpus: Path, tmp_path: Path) -> None:
    opened = open_corpus(corpus)
    british = shutil.copytree(corpus, tmp_path / "british")
    rows = [row.model_copy(update={"text": "On 3/4."}) for row in opened.recordings]
    write_corpus(british, opened.summary.model_copy(update={"language": "en-GB"}), rows)
    _checkpoint(kind, british, tmp_path / "run")
    export_addon(tmp_path / "run", tmp_path / "voice", None, ExportOptions(tolerance=1e-4, linguistics=LINGUISTICS))
    addon = open_addon(tmp_path / "voice")
    speaks = addon.config.kind == "acoustic"
    assert addon.config.language == facts_of(tmp_path / "voice").language == ("en-GB" if speaks else "en-US")
    if kind == "vae":
        assert len(Inventory(addon, "$").distances) == len("on the third of April".split())


def _fresh(kind: str, corpus: Path, **changes: Any) -> TrainableModel:
    """Build a new untrained model."""
    mapping = {"model": kind, "name": "fresh", "network": {**NETWORKS[kind], **changes}, "batches": {}, "steps": 1, "seed": 1}
    return create_model(parse_recipe(mapping, "recipe"), open_corpus(corpus).facts)


@pytest.mark.parametrize("kind", sorted(kind for kind in NETWORKS if find_kind(kind).addon))
def test_checkpoint_becomes_an_addon_and_an_addon_new_weights(kind: str, corpus: Path, tmp_path: Path) -> None:
    _, checkpoint = _checkpoint(kind, corpus, tmp_path / "run")
    options = ExportOptions(licence="CC0-1.0", tolerance=1e-4, linguistics=LINGUISTICS)
    parities = export_addon(tmp_path / "run", tmp_path / "noise", None, options)
    assert parities
    assert max(parity.error for parity in parities) < 1e-4
    addon = open_addon(tmp_path / "noise")
    assert (addon.config.kind, addon.config.licence) == (find_kind(kind).addon, "CC0-1.0")
    assert {parity.network for parity in parities} == addon.config.networks.keys()
    assert addon.config.provenance["kind"] == kind
    assert [speaker.name for speaker in addon.config.speakers] == (["a", "b"] if addon.config.kind == "acoustic" else [])
    assert "noise" in (tmp_path / "noise" / "MODEL_CARD.md").read_text()
    average = checkpoints.read(checkpoint).read("average")
    # They take part in training alone, and begin anew.
    left = {name for name in average if _is_left(name)}
    fresh = _fresh(kind, corpus)
    assert f" {len(left)} fresh, 0 unused;" in initialise(fresh, kind, [tmp_path / "noise"])[0]
    for name in average.keys() - left:
        assert torch.allclose(fresh.state_dict()[name], average[name], rtol=1e-3, atol=1e-6), name


def _is_left(name: str) -> bool:
    return name.startswith(("adversary", "outline")) or name.endswith("_norm.count")


def test_a_part_of_other_models_is_no_addon(corpus: Path, tmp_path: Path) -> None:
    _checkpoint("speaker", corpus, tmp_path / "run")
    with pytest.raises(CheckpointError, match="a 'speaker' model is not exported by itself") as caught:
        export_addon(tmp_path / "run", tmp_path / "noise", None, ExportOptions())
    assert "--init-from" in str(caught.value.hint)
    assert not (tmp_path / "noise").exists()


def test_chosen_speakers_are_exported_the_first_for_when_nobody_is_named(corpus: Path, tmp_path: Path) -> None:
    _, checkpoint = _checkpoint("copycat", corpus, tmp_path / "run")
    with pytest.raises(InputError, match="has no speaker 'c'"):
        export_addon(tmp_path / "run", tmp_path / "noise", None, ExportOptions(speakers=("a", "c")))
    export_addon(tmp_path / "run", tmp_path / "noise", None, ExportOptions(speakers=("b",)))
    config = open_addon(tmp_path / "noise").config
    assert ([speaker.name for speaker in config.speakers], config.default_speaker) == (["b"], "b")
    assert "speakers: b\n" in (tmp_path / "noise" / "MODEL_CARD.md").read_text()
    table = checkpoints.read(checkpoint).read("average")["decoder.speakers.weight"]
    np.testing.assert_allclose(addon_state_dict(tmp_path / "noise", "decoder")["speakers.weight"], table[1:], rtol=1e-3)


def test_speakers_keep_their_rows_in_any_order(corpus: Path) -> None:
    model = _fresh("copycat", corpus)
    turned = of_speakers(model, ("b", "a"))
    assert turned.facts.speaker_names == ["b", "a"]
    for name, value in model.state_dict().items():
        assert torch.equal(turned.state_dict()[name], value.flip(0) if name in model.speaker_tables() else value), name


def test_weights_come_from_several_models_and_the_last_one_wins(corpus: Path, tmp_path: Path) -> None:
    sources = {kind: tmp_path / kind for kind in ("explicit-duration", "speaker", "copycat")}
    voice, speaker, copycat = (
        checkpoints.read(_checkpoint(kind, corpus, run)[1]).read("average") for kind, run in sources.items()
    )
    model = _fresh("copycat", corpus)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lines = initialise(model, "copycat", [sources["explicit-duration"], sources["speaker"]])
    after = model.state_dict()
    assert torch.equal(after["decoder.head.weight"], voice["decoder.head.weight"])
    assert torch.equal(after["duration_encoder.encoder.head.weight"], voice["prosody_encoder.encoder.head.weight"][:1])
    assert torch.equal(after["speaker_encoder.output.weight"], speaker["speaker_encoder.output.weight"])
    own = [name for name in before if name.startswith(("reference_encoder", "adversary", "decoder.mean", "decoder.std"))]
    assert all(torch.equal(after[name], before[name]) for name in own)
    others = sum(name.startswith("speaker_encoder") for name in before)
    assert f" {len(own) + others} fresh" in lines[0] and f" {len(own)} fresh" in lines[1]
    for last, expected in (("speaker", speaker), ("copycat", copycat)):
        initialise(model, "copycat", [sources["copycat"], sources["speaker"], sources[last]])
        assert torch.equal(model.state_dict()["speaker_encoder.output.weight"], expected["speaker_encoder.output.weight"])


def test_an_addon_of_another_kind_gives_what_its_checkpoint_gives(corpus: Path, tmp_path: Path) -> None:
    _checkpoint("explicit-duration", corpus, tmp_path / "run")
    export_addon(tmp_path / "run", tmp_path / "noise", None, ExportOptions())
    one, other = _fresh("copycat", corpus), _fresh("copycat", corpus)
    lines = [*initialise(one, "copycat", [tmp_path / "run"]), *initialise(other, "copycat", [tmp_path / "noise"])]
    assert lines[0].partition(": ")[2] == lines[1].partition(": ")[2]
    for name, value in one.state_dict().items():
        assert torch.allclose(other.state_dict()[name], value, rtol=2e-3, atol=1e-3), name


def test_shapes_of_another_kind_stay_fresh_and_nothing_at_all_is_refused(corpus: Path, tmp_path: Path) -> None:
    for kind in ("explicit-duration", "copycat", "vocoder"):
        _checkpoint(kind, corpus, tmp_path / kind)
    wider = _fresh("copycat", corpus, prosody_channels=12)
    (line,) = initialise(wider, "copycat", [tmp_path / "explicit-duration"])
    assert " of another shape)" in line
    with pytest.raises(CheckpointError, match="has shape"):
        initialise(wider, "copycat", [tmp_path / "copycat"])
    with pytest.raises(CheckpointError, match="this 'vocoder' model has no parameter that the model"):
        initialise(wider, "copycat", [tmp_path / "vocoder"])


def test_sentences_are_held_out_ones_of_every_speaker_first(corpus: Path) -> None:
    opened = open_corpus(corpus)
    chosen = [(int(u["speaker"]), len(u["phones"])) for u in opened.held_out(opened.facts, 6)]
    assert chosen == [(0, 6), (1, 6), (0, 8), (1, 8), (0, 5), (1, 5)]


def test_what_is_missing_is_named(corpus: Path, tmp_path: Path) -> None:
    _checkpoint("vocoder", corpus, tmp_path / "run")
    with pytest.raises(CorpusError, match="not a prepared corpus"):
        export_addon(tmp_path / "run", tmp_path / "noise", tmp_path, ExportOptions())
    with pytest.raises(InputError, match="cannot be read as a model card"):
        export_addon(tmp_path / "run", tmp_path / "noise", corpus, ExportOptions(model_card=tmp_path / "card.md"))
    assert not (tmp_path / "noise").exists()


def test_exporting_a_voice_measures_its_speakers_where_its_vocoder_is_found(corpus: Path, tmp_path: Path) -> None:
    for name, kind in (("noise-vocoder", "vocoder"), ("noise", "explicit-duration")):
        _checkpoint(kind, corpus, tmp_path / kind)
        options = ExportOptions(default_vocoder="noise-vocoder" if name == "noise" else None)
        export_addon(tmp_path / kind, tmp_path / "addons" / name, None, options)
    assert all(-70 < (speaker.loudness_lufs or 0) < 0 for speaker in open_addon(tmp_path / "addons" / "noise").config.speakers)


def test_a_vocoder_that_is_damaged_is_told(corpus: Path, tmp_path: Path) -> None:
    for kind in ("vocoder", "explicit-duration"):
        _checkpoint(kind, corpus, tmp_path / kind)
    export_addon(tmp_path / "vocoder", tmp_path / "addons" / "noise-vocoder", None, ExportOptions())
    options = ExportOptions(default_vocoder="noise-vocoder")
    next((tmp_path / "addons" / "noise-vocoder").glob("networks/*.params")).write_bytes(b"damaged")
    with pytest.raises(AddonError, match=r"params"):
        export_addon(tmp_path / "explicit-duration", tmp_path / "addons" / "noise", None, options)
    # The loudness is part of the addon: what has its name is complete.
    assert not (tmp_path / "addons" / "noise").exists()


def test_a_model_with_embeddings_is_exported_with_what_it_selects_them_from(corpus: Path, tmp_path: Path) -> None:
    _checkpoint("vae", corpus, tmp_path / "run")
    export_addon(tmp_path / "run", tmp_path / "noise", None, ExportOptions(linguistics=LINGUISTICS, speakers=("b", "a")))
    addon = open_addon(tmp_path / "noise")
    inventory = Inventory(addon, "$")
    recordings = [recording for recording in open_corpus(corpus).recordings if recording.split == "train"]
    assert [inventory.id(place) for place in range(len(inventory))] == [one.id for one in recordings] == ["a0", "a2", "b0", "b2"]
    assert [inventory.text(place) for place in range(4)] == [one.text for one in recordings]
    assert inventory.speakers.tolist() == [1, 1, 0, 0]
    model, _ = checkpoints.load_model(tmp_path / "run")
    for place, recording in enumerate(recordings):
        mel = torch.from_numpy(open_corpus(corpus).load(recording, ("mel",))["mel"])[None]
        expected = model.reference_encoder(mel, torch.ones_like(mel[:, :, :1]))[0, 0].detach().numpy()
        np.testing.assert_allclose(inventory.embeddings[place], expected, atol=2e-3)
    analysis = open_linguistics(LINGUISTICS).analyse(["a", "zero"], ["", "."])
    np.testing.assert_allclose(inventory.distances[: inventory.offsets[1]], analysis.distances, rtol=1e-3)
    np.testing.assert_allclose(inventory.vectors[0], analysis.vector, atol=1e-3)
    b, a = (np.array(speaker.embedding) for speaker in addon.config.speakers)
    np.testing.assert_allclose(a, inventory.embeddings[:2].astype(np.float32).mean(0), atol=2e-3)
    np.testing.assert_allclose(b, inventory.embeddings[2:].astype(np.float32).mean(0), atol=2e-3)
    assert addon.config.default_linguistics == "tiny-linguistics"
    assert [one.name for one in addon.config.requires] == ["tiny-linguistics"]


def test_without_linguistics_or_training_recordings_no_embeddings_are_exported(corpus: Path, tmp_path: Path) -> None:
    _checkpoint("vae", corpus, tmp_path / "run")
    with pytest.raises(AddonError, match="unknown addon 'linguistics-xx'"):
        export_addon(tmp_path / "run", tmp_path / "noise", None, ExportOptions(linguistics="linguistics-xx"))
    lines = (
        (corpus / "manifest.jsonl")
        .read_text()
        .replace('"speaker": "b", "corpus": "noise", "split": "train"', '"speaker": "b", "corpus": "noise", "split": "test"')
    )
    untrained = tmp_path / "corpus"
    shutil.copytree(corpus, untrained)
    (untrained / "manifest.jsonl").write_text(lines)
    with pytest.raises(CorpusError, match="no training recording of 'b'"):
        export_addon(tmp_path / "run", tmp_path / "noise", untrained, ExportOptions(linguistics=LINGUISTICS))
    assert not (tmp_path / "noise").exists()


@pytest.mark.parametrize("generations", [1, 2])
def test_licence_origin_and_vocoder_of_the_initial_weights_are_inherited(corpus: Path, tmp_path: Path, generations: int) -> None:
    """The second generation begins from a run, which began from the addon."""
    _checkpoint("explicit-duration", corpus, tmp_path / "parent-run", step=3)
    options = ExportOptions(licence="CC-BY-SA-3.0", default_vocoder="noise-vocoder")
    export_addon(tmp_path / "parent-run", tmp_path / "parent", None, options)
    origin = tmp_path / "parent"
    for number in range(generations):
        _checkpoint("explicit-duration", corpus, tmp_path / f"run{number}", begun_from=(lineage(origin),))
        origin = tmp_path / f"run{number}"
    said: list[str] = []
    export_addon(origin, tmp_path / "child", None, ExportOptions(), said.append)
    config = open_addon(tmp_path / "child").config
    assert (config.licence, config.default_vocoder) == ("CC-BY-SA-3.0", "noise-vocoder")
    assert inherited(config.provenance["begun_from"], "licence") == ["CC-BY-SA-3.0"]
    card = (tmp_path / "child" / "MODEL_CARD.md").read_text()
    assert "- licence: CC-BY-SA-3.0\n" in card
    assert "parent, step 3" in card
    assert any("licence of the initial weights: CC-BY-SA-3.0" in line for line in said)
    assert any("default vocoder of the initial weights: noise-vocoder" in line for line in said)


def test_the_temperature_of_the_last_addon_in_a_lineage_is_inherited(flowing: Path) -> None:
    assert spoken_temperature([]) == ProsodyNoiseOptions().temperature
    assert lineage(flowing)["temperature"] == ProsodyNoiseOptions().temperature
    description = flowing / "addon.json"
    fields = json.loads(description.read_text())
    description.write_text(json.dumps({**fields, "stack": at_temperature(fields["stack"], 0)}))
    origins = [{"name": "other", "temperature": 1.5}, {"name": "run", "begun_from": [lineage(flowing)]}]
    assert spoken_temperature(origins) == 0
    assert spoken_temperature([*origins, {"name": "no flow"}]) == 0
    assert spoken_temperature(origins[::-1]) == 1.5


def test_options_come_before_what_is_inherited(corpus: Path, tmp_path: Path) -> None:
    origin = {"name": "parent", "licence": "CC-BY-SA-3.0", "default_vocoder": "noise-vocoder"}
    _checkpoint("explicit-duration", corpus, tmp_path / "run", begun_from=(origin,))
    export_addon(tmp_path / "run", tmp_path / "child", None, ExportOptions(licence="MIT", default_vocoder="other"))
    config = open_addon(tmp_path / "child").config
    assert (config.licence, config.default_vocoder) == ("MIT", "other")


def test_licences_of_several_models_are_all_named() -> None:
    first = {"name": "a", "licence": "MIT", "begun_from": [{"name": "x", "licence": "hidden"}]}
    second = {"name": "b", "begun_from": [{"name": "c", "licence": "CC0-1.0"}, {"name": "d", "licence": "MIT"}]}
    assert inherited([first, second], "licence") == ["MIT", "CC0-1.0"]


def test_a_voice_without_vocoder_and_licence_is_told_with_the_remedy(corpus: Path, tmp_path: Path) -> None:
    _checkpoint("explicit-duration", corpus, tmp_path / "run")
    said: list[str] = []
    export_addon(tmp_path / "run", tmp_path / "child", None, ExportOptions(), said.append)
    assert any("names no vocoder" in line and "--default-vocoder NAME" in line for line in said)
    assert any("names no licence" in line and "--licence TEXT" in line for line in said)
    assert said[0] == f"{tmp_path / 'run'}: step 0, averaged weights: the newest; no checkpoint has a validation loss"


def test_the_step_to_export_can_be_chosen(corpus: Path, tmp_path: Path) -> None:
    for step, validation in ((3, 1.0), (7, None)):
        _checkpoint("vocoder", corpus, tmp_path / "run", step=step, validation=validation)
    for step, exported in ((None, 3), ("best", 3), ("newest", 7), ("7", 7)):
        said: list[str] = []
        export_addon(tmp_path / "run", tmp_path / "addon", None, ExportOptions(step=step), said.append)
        assert open_addon(tmp_path / "addon").config.provenance["step"] == exported
        assert f"step {exported}, averaged weights" in said[0]


FLOW = {"channels": 8, "heads": 2, "context_layers": 1, "flow_layers": 1, "steps": 2}


@pytest.fixture(params=["explicit-duration", "vae"])
def flowing(request: pytest.FixtureRequest, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Export a voice of either kind with a flow of prosody; return its addon. Its run is beside it."""
    kind = request.param
    monkeypatch.setenv("TTS_ADDONS", str(TINY_ADDONS))
    with monkeypatch.context() as patch:
        patch.setitem(NETWORKS, kind, {**NETWORKS[kind], "flow": FLOW})
        # Layers of the flow begin at 0, and a comparison of such networks would compare nothing.
        patch.setattr(torch.nn.init, "zeros_", partial(torch.nn.init.normal_, std=0.3))
        _checkpoint(kind, corpus, tmp_path / "flow-run")
    options = ExportOptions(tolerance=1e-4, linguistics=LINGUISTICS)
    parities = export_addon(tmp_path / "flow-run", tmp_path / "flow", None, options)
    others = {"reference_encoder"} if kind == "vae" else set()
    assert {parity.network for parity in parities} == {"text_encoder", "prosody_encoder", "decoder"} | others
    return tmp_path / "flow"


def _kind(flowing: Path) -> str:
    return str(open_addon(flowing).config.provenance["kind"])


def test_a_flow_of_prosody_speaks_as_its_seed_says_streamed_or_whole(flowing: Path) -> None:
    voice = load(flowing, vocoder=TINY_ADDONS / "tiny-vocoder", threads=1)

    def say(seed: int, voice: Voice = voice) -> np.ndarray:
        return np.concatenate([chunk.samples for chunk in voice.stream("See a bee.", seed=seed, best_effort=True)])

    def heated(stack: list[Any], temperature: float) -> list[Any]:
        *_, noise, _ = stack[0]["sequence_block"]["blocks"]
        assert noise["type"] == "ProsodyNoise"
        noise["temperature"] = temperature
        return stack

    first, whole = say(0), voice.variant(ChunkSchedule(first=5000, maximum=5000))
    np.testing.assert_array_equal(say(0), first)
    np.testing.assert_allclose(say(0, whole), first, atol=1e-5)
    np.testing.assert_allclose(say(0, voice.variant(ChunkSchedule(first=1, maximum=1))), first, atol=1e-5)
    assert len({len(say(seed)) for seed in range(6)}) > 3
    cold = voice.variant(edit_stack=partial(heated, temperature=0))
    assert len({len(say(seed, cold)) for seed in range(6)}) == 1


def test_fixed_sizes_of_networks_do_not_change_a_flow(flowing: Path) -> None:
    lengths = {
        context: [
            chunk.sentence.durations
            for chunk in load(flowing, TINY_ADDONS / "tiny-vocoder", context).stream("See a bee.", best_effort=True)
            if chunk.sentence
        ]
        for context in ("default", "fixed-onnxruntime")
    }
    assert lengths["default"] == lengths["fixed-onnxruntime"]


def test_a_voice_without_a_flow_begins_from_one_with_it_and_back(corpus: Path, flowing: Path, tmp_path: Path) -> None:
    kind = _kind(flowing)
    _checkpoint(kind, corpus, tmp_path / "run")
    export_addon(tmp_path / "run", tmp_path / "plain", None, ExportOptions(linguistics=LINGUISTICS))
    encoder = {with_flow: _own_names(kind, corpus, with_flow) for with_flow in (False, True)}
    for source, with_flow in (("flow", False), ("flow-run", False), ("plain", True), ("run", True)):
        model = _fresh(kind, corpus, flow=FLOW if with_flow else None)
        line, told = initialise(model, kind, [tmp_path / source])
        assert told.endswith(", so prosody_encoder begins untrained")
        # An addon holds no part that takes part in training alone.
        left = 0 if source.endswith("run") else sum(_is_left(name) for name in model.state_dict())
        fresh, unused = encoder[with_flow], encoder[not with_flow]
        if with_flow and kind == "vae":
            # The regression becomes that which the flow hears.
            fresh, unused = {name for name in fresh if ".regression." not in name} | {"prosody_encoder.mean_log_f0"}, set()
        assert f" {len(fresh) + left} fresh, {len(unused)} unused;" in line, source
    again = _fresh(kind, corpus, flow=FLOW)
    assert f" {sum(map(_is_left, again.state_dict()))} fresh, 0 unused;" in initialise(again, kind, [flowing])[0]


def _own_names(kind: str, corpus: Path, with_flow: bool) -> set[str]:
    """Return the names of the parameters that a model has only with, or only without, a flow of prosody."""
    names = {flow is not None: set(_fresh(kind, corpus, flow=flow).state_dict()) for flow in (None, FLOW)}
    return names[with_flow] - names[not with_flow]


def test_a_voice_that_selects_begins_with_the_flow_of_one_that_does_not(corpus: Path, tmp_path: Path) -> None:
    _, selecting = _checkpoint("vae", corpus, tmp_path / "selecting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "explicit-duration", {**VOICE, "flow": FLOW})
        _, flow = _checkpoint("explicit-duration", corpus, tmp_path / "flowing")
    model = _fresh("vae", corpus, flow=FLOW)
    _, last = initialise(model, "vae", [tmp_path / "flowing", tmp_path / "selecting"])
    theirs = checkpoints.read(flow).read("average")
    for name in _own_names("vae", corpus, True) & theirs.keys():
        assert torch.equal(model.state_dict()[name], theirs[name]), name
    assert " 2 fresh" in last, "the weights of the embedding, and those of the regression"
    text = checkpoints.read(selecting).read("average")["text_encoder.head.weight"]
    assert torch.equal(model.state_dict()["text_encoder.head.weight"], text)


@pytest.mark.parametrize("kind", ["explicit-duration", "vae"])
def test_speakers_of_a_flow_keep_their_rows(kind: str, corpus: Path) -> None:
    model = _fresh(kind, corpus, flow=FLOW)
    turned = of_speakers(model, ("b", "a"))
    ends = ("speakers.weight", "mean_log_f0", "adversary.output.weight", "adversary.output.bias")
    tables = {name for name in model.state_dict() if name.endswith(ends)}
    assert tables == set(model.speaker_tables())
    for name, value in model.state_dict().items():
        assert torch.equal(turned.state_dict()[name], value.flip(0) if name in tables else value), name


def test_a_flow_makes_the_mels_that_vocoders_learn_from(corpus: Path, flowing: Path) -> None:
    opened = open_corpus(corpus)
    model, _, own = trained_model(flowing, opened)
    batch = AcousticBatches(own, "train", 1000).collate(own.of_split("train"))
    batch |= {name: value.clamp(0, 1) for name, value in batch.items() if name.endswith("voicing")}
    with torch.no_grad():
        assert model.regression(batch, 0)[1].shape == batch["mel"].shape
