"""`tts evaluate`: figures of voices and vocoders on what nothing was trained on, and parity of contexts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.evaluate_speech import copies, speech
from tts_cli.cli.figures import Addons, Corpora, GroupLimit, Limit, MarkdownOutput, print_report
from tts_cli.cli.terminal import Json, SpeakerName, Threads, VocoderName, extra
from tts_cli.errors import InputError

SentencesFile = Annotated[Path, typer.Option("--sentences", metavar="FILE", help="Lines 'group|text'.")]

app = typer.Typer(help="Measure voices, vocoders and contexts.", rich_markup_mode=None)
app.command()(speech)
app.command("vocoder")(copies)


@app.callback(invoke_without_command=True)
def evaluate(context: typer.Context) -> None:
    """Measure voices, vocoders and contexts."""
    if context.invoked_subcommand is None:
        raise InputError("say what to evaluate", hint="tts evaluate --help lists the measures")


@app.command()
def robustness(
    addons: Addons = None,
    vocoder: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Vocoder of all voices.")] = None,
    speaker: SpeakerName = None,
    sentences: SentencesFile = Path("data/hard-sentences.txt"),
    limit: GroupLimit = None,
    threads: Threads = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Count repeats, skips and truncations in hard sentences.

    Whisper listens, to every architecture in the same way; beside that stand the faults that the voices themselves noticed, and
    what they cost. Later voices are compared with the first, sentence by sentence.
    """
    with extra("eval"):
        from tts_cli.addon.library import DEFAULT_ADDON
        from tts_cli.evaluation.prompts import read_sentences
        from tts_cli.evaluation.speech.robustness import evaluate_robustness
        from tts_cli.voice.synthesis import load

        texts = read_sentences(sentences, limit)
        voices = {name: load(name, vocoder, threads=threads) for name in addons or [DEFAULT_ADDON]}
        print_report(evaluate_robustness(voices, texts, speaker), as_json, markdown)


