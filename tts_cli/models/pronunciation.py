"""Letter-to-phone network for words outside the dictionary: a recurrent network trained on the CMU dictionary.

`python -m tts_cli.models.pronunciation --output tts_cli/text/pronunciation.onnx --report docs/pronunciation.md`
trains it, writes the ONNX graph that `tts_cli.text.letters` runs, and reports its errors on held-out words.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import Count, Decay, Layers, Positive, Seed, Width
from tts_cli.text.dictionary import cmu_lines, cmu_pronunciations
from tts_cli.text.letters import LABELS, LETTERS, SLOTS, LetterNetwork, encode
from tts_cli.text.pronounce import from_known

_LABEL_IDS = {label: index for index, label in enumerate(LABELS)}
_HELD_OUT_ONE_IN = 20
_LONGEST_SPELT = 6
_OPSET = 17

Example = tuple[str, list[tuple[str, ...]]]
"""A word and its pronunciations, each a tuple of phones."""


class Config(StrictModel):
    """Sizes of the letter-to-phone network, and its training."""

    channels: Width = 48
    """Width of the letter embeddings."""
    hidden: Width = 128
    """Units of the recurrent layers (GRU), in each direction."""
    layers: Layers = 2
    """Recurrent layers."""
    dropout: Decay = 0.1
    """Dropout probability between recurrent layers, in [0, 1)."""
    epochs: Count = 12
    """Passes through the training words."""
    words: Count = 256
    """Words of a batch, all of the same length, so that none needs padding."""
    learning_rate: Positive = 3e-3
    """Peak learning rate of the one-cycle schedule."""
    seed: Seed = 1
    """Seed of the weights, of dropout and of the order of the words."""


class Model(nn.Module):
    """Letter-to-phone network: letter embedding, bidirectional GRU, `SLOTS` phone labels for each letter.

    letters (B, L) int64 ids -> log-probabilities (B, SLOTS * L, len(LABELS)).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), config.channels)
        self.recurrent = nn.GRU(
            config.channels, config.hidden, config.layers, batch_first=True, dropout=config.dropout, bidirectional=True
        )
        self.head = nn.Linear(2 * config.hidden, SLOTS * len(LABELS))

    def forward(self, letters: Tensor) -> Tensor:
        y, _ = self.recurrent(self.embedding(letters))
        scores: Tensor = self.head(y).reshape(letters.shape[0], -1, len(LABELS))
        return scores.log_softmax(dim=-1)


def loss(model: Model, words: list[str], pronunciations: list[tuple[str, ...]]) -> Tensor:
    """Return the connectionist temporal classification loss (Graves et al., 2006), divided by the number of phones, mean over
    words.

    Args:
        model: The network.
        words: Lower-case words, all of one length.
        pronunciations: One pronunciation of each word.
    """
    scores = model(torch.tensor([encode(word) for word in words])).transpose(0, 1)
    targets = torch.tensor([_LABEL_IDS[phone] for phones in pronunciations for phone in phones])
    lengths = torch.tensor([len(phones) for phones in pronunciations])
    slots = torch.full_like(lengths, scores.shape[0])
    return nn.functional.ctc_loss(scores, targets, slots, lengths, zero_infinity=True)


def examples() -> tuple[list[Example], list[Example]]:
    """Return the words of the CMU dictionary for training, and every twentieth by checksum as held-out words.

    Possessives and words that are spelt letter by letter are absent, because rules read them.
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
    if len(word) > _LONGEST_SPELT:
        return False
    names = [phone for letter in word if letter != "'" for phone in (cmu_pronunciations(letter + ".") or [()])[0]]
    return [phone.rstrip("012") for phone in names] == [phone.rstrip("012") for phone in cmu_pronunciations(word)[0]]


def batches(train: list[Example], config: Config, draw: random.Random) -> Iterator[list[Example]]:
    """Yield one epoch of batches in random order; the words of a batch have one length."""
    lengths: dict[int, list[Example]] = defaultdict(list)
    for example in draw.sample(train, len(train)):
        lengths[len(example[0])].append(example)
    chunks = [group[start : start + config.words] for group in lengths.values() for start in range(0, len(group), config.words)]
    yield from draw.sample(chunks, len(chunks))


def fit(train: list[Example], config: Config) -> Model:
    """Train a network on the words `train`, print one line an epoch, and return it."""
    torch.manual_seed(config.seed)
    draw = random.Random(config.seed)  # noqa: S311 - the order of words is to be repeatable, not secret
    model = Model(config)
    steps = config.epochs * sum(1 for _ in batches(train, config, random.Random(0)))  # noqa: S311 - as above
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
    torch.autograd.backward(value)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    return float(value.detach())


def export(model: Model, path: Path) -> None:
    """Write `model` to `path` as one ONNX file with float16 weights: letters (1, L) int64 -> (1, SLOTS * L, len(LABELS))
    float32."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (torch.zeros(1, 5, dtype=torch.int64),),
            str(path),
            dynamo=False,
            input_names=["letters"],
            output_names=["scores"],
            dynamic_axes={"letters": {1: "letters"}, "scores": {1: "slots"}},
            opset_version=_OPSET,
        )
    graph = onnx.load_model(path)
    _halve(graph)
    path.write_bytes(graph.SerializeToString())


def _halve(graph: ModelProto) -> None:
    """Store every float32 initializer of `graph` as float16, followed by a Cast back to float32."""
    casts = []
    for initialiser in graph.graph.initializer:
        if initialiser.data_type == TensorProto.FLOAT:
            name = initialiser.name
            half = numpy_helper.to_array(initialiser).astype(np.float16)
            initialiser.CopyFrom(numpy_helper.from_array(half, name + ".half"))
            casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


