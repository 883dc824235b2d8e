"""Command `tts evaluate`: measure voices and vocoders on recordings outside the training data, and parity of contexts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.evaluate_prosody import prosody
from tts_cli.cli.evaluate_speech import copies, speech
from tts_cli.cli.figures import Addons, Corpora, GroupLimit, Jobs, Limit, MarkdownOutput, ReportFolder, print_report
from tts_cli.cli.terminal import Json, SpeakerName, Threads, VocoderName, extra
from tts_cli.errors import InputError

SentencesFile = Annotated[
    Path, typer.Option("--sentences", metavar="FILE", help="Text file with one sentence per line, as 'group|text'.")
]

app = typer.Typer(help="Measure voices, vocoders and contexts.", rich_markup_mode=None)
app.command()(speech)
app.command("vocoder")(copies)
app.command()(prosody)


@app.callback(invoke_without_command=True)
def evaluate(context: typer.Context) -> None:
    """Measure voices, vocoders and contexts."""
    if context.invoked_subcommand is None:
        raise InputError("tts evaluate needs a measure, such as speech", hint="tts evaluate --help lists the measures")


@app.command()
def robustness(
    addons: Addons = None,
    vocoder: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Vocoder of all voices; by default that of each voice.")
    ] = None,
    speaker: SpeakerName = None,
    sentences: SentencesFile = Path("data/hard-sentences.txt"),
    limit: GroupLimit = None,
    threads: Threads = None,
    report: ReportFolder = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Count repeats, skips and truncations in hard sentences.

    Whisper transcribes the speech of every voice. The table adds the faults that each voice detected itself, and its CPU time.
    Every later voice is compared with the first, sentence by sentence.
    """
    with extra("eval"):
        from tts_cli.addon.library import DEFAULT_ADDON
        from tts_cli.evaluation.prompts import read_sentences
        from tts_cli.evaluation.speech.robustness import evaluate_robustness
        from tts_cli.voice.synthesis import load

        texts = read_sentences(sentences, limit)
        names = addons or [DEFAULT_ADDON]
        voices = {name: load(name, vocoder, threads=threads) for name in names}
        print_report(evaluate_robustness(voices, texts, speaker), as_json, markdown, report, names)


@app.command("contexts")
def compare_contexts(
    addon: Annotated[str, typer.Argument(metavar="NAME|PATH", help="Voice to run in every context.")],
    contexts: Annotated[
        list[str], typer.Option("--context", metavar="NAME|FILE", help="Context of the addon, or its JSON file. Repeatable.")
    ],
    against: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Reference context that the others are compared with.")
    ] = "default",
    vocoder: VocoderName = None,
    speaker: SpeakerName = None,
    sentences: SentencesFile = Path("data/varied-sentences.txt"),
    limit: GroupLimit = None,
    tolerance: Annotated[
        float, typer.Option(metavar="X", min=0, help="Largest allowed difference of mel and F0 (natural logs).")
    ] = 1e-3,
    audio_tolerance: Annotated[
        float, typer.Option(metavar="X", min=0, help="Largest allowed difference of audio samples in [-1, 1].")
    ] = 2e-3,
    starts: Annotated[
        bool, typer.Option("--starts/--no-starts", help="Also measure the time of a first start and of a second, cached one.")
    ] = True,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Compare the speech and the start-up of contexts of a voice.

    Compare durations, mel, F0 and audio, sentence by sentence. Exit with 1 unless all sentences agree. Durations may differ at
    a rounding tie. Where only one context has to split a sentence, the total duration may differ by 2 %.
    """
    from tts_cli.evaluation.prompts import read_sentences
    from tts_cli.evaluation.speech.contexts import Tolerances, evaluate_contexts

    allowed = Tolerances(tolerance, audio_tolerance)
    names = [against, *contexts]
    report = evaluate_contexts(addon, vocoder, names, read_sentences(sentences, limit), speaker, allowed, starts)
    print_report(report, as_json, markdown)
    report.refuse_differences()


@app.command()
def transfer(
    addon: Annotated[str, typer.Argument(metavar="NAME|PATH", help="Voice that takes prosody from recordings.")],
    corpora: Corpora,
    targets: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="NAME", help="Target speaker. Repeatable; by default all speakers of the voice."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Baseline voice: it speaks with the F0, energy and duration of every phone."),
    ] = None,
    vocoder: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Vocoder of both voices; by default that of each voice.")
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="Part of the report: prosody, durations, identity, recognition, parallel, probes or speed. Repeatable; by "
            "default all.",
        ),
    ] = None,
    limit: Limit = None,
    jobs: Jobs = 1,
    report: ReportFolder = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure prosody transfer from unseen speakers.

    Compare the transfers with reconstruction, speech without a reference, speech from the latents of another clip, and the
    baseline. Every result is cached: after an interruption, the same command continues.
    """
    with extra("eval"):
        from tts_cli.evaluation.transfer.evaluate import PARTS, TransferEvaluation, evaluate_transfer
        from tts_cli.voice.synthesis import load

        voice = load(addon, vocoder, threads=1)
        other = load(baseline, vocoder, threads=1) if baseline else None
        request = TransferEvaluation(voice, corpora, tuple(targets or voice.speakers), other, limit, jobs)
        names = [addon, *([baseline] if baseline else [])]
        print_report(evaluate_transfer(request, parts or PARTS), as_json, markdown, report, names)


