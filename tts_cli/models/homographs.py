"""Classifiers of homographs, trained on the sentences of Gorman et al. (2018).

`python -m tts_cli.models.homographs CORPORA/homographs` trains both, writes their weights into the package, measures them on
held-out sentences, and writes docs/homographs.md. `--measure` measures the weights of the package alone.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts_cli.errors import TextError
from tts_cli.selection import homographs as contextual
from tts_cli.selection.homographs import CONTEXTUAL_FILE, ContextualSenses, read_window
from tts_cli.selection.linguistics import Linguistics
from tts_cli.selection.parsing import DEFAULT_LINGUISTICS, open_linguistics
from tts_cli.text import TextFrontEnd
from tts_cli.text.heteronyms import LEARNED, choose
from tts_cli.text.homographs import LIGHT_SENSES, TABLE_SIZE, WEIGHTS_FILE, LightSenses, WordSenses, homographs, slots_of
from tts_cli.text.phones import SPACE
from tts_cli.text.pronounce import pronounce
from tts_cli.voice.sentence import Sentence

_SEED = "1:"
_HELD_OUT = 0.1
_NO_LIMIT = 1_000_000
_LIGHT_DECAY = 0.3
"""L2 regularisation of the light classifier, per weight."""
_OWN_DECAY, _SHARED_DECAY, _BIAS_DECAY = 5.0, 1.0, 0.1
"""L2 regularisation of the contextual classifier: weights of one sense, weights of all senses of a kind, biases."""
_STEPS = 60
_LOWEST = -1e9


class Example(NamedTuple):
    """Labelled homograph in its sentence."""

    word: str
    sense: int
    """Index in `homographs()[word]`."""
    text: str
    """Sentence as it is written."""
    words: tuple[str, ...]
    marks: tuple[str, ...]
    place: int
    """Index in `words` of the homograph."""


class Accuracy(NamedTuple):
    """Share of homographs with the right sense, in [0, 1]."""

    num_examples: int
    micro: float
    """Share of all examples."""
    macro: float
    """Mean over words of the share of each word."""


class _FirstSenses:
    """Reader of every homograph in its first sense: the words of a sentence need no weights."""

    def prepare(self) -> None:
        pass

    def choose(self, words: Sequence[str], marks: Sequence[str], places: Sequence[int]) -> list[int]:  # noqa: ARG002
        return [0] * len(places)


def read_examples(folder: Path) -> list[Example]:
    """Read the labelled sentences of `train.tsv`. Those without a word to speak, or without their homograph, are left out."""
    front_end = TextFrontEnd(senses=_FirstSenses())
    found = []
    with (folder / "train.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            names = [sense.name for sense in homographs()[row["homograph"]]]
            before = row["sentence"].encode()[: int(row["start"])].decode()
            if example := _example(front_end, row["homograph"], names.index(row["wordid"]), row["sentence"], before):
                found.append(example)
    return found


def _example(front_end: TextFrontEnd, word: str, sense: int, text: str, before: str) -> Example | None:
    """Return the example of the occurrence of `word` that follows `before` in `text`; None for none that is spoken."""
    wanted = len(re.findall(rf"(?<![\w'’]){word}(?![\w'’])", before.lower()))
    try:
        spoken = [Sentence.of(utterance) for utterance in front_end.sentences(text, _NO_LIMIT)]
    except TextError:
        return None
    places = [(one, place) for one in spoken for place, said in enumerate(one.words) if said.lower() == word]
    if not places:
        return None
    one, place = places[min(wanted, len(places) - 1)]
    return Example(word, sense, text, one.words, one.marks, place)


def held_out(examples: Sequence[Example]) -> NDArray[np.bool_]:
    """Return a mask of a tenth of the examples of each sense, those with the lowest SHA-256 of seed and sentence."""
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        groups[example.word, example.sense].append(index)
    mask = np.zeros(len(examples), bool)
    for places in groups.values():
        ordered = sorted(places, key=lambda place: hashlib.sha256((_SEED + examples[place].text).encode()).hexdigest())
        mask[ordered[: int(len(places) * _HELD_OUT + 0.5)]] = True
    return mask


def fit_light(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Return the weights of the light classifier, shape (TABLE_SIZE,), by L-BFGS on the regularised log-likelihood."""
    most = max(len(senses) for senses in homographs().values())
    rows, slots = [], []
    valid = torch.zeros(len(examples), most, dtype=torch.bool)
    for index, example in enumerate(examples):
        for sense, own in enumerate(slots_of(example.words, example.marks, example.place)):
            rows += [index * most + sense] * len(own)
            slots += own
            valid[index, sense] = True
    row, slot = torch.tensor(rows), torch.tensor(slots)
    weights = torch.zeros(TABLE_SIZE, requires_grad=True)

    def scores() -> Tensor:
        sums = torch.zeros(len(examples) * most).index_add(0, row, weights[slot])
        return sums.view(-1, most).masked_fill(~valid, _LOWEST)

    _minimise([weights], scores, examples, lambda: 0.5 * _LIGHT_DECAY * weights.square().sum())
    fitted: NDArray[np.float32] = weights.detach().numpy()
    return fitted


