"""Writes the tiny addons that runtime tests speak with: `python tests/addons/make.py`. Random weights, real ports."""

from __future__ import annotations

import json
import string
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tts_cli.addon.library import file_hash
from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.vocoder import SUBFRAMES, WINDOW_HOPS
from tts_cli.corpora.facts import CorpusFacts, Features, SpeakerFacts
from tts_cli.export.checkpoint import STACKS
from tts_cli.export.folder import write_addon
from tts_cli.export.inventory import InventoryUtterance, with_selector, write_analysed
from tts_cli.export.parity import round_parameters
from tts_cli.models import copycat, speaker, vae
from tts_cli.models.parts import ExportPart
from tts_cli.ports import PortSpec
from tts_cli.selection.parsing import open_linguistics
from tts_cli.text.phones import SYMBOLS

FOLDER = Path(__file__).parent
MEL = MelConfig()
CHANNELS = 4
NUM_BINS = WINDOW_HOPS * MEL.hop_samples // 2 + 1
SPEAKERS = ({"name": "low", "mean_log_f0": 4.7}, {"name": "high", "mean_log_f0": 5.3})
TOKEN_INPUTS = (
    PortSpec(name="phones", rate="token", type="int64"),
    PortSpec(name="token_mask", rate="token"),
    PortSpec(name="speaker", rate="utterance", type="int64"),
)
PROSODY = ("log_f0", "voicing", "energy")
NOISE = 2
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *string.punctuation, *string.ascii_lowercase, *string.digits)
VOCABULARY = (*PIECES, *(f"##{piece}" for piece in string.ascii_lowercase + string.digits))
MEANINGS = 8
EMBEDDING = 5
SMALL: dict[str, int] = {
    "channels": CHANNELS,
    "prosody_channels": CHANNELS,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "contour_layers": 1,
    "contour_channels": CHANNELS,
    "kernel": 3,
    "reference_channels": CHANNELS,
    "reference_layers": 2,
}
"""What CopyCat and the variational autoencoder have in common, as small as it gets."""
PROMPTS = (
    "The boats came home before the storm.",
    "Who told you that?",
    "Is it going to rain?",
    "She sings.",
    "Nobody had hoped for that, not even the captain.",
    "Yes.",
    "The old man who lived by the river had never seen the sea.",
    "Bring bread, cheese and apples.",
)
"""What both speakers say in the inventory of tiny-prosody."""


ACOUSTIC: dict[str, object] = {
    "name": "tiny-acoustic",
    "kind": "acoustic",
    "symbols": SYMBOLS,
    "speakers": SPEAKERS,
    "default_vocoder": "tiny-vocoder",
    "stack": [
        {
            "type": "StreamablePipeline",
            "sequence_block": {"type": "Encoders"},
            "streamable_block": {"type": "StreamableStack", "stack": [{"type": "Upsampler"}, {"type": "Decoder"}]},
        }
    ],
}


class Encoder(nn.Module):
    """Embeds tokens and speaker and looks one token around: (1, N, CHANNELS)."""

    def __init__(self) -> None:
        super().__init__()
        self.phone = nn.Embedding(len(SYMBOLS), CHANNELS)
        self.speaker = nn.Embedding(len(SPEAKERS), CHANNELS)
        self.convolution = nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor) -> Tensor:
        embedded = (self.phone(phones[..., 0]) + self.speaker(speaker[..., 0])) * token_mask
        return torch.tanh(self.convolution(embedded.transpose(1, 2)).transpose(1, 2))


class ProsodyEncoder(Encoder):
    """log_duration (about 6 frames), log_f0, voicing and energy: (1, N, 1) each."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(CHANNELS, 1 + len(PROSODY))

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor) -> tuple[Tensor, ...]:
        log_duration, log_f0, voicing, energy = self.head(super().forward(phones, token_mask, speaker)).split(1, -1)
        return 2.0 + log_duration, 5.0 + 0.2 * log_f0, torch.sigmoid(4.0 * voicing), energy - 3.0


class Decoder(nn.Module):
    """Two convolutions without padding: 7 frames to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.speaker = nn.Embedding(len(SPEAKERS), CHANNELS)
        self.first = nn.Conv1d(CHANNELS + len(PROSODY) + 2, CHANNELS, 3)
        self.second = nn.Conv1d(CHANNELS, MEL.num_bands, 5)

    def forward(
        self, text: Tensor, log_f0: Tensor, voicing: Tensor, energy: Tensor, place: Tensor, speaker: Tensor
    ) -> tuple[Tensor, ...]:
        frames = torch.cat([text + self.speaker(speaker[..., 0]), log_f0, voicing, energy, place], -1)
        hidden = torch.tanh(self.first(frames.transpose(1, 2)))
        return self.second(hidden).transpose(1, 2) - 4.0, log_f0[:, 3:-3], voicing[:, 3:-3]


