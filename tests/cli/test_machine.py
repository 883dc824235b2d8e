"""Requirements that `tts doctor` reads from the package metadata."""

from __future__ import annotations

import pytest

from tts_cli.cli import machine

DECLARED = [
    "numpy>=2.0",
    "pyyaml (>=6.0) ; python_version >= '3'",
    "tomli ; python_version < '3'",
    'torch[optree]>=2.5 ; extra == "train"',
    "voices @ https://example.org/voices.whl ; extra == 'train'",
    'colorama ; extra == "train" and python_version < "3"',
]


def test_requirements_are_those_of_an_extra_on_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "requires", lambda _: DECLARED)
    assert machine._requirements(None) == ["numpy", "pyyaml"]
    assert machine._requirements("train") == ["torch", "voices"]
    assert machine._requirements("eval") == []