@app.command()
def selection(
    addon: Annotated[str, typer.Option(metavar="NAME|PATH", help="Voice that selects its prosody.")],
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Prepared corpus.")],
    split: Annotated[
        str,
        typer.Option(
            metavar="SPLIT",
            help="Prompts to speak: test, validation, or train-folds (training prompts in 5 folds; the inventory leaves out the "
            "fold of the prompt).",
        ),
    ] = "validation",
    strategies: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy", metavar="NAME", help="Selection strategy. Repeatable; by default all six that need no fitted weights."
        ),
    ] = None,
    top_k: Annotated[
        list[int] | None,
        typer.Option("--top-k", metavar="N", min=1, help="Number of selected utterances to average. Repeatable. [default: 1]"),
    ] = None,
    lengths: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD",
            help="How to compare sentences of unequal length: same, pad, resample or dtw. Repeatable. [default: dtw]",
        ),
    ] = None,
    bert_weights: Annotated[
        list[float] | None,
        typer.Option(
            "--bert-weight",
            metavar="X",
            min=0,
            max=1,
            help="Weight of meaning against syntax in bert+syntactic, 0 to 1. Repeatable. [default: 0.35]",
        ),
    ] = None,
    inventory: Annotated[
        str, typer.Option(metavar="own|all", help="Select from the speaker's own utterances, or from all.")
    ] = "own",
    spreads: Annotated[
        list[float] | None,
        typer.Option(
            "--spread",
            metavar="S",
            min=0,
            max=2,
            help="Spread of embeddings by learnt and predicted, times that of recordings. Repeatable. [default: 0.75]",
        ),
    ] = None,
    speakers: Annotated[
        list[str] | None,
        typer.Option(
            "--speaker",
            metavar="NAME",
            help="Speaker. Repeatable; by default speakers of the voice with prompts of 5 words or more (median).",
        ),
    ] = None,
    continuity: Annotated[
        float, typer.Option(metavar="W", min=0, help="Value of --continuity, as in tts synth, for reading the passages.")
    ] = 0.0,
    vocoder: VocoderName = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="Part of the report: distance, nearness, kinds or variety (the default); spread, chance or shuffled (controls "
            "without the knowledge of a strategy); stories, recognition, probe or cost. Repeatable.",
        ),
    ] = None,
    sentences: SentencesFile = Path("data/prosody-sentences.txt"),
    passages: Annotated[Path, typer.Option(metavar="FILE", help="Text file with one passage per line, as 'name|text'.")] = Path(
        "data/passages.txt"
    ),
    recognise: Annotated[
        int | None,
        typer.Option("--recognise", metavar="N", min=1, help="Also count word errors in N prompts of each setting."),
    ] = None,
    draws: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of draws of the controls of the parts chance and shuffled.")
    ] = 5,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Voice whose time to first audio the part cost measures in the same run."),
    ] = None,
    limit: Limit = None,
    jobs: Jobs = 1,
    report: ReportFolder = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure prosody selection against average and chance.

    Every combination of the repeatable options is a row of the table, beside the centroid, a random choice and the recordings.
    Every result is cached: after an interruption, the same command continues.
    """
    with extra("eval"):
        from tts_cli.evaluation.prompts import read_sentences
        from tts_cli.evaluation.selection.evaluate import DEFAULT_PARTS, UnrecordedTexts, evaluate_selection
        from tts_cli.evaluation.selection.tasks import Selection, settings_of
        from tts_cli.selection.selector import SPREAD, WITHOUT_WEIGHTS
        from tts_cli.voice.synthesis import load

        settings = settings_of(
            strategies or WITHOUT_WEIGHTS,
            top_k or [1],
            lengths or ["dtw"],
            bert_weights or [0.35],
            inventory,
            spreads or [SPREAD],
        )
        chosen = [*(parts or DEFAULT_PARTS), *(["recognition"] if recognise else [])]
        texts = UnrecordedTexts(
            read_sentences(sentences, limit) if "kinds" in chosen else (),
            read_sentences(passages) if "variety" in chosen else (),
            recognise or UnrecordedTexts.sample,
        )
        voice = load(addon, vocoder, threads=1)
        other = load(against, threads=1) if against else None
        request = Selection(voice, data, split, settings, tuple(speakers or ()), limit, jobs, continuity, draws, other)
        print_report(evaluate_selection(request, texts, chosen), as_json, markdown, report, [addon])


@app.command()
def leakage(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs or checkpoints of copycat models.")],
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Prepared corpus; its validation split is used.")],
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw the curve into this PNG or SVG file.")] = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Compare checkpoints: F0 correlation against leakage.

    Measure how well the F0 contour of a recording is reproduced in other voices, and how well probes recognise the speaker of
    the recording from the latents.
    """
    with extra("eval"):
        from tts_cli.evaluation.transfer.leakage import draw_curve, leakage_report, measure_leakage

        points = measure_leakage(runs, data)
        if plot:
            draw_curve(points, plot)
        print_report(leakage_report(points), as_json, markdown)


@app.command("syntax")
def parse_treebank(
    treebank: Annotated[Path, typer.Argument(metavar="TREEBANK", help="Folder with *.ptb files and splits.md.")],
    parsers: Annotated[
        list[str] | None,
        typer.Option("--parser", metavar="NAME", help="Parser, as in tts parse. Repeatable; by default linguistics-en."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Largest number of sentences to parse.")
    ] = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure parsers on a treebank's test documents.

    Measure the order of syntactic distances, the F1 of unlabelled brackets and the CPU time. Right-branching trees are the
    baseline.
    """
    with extra("eval"):
        from tts_cli.corpora.treebank import open_treebank
        from tts_cli.evaluation.syntax.evaluate import evaluate_syntax
        from tts_cli.selection.parsing import DEFAULT_LINGUISTICS, open_parser

        names = dict.fromkeys([*(parsers or [DEFAULT_LINGUISTICS]), "right-branching"])
        opened = {name: open_parser(name) for name in names}
        print_report(evaluate_syntax(open_treebank(treebank), opened, limit), as_json, markdown)
