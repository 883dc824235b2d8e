"""Every option of `tts listening-test`: an example of its use, and the field in which its value arrives."""

from __future__ import annotations

from types import SimpleNamespace

from option_rows import Command, Row

BUILT = SimpleNamespace(test=SimpleNamespace(notes=()), summary="2 pages")
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
}