class Step(nn.Module):
    """Walks from token to token, one each second step, making two frames a step; stops on the last."""

    def __init__(self) -> None:
        super().__init__()
        self.memory_head = nn.Linear(2 * CHANNELS + NOISE, CHANNELS)
        self.frames = nn.Linear(CHANNELS, 2 * MEL.num_bands)

    def forward(self, text: Tensor, token_mask: Tensor, noise: Tensor, attention: Tensor, memory: Tensor) -> tuple[Tensor, ...]:
        mask = token_mask[:, :, 0]
        first = (torch.cumsum(torch.ones_like(mask), -1) == 1).float()
        here = torch.where(attention[:, :, 0].sum(-1, keepdim=True) > 0.5, attention[:, :, 0], first)
        moved = torch.cat([0 * here[:, :1], here[:, :-1]], -1)
        following = torch.cat([mask[:, 1:], 0 * mask[:, :1]], -1)
        is_last = mask * (1 - following)
        weights = (0.5 * here + 0.5 * moved + 0.5 * here * is_last) * mask
        context = weights[:, None] @ text
        memory_out = torch.tanh(self.memory_head(torch.cat([memory, context, noise], -1)))
        mel = self.frames(memory_out).reshape(1, 2, -1) - 4.0
        stop = ((weights * is_last).sum(-1) > 0.5).float().reshape(1, 1, 1)
        return mel, stop, weights[:, :, None], memory_out


