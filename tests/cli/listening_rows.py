"""Every option of `tts listening-test`: an example of its use, and the field in which its value arrives."""

from __future__ import annotations

from types import SimpleNamespace

from evaluation_rows import PRINTED, Report
from option_rows import Command, Row, prints, says

from tts_cli.listening.simulation import default_test

BUILT = SimpleNamespace(test=SimpleNamespace(notes=()), summary="2 pages")
LINK = SimpleNamespace(number=1, url="http://127.0.0.1:8017/?token=abc", state="not begun")
SERVER = SimpleNamespace(url="http://127.0.0.1:8017/", links=[LINK], run=lambda: None)
LISTENING: dict[str, Command] = {
    "listening-test build": Command(
        ("test.yaml", "-o", "built"),
        replaces={"listening:build_test": lambda: BUILT},
        rows={
            "config": Row(("other.yaml",), {"build_test.config": "other.yaml"}, instead=("-o", "built")),
            "output": Row(("-o", "elsewhere"), {"build_test.output": "elsewhere"}),
            "corpora": Row(("--corpora", "corpora"), {"build_test.corpora": "corpora"}),
            "replace": Row(("--replace",), {"build_test.replace": True}),
            "settings": Row(("--set", "seed=2", "--set", "title=A"), {"build_test.overrides": ["seed=2", "title=A"]}),
        },
    ),
    "listening-test serve": Command(
        ("built",),
        replaces={"listening:open_server": lambda: SERVER},
        rows={
            "folder": Row(("elsewhere",), {"open_server.folder": "elsewhere"}, instead=()),
            "host": Row(("--host", "localhost"), {"open_server.host": "localhost"}),
            "port": Row(("--port", "0"), {"open_server.port": 0}),
            "listeners": Row(("--listeners", "3"), {"open_server.listeners": 3}),
            "is_open": Row(("--open",), {"open_server.is_open": True}, leaves=prints("anyone  http://127.0.0.1:8017/")),
        },
    ),
    "listening-test analyze": Command(
        ("folder",),
        replaces={
            "listening:read_results": lambda: None,
            "listening:analyse_results": Report,
            "listening:write_report": lambda: "page/report.html",
        },
        rows={
            "results": Row(("other",), {"read_results.path": "other"}, instead=()),
            "test": Row(("--test", "corpus"), {"read_results.test_folder": "corpus"}),
            "report": Row(
                ("--report", "page"), {"write_report.folder": "page"}, leaves=says("page/report.html"), also=("write_report.",)
            ),
            "baseline": Row(("--baseline", "old"), {"analyse_results.asked.baseline": "old"}),
            "systems": Row(("--system", "new", "--system", "newer"), {"analyse_results.asked.systems": ["new", "newer"]}),
            "rules_off": Row(("--no-rule", "attention"), {"analyse_results.off": ["attention"]}),
            **PRINTED,
        },
    ),
    "listening-test simulate": Command(
        ("-o", "simulated"),
        follows=("listening:default_test",),
        replaces={
            "listening:read_test": default_test,
            "listening:simulate_answers": lambda: SimpleNamespace(lines=("Simulated",)),
            "listening:write_simulation": lambda: None,
        },
        rows={
            "folder": Row(("folder",), {"read_test.folder": "folder"}, instead=("-o", "simulated")),
            "output": Row(("-o", "elsewhere"), {"write_simulation.folder": "elsewhere"}),
            "listeners": Row(("--listeners", 5), {"simulate_answers.num_listeners": 5}),
            "items": Row(("--items", 3), {"default_test.num_items": 3}, also=("simulate_answers.test",)),
            "seed": Row(("--seed", 7), {"simulate_answers.seed": 7}),
            "means": Row(
                ("--mean", "new=60", "--mean", "a=b=1"), {"simulate_answers.means.new": 60.0, "simulate_answers.means.a=b": 1.0}
            ),
            "settings": Row(
                ("--set", "residual=9", "--set", "highest=90"),
                {"simulate_answers.model.residual": 9.0, "simulate_answers.model.highest": 90.0},
            ),
        },
    ),
}