@app.command("contexts")
def compare_contexts(
    addon: Annotated[str, typer.Argument(metavar="NAME|PATH", help="The voice.")],
    contexts: Annotated[
        list[str], typer.Option("--context", metavar="NAME|FILE", help="A context, or its JSON file; may be given again.")
    ],
    against: Annotated[str, typer.Option(metavar="NAME|FILE", help="The context that the others are held to.")] = "default",
    vocoder: VocoderName = None,
    speaker: SpeakerName = None,
    sentences: SentencesFile = Path("data/varied-sentences.txt"),
    limit: GroupLimit = None,
    tolerance: Annotated[float, typer.Option(metavar="X", min=0, help="Largest difference of mel and F0 (natural logs).")] = 1e-3,
    audio_tolerance: Annotated[float, typer.Option(metavar="X", min=0, help="Largest difference of samples.")] = 2e-3,
    starts: Annotated[bool, typer.Option("--starts/--no-starts", help="Also measure the first and second start.")] = True,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Compare contexts of one voice: durations, mel, audio, start-up.

    Exits with 1 unless all sentences agree. Durations at a rounding tie may differ; where a context has to split a
    sentence that another need not, the total duration may differ by 2 %.
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
    addon: Annotated[str, typer.Argument(metavar="NAME|PATH", help="The voice that takes prosody from recordings.")],
    corpora: Corpora,
    targets: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="NAME", help="Who speaks; may be given again. By default all of the voice's speakers."),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="A voice that is given F0, energy and duration of every phone.")
    ] = None,
    vocoder: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Vocoder of both voices.")] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="prosody, durations, identity, recognition, parallel, probes or speed; may be given again. By default all.",
        ),
    ] = None,
    limit: Limit = None,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Processes.")] = 1,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure prosody transfer from speakers nobody trained on.

    Outputs stand beside reconstruction, no reference, another clip's latents, and a baseline. Figures are kept as they come:
    give the same command again after a stop.
    """
    with extra("eval"):
        from tts_cli.evaluation.transfer.evaluate import PARTS, TransferEvaluation, evaluate_transfer
        from tts_cli.voice.synthesis import load

        voice = load(addon, vocoder, threads=1)
        other = load(baseline, vocoder, threads=1) if baseline else None
        asked = TransferEvaluation(voice, corpora, tuple(targets or voice.speakers), other, limit, jobs)
        print_report(evaluate_transfer(asked, parts or PARTS), as_json, markdown)


@app.command()
def selection(
    addon: Annotated[str, typer.Option(metavar="NAME|PATH", help="The voice that chooses its prosody.")],
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="The prepared corpus.")],
    split: Annotated[
        str,
        typer.Option(
            metavar="SPLIT", help="test; validation; or train-folds, of whose prompts each is left out while it is spoken."
        ),
    ] = "validation",
    strategies: Annotated[
        list[str] | None, typer.Option("--strategy", metavar="NAME", help="May be given again. By default all six.")
    ] = None,
    top_k: Annotated[
        list[int] | None, typer.Option("--top-k", metavar="N", min=1, help="May be given again. [default: 1]")
    ] = None,
    lengths: Annotated[
        list[str] | None, typer.Option(metavar="HOW", help="same, pad, resample or dtw; may be given again. [default: dtw]")
    ] = None,
    bert_weights: Annotated[
        list[float] | None,
        typer.Option("--bert-weight", metavar="X", min=0, max=1, help="May be given again. [default: 0.35]"),
    ] = None,
    inventory: Annotated[str, typer.Option(metavar="WHOSE", help="own: the speaker's utterances; all: everyone's.")] = "own",
    speakers: Annotated[
        list[str] | None,
        typer.Option(
            "--speaker",
            metavar="NAME",
            help="May be given again. By default the voice's speakers who read sentences, no phrases.",
        ),
    ] = None,
    continuity: Annotated[float, typer.Option(metavar="W", min=0, help="With which passages are read, as by tts synth.")] = 0.0,
    vocoder: VocoderName = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="distance, nearness, kinds, variety, recognition, probe or cost; may be given again. By default the first four.",
        ),
    ] = None,
    sentences: SentencesFile = Path("data/prosody-sentences.txt"),
    passages: Annotated[Path, typer.Option(metavar="FILE", help="Lines 'name|text', each a passage.")] = Path(
        "data/passages.txt"
    ),
    recognise: Annotated[
        int | None,
        typer.Option("--recognise", metavar="N", min=1, help="Also count word errors in so many prompts of each setting."),
    ] = None,
    limit: Limit = None,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Processes.")] = 1,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure prosody selection beside average, chance and recording.

    An option that is given again is tried in every combination, each of which is a row. Figures are kept as they come: give the
    same command again after a stop.
    """
    with extra("eval"):
        from tts_cli.evaluation.prompts import read_sentences
        from tts_cli.evaluation.selection.evaluate import DEFAULT_PARTS, UnrecordedTexts, evaluate_selection
        from tts_cli.evaluation.selection.tasks import STRATEGIES, Selection, settings_of
        from tts_cli.voice.synthesis import load

        settings = settings_of(strategies or STRATEGIES, top_k or [1], lengths or ["dtw"], bert_weights or [0.35], inventory)
        chosen = [*(parts or DEFAULT_PARTS), *(["recognition"] if recognise else [])]
        texts = UnrecordedTexts(
            read_sentences(sentences, limit) if "kinds" in chosen else (),
            read_sentences(passages) if "variety" in chosen else (),
            recognise or UnrecordedTexts.sample,
        )
        asked = Selection(load(addon, vocoder, threads=1), data, split, settings, tuple(speakers or ()), limit, jobs, continuity)
        print_report(evaluate_selection(asked, texts, chosen), as_json, markdown)


@app.command()
def leakage(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs or checkpoints of the model copycat.")],
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="The prepared corpus, of whose split validation it is.")],
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw the curve, as PNG or SVG.")] = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Compare checkpoints: F0 correlation against leakage.

    How well the contour of a source is followed in other voices, and how well who speaks is told from the latents.
    """
    with extra("eval"):
        from tts_cli.evaluation.transfer.leakage import draw_curve, leakage_report, measure_leakage

        points = measure_leakage(runs, data)
        if plot:
            draw_curve(points, plot)
        print_report(leakage_report(points), as_json, markdown)


@app.command("syntax")
def parse_treebank(
    treebank: Annotated[Path, typer.Argument(metavar="TREEBANK", help="Folder of *.ptb files and splits.md.")],
    parsers: Annotated[
        list[str] | None,
        typer.Option("--parser", metavar="NAME", help="As of tts parse; may be given again. By default linguistics-en."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most this many sentences.")] = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure parsers on a treebank's test documents.

    The order of syntactic distances, unlabelled brackets and CPU time; right-branching trees stand beside.
    """
    with extra("eval"):
        from tts_cli.corpora.treebank import open_treebank
        from tts_cli.evaluation.syntax.evaluate import evaluate_syntax
        from tts_cli.selection.parsing import DEFAULT_LINGUISTICS, open_parser

        names = dict.fromkeys([*(parsers or [DEFAULT_LINGUISTICS]), "right-branching"])
        opened = {name: open_parser(name) for name in names}
        print_report(evaluate_syntax(open_treebank(treebank), opened, limit), as_json, markdown)
