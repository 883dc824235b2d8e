"""Letters to phones: a recurrent network trained on the CMU dictionary, for words that no dictionary holds.

`python -m tts_cli.models.pronunciation --output tts_cli/text/pronunciation.onnx --report docs/pronunciation.md`
trains it, writes the graph that `tts_cli.text.letters` runs, and reports on the words held out.
"""

from __future__ import annotations

import random
import time
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.text.dictionary import cmu_lines, cmu_pronunciations
from tts_cli.text.letters import LABELS, LETTERS, SLOTS, decode, encode

_LABEL_IDS = {label: index for index, label in enumerate(LABELS)}
_HELD_OUT_ONE_IN = 20

Example = tuple[str, list[tuple[str, ...]]]
"""A word and its pronunciations."""


class Config(StrictModel):
    """Size of the network and how it is trained."""

    channels: int = 48
    hidden: int = 128
    layers: int = 2
    dropout: float = 0.1
    epochs: int = 12
    words: int = 256
    """Words a step, all of the same length, so that none needs padding."""
    learning_rate: float = 3e-3
    seed: int = 1


class Model(nn.Module):
    """letters: (B, L) ids -> (B, SLOTS * L, len(LABELS)) log-probabilities."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), config.channels)
        self.recurrent = nn.GRU(
            config.channels, config.hidden, config.layers, batch_first=True, dropout=config.dropout, bidirectional=True
        )
        self.head = nn.Linear(2 * config.hidden, SLOTS * len(LABELS))

    def forward(self, letters: Tensor) -> Tensor:
        y, _ = self.recurrent(self.embedding(letters))
        return self.head(y).reshape(letters.shape[0], -1, len(LABELS)).log_softmax(dim=-1)


def loss(model: Model, words: list[str], pronunciations: list[tuple[str, ...]]) -> Tensor:
    """Connectionist temporal classification (Graves et al., 2006) of words of one length, per phone."""
    scores = model(torch.tensor([encode(word) for word in words])).transpose(0, 1)
    targets = torch.tensor([_LABEL_IDS[phone] for phones in pronunciations for phone in phones])
    lengths = torch.tensor([len(phones) for phones in pronunciations])
    slots = torch.full_like(lengths, scores.shape[0])
    return nn.functional.ctc_loss(scores, targets, slots, lengths, zero_infinity=True)


def examples() -> tuple[list[Example], list[Example]]:
    """Words of the CMU dictionary to train on, and one in twenty that is held out.

    Possessives and words spelt letter by letter are left out: rules read them.
    """
    train: list[Example] = []
    held_out: list[Example] = []
    for word in (line.split(" ", 1)[0] for line in cmu_lines()):
        if len(word) < 2 or word.endswith(("'s", "'")) or not set(word) <= set(LETTERS) or _is_spelt(word):
            continue
        split = held_out if zlib.crc32(word.encode()) % _HELD_OUT_ONE_IN == 0 else train
        split.append((word, cmu_pronunciations(word)))
    return train, held_out


def _is_spelt(word: str) -> bool:
    names = [phone for letter in word if letter != "'" for phone in (cmu_pronunciations(letter + ".") or [()])[0]]
    return [phone.rstrip("012") for phone in names] == [phone.rstrip("012") for phone in cmu_pronunciations(word)[0]]


def batches(train: list[Example], config: Config, draw: random.Random) -> Iterator[list[Example]]:
    """One epoch in random order, each batch of words of one length."""
    lengths: dict[int, list[Example]] = defaultdict(list)
    for example in draw.sample(train, len(train)):
        lengths[len(example[0])].append(example)
    chunks = [group[start : start + config.words] for group in lengths.values() for start in range(0, len(group), config.words)]
    yield from draw.sample(chunks, len(chunks))


def fit(train: list[Example], config: Config) -> Model:
    """A network trained on `train`, one line printed an epoch."""
    torch.manual_seed(config.seed)
    draw = random.Random(config.seed)
    model = Model(config)
    steps = config.epochs * sum(1 for _ in batches(train, config, random.Random(0)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=steps, pct_start=0.1)
    start = time.monotonic()
    for epoch in range(1, config.epochs + 1):
        values = [_step(model, optimiser, schedule, batch) for batch in batches(train, config, draw)]
        print(
            f"epoch {epoch}/{config.epochs}  loss {sum(values) / len(values):.3f}  {time.monotonic() - start:.0f} s", flush=True
        )
    return model.eval()


def _step(
    model: Model, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.OneCycleLR, batch: list[Example]
) -> float:
    value = loss(model, [word for word, _ in batch], [pronunciations[0] for _, pronunciations in batch])
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    return float(value.detach())
