"""Every option of every command: an example of its use, and the field in which its value arrives.

A `Command` is a command line and the functions of the rooms to record; a `Row` is an option that is added to the line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from conftest import TINY, Outcome
from recording import Record

from tts_cli.errors import RefusedError

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "data/cmu_us_slt_arctic/wav/arctic_a0098.flac"
OTHER_CLIP = ROOT / "data/cmu_us_bdl_arctic/wav/arctic_a0098.flac"
BRITISH_CLIP = ROOT / "data/cmu_us_slt_arctic/wav/arctic_a0390.flac"
"""Recording of a word that British speakers pronounce otherwise."""
SAID = "Shall I carry you?"
EMBEDDING = [0.5, -0.5, 0.25, 1.0, 2.0]


@dataclass(frozen=True)
class Row:
    """Option or argument of a command, with the expected effect."""

    given: tuple[object, ...]
    """Words to add to the command line."""
    lands: dict[str, Any] = field(default_factory=dict)
    """Recorded values that change, with their new values; no other value may change."""
    leaves: Callable[[Outcome, Record], bool] | None = None
    """Further check of the outcome."""
    instead: tuple[object, ...] | None = None
    """Command line to use if the option does not go with that of the command."""
    also: tuple[str, ...] = ()
    """Prefixes of recorded values that may change too."""
    code: int = 0


@dataclass(frozen=True)
class Command:
    """Command line without the option."""

    given: tuple[object, ...]
    follows: tuple[str, ...] = ()
    """Functions to record and run."""
    replaces: dict[str, Callable[[], Any]] = field(default_factory=dict)
    """Functions to record and replace, each with a function that returns the result."""
    rows: dict[str, Row] = field(default_factory=dict)


def prints(text: str) -> Callable[[Outcome, Record], bool]:
    return lambda outcome, _: text in outcome.out.decode()


def says(text: str) -> Callable[[Outcome, Record], bool]:
    return lambda outcome, _: text in outcome.err


def writes(name: str, text: str = "") -> Callable[[Outcome, Record], bool]:
    return lambda *_: text.encode() in Path(name).read_bytes()


def prints_json(outcome: Outcome, _: Record) -> bool:
    return bool(json.loads(outcome.out))


@dataclass
class Prepared:
    """Fake report of a preparation that rejected a clip."""

    num_clips: int = 1
    hours: float = 0.0
    num_unseen: int = 0
    alignments: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    speakers: tuple[Any, ...] = ()
    rejects: tuple[Any, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)
    guessed: tuple[Any, ...] = ()
    narrow: tuple[Any, ...] = ()
    quality: Any = None
    shared_texts: tuple[Any, ...] = ()
    drift: dict[str, Any] = field(default_factory=dict)

    def check(self, strict: bool) -> None:
        if strict:
            raise RefusedError("something was rejected")


VOICE = {
    "addon": Row(
        ("--addon", "tiny-attention"), {"load.addon": "tiny-attention"}, also=("measure_voice.voice", "ProsodySelector.")
    ),
    "vocoder": Row(("--vocoder", "tiny-vocoder"), {"load.vocoder": "tiny-vocoder"}),
    "context": Row(("--context", "fixed-onnxruntime"), {"load.context": "fixed-onnxruntime"}),
    "cache_dir": Row(("--cache-dir", "kept"), {"load.cache": "kept"}),
    "threads": Row(("--threads", 3), {"load.threads": 3}),
}
SPEAKS = {
    **VOICE,
    "lexicon": Row(("--lexicon", "words.txt"), {"load.lexicon": "words.txt"}),
    "stack": Row(("--stack", "stack.json"), {"load.stack": "stack.json"}, also=("ProsodySelector.",)),
    "output": Row(("-o", "other.wav"), leaves=writes("other.wav", "RIFF")),
    "format": Row(("-o", "coded", "--format", "flac"), leaves=writes("coded", "fLaC")),
    "output_raw": Row(("--output-raw",), leaves=lambda outcome, _: np.frombuffer(outcome.out, "<i2").any()),
    "play": Row(("--play",), {"play.sample_rate": 16000}, also=("play.", "ProsodySelector.")),
    "save_timings": Row(("--save-timings", "t.TextGrid"), leaves=writes("t.TextGrid", "ooTextFile")),
    "as_json": Row(("--json",), leaves=prints_json),
    "seed": Row(("--seed", 7), {"stream.seed": 7}),
    "speaker": Row(("--speaker", "high"), {"stream.speaker": "high"}),
    "length_scale": Row(("--length-scale", 1.5), {"stream.controls.length_scale": 1.5}),
}
LOAD, STREAM, LANGUAGE = "voice:load", "voice:Voice.stream", "voice:Voice.in_language"
RECOGNISER = "evaluation:Recogniser"
PLAY = "audio:play"
ALOUD = ("--long-form", "-i", "document.txt", "-o", "x.wav")
SYNTH = Command(
    ("Hello there.",),
    (LOAD, STREAM, LANGUAGE),
    {PLAY: lambda: None},
    {
        **SPEAKS,
        "language": Row(("--language", "en-GB"), {"in_language.language": "en-GB"}, also=("in_language.",)),
        "text": Row(("Good day.",), {"stream.text": "Good day."}, instead=()),
        "input_file": Row(("-i", "said.txt"), {"stream.text": "Said in a file."}, instead=()),
        "prosody": Row(
            ("--prosody", "p.json"), {"stream.text.0.text": "Kept", "stream.text.0.durations": [9, 8, 7, 6]},
            instead=(), also=("stream.text",),
        ),
        "output_dir": Row(("--output-dir", "folder"), leaves=writes("folder/0001.wav", "RIFF")),
        "long_form": Row(
            ("--long-form",), {"stream.text.0.text": "First paragraph.", "stream.text.2.text": "Second paragraph."},
            instead=("-i", "document.txt"), also=("stream.text", "stream.seed"),
        ),
        "chapters": Row(
            ("--chapters", "c.txt"), leaves=writes("c.txt", "[CHAPTER]"), instead=ALOUD, also=("stream.",)
        ),
        "resume": Row(("--resume",), leaves=says("is complete"), also=("load.", "stream.", "ProsodySelector."),
                      instead=("--long-form", "-i", "document.txt", "-o", "complete.wav")),
        "paragraph_silence": Row(
            ("--paragraph-silence", 2.5), {"stream.text.1.pause": 2.5}, instead=ALOUD, also=("stream.text",)
        ),
        "sentence_silence": Row(("--sentence-silence", 1.5), {"stream.sentence_silence_s": 1.5}),
        "pitch_shift": Row(("--pitch-shift", -3.0), {"stream.controls.pitch_shift_semitones": -3.0}),
        "pitch_range": Row(("--pitch-range", 1.7), {"stream.controls.pitch_range": 1.7}),
        "energy": Row(("--energy", 0.8), {"stream.controls.energy_scale": 0.8}),
        "continuity": Row(("--continuity", 0.6), {"stream.controls.continuity": 0.6}),
        "prosody_strategy": Row(("--prosody-strategy", "bert"), {"ProsodySelector.strategy": "bert"}),
        "top_k": Row(("--top-k", 2), {"ProsodySelector.top_k": 2}),
        "inventory": Row(("--inventory", "all"), {"ProsodySelector.inventory": "all"}),
        # tiny-prosody has no weights, like the addons of earlier versions, so nothing is spoken.
        "spread": Row(("--prosody-strategy", "predicted", "--spread", 0.6), code=2, also=("",)),
        "embedding": Row(("--embedding", "e.json"), {"stream.text.0.embedding": EMBEDDING}, also=("stream.text",)),
        "explain": Row(("--explain",), leaves=says("selected prosody")),
        "save_prosody": Row(("--save-prosody", "s.json"), leaves=writes("s.json", '"durations"')),
        "trace": Row(("--trace", "trace.json"), leaves=writes("trace.json", "traceEvents")),
        "best_effort": Row(("--best-effort",), {"stream.best_effort": True}),
    },
)  # fmt: skip
READ = Command(
    ("document.txt", "-o", "x.wav"),
    (LOAD, STREAM, LANGUAGE),
    {PLAY: lambda: None},
    {
        **{
            name: row
            for name, row in SYNTH.rows.items()
            if name not in ("text", "input_file", "prosody", "output_dir", "long_form", "output", "output_raw", "play")
        },
        "document": Row(("said.txt",), {"stream.text.0.text": "Said in a file."}, instead=("-o", "x.wav"), also=("stream.text",)),
        "output": Row(("-o", "other.wav"), leaves=writes("other.wav", "RIFF")),
        "output_raw": Row(
            ("--output-raw",), leaves=lambda outcome, _: np.frombuffer(outcome.out, "<i2").any(), instead=("document.txt",)
        ),
        "play": Row(
            ("--play",), {"play.sample_rate": 16000}, instead=("document.txt",), also=("play.", "ProsodySelector.", "stream.")
        ),
        "chapters": Row(("--chapters", "c.txt"), leaves=writes("c.txt", "[CHAPTER]")),
        "resume": Row(("--resume",), leaves=says("is complete"), also=("load.", "stream.", "ProsodySelector."),
                      instead=("document.txt", "-o", "complete.wav")),
        "paragraph_silence": Row(("--paragraph-silence", 2.5), {"stream.text.1.pause": 2.5}, also=("stream.text",)),
        "list_chapters": Row(
            ("--list",), leaves=lambda outcome, _: b"about" in outcome.out, also=("load.", "stream.", "ProsodySelector.")
        ),
        "only": Row(("--only", "2"), {"stream.text.0.text": "Two"}, instead=("parts.md", "-o", "x.wav"), also=("stream.text",)),
        "split_chapters": Row(("--split-chapters",), leaves=writes("x-01.wav", "RIFF"), also=("stream.text", "stream.seed")),
        "keep_header": Row(
            ("--keep-header",), {"stream.text.0.text": "Header."}, instead=("header.txt", "-o", "x.wav"), also=("stream.text",)
        ),
        "notes": Row(("--notes",), {"stream.text.2.text": "Noted."}, instead=("parts.md", "-o", "x.wav"), also=("stream.text",)),
        "alt_texts": Row(
            ("--alt-texts",), {"stream.text.0.text": "A red mill"},
            instead=("pictures.html", "-o", "x.wav"), also=("stream.text",),
        ),
        "read_along": Row(("--read-along", "w.vtt"), leaves=writes("w.vtt", "WEBVTT")),
        "epub_overlay": Row(
            ("--epub-overlay", "w.epub"), leaves=writes("w.epub", "EPUB/1.smil"), instead=("document.txt", "-o", "x.mp3")
        ),
    },
)  # fmt: skip
TRANSFER = Command(
    (CLIP, "--text", SAID),
    (LOAD, STREAM, "transfer:listen"),
    {PLAY: lambda: None, RECOGNISER: lambda: SimpleNamespace(transcribe=lambda *_: "Shall I carry?")},
    {
        **SPEAKS,
        "addon": Row(
            ("--addon", "tiny-acoustic", "--keep", "rhythm"),
            {"load.addon": "tiny-acoustic", "listen.rhythm_only": True, "listen.addon": "tiny-acoustic"},
            also=("stream.text",),
        ),
        "source": Row((OTHER_CLIP,), {"listen.recording": str(OTHER_CLIP)}, instead=("--text", SAID), also=("stream.text",)),
        "text": Row(
            ("--text", "Shall I carry?"), {"listen.text": "Shall I carry?"}, instead=(CLIP,), also=("stream.text",)
        ),
        "transcribe": Row(
            ("--transcribe",), {"listen.text": "Shall I carry?"}, instead=(CLIP,), also=("stream.text", "Recogniser")
        ),
        "strength": Row(("--strength", 0.4), {"stream.controls.strength": 0.4}),
        "language": Row(
            ("--language", "en-GB"), leaves=writes("t.TextGrid", '"AA2"'), also=("stream.text",),
            instead=(BRITISH_CLIP, "--text", "I'll go over tomorrow afternoon.", "--save-timings", "t.TextGrid"),
        ),
        "keep": Row(("--keep", "rhythm"), {"listen.rhythm_only": True}, also=("stream.text",)),
        "manifest": Row(
            ("--manifest", "m.jsonl"), {"stream.speaker": "high", "stream.controls.strength": 0.3},
            instead=("--output-dir", "folder"),
        ),
        "output_dir": Row(
            ("--output-dir", "folder"), leaves=writes("folder/0001.wav", "RIFF"),
            instead=("--manifest", "m.jsonl"), also=("stream.",),
        ),
        "resume": Row(
            ("--resume",), leaves=writes("done/0001.wav", "kept"), also=("stream.", "listen."),
            instead=("--manifest", "m.jsonl", "--output-dir", "done"),
        ),
        "plot": Row(("--plot", "p.png"), leaves=writes("p.png", "PNG")),
    },
)  # fmt: skip
PARSE = Command(
    ("We sing.",),
    replaces={"selection:open_parser": lambda: SimpleNamespace(distances=lambda words, _: [0.0] * len(words))},
    rows={
        "text": Row(("Good day.",), leaves=prints("Good day."), instead=()),
        "input_file": Row(("-i", "said.txt"), leaves=prints("Said in a file."), instead=()),
        "parser": Row(("--parser", "mine"), {"open_parser.name": "mine"}),
        "tokens": Row(("--tokens",), leaves=prints("rule"), also=("open_parser.",)),
        "language": Row(("--language", "en-GB"), leaves=prints("the third of April"), instead=("On 3/4.",)),
        "as_json": Row(("--json",), leaves=prints_json),
    },
)
COST = SimpleNamespace(model_dump_json=lambda: '{"shown": "as JSON"}')
MEASURE = "voice:measure_voice"
BENCH = Command(
    ("--json",), (LOAD,), {MEASURE: lambda: COST},
    {
        **VOICE,
        "speaker": Row(("--speaker", "high"), {"measure_voice.speaker": "high"}),
        "stack": Row(("--stack", "stack.json"), {"load.stack": "stack.json"}),
        "repeats": Row(("--repeats", 5), {"measure_voice.repeats": 5}),
        "as_json": Row(("--json",), leaves=prints("as JSON"), instead=()),
    },
)  # fmt: skip
MADE = Path("made")
PREPARE = Command(
    ("recordings", "-o", "corpus", "--processes", 1),
    replaces={"corpora:prepare": Prepared},
    rows={
        "sources": Row(("others",), {"prepare.sources": ["recordings", "others"]}),
        "output": Row(("-o", "other"), {"prepare.output": "other"}),
        "layout": Row(("--layout", "festvox"), {"prepare.options.layout": "festvox"}),
        "speaker": Row(("--speaker", "ann"), {"prepare.options.speaker": "ann"}),
        "splits": Row(("--splits", "s.csv"), {"prepare.options.splits": "s.csv"}),
        "details": Row(("--details", "a.csv", "--details", "b.csv"), {"prepare.options.details": ["a.csv", "b.csv"]}),
        "lexicon": Row(("--lexicon", "words.txt"), {"prepare.options.lexicon": "words.txt"}),
        "language": Row(("--language", "en-GB"), {"prepare.options.language": "en-GB"}),
        "alignments": Row(("--alignments", "grids"), {"prepare.options.alignments": "grids"}),
        "save_alignments": Row(("--save-alignments", "out"), {"prepare.options.save_alignments": "out"}),
        "strict": Row(("--strict",), code=1),
        "replace": Row(("--replace",), {"prepare.options.replace": True}),
        "quality": Row(("--quality",), {"prepare.quality.name": "DistillMOS"}, also=("prepare.quality",)),
        "processes": Row(("--processes", 3), {"prepare.options.num_processes": 3}),
        "settings": Row(("--set", "mel.num_bands=40"), {"prepare.options.mel.num_bands": 40}),
        "as_json": Row(("--json",), leaves=prints_json),
    },
)
PREDICT = Command(
    ("run", "--data", "corpus"),
    replaces={"training:predict_mels": lambda: MADE},
    rows={
        "model": Row(("other",), {"predict_mels.source": "other"}, instead=("--data", "corpus")),
        "data": Row(("--data", "others"), {"predict_mels.data": "others"}),
    },
)
STATE: dict[str, Any] = {
    "run": "run", "model": "vocoder", "state": "stopped", "step": 3, "steps": 9, "minutes_left": 2.5, "train": {},
    "validation": {}, "validated_step": None, "best_step": None, "best_loss": None, "newest_step": 2,
    "spoken": None, "next": "go on",
}  # fmt: skip


def stopped() -> Any:
    """Return the state of a stopped training."""
    from tts_cli.training.status import RunStatus

    return RunStatus(**STATE)


STATUS = Command(
    ("run",),
    replaces={"training:status_of": stopped},
    rows={
        "run": Row(("other",), {"status_of.run": "other"}, instead=()),
        "as_json": Row(("--json",), leaves=lambda outcome, _: json.loads(outcome.out) == STATE),
    },
)
PACK = Command(
    ("run", "-o", "packed"),
    replaces={"training:pack": lambda: 1},
    rows={
        "training": Row(("other",), {"pack.training": "other"}, instead=("-o", "packed")),
        "output": Row(("-o", "elsewhere"), {"pack.output": "elsewhere"}),
        "size_mb": Row(("--size-mb", 7.5), {"pack.options.size_mb": 7.5}),
        "python": Row(("--python", "3.12"), {"pack.options.python": "3.12"}),
        "data": Row(("--data", "corpus"), {"pack.options.data": "corpus"}),
        "predict_from": Row(
            ("--predict-from", "run", "--predict-from", "other"), {"pack.options.predict_from": ["run", "other"]}
        ),
        "settings": Row(("--set", "steps=3", "--set", "seed=2"), {"pack.options.overrides": ["steps=3", "seed=2"]}),
        "init_from": Row(("--init-from", "run", "--init-from", "other"), {"pack.options.init_from": ["run", "other"]}),
    },
)
UNPACK = Command(
    ("run", "-o", "back"),
    replaces={"training:unpack": lambda: MADE},
    rows={
        "folder": Row(("other",), {"unpack.folder": "other"}, instead=("-o", "back")),
        "output": Row(("-o", "elsewhere"), {"unpack.run": "elsewhere"}),
    },
)
PARITY = SimpleNamespace(context="c", network="n", output="o", largest_difference=0.0, largest_value=1.0, error=0.0)
EXPORT = Command(
    ("run", "-o", str(TINY / "tiny-acoustic")),
    replaces={"export:export_addon": lambda: [PARITY]},
    rows={
        "checkpoint": Row(("other",), {"export_addon.checkpoint": "other"}, instead=("-o", str(TINY / "tiny-acoustic"))),
        "output": Row(("-o", str(TINY / "tiny-vocoder")), {"export_addon.output": str(TINY / "tiny-vocoder")}),
        "data": Row(("--data", "corpus"), {"export_addon.corpus": "corpus"}),
        "name": Row(("--name", "ann"), {"export_addon.options.name": "ann"}),
        "step": Row(("--step", "newest"), {"export_addon.options.step": "newest"}),
        "licence": Row(("--licence", "CC0"), {"export_addon.options.licence": "CC0"}),
        "default_vocoder": Row(("--default-vocoder", "universal"), {"export_addon.options.default_vocoder": "universal"}),
        "speakers": Row(("--speakers", "slt, bdl"), {"export_addon.options.speakers": ["slt", "bdl"]}),
        "linguistics": Row(("--linguistics", "tiny-linguistics"), {"export_addon.options.linguistics": "tiny-linguistics"}),
        "model_card": Row(("--model-card", "said.txt"), {"export_addon.options.model_card": "said.txt"}),
        "tolerance": Row(("--tolerance", 0.25), {"export_addon.options.tolerance": 0.25}),
    },
)
LEVEL = SimpleNamespace(speaker="a", loudness_lufs=-20.0, true_peak_dbtp=-3.0)
OPEN = "addon:open_addon"
ADDONS: dict[str, Command] = {
    "addons": Command((), rows={"as_json": Row(("--json",), leaves=prints_json)}),
    "addons list": Command((), rows={"as_json": Row(("--json",), leaves=prints_json)}),
    "addons check": Command(
        ("tiny-acoustic",), (LOAD, OPEN),
        rows={
            "names": Row(("tiny-vocoder",), {"open_addon#2.name": "tiny-vocoder"}, also=("open_addon#2",)),
            "context": Row(
                ("--context", "fixed-onnxruntime"),
                {"open_addon.context": "fixed-onnxruntime", "load.context": "fixed-onnxruntime"},
            ),
            "cache_dir": Row(("--cache-dir", "kept"), {"open_addon.cache": "kept", "load.cache": "kept"}),
        },
    ),
    "addons install": Command(
        (TINY / "tiny-acoustic",), replaces={"addon:install_addon": lambda: MADE},
        rows={
            "source": Row((TINY / "tiny-vocoder",), {"install_addon.source": str(TINY / "tiny-vocoder")}, instead=()),
            "force": Row(("--force",), {"install_addon.replace": True}),
        },
    ),
    "addons measure": Command(
        ("tiny-acoustic",),
        replaces={"export:add_loudness": lambda: (LEVEL,)},
        rows={
            "name": Row(("tiny-prosody",), {"add_loudness.folder": str(TINY / "tiny-prosody")}, instead=()),
            "as_json": Row(("--json",), leaves=prints_json),
        },
    ),
}  # fmt: skip
STACKS: dict[str, Command] = {
    "stack show": Command(
        (), ("voice:view_stack",),
        rows={
            "addon": Row(("tiny-prosody",), {"view_stack.name": "tiny-prosody"}),
            "vocoder": Row(("--vocoder", "tiny-vocoder"), {"view_stack.vocoder": "tiny-vocoder"}),
            "context": Row(("--context", "fixed-onnxruntime"), {"view_stack.context": "fixed-onnxruntime"}),
            "stack": Row(("--stack", "stack.json"), {"view_stack.stack": "stack.json"}),
            "svg": Row(("--svg", "s.svg"), leaves=writes("s.svg", "<svg")),
            "as_json": Row(("--json",), leaves=prints_json),
        },
    ),
    "stack check": Command(
        ("stack.json", "--addon", "tiny-acoustic"),
        replaces={"voice:view_stack": lambda: SimpleNamespace(addons=["a"], stack=SimpleNamespace(gives=()))},
        rows={
            "file": Row(("m.jsonl",), {"view_stack.stack": "m.jsonl"}, instead=("--addon", "tiny-acoustic")),
            "addon": Row(("--addon", "tiny-prosody"), {"view_stack.name": "tiny-prosody"}),
            "vocoder": Row(("--vocoder", "tiny-vocoder"), {"view_stack.vocoder": "tiny-vocoder"}),
            "context": Row(("--context", "fixed-onnxruntime"), {"view_stack.context": "fixed-onnxruntime"}),
        },
    ),
}  # fmt: skip


def training(group: str) -> Command:
    """Return the command that trains a group of models."""
    recipe = str(ROOT / f"recipes/tiny-{group}.yaml")
    return Command(
        (recipe,),
        replaces={"training:train": lambda: MADE},
        rows={
            "recipe": Row((f"{group}.yaml",), {"train.recipe.name": "mine", "train.run": "runs/mine"}, instead=()),
            "data": Row(("--data", "corpus"), {"train.recipe.data": "corpus"}),
            "output": Row(("-o", "elsewhere"), {"train.run": "elsewhere"}),
            "settings": Row(("--set", "steps=3", "--set", "seed=77"), {"train.recipe.steps": 3, "train.recipe.seed": 77}),
            "max_minutes": Row(("--max-minutes", 0.5), {"train.recipe.max_minutes": 0.5}),
            "init_from": Row(("--init-from", "run", "--init-from", "other"), {"train.init_from": ["run", "other"]}),
            "devices": Row(("--devices", 3), {"train.recipe.devices": 3}),
            "num_nodes": Row(("--num-nodes", 2), {"train.recipe.num_nodes": 2}),
            "resume": Row(("--restart",), {"train.restart": True}),
        },
    )


GROUPS = ("acoustic", "vocoder", "copycat", "vae", "syntax")
TRAINING = {f"train {group}": training(group) for group in GROUPS}
MAIN: dict[str, Command] = {
    "": Command(
        (),
        rows={
            "debug": Row(("--debug", "synth", "--addon", "absent", "Hello"), leaves=says("Traceback"), code=2),
            "version": Row(("--version",), leaves=prints("tts ")),
        },
    ),
}