class Vocoder(nn.Module):
    """Filters as loud as the mel, of random shape; reads 3 frames back and 1 ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv1d(MEL.num_bands, CHANNELS, 5)
        self.head = nn.Linear(CHANNELS, SUBFRAMES * 3 * NUM_BINS)

    def forward(self, mel: Tensor, log_f0: Tensor) -> tuple[Tensor, ...]:
        hidden = torch.tanh(self.front(0.2 * mel.transpose(1, 2)).transpose(1, 2))
        level = torch.exp(0.5 * mel[:, 3:-1].mean(-1, keepdim=True))
        harmonic, noise = (level * self.head(hidden)).split([SUBFRAMES * 2 * NUM_BINS, SUBFRAMES * NUM_BINS], -1)
        given = log_f0[:, 3:-1]
        return torch.where(given > 0, given, torch.full_like(given, 5.0)), harmonic, 0.1 * noise


class SentenceEncoder(nn.Module):
    """A sentence's mean piece, each word's first, and how far it stands from the word before."""

    def __init__(self) -> None:
        super().__init__()
        self.piece = nn.Embedding(len(VOCABULARY), MEANINGS)
        self.head = nn.Linear(MEANINGS, 1)

    def forward(self, pieces: Tensor, piece_mask: Tensor, first_pieces: Tensor, word_mask: Tensor) -> tuple[Tensor, ...]:
        states = self.piece(pieces[..., 0]) * piece_mask
        mean = states.sum(1, keepdim=True) / piece_mask.sum(1, keepdim=True)
        words = torch.gather(states, 1, first_pieces.expand(-1, -1, MEANINGS)) * word_mask
        is_later = (torch.cumsum(word_mask, 1) > 1.5).float()
        distance = 4.0 * nn.functional.softplus(self.head(words)) * is_later
        return mean / mean.norm(dim=-1, keepdim=True), words, distance


def frame_port(name: str, channels: int = 1, pad: float = 0.0) -> PortSpec:
    return PortSpec(name=name, rate="frame", channels=channels, pad=pad)


def acoustic_parts() -> list[ExportPart]:
    text = PortSpec(name="text", rate="token", channels=CHANNELS)
    prosody = [PortSpec(name=name, rate="token") for name in ("log_duration", *PROSODY)]
    streamed = [frame_port("text", CHANNELS), *map(frame_port, PROSODY), frame_port("phone_position", 2)]
    decoded = [frame_port("mel", MEL.num_bands), frame_port("log_f0"), frame_port("voicing")]
    return [
        ExportPart("text_encoder", "encoder", Encoder(), TOKEN_INPUTS, [text], mask="token_mask", splittable=True),
        ExportPart("prosody_encoder", "encoder", ProsodyEncoder(), TOKEN_INPUTS, prosody, mask="token_mask", splittable=True),
        ExportPart("decoder", "decoder", Decoder(), [*streamed, TOKEN_INPUTS[2]], decoded, splittable=True),
    ]


def attention_parts() -> list[ExportPart]:
    text = PortSpec(name="text", rate="token", channels=CHANNELS)
    mask = TOKEN_INPUTS[1]
    state = [PortSpec(name="attention", rate="token"), PortSpec(name="memory", rate="utterance", channels=CHANNELS)]
    inputs = [text, mask, PortSpec(name="noise", rate="utterance", channels=NOISE), *state]
    outputs = [frame_port("mel", MEL.num_bands), PortSpec(name="stop", rate="utterance"), *state]
    return [
        ExportPart("text_encoder", "encoder", Encoder(), TOKEN_INPUTS, [text], mask="token_mask", splittable=True),
        ExportPart("step", "step", Step(), inputs, outputs, mask="token_mask"),
    ]


def vocoder_parts() -> list[ExportPart]:
    log_f0 = PortSpec(name="log_f0", rate="frame", optional=True, default=0.0)
    shapes = [("log_f0", 1), ("harmonic_filter", SUBFRAMES * 2 * NUM_BINS), ("noise_filter", SUBFRAMES * NUM_BINS)]
    outputs = [frame_port(name, channels) for name, channels in shapes]
    inputs = [frame_port("mel", MEL.num_bands, MEL.silence), log_f0]
    return [ExportPart("vocoder", "vocoder", Vocoder(), inputs, outputs, lookahead=1, splittable=True)]


def linguistics_parts() -> list[ExportPart]:
    inputs = [
        PortSpec(name="pieces", rate="token", type="int64"),
        PortSpec(name="piece_mask", rate="token"),
        PortSpec(name="first_pieces", rate="word", type="int64"),
        PortSpec(name="word_mask", rate="word"),
    ]
    outputs = [
        PortSpec(name="sentence_vector", rate="utterance", channels=MEANINGS),
        PortSpec(name="word_states", rate="word", channels=MEANINGS),
        PortSpec(name="syntactic_distance", rate="word"),
    ]
    return [ExportPart("sentence_encoder", "analysis", SentenceEncoder(), inputs, outputs, mask="piece_mask")]


def sample(part: ExportPart, num_steps: int) -> tuple[Tensor, ...]:
    """Random inputs of one network."""
    shapes = [(1, 1 if port.rate == "utterance" else num_steps, port.channels) for port in part.inputs]
    return tuple(
        torch.randint(0, 2, shape) if port.type == "int64" else torch.randn(shape)
        for port, shape in zip(part.inputs, shapes, strict=True)
    )


def copycat_model() -> copycat.Model:
    """CopyCat itself, as small as it gets."""
    config = copycat.Config(
        **SMALL,
        latent_channels=2,
        speaker_encoder=speaker.Config(channels=CHANNELS, layers=1, dimensions=3),
    )
    speakers = tuple(SpeakerFacts(std_log_f0=0.2, **facts) for facts in SPEAKERS)
    model = copycat.Model(config, CorpusFacts(mel=MEL, symbols=SYMBOLS, speakers=speakers))
    # Fresh weights are so small that no latent would be heard.
    for parameter in model.decoder.parameters():
        parameter.data *= 2.0
    return model.eval()


def vae_model() -> vae.Model:
    """The variational autoencoder itself, as small as it gets."""
    config = vae.Config(
        **SMALL,
        embedding_channels=EMBEDDING,
        reference_shapes=2,
    )
    speakers = tuple(SpeakerFacts(std_log_f0=0.2, **facts) for facts in SPEAKERS)
    model = vae.Model(config, CorpusFacts(mel=MEL, symbols=SYMBOLS, speakers=speakers))
    # Fresh weights are so small that no embedding would be heard.
    for encoder in (model.text_encoder, model.prosody_encoder.encoder):
        encoder.embedding.weight.data *= 50.0
    return model.eval()


def inventory(folder: Path) -> tuple[dict[str, Path], list[dict[str, object]]]:
    """Random embeddings of PROMPTS by both speakers: the assets, and the speakers with their centroids."""
    random = np.random.default_rng(0)
    said = [InventoryUtterance(f"prompt{place}", who, text) for who in range(len(SPEAKERS)) for place, text in enumerate(PROMPTS)]
    embeddings = random.standard_normal((len(said), EMBEDDING)).astype(np.float32)
    assets = write_analysed(folder, said, embeddings, open_linguistics(FOLDER / "tiny-linguistics"))
    centroids = embeddings.reshape(len(SPEAKERS), len(PROMPTS), EMBEDDING).mean(1).round(5).tolist()
    return assets, [{**one, "embedding": centroid} for one, centroid in zip(SPEAKERS, centroids, strict=True)]


def recording(num_tokens: int) -> Features:
    """A random utterance, as a corpus would have it."""
    random = np.random.default_rng(num_tokens)
    durations = random.integers(0, 9, num_tokens)
    mel = random.normal(-4.0, 1.0, (int(durations.sum()), MEL.num_bands)).astype(np.float32)
    return {"phones": random.integers(0, len(SYMBOLS), num_tokens), "durations": durations, "speaker": np.array(1), "mel": mel}


def write(
    description: dict[str, object],
    make_parts: Callable[[], list[ExportPart]],
    samples: dict[str, list[tuple[Tensor, ...]]] | None = None,
    assets: Mapping[str, Path] | None = None,
) -> None:
    torch.manual_seed(0)
    parts = make_parts()
    name = str(description["name"])
    shared = {
        "mel": {**MEL.model_dump(), "hash": MEL.hash},
        "licence": "Apache-2.0",
        "provenance": {"made by": "tests/addons/make.py"},
    }
    round_parameters(parts)
    samples = samples or {part.name: [sample(part, length) for length in (20, 33)] for part in parts}
    write_addon(
        FOLDER / name, {**shared, **description}, parts, samples, assets or {}, f"# {name}\n\nRandom weights, for tests.\n"
    )


def main() -> None:
    """All of them."""
    write(ACOUSTIC, acoustic_parts)
    decoder = {
        "type": "StreamablePipeline",
        "sequence_block": {"type": "Encoders"},
        "streamable_block": {"type": "AttentionDecoder"},
    }
    write({**ACOUSTIC, "name": "tiny-attention", "stack": [decoder]}, attention_parts)
    write_model({**ACOUSTIC, "name": "tiny-copycat"}, copycat_model)
    write({"name": "tiny-vocoder", "kind": "vocoder", "stack": [{"type": "Vocoder"}]}, vocoder_parts)
    write_prosody()


def write_model(
    description: dict[str, object],
    make_model: Callable[[], copycat.Model | vae.Model],
    assets: Mapping[str, Path] | None = None,
) -> None:
    """The addon of a whole model."""
    torch.manual_seed(1)
    model = make_model()
    recordings = [model.export_samples(recording(length)) for length in (20, 33)]
    samples = {part: [one[part] for one in recordings] for part in recordings[0]}
    write(description, model.export_parts, samples, assets)


def write_prosody() -> None:
    """A voice that selects its prosody, and what analyses sentences for it."""
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = Path(scratch) / "tokenizer.json"
        vocabulary = {piece: place for place, piece in enumerate(VOCABULARY)}
        tokenizer.write_text(json.dumps({"model": {"type": "WordPiece", "vocab": vocabulary}}), encoding="utf-8")
        write({"name": "tiny-linguistics", "kind": "linguistics"}, linguistics_parts, assets={"tokenizer": tokenizer})
        assets, speakers = inventory(Path(scratch))
        required = {"name": "tiny-linguistics", "sha256": file_hash(FOLDER / "tiny-linguistics/addon.json")}
        about = {
            "name": "tiny-prosody",
            "speakers": speakers,
            "stack": with_selector(STACKS["acoustic"]),
            "default_linguistics": "tiny-linguistics",
            "requires": [required],
        }
        write_model({**ACOUSTIC, **about}, vae_model, assets)


if __name__ == "__main__":
    main()