def _minimise(
    weights: list[Tensor], scores: Callable[[], Tensor], examples: Sequence[Example], decay: Callable[[], Tensor]
) -> None:
    labels = torch.tensor([example.sense for example in examples])
    optimizer = torch.optim.LBFGS(weights, max_iter=_STEPS, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(scores(), labels, reduction="sum") + decay()
        torch.autograd.backward(loss)
        return float(loss.detach())

    optimizer.step(closure)


def write_light(weights: NDArray[np.float32], path: Path) -> None:
    """Write the weights of the light classifier as int8 with one scale."""
    scale = float(np.abs(weights).max()) / 127
    path.write_bytes(struct.pack("<f", scale) + np.round(weights / scale).astype(np.int8).tobytes())


def fit_contextual(examples: Sequence[Example], states: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return weights and biases of the contextual classifier, (S, C) and (S,), for the S senses in the order of `homographs()`.

    Args:
        examples: E labelled homographs.
        states: Contextual embedding of each, shape (E, C).
    """
    senses = [sense for every in homographs().values() for sense in every]
    first = {word: senses.index(every[0]) for word, every in homographs().items()}
    most = max(map(len, homographs().values()))
    index = torch.tensor([[min(first[e.word] + k, len(senses) - 1) for k in range(most)] for e in examples])
    valid = torch.tensor([[k < len(homographs()[e.word]) for k in range(most)] for e in examples])
    kinds = torch.tensor(["NVA".index(sense.kind) for sense in senses])
    mean, spread = states.mean(0), states.std(0) + 1e-6
    inputs = torch.tensor((states - mean) / spread)
    own = torch.zeros(len(senses), states.shape[1], requires_grad=True)
    shared = torch.zeros(2, states.shape[1], requires_grad=True)
    bias = torch.zeros(len(senses), requires_grad=True)

    def rows() -> Tensor:
        return own + torch.cat([torch.zeros(1, states.shape[1]), shared])[kinds]

    def scores() -> Tensor:
        found = torch.stack([(inputs * rows()[index[:, k]]).sum(1) + bias[index[:, k]] for k in range(most)], 1)
        return found.masked_fill(~valid, _LOWEST)

    def decay() -> Tensor:
        sums = [w.square().sum() for w in (own, shared, bias)]
        return 0.5 * (_OWN_DECAY * sums[0] + _SHARED_DECAY * sums[1] + _BIAS_DECAY * sums[2])

    _minimise([own, shared, bias], scores, examples, decay)
    weights = rows().detach().numpy() / spread
    biases = bias.detach().numpy() - weights @ mean
    # Only differences from the first sense count; rows of zeros take no space in the file.
    firsts = [first[word] for word, every in homographs().items() for _ in every]
    return {"weights": weights - weights[firsts], "biases": biases - biases[firsts]}


def accuracy(examples: Sequence[Example], chosen: Sequence[int]) -> Accuracy:
    """Return the accuracy of the senses `chosen`, one for each example."""
    words: dict[str, list[bool]] = defaultdict(list)
    for example, sense in zip(examples, chosen, strict=True):
        words[example.word].append(example.sense == sense)
    right = [one for every in words.values() for one in every]
    return Accuracy(len(right), float(np.mean(right)), float(np.mean([np.mean(every) for every in words.values()])))


def spoken_senses(examples: Sequence[Example], senses: WordSenses) -> list[int]:
    """Return the sense of each example that the front end speaks; -1 for phones of none of its senses."""
    found = []
    for example in examples:
        phones = pronounce(list(example.words), list(example.marks), {}, senses)[example.place]
        known = [sense.phones for sense in homographs()[example.word]]
        found.append(known.index(phones) if phones in known else -1)
    return found


def _by_rules(example: Example) -> int:
    place, senses = example.place, [sense.phones for sense in homographs()[example.word]]
    before = example.words[place - 1].lower() if place else ""
    after = example.words[place + 1].lower() if place + 1 < len(example.words) and example.marks[place] == SPACE else ""
    return senses.index(choose(example.words[place], senses, before, after))


def measure(train: Sequence[Example], test: Sequence[Example], contextual_senses: WordSenses | None) -> dict[str, Accuracy]:
    """Return the accuracy of each reader on `test`, by name. `train` determines the commonest sense of each word."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for example in train:
        counts[example.word][example.sense] += 1
    readers = {
        "commonest sense": [counts[example.word].most_common(1)[0][0] for example in test],
        "rules alone": [_by_rules(example) for example in test],
        "light classifier": spoken_senses(test, LIGHT_SENSES),
    }
    if contextual_senses:
        readers["contextual classifier"] = spoken_senses(test, contextual_senses)
    return {name: accuracy(test, chosen) for name, chosen in readers.items()}


def train_all(examples: Sequence[Example]) -> None:
    """Train both classifiers and write their weights into the package."""
    learned = [example for example in examples if example.word in LEARNED]
    write_light(fit_light(learned), WEIGHTS_FILE)
    analyser = open_linguistics()
    states = np.stack([_state(analyser, example) for example in learned])
    contextual.write(fit_contextual(learned, states), DEFAULT_LINGUISTICS, CONTEXTUAL_FILE)


def _state(analyser: Linguistics, example: Example) -> NDArray[np.float32]:
    window = read_window(analyser, example.words, example.marks, example.place)
    # A copy, so that the window is freed.
    return np.array(window.states[example.place - window.start])


def run(folder: Path, only_measure: bool, report_path: Path | None) -> None:
    """Train unless `only_measure`; measure on the held-out examples, print the table, and write it to `report_path`."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    examples = read_examples(folder)
    mask = held_out(examples)
    train = [example for example, is_held in zip(examples, mask, strict=True) if not is_held]
    test = [example for example, is_held in zip(examples, mask, strict=True) if is_held]
    if not only_measure:
        train_all(train)
    senses = ContextualSenses(LightSenses(), open_linguistics)
    rows = [
        f"| {name} | {one.num_examples} | {100 * one.micro:.1f} | {100 * one.macro:.1f} |"
        for name, one in measure(train, test, senses).items()
    ]
    table = "\n".join(["| reader of the held-out sentences | sentences | micro, % | macro, % |", "|---|---:|---:|---:|", *rows])
    print(table)
    if report_path:
        page = report_path.read_text(encoding="utf-8")
        report_path.write_text(re.sub(r"\| reader of .*?(?=\n\n)", lambda _: table, page, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with train.tsv")
    parser.add_argument("--measure", action="store_true", help="measure the weights of the package; train nothing")
    parser.add_argument("--report", type=Path, help="page in which to replace the table of figures")
    arguments = parser.parse_args()
    run(arguments.folder, arguments.measure, arguments.report)
