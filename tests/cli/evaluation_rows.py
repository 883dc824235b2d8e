"""Options of `tts evaluate`: rows like those of `option_rows`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from option_rows import LOAD, OPEN, Command, Row, prints


class Report:
    """Fake report of an evaluation: its text names the form in which it is printed."""

    num_agreeing = 99

    @property
    def reports(self) -> tuple[Report, ...]:
        return (self,)

    def drawings(self) -> Iterator[str]:
        yield "as a table"

    def refuse_differences(self) -> None:
        """Accept all differences."""

    def as_dict(self) -> dict[str, str]:
        return {"shown": "as JSON"}

    def markdown(self) -> str:
        return "as Markdown"


PRINTED = {
    "as_json": Row(("--json",), leaves=prints("as JSON")),
    "markdown": Row(("--markdown",), leaves=prints("as Markdown")),
}


def evaluation(given: tuple[object, ...], name: str, follows: tuple[str, ...], rows: dict[str, Row], **others: Any) -> Command:
    """Return a command of `tts evaluate` that calls the function `name`, which is replaced by one that returns a report."""
    return Command(given, follows, {f"evaluation:{name}": Report, **others}, {**rows, **PRINTED})


TWICE = ("--addon", "tiny-acoustic", "--addon", "tiny-prosody")
ASKED = "evaluate_speech.asked"
PROSODY = "evaluate_prosody.asked"
MANY_VOICES = {
    "vocoder": Row(("--vocoder", "tiny-vocoder"), {"load.vocoder": "tiny-vocoder"}),
    "threads": Row(("--threads", 3), {"load.threads": 3}),
}
REPORT = {"report": Row(("--report", "written"), {"write_report.folder": "written"}, also=("write_report.",))}
WRITES = {"evaluation:write_report": lambda: None}
SENTENCES = ("--sentences", "sentences.txt")
EVALUATIONS: dict[str, Command] = {
    "evaluate speech": evaluation(
        ("--corpora", "corpora"), "evaluate_speech", (),
        {
            "corpora": Row(("--corpora", "corpus"), {f"{ASKED}.corpora": "corpus"}),
            "data": Row(("--data", "prepared"), {f"{ASKED}.data": "prepared"}),
            "split": Row(("--split", "validation"), {f"{ASKED}.split": "validation"}),
            "addons": Row(TWICE, {f"{ASKED}.addons": ["tiny-acoustic", "tiny-prosody"]}),
            "vocoder": Row(("--vocoder", "tiny-vocoder"), {f"{ASKED}.vocoder": "tiny-vocoder"}),
            "threads": Row(("--threads", 3), {f"{ASKED}.threads": 3}),
            "systems": Row(
                ("--systems", "systems.yaml"), {f"{ASKED}.sources.mine.addon": "tiny-prosody", f"{ASKED}.where": "systems.yaml"},
                also=(f"{ASKED}.sources", f"{ASKED}.addons"),
            ),
            "folders": Row(
                ("--folder", "made", "--folder", "others"), {f"{ASKED}.sources.others.folder": "others"},
                also=(f"{ASKED}.sources", f"{ASKED}.addons"),
            ),
            "speakers": Row(("--speaker", "slt", "--speaker", "bdl"), {f"{ASKED}.speakers": ["slt", "bdl"]}),
            "parts": Row(("--part", "wer", "--part", "spectra"), {f"{ASKED}.parts": ["wer", "spectra"]}),
            "seeds": Row(("--seeds", 5), {f"{ASKED}.num_seeds": 5}),
            "sentences": Row(SENTENCES, {f"{ASKED}.sentences.1": ["one", "Good day."]}, also=(f"{ASKED}.sentences",)),
            "peers": Row(("--peer", "espeak", "--peer", "flite"), {f"{ASKED}.peers": ["espeak", "flite"]}),
            "pictures": Row(("--pictures", "drawn"), {f"{ASKED}.pictures": "drawn"}),
            "limit": Row(("--limit", 4), {f"{ASKED}.limit": 4}),
            "jobs": Row(("--jobs", 3), {f"{ASKED}.jobs": 3}),
            "report": Row(
                ("--report", "written"), {f"{ASKED}.report": "written", "write_report.folder": "written"}, also=("write_report.",)
            ),
        },
        **WRITES,
    ),
    "evaluate vocoder": evaluation(
        ("--corpora", "corpora", "--addon", "tiny-vocoder"), "evaluate_vocoder", (OPEN,),
        {
            **REPORT,
            "corpora": Row(
                ("--corpora", "corpus"), {"instruments_for.corpora": "corpus", "evaluate_vocoder.corpora": "corpus"}
            ),
            "addon": Row(
                ("--addon", "tiny-acoustic"), {"open_addon.name": "tiny-acoustic", "evaluate_vocoder.addon": "tiny-acoustic"}
            ),
            "pictures": Row(("--pictures", "drawn"), {"evaluate_vocoder.pictures": "drawn"}),
            "limit": Row(("--limit", 4), {"evaluate_vocoder.limit": 4}),
            "word_errors": Row(("--no-wer",), {"instruments_for.word_errors": False}),
            "threads": Row(("--threads", 3), {"open_addon.threads": 3}),
        },
        **{"evaluation:instruments_for": lambda: None}, **WRITES,
    ),
    "evaluate robustness": evaluation(
        SENTENCES, "evaluate_robustness", (LOAD,),
        {
            **REPORT,
            **MANY_VOICES,
            "addons": Row(
                TWICE,
                {"load#2.addon": "tiny-prosody", "evaluate_robustness.voices.tiny-prosody": "tiny-prosody"},
                also=("load#2", "ProsodySelector."),
            ),
            "speaker": Row(("--speaker", "high"), {"evaluate_robustness.speaker": "high"}),
            "sentences": Row(
                ("--sentences", "others.txt"), {"evaluate_robustness.sentences.0": ["one", "Others."]},
                also=("evaluate_robustness.sentences",),
            ),
            "limit": Row(
                ("--limit", 1), leaves=lambda _, record: "evaluate_robustness.sentences.1" not in record,
                also=("evaluate_robustness.sentences",),
            ),
        },
        **WRITES,
    ),
    "evaluate contexts": evaluation(
        ("tiny-acoustic", "--context", "fixed-onnxruntime", *SENTENCES), "evaluate_contexts", (LOAD,),
        {
            "addon": Row(
                ("tiny-prosody",), {"evaluate_contexts.addon": "tiny-prosody"},
                instead=("--context", "fixed-onnxruntime", *SENTENCES), also=("evaluate_contexts.",),
            ),
            "contexts": Row(
                ("--context", "default"), {"evaluate_contexts.contexts": ["default", "fixed-onnxruntime", "default"]}
            ),
            "against": Row(
                ("--against", "fixed-onnxruntime"), {"evaluate_contexts.contexts": ["fixed-onnxruntime", "fixed-onnxruntime"]}
            ),
            "vocoder": Row(("--vocoder", "tiny-vocoder"), {"evaluate_contexts.vocoder": "tiny-vocoder"}),
            "speaker": Row(("--speaker", "high"), {"evaluate_contexts.speaker": "high"}),
            "sentences": Row(
                ("--sentences", "others.txt"), {"evaluate_contexts.sentences.0": ["one", "Others."]},
                also=("evaluate_contexts.sentences",),
            ),
            "limit": Row(
                ("--limit", 1), leaves=lambda _, record: "evaluate_contexts.sentences.1" not in record,
                also=("evaluate_contexts.sentences",),
            ),
            "tolerance": Row(("--tolerance", 0.5), {"evaluate_contexts.tolerances.ports": 0.5}),
            "audio_tolerance": Row(("--audio-tolerance", 0.25), {"evaluate_contexts.tolerances.audio": 0.25}),
            "starts": Row(("--no-starts",), {"evaluate_contexts.with_starts": False}),
        },
        **{"evaluation:measure_starts": lambda: [1.0, 1.0]},
    ),
    "evaluate transfer": evaluation(
        ("tiny-copycat", "--corpora", "corpora"), "evaluate_transfer", (LOAD,),
        {
            **REPORT,
            "addon": Row(
                ("tiny-acoustic",), {"load.addon": "tiny-acoustic", "TransferEvaluation.voice": "tiny-acoustic"},
                instead=("--corpora", "corpora"), also=("TransferEvaluation.targets",),
            ),
            "corpora": Row(("--corpora", "corpus"), {"TransferEvaluation.corpora": "corpus"}),
            "targets": Row(("--target", "high"), {"TransferEvaluation.targets": ["high"]}),
            "baseline": Row(
                ("--baseline", "tiny-acoustic"),
                {"load#2.addon": "tiny-acoustic", "TransferEvaluation.baseline": "tiny-acoustic"}, also=("load#2",),
            ),
            "vocoder": Row(("--vocoder", "tiny-vocoder"), {"load.vocoder": "tiny-vocoder"}),
            "parts": Row(("--part", "probes", "--part", "speed"), {"evaluate_transfer.parts": ["probes", "speed"]}),
            "limit": Row(("--limit", 4), {"TransferEvaluation.limit": 4}),
            "jobs": Row(("--jobs", 3), {"TransferEvaluation.jobs": 3}),
        },
        **{"evaluation:TransferEvaluation": lambda: None}, **WRITES,
    ),
    "evaluate selection": evaluation(
        ("--addon", "tiny-prosody", "--data", "corpus", "--part", "distance"), "evaluate_selection", (LOAD,),
        {
            **REPORT,
            "addon": Row(
                ("--addon", "tiny-acoustic"),
                {"load.addon": "tiny-acoustic", "Selection.voice": "tiny-acoustic"}, also=("ProsodySelector.",),
            ),
            "data": Row(("--data", "corpora"), {"Selection.data": "corpora"}),
            "split": Row(("--split", "test"), {"Selection.split": "test"}),
            "strategies": Row(
                ("--strategy", "bert"), {"Selection.settings.0.strategy": "bert"},
                also=("Selection.settings",),
            ),
            "top_k": Row(
                ("--strategy", "bert", "--top-k", 5), {"Selection.settings.0.top_k": 5},
                also=("Selection.settings",),
            ),
            "lengths": Row(
                ("--strategy", "syntactic", "--lengths", "pad"), {"Selection.settings.0.lengths": "pad"},
                also=("Selection.settings",),
            ),
            "bert_weights": Row(
                ("--strategy", "bert+syntactic", "--bert-weight", 0.75),
                {"Selection.settings.0.bert_weight": 0.75}, also=("Selection.settings",),
            ),
            "inventory": Row(
                ("--strategy", "bert", "--inventory", "all"), {"Selection.settings.0.inventory": "all"},
                also=("Selection.settings",),
            ),
            "spreads": Row(
                ("--strategy", "learnt", "--spread", 0.9), {"Selection.settings.0.spread": 0.9},
                also=("Selection.settings",),
            ),
            "speakers": Row(("--speaker", "slt"), {"Selection.speakers": ["slt"]}),
            "continuity": Row(("--continuity", 0.5), {"Selection.continuity": 0.5}),
            "vocoder": Row(("--vocoder", "tiny-vocoder"), {"load.vocoder": "tiny-vocoder"}),
            "sentences": Row(
                ("--part", "kinds", "--sentences", "others.txt"),
                {"evaluate_selection.texts.sentences.0": ["one", "Others."]}, also=("evaluate_selection.",),
            ),
            "passages": Row(
                ("--part", "variety", "--passages", "others.txt"),
                {"evaluate_selection.texts.passages.0": ["one", "Others."]}, also=("evaluate_selection.",),
            ),
            "parts": Row(("--part", "cost"), {"evaluate_selection.parts": ["distance", "cost"]}),
            "recognise": Row(
                ("--recognise", 9),
                {"evaluate_selection.parts": ["distance", "recognition"], "evaluate_selection.texts.sample": 9},
            ),
            "draws": Row(("--draws", 2), {"Selection.draws": 2}),
            "against": Row(
                ("--against", "tiny-acoustic"),
                {"load#2.addon": "tiny-acoustic", "Selection.against": "tiny-acoustic"}, also=("load#2",),
            ),
            "limit": Row(("--limit", 4), {"Selection.limit": 4}),
            "jobs": Row(("--jobs", 3), {"Selection.jobs": 3}),
        },
        **{"evaluation:Selection": lambda: None}, **WRITES,
    ),
    "evaluate prosody": evaluation(
        SENTENCES, "evaluate_prosody", (),
        {
            **REPORT,
            "addons": Row(
                TWICE, {f"{PROSODY}.sources.tiny-prosody.addon": "tiny-prosody"}, also=(f"{PROSODY}.sources",)
            ),
            "systems": Row(
                ("--systems", "systems.yaml"),
                {f"{PROSODY}.sources.mine.addon": "tiny-prosody", f"{PROSODY}.where": "systems.yaml"},
                also=(f"{PROSODY}.sources",),
            ),
            "data": Row(("--data", "corpus"), {f"{PROSODY}.data": "corpus"}),
            "split": Row(("--split", "validation"), {f"{PROSODY}.split": "validation"}),
            "vocoder": Row(("--vocoder", "tiny-vocoder"), {f"{PROSODY}.sources.tiny-acoustic.vocoder": "tiny-vocoder"}),
            "speakers": Row(("--speaker", "high", "--speaker", "low"), {f"{PROSODY}.speakers": ["high", "low"]}),
            "parts": Row(("--part", "questions"), {f"{PROSODY}.parts": ["questions"]}),
            "sentences": Row(
                ("--sentences", "others.txt"), {f"{PROSODY}.sentences.0": ["one", "Others."]}, also=(f"{PROSODY}.sentences",)
            ),
            "seeds": Row(("--seeds", 5), {f"{PROSODY}.num_seeds": 5}),
            "limit": Row(
                ("--limit", 1), {f"{PROSODY}.limit": 1}, leaves=lambda _, record: f"{PROSODY}.sentences.1" not in record,
                also=(f"{PROSODY}.sentences",),
            ),
            "jobs": Row(("--jobs", 3), {f"{PROSODY}.jobs": 3}),
        },
        **WRITES,
    ),
    "evaluate leakage": evaluation(
        ("run", "--data", "corpus"), "leakage_report", (),
        {
            "runs": Row(("other",), {"measure_leakage.runs": ["run", "other"]}),
            "data": Row(("--data", "corpora"), {"measure_leakage.data": "corpora"}),
            "plot": Row(("--plot", "p.png"), {"draw_curve.file": "p.png"}, also=("draw_curve",)),
        },
        **{"evaluation:measure_leakage": lambda: (), "evaluation:draw_curve": lambda: None},
    ),
    "evaluate syntax": evaluation(
        ("trees",), "evaluate_syntax", (),
        {
            "treebank": Row(("others",), {"open_treebank.folder": "others"}, instead=()),
            "parsers": Row(
                ("--parser", "mine"), {"open_parser.name": "mine"},
                also=("evaluate_syntax.parsers",),
            ),
            "limit": Row(("--limit", 4), {"evaluate_syntax.limit": 4}),
        },
        **{"corpora:open_treebank": lambda: None, "selection:open_parser": lambda: None},
    ),
}  # fmt: skip
