"""Tests of the export of small torch networks: files, results, and loading back."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tts_cli.addon.config import read_addon_config
from tts_cli.addon.library import list_addons
from tts_cli.backends import is_installed, open_network
from tts_cli.blocks.fixed_sizes import open_with_sizes
from tts_cli.errors import AddonError, CheckpointError, InputError, OutputError, RefusedError
from tts_cli.export.folder import addon_schema, fixed_sizes, write_addon
from tts_cli.export.margins import find_margins
from tts_cli.export.parity import round_parameters
from tts_cli.models.parameters import addon_state_dict, model_state_of_addon
from tts_cli.models.parts import ExportPart
from tts_cli.ports import Margins, NetworkSettings, PortSpec

CHANNELS = 8
TINY_COPYCAT = Path(__file__).parents[1] / "addons" / "tiny-copycat"


class Encoder(nn.Module):
    """Embeddings, masks, convolution, recurrence and attention over tokens."""

    def __init__(self, num_speakers: int) -> None:
        super().__init__()
        self.phone = nn.Embedding(20, CHANNELS)
        self.speaker = nn.Embedding(num_speakers, CHANNELS)
        self.convolution = nn.Conv1d(CHANNELS, CHANNELS, 5, padding=2)
        self.norm = nn.LayerNorm(CHANNELS)
        self.recurrence = nn.GRU(CHANNELS, CHANNELS // 2, batch_first=True, bidirectional=True)
        self.output = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        x = (self.phone(phones[..., 0]) + self.speaker(speaker[..., 0])) * token_mask
        x = F.gelu(self.norm(self.convolution(x.transpose(1, 2)).transpose(1, 2)))
        x, _ = self.recurrence(x)
        heads = x.reshape(1, -1, 2, CHANNELS // 2).transpose(1, 2)
        attended = F.scaled_dot_product_attention(heads, heads, heads, attn_mask=token_mask[:, None, :, 0][:, None] > 0)
        x = x + attended.transpose(1, 2).reshape(x.shape)
        return self.output(x), x.mean(dim=1, keepdim=True)


class Decoder(nn.Module):
    """Convolutions without padding, an utterance-rate input, and two outputs of the same length."""

    def __init__(self, num_speakers: int) -> None:
        super().__init__()
        self.speaker = nn.Embedding(num_speakers, CHANNELS)
        self.first = nn.Conv1d(CHANNELS, CHANNELS, 7, groups=CHANNELS)
        self.second = nn.Conv1d(CHANNELS, CHANNELS, 3, dilation=2)
        self.norms = nn.ModuleList([nn.LayerNorm(CHANNELS), nn.LayerNorm(CHANNELS)])
        self.output = nn.utils.parametrizations.weight_norm(nn.Linear(CHANNELS, 4))

    def forward(self, text: Tensor, log_f0: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        x = text + log_f0 + self.speaker(speaker[..., 0])
        for norm, convolution in zip(self.norms, (self.first, self.second), strict=True):
            y = F.gelu(convolution(norm(x).transpose(1, 2)).transpose(1, 2))
            crop = (x.shape[1] - y.shape[1]) // 2
            x = x[:, crop : x.shape[1] - crop] + y
        return self.output(x), log_f0[:, 5:-5] * 2


class Model(nn.Module):
    """Two networks, and something that only training needs."""

    def __init__(self, num_speakers: int = 2) -> None:
        super().__init__()
        self.encoder = Encoder(num_speakers)
        self.decoder = Decoder(num_speakers)
        self.critic = nn.Linear(3, 3)

    def export_parts(self) -> list[ExportPart]:
        phones = PortSpec(name="phones", rate="token", type="int64")
        mask = PortSpec(name="token_mask", rate="token")
        speaker = PortSpec(name="speaker", rate="utterance", type="int64")
        text = PortSpec(name="text", rate="token", channels=CHANNELS)
        mean = PortSpec(name="mean", rate="utterance", channels=CHANNELS)
        frames = [PortSpec(name="text", rate="frame", channels=CHANNELS), PortSpec(name="log_f0", rate="frame"), speaker]
        outputs = [PortSpec(name="mel", rate="frame", channels=4), PortSpec(name="log_f0", rate="frame")]
        return [
            ExportPart("encoder", "encoder", self.encoder, [phones, mask, speaker], [text, mean]),
            ExportPart("decoder", "decoder", self.decoder, frames, outputs),
        ]


def samples() -> dict[str, list[tuple[Tensor, ...]]]:
    """Inputs of both networks in several lengths."""
    one = torch.ones(1, 1, 1, dtype=torch.int64)
    tokens = [(torch.randint(0, 20, (1, n, 1)), torch.ones(1, n, 1), one) for n in (9, 30, 4)]
    frames = [(torch.randn(1, n, CHANNELS), torch.randn(1, n, 1), one) for n in (40, 11, 90)]
    return {"encoder": tokens, "decoder": frames}


DESCRIPTION = {
    "name": "tiny",
    "kind": "linguistics",
    "speakers": [{"name": "a", "mean_log_f0": 5.0}],
}


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return Model().eval()


@pytest.fixture(scope="module")
def addon(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("addons") / "tiny"
    asset = folder.parent / "table.npy"
    np.save(asset, np.arange(3))
    parts = model.export_parts()
    round_parameters(parts)
    parities = write_addon(folder, DESCRIPTION, parts, samples(), {"table": asset}, "# Tiny\n")
    assert max(parity.largest_difference for parity in parities) < 1e-5
    contexts = [parity.context for parity in parities if parity.output == "mel"]
    assert [parity.output for parity in parities if parity.context == "default"] == ["text", "mean", "mel", "log_f0"]
    assert contexts == ["default", *(f"fixed-{name}" for name in ("openvino", "onnxruntime") if is_installed(name))]
    return folder


def part_of(module: nn.Module, lookahead: int | None = None, channels: int = 4) -> ExportPart:
    """A decoder with one input and output."""
    port = PortSpec(name="x", rate="frame", channels=channels)
    return ExportPart("net", "decoder", module, [port], [port.model_copy(update={"name": "y"})], lookahead=lookahead)


class Convolution(nn.Module):
    """Convolution over (B, T, C), after dropping frames at the ends."""

    def __init__(self, kernel: int, crop: int = 0, **options: int) -> None:
        super().__init__()
        self.convolution, self.crop = nn.Conv1d(4, 4, kernel, **options), crop

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x[:, self.crop : x.shape[1] - self.crop].transpose(1, 2)).transpose(1, 2)


def test_addon_lists_every_file_with_its_hash(addon: Path) -> None:
    config = read_addon_config(addon)
    files = {path.relative_to(addon).as_posix() for path in addon.rglob("*") if path.is_file()}
    assert files == {*config.file_hashes(), "addon.json", "MODEL_CARD.md"}
    for file, digest in config.file_hashes().items():
        assert hashlib.sha256((addon / file).read_bytes()).hexdigest() == digest
    assert [path.name for path in addon.parent.iterdir() if path.name.startswith(".")] == []


def test_margins_are_found(addon: Path) -> None:
    networks = read_addon_config(addon).networks
    assert networks["encoder"].margins == Margins()
    assert networks["decoder"].margins == Margins(left=5, right=5)


def test_margins_of_causal_and_lookahead_networks() -> None:
    assert find_margins(part_of(Convolution(6), lookahead=1)) == Margins(left=4, right=1)
    with pytest.raises(ValueError, match="set `lookahead` of its ExportPart"):
        find_margins(part_of(Convolution(6)))


@pytest.mark.parametrize("module", [Convolution(3, crop=1), Convolution(3, padding=1), Convolution(3, padding=1, crop=1)])
def test_margins_that_are_not_the_receptive_field_are_refused(module: nn.Module) -> None:
    with pytest.raises(ValueError, match="depends on the input"):
        find_margins(part_of(module))


def test_margins_need_outputs_in_step_with_inputs() -> None:
    with pytest.raises(ValueError, match="shorter than its input by the same number"):
        find_margins(part_of(Convolution(3, stride=2)))


def test_parameters_are_float16_under_their_state_names(addon: Path, model: Model) -> None:
    for part in model.export_parts():
        tensors = onnx.load(addon / "networks" / f"{part.name}.onnx").graph.initializer
        state = part.module.state_dict()
        assert {tensor.name for tensor in tensors} == state.keys()
        assert {tensor.data_type for tensor in tensors} == {onnx.TensorProto.FLOAT16}
    assert (addon / "networks" / "decoder.onnx").stat().st_size < 20_000


def test_casts_of_parameters_are_folded_when_the_network_loads(addon: Path, tmp_path: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(str(addon / "networks" / "decoder.onnx"), options)
    nodes = onnx.load(tmp_path / "optimised.onnx").graph.node
    assert not [node.op_type for node in nodes if node.op_type in ("Cast", "Identity", "ReduceL2")]


def test_state_round_trips_into_the_module(addon: Path, model: Model) -> None:
    torch.manual_seed(1)
    fresh = Model()
    state = model_state_of_addon(fresh, fresh.export_parts(), addon)
    missing, unexpected = fresh.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["critic.weight", "critic.bias"], [])
    for name, value in state.items():
        assert torch.equal(value, model.state_dict()[name]), name


def test_state_of_an_addon_of_fewer_speakers_keeps_its_shape(addon: Path) -> None:
    larger = Model(num_speakers=5)
    assert model_state_of_addon(larger, larger.export_parts(), addon)["decoder.speaker.weight"].shape == (2, CHANNELS)


def test_state_of_another_model_is_refused(addon: Path) -> None:
    other = nn.Linear(2, 2)
    part = part_of(other)
    with pytest.raises(CheckpointError, match="another kind of model"):
        model_state_of_addon(other, [ExportPart("decoder", "decoder", other, part.inputs, part.outputs)], addon)
    with pytest.raises(AddonError, match="no network 'net'"):
        addon_state_dict(addon, "net")


def test_parameters_that_merge_when_equal_stay_apart(tmp_path: Path) -> None:
    twins = nn.Sequential(nn.LayerNorm(4), nn.LayerNorm(4)).eval()
    write_addon(tmp_path / "twins", DESCRIPTION, [part_of(twins)], {"net": [(torch.randn(1, 5, 4),)]}, {}, "")
    assert set(addon_state_dict(tmp_path / "twins", "net")) == {"0.weight", "0.bias", "1.weight", "1.bias"}


def test_parameters_beyond_float16_stay_float32(tmp_path: Path) -> None:
    layer = nn.Linear(4, 4, bias=False).eval()
    nn.init.constant_(layer.weight, 1e6)
    write_addon(tmp_path / "large", DESCRIPTION, [part_of(layer)], {"net": [(torch.randn(1, 5, 4),)]}, {}, "", tolerance=1e3)
    assert addon_state_dict(tmp_path / "large", "net")["weight"].max() == np.float32(1e6)


def test_parameters_that_were_not_rounded_are_refused(tmp_path: Path) -> None:
    layer = nn.Linear(4, 4).eval()
    nn.init.constant_(layer.weight, 1 / 3)
    with pytest.raises(RefusedError, match="differs from PyTorch"):
        write_addon(tmp_path / "raw", DESCRIPTION, [part_of(layer)], {"net": [(10 * torch.ones(1, 5, 4),)]}, {}, "")


class Drifting(nn.Module):
    """Computes something else when traced."""

    def forward(self, x: Tensor) -> Tensor:
        return x + x.shape[1] * (0.0 if torch.jit.is_tracing() else 1e-2)


def test_disparity_is_refused_and_the_older_addon_stays(addon: Path) -> None:
    before = (addon / "addon.json").read_bytes()
    with pytest.raises(RefusedError, match=r"output 'y' differs from PyTorch by "):
        write_addon(addon, DESCRIPTION, [part_of(Drifting())], {"net": [(torch.randn(1, 5, 4),)]}, {}, "")
    assert (addon / "addon.json").read_bytes() == before
    assert [path for path in addon.parent.iterdir() if path.name.startswith(".")] == []


def test_the_addon_has_its_name_only_once_it_is_complete(tmp_path: Path) -> None:
    folder, seen = tmp_path / "tiny", []

    def complete(new: Path) -> None:
        seen.append((new.parent, (new / "MODEL_CARD.md").is_file(), folder.exists(), list(list_addons(tmp_path))))

    layer = nn.Linear(4, 4).eval()
    nn.init.constant_(layer.weight, 0.5)
    nn.init.zeros_(layer.bias)
    write_addon(folder, DESCRIPTION, [part_of(layer)], {"net": [(torch.randn(1, 5, 4),)]}, {}, "", complete=complete)
    assert seen == [(tmp_path, True, False, list(list_addons(tmp_path / "none")))]
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_folder_that_is_no_addon_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(InputError, match="exists and is no addon"):
        write_addon(tmp_path / "photos", DESCRIPTION, [], {}, {}, "")


def test_an_unwritable_output_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_addon(tmp_path / "file" / "addon", DESCRIPTION, [], {}, {}, "")


def test_openvino_opens_the_same_folder_with_fixed_sizes(addon: Path, model: Model) -> None:
    openvino = pytest.importorskip("openvino")
    for part in model.export_parts():
        sample = {port.name: value.numpy() for port, value in zip(part.inputs, samples()[part.name][0], strict=True)}
        graph = addon / "networks" / f"{part.name}.onnx"
        network = openvino.Core().read_model(graph)
        network.reshape({name: list(value.shape) for name, value in sample.items()})
        compiled = openvino.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
        given = compiled(sample)
        expected = open_network(graph, read_addon_config(addon).networks[part.name], NetworkSettings()).run(sample)
        for name, value in expected.items():
            tensor = f"{name}.out" if name in sample else name
            np.testing.assert_allclose(given[tensor], value, atol=1e-5)


@pytest.mark.parametrize(("tau", "sizes"), [(8, (1200, 4800)), (7, (1204, 4802)), (1, (1200, 4800))])
def test_recordings_have_sizes_of_whole_latents(tau: int, sizes: tuple[int, int]) -> None:
    spec = read_addon_config(TINY_COPYCAT).networks["reference_encoder"]
    latents = spec.outputs[0].model_copy(update={"rate": f"source_frame/{tau}"})
    assert fixed_sizes(spec.model_copy(update={"outputs": (latents,)})) == {"source_frame": sizes}
    assert fixed_sizes(read_addon_config(TINY_COPYCAT).networks["speaker_encoder"]) == {"source_frame": (1200, 4800)}


@pytest.mark.parametrize("name", ["reference_encoder", "speaker_encoder"])
def test_recordings_of_any_length_run_in_fixed_sizes(name: str) -> None:
    spec, graph = read_addon_config(TINY_COPYCAT).networks[name], TINY_COPYCAT / "networks" / f"{name}.onnx"
    free = open_network(graph, spec, NetworkSettings())
    fixed = open_with_sizes(name, spec, {"source_frame": (16, 40)}, partial(open_network, graph, spec, NetworkSettings()))
    random = np.random.default_rng(0)
    for num_frames in (2, 7, 8, 9, 15, 16, 17, 31, 33, 39, 40):
        given = {
            "source_mel": random.standard_normal((1, num_frames, 80), np.float32),
            "source_mask": np.ones((1, num_frames, 1), np.float32),
            "source_phones": random.integers(0, 9, (1, num_frames, 1)),
            "source_speaker": np.full((1, 1, 3), 0.5, np.float32),
        }
        tensors = {port.name: given[port.name] for port in spec.inputs}
        expected = free.run(tensors)
        for output, value in fixed.run(tensors).items():
            np.testing.assert_allclose(value, expected[output], atol=1e-4)
    with pytest.raises(InputError, match="takes at most 40 source_frames"):
        fixed.run(
            {port.name: np.zeros((1, 1 if port.rate == "utterance" else 41, port.channels), port.type) for port in spec.inputs}
        )


def test_published_schema_is_current() -> None:
    published = Path(__file__).parents[2] / "docs" / "addon.schema.json"
    assert published.read_text(encoding="utf-8") == addon_schema(), "write tts_cli.export.folder.addon_schema() to it"
    assert json.loads(addon_schema())["properties"]["format"]["const"] == 1
