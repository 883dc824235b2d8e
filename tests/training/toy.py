"""A toy model for the training loop, its corpus, and a command that trains it: `python toy.py RECIPE RUN [KEY=VALUE ...]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from tts_cli.audio.mel import MelConfig
from tts_cli.config import StrictModel
from tts_cli.corpora.facts import Features
from tts_cli.corpora.manifest import Corpus, CorpusSummary, Recording, SpeakerSummary, write_corpus
from tts_cli.errors import TtsError
from tts_cli.models import KINDS, Batch, Kind, TrainableModel
from tts_cli.models.parts import ExportPart
from tts_cli.training.recipe import load_recipe
from tts_cli.training.start import train

KINDS["toy"] = Kind("toy", "toy")
KINDS["other-toy"] = Kind("other", "toy")


class Config(StrictModel):
    channels: int = 8
    dropout: float = 0.1
    bad_steps: tuple[int, ...] = ()
    """Steps with a loss that is not finite."""
    two_players: bool = False


class BatchConfig(StrictModel):
    num_items: int = 4
    milliseconds: float = 0.0
    """Time that making a batch takes."""


class ToyBatches:
    def __init__(self, config: BatchConfig, seed: int, num_speakers: int) -> None:
        self.config, self.seed, self.num_speakers = config, seed, num_speakers

    def batch(self, step: int) -> Batch:
        time.sleep(self.config.milliseconds / 1000)
        random = np.random.default_rng((self.seed, step))
        size = self.config.num_items
        return {
            "x": torch.from_numpy(random.standard_normal((size, 5), np.float32)),
            "speaker": torch.from_numpy(random.integers(0, self.num_speakers, size)),
        }


class Model(TrainableModel):
    def __init__(self, config: Config, facts) -> None:
        super().__init__(config, facts)
        self.speaker = nn.Embedding(len(facts.speakers), config.channels)
        self.register_buffer("mean_log_f0", torch.tensor([[speaker.mean_log_f0] for speaker in facts.speakers]))
        self.first = nn.Linear(5, config.channels)
        self.dropout = nn.Dropout(config.dropout)
        self.last = nn.Linear(config.channels, 5)
        self.critic = nn.Linear(5, 1) if config.two_players else nn.Identity()

    def batches(self, corpus: Corpus, split: str, config: BatchConfig, seed: int) -> ToyBatches:
        return ToyBatches(config, seed + len(split), len(corpus.speakers))

    def submodels(self) -> dict[str, list[nn.Parameter]]:
        if not self.config.two_players:
            return super().submodels()
        critic = list(self.critic.parameters())
        return {"generator": [p for n, p in self.named_parameters() if not n.startswith("critic")], "critic": critic}

    def trains_at(self, submodel: str, step: int) -> bool:
        return submodel != "critic" or step >= 3

    def forward(self, batch: Batch) -> Tensor:
        hidden = torch.tanh(self.first(batch["x"]) + self.speaker(batch["speaker"]))
        return self.last(self.dropout(hidden))

    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:
        output = self(batch)
        error = (output - batch["x"].flip(1)).square().mean()
        if step in self.config.bad_steps and self.training:
            error = error * float("nan")
        if submodel == "critic":
            return {"loss": (self.critic(output.detach()) - self.critic(batch["x"])).mean() + self.critic.weight.square().sum()}
        if submodel == "generator":
            return {"loss": error - 0.01 * self.critic(output).mean(), "error": error}
        return {"loss": error}

    def preview(self, batch: Batch) -> dict[str, np.ndarray]:
        return {"mel": self(batch).numpy(), "audio": np.zeros(160, np.float32)}

    def speaker_tables(self) -> tuple[str, ...]:
        return ("speaker.weight", "mean_log_f0")

    def export_parts(self) -> list[ExportPart]:
        return []

    def export_samples(self, utterance: Features) -> dict[str, tuple[Tensor, ...]]:  # noqa: ARG002
        return {}


def write_toy_corpus(folder: Path, speakers: tuple[str, ...] = ("ann", "bob")) -> Path:
    """Write a prepared corpus of one recording, without its features."""
    recording = Recording(
        id="1", audio_filepath="1.wav", text="a", normalized_text="a", duration=0.1, speaker=speakers[0], corpus="toy",
        split="train", kind="statement", tokens=("^",), durations=(8,), num_frames=8, features="1.npz",
    )  # fmt: skip
    summaries = {name: SpeakerSummary(clips=1, seconds=0.1, mean_log_f0=5.0, std_log_f0=0.1) for name in speakers}
    mel = MelConfig()
    folder.mkdir(parents=True, exist_ok=True)
    write_corpus(
        folder, CorpusSummary(mel=mel, mel_hash=mel.hash, symbols=("_", "^"), speakers=summaries, versions={}), [recording]
    )
    return folder


def write_toy_recipe(folder: Path, **changes: object) -> Path:
    """Write a recipe of the toy to `folder`, and its corpus beside it."""
    recipe = {
        "model": "toy", "name": "toy", "data": str(write_toy_corpus(folder / "corpus")), "network": {}, "batches": {},
        "steps": 40, "log_every": 1, "validate_every": 20, "validations": 1, "snapshot_every": 5, "accelerator": "cpu",
    }  # fmt: skip
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe | changes))
    return path


def run(recipe: Path, folder: Path, *overrides: str) -> None:
    """Train like a command, and end the process with its exit code."""
    try:
        train(load_recipe(recipe, None, list(overrides)), folder)
    except KeyboardInterrupt:
        sys.exit(130)
    except TtsError as error:
        print(error.message, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