class Score(NamedTuple):
    """Errors on held-out words; of several pronunciations in the dictionary the nearest counts."""

    words: int
    """Number of words."""
    phone_errors: float
    """Insertions, deletions and substitutions per phone; a wrong stress is a substitution."""
    phone_errors_without_stress: float
    """The phone error rate when stress is ignored."""
    words_right: float
    """Share of words without an error, in [0, 1]."""
    words_right_without_stress: float
    """Share of words without an error when stress is ignored, in [0, 1]."""


def score(read: Callable[[str], tuple[str, ...]], held_out: list[Example]) -> Score:
    """Return phone error rates and shares of right words of `read` on the words `held_out`, with and without stress.

    Args:
        read: Function from a lower-case word to its phones.
        held_out: Words with their pronunciations; the nearest one counts.
    """
    errors, plain_errors, phones, right, plain_right = 0, 0, 0, 0, 0
    for word, pronunciations in held_out:
        said = read(word)
        distance, length = min((edit_distance(said, one), len(one)) for one in pronunciations)
        plain = min(edit_distance(_unstressed(said), _unstressed(one)) for one in pronunciations)
        errors, plain_errors, phones = errors + distance, plain_errors + plain, phones + length
        right, plain_right = right + (distance == 0), plain_right + (plain == 0)
    phones, count = max(phones, 1), max(len(held_out), 1)
    return Score(len(held_out), errors / phones, plain_errors / phones, right / count, plain_right / count)


def _unstressed(phones: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(phone.rstrip("012") for phone in phones)


def edit_distance(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    """Return the least number of insertions, deletions and substitutions between two sequences (Levenshtein, 1966)."""
    row = list(range(len(second) + 1))
    for index, one in enumerate(first, start=1):
        above, row[0] = row[0], index
        for place, other in enumerate(second, start=1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (one != other))
    return row[-1]


def report(scores: dict[str, Score], facts: dict[str, str]) -> str:
    """Return the Markdown page on the training of the network and its errors.

    Args:
        scores: Errors by the name of the reader.
        facts: Further facts by name, one line each.
    """
    lines = [
        "# Pronunciation of words that no dictionary holds",
        "",
        "```sh",
        'tts synth "Zorbanking the quixmire." -o made-up.wav',
        "```",
        "",
        "speaks two words that no dictionary holds. A recurrent network, `tts_cli/text/pronunciation.onnx`, reads them letter by",
        "letter; for words such as *rewalking*, rules build the pronunciation from other words of the dictionary. To correct a",
        "pronunciation, use `--lexicon FILE` with lines `WORD PH ON EMES`, or write the phones into the text: `a [[B AW1]] tie`.",
        "",
        "The network is bidirectional and gives every letter three slots for phones; the most likely labels are joined",
        "(connectionist temporal classification). It is trained on the first pronunciations of the CMU dictionary.",
        "",
        "## Figures",
        "",
        "This command trains the network and writes this page:",
        "",
        "<!-- not run: takes minutes -->",
        "```sh",
        "python -m tts_cli.models.pronunciation --output tts_cli/text/pronunciation.onnx --report docs/pronunciation.md",
        "```",
        "",
        "One word in twenty, chosen by its checksum, is held out. Possessives and words spelt letter by letter are left out.",
        "If the dictionary has several pronunciations, the nearest counts. Many of the words are names of people and places,",
        "with spellings that say little about their pronunciation.",
        "",
        "| reader of the held-out words | words | phone error rate | without stress | words right | without stress |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {row.words} | {row.phone_errors:.1%} | {row.phone_errors_without_stress:.1%} | {row.words_right:.1%} "
            f"| {row.words_right_without_stress:.1%} |"
            for name, row in scores.items()
        ),
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
    ]
    return "\n".join(lines) + "\n"


def run(output: Path, report_path: Path | None, config: Config) -> None:
    """Train, write the ONNX graph to `output`, and report the errors of the exported graph on held-out words.

    Args:
        output: ONNX file to write.
        report_path: Markdown file to write; None: print alone.
        config: Sizes and training.
    """
    torch.set_num_threads(1)
    train, held_out = examples()
    model = fit(train, config)
    export(model, output)
    minutes = resource.getrusage(resource.RUSAGE_SELF).ru_utime / 60
    facts = {
        "parameters": f"{sum(parameter.numel() for parameter in model.parameters()):,}",
        "size on disk": f"{output.stat().st_size / 1e6:.2f} MB (float16)",
        "training": f"{len(train):,} words, {config.epochs} epochs, {minutes:.0f} minutes of one CPU thread",
    }
    page = report(held_out_scores(LetterNetwork(output), held_out), facts)
    print(page)
    if report_path:
        report_path.write_text(page, encoding="utf-8")


def held_out_scores(network: LetterNetwork, held_out: list[Example]) -> dict[str, Score]:
    """Return the errors on `held_out` of the network and of the rules that precede it, by name."""
    built = [example for example in held_out if from_known(example[0])]
    return {
        "the network": score(network.phones, held_out),
        "rules where they build the word from others of the dictionary, else the network": score(
            lambda word: from_known(word) or network.phones(word), held_out
        ),
        "the network, on the words that rules build": score(network.phones, built),
        "the rules, on the same": score(lambda word: from_known(word) or (), built),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--report", type=Path, help="Markdown file to write the report to")
    parser.add_argument("--epochs", type=int, default=Config().epochs, help="passes through the training words")
    arguments = parser.parse_args()
    run(arguments.output, arguments.report, Config(epochs=arguments.epochs))
