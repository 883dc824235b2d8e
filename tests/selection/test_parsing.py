"""Addons of kind linguistics, opened and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tts_cli.errors import AddonError
from tts_cli.selection.parsing import open_linguistics, open_parser

TINY = Path(__file__).parents[1] / "addons"


def test_a_sentence_is_analysed() -> None:
    found = open_linguistics("tiny-linguistics", near=TINY).analyse(["Who", "didn't", "run"], ["", "", "?"])
    assert found.distances[0] == 0
    assert found.distances.shape == (3,)
    assert found.states.shape == (3, len(found.vector))
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-3)


def test_a_word_s_figures_do_not_depend_on_how_often_one_asks() -> None:
    linguistics = open_linguistics(TINY / "tiny-linguistics")
    first, second = (linguistics.analyse(["a", "b", "c"], [",", "", "."]) for _ in range(2))
    assert np.array_equal(first.distances, second.distances)
    other = linguistics.analyse(["a", "b", "d"], [",", "", "."])
    assert not np.array_equal(first.vector, other.vector)


def test_a_parser_by_the_path_of_an_addon() -> None:
    assert len(open_parser(str(TINY / "tiny-linguistics")).distances(["a", "b"], ["", ""])) == 2


@pytest.mark.parametrize(("part", "message"), [("networks", "network"), ("assets", "asset 'tokenizer'")])
def test_an_addon_that_lacks_a_part(part: str, message: str, tmp_path: Path) -> None:
    folder = shutil.copytree(TINY / "tiny-linguistics", tmp_path / "tiny-linguistics")
    config = json.loads((folder / "addon.json").read_text())
    config[part] = {}
    config["contexts"] = {}
    (folder / "addon.json").write_text(json.dumps(config))
    with pytest.raises(AddonError, match=message):
        open_linguistics(folder)


def test_an_addon_of_another_kind() -> None:
    with pytest.raises(AddonError, match="is of kind 'acoustic'"):
        open_linguistics("tiny-acoustic", near=TINY)
