"""Every option of `tts listening-test`: an example of its use, and the field in which its value arrives."""

from __future__ import annotations

from types import SimpleNamespace

from option_rows import Command, Row, prints

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
}
