"""Structure of the project: public names, rooms, file sizes, and words that no file may hold."""

from __future__ import annotations

import ast
import importlib
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from architecture import FILE, architecture

import tts_cli

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tts_cli"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LONGEST_FILE = 400
TRAINING_PACKAGES = ("torch", "torchaudio", "librosa", "numba", "scipy", "matplotlib", "lightning_fabric", "safetensors", "onnx")

SPEAK_WITHOUT = f"""
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {TRAINING_PACKAGES!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
import tts_cli
for module in sys.argv[2:]:
    importlib.import_module(module)
voice = tts_cli.load(sys.argv[1])
print(sum(len(chunk.samples) for chunk in voice.stream("Hello there.")))
"""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def runtime_modules() -> list[str]:
    """Return the modules of the rooms that run without training packages, and of the command line."""
    contract = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "forbidden")
    rooms = [*contract["source_modules"], "tts_cli.cli"]
    return [name for name in map(module_name, SOURCES) if any(name == room or name.startswith(room + ".") for room in rooms)]


def functions() -> list[tuple[Path, ast.FunctionDef]]:
    trees = [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES]
    return [(path, node) for path, tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def tracked_texts() -> dict[str, str]:
    """Return the text of every text file under version control, by path."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not in a git checkout")
    texts = {}
    for name in filter(None, listing.stdout.split("\0")):
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return texts


def test_the_list_of_rooms_and_files_is_what_the_docstrings_say() -> None:
    assert FILE.read_text(encoding="utf-8") == architecture(), "run: python tests/architecture.py"


def test_everything_that_is_offered_exists() -> None:
    assert sorted(tts_cli.__all__) == list(tts_cli.__all__)
    for name in tts_cli.__all__:
        assert getattr(tts_cli, name) is not None
    with pytest.raises(AttributeError):
        _ = tts_cli.nothing_of_the_kind


def test_type_checkers_see_what_is_offered() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tts_cli")]
    assert sorted(alias.name for node in imports for alias in node.names) == list(tts_cli.__all__)


def test_the_runtime_speaks_where_training_packages_are_missing() -> None:
    command = [sys.executable, "-c", SPEAK_WITHOUT, str(ROOT / "tests/addons/tiny-acoustic"), *runtime_modules()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_the_runtime_installation_names_no_training_package() -> None:
    names = {re.split(r"[^\w-]", requirement)[0].replace("-", "_") for requirement in PROJECT["project"]["dependencies"]}
    assert not names & set(TRAINING_PACKAGES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_described_and_of_moderate_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "the module has no docstring: say its purpose"
    assert len(text.splitlines()) <= LONGEST_FILE
    assert path.stem not in {"utils", "common", "helpers", "core", "base", "misc"}


def test_functions_are_short_and_take_few_arguments() -> None:
    lengths = sorted(int(node.end_lineno or 0) - node.lineno + 1 for _, node in functions())
    assert statistics.median(lengths) <= 8
    assert lengths[len(lengths) * 9 // 10] <= 20
    for path, node in functions():
        arguments = {a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]} - {"self", "cls"}
        assert len(arguments) <= 8 or path.parent.name == "cli", f"{path.name}:{node.name}"


def test_public_functions_are_documented() -> None:
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}:{node.name}"


FORBIDDEN = re.compile(r"(what|whose|which|of|by|when|as|to|who|how|where|whether)\b", re.IGNORECASE)
"""Words that no docstring begins with: CONTRIBUTING.md says what to write in their place."""
OF_EVERY_MODEL = {"Model", "Config", "BatchConfig", "LossWeights", "Decoder"}


def test_docstrings_begin_with_a_verb_or_a_noun_of_the_field() -> None:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                found += [f"{path}:{node.lineno}"] * bool(FORBIDDEN.match(node.value.value.strip()))
    assert found == []


def test_a_class_name_has_one_meaning() -> None:
    names = [
        node.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert {name for name in names if names.count(name) > 1} <= OF_EVERY_MODEL


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    place = re.compile(r"(?<![\w.~}])/(?:home|root|work|Users)/\w")
    assert [name for name, text in tracked_texts().items() if place.search(text)] == []


def test_nothing_is_left_to_do_in_comments() -> None:
    mark = re.compile(r"#\s*(?:TO" + r"DO|FIX" + r"ME|XXX)\b")
    assert [name for name, text in tracked_texts().items() if name.endswith(".py") and mark.search(text)] == []


def test_shipped_addons_and_the_sample_are_small() -> None:
    megabytes = {
        folder: sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
        for folder in [*(ROOT / "addons").glob("*"), ROOT / "data"]
    }
    most = {"data": 10, "linguistics-en": 28, "prosody-16k": 17}
    assert all(size <= most.get(folder.name, 15) for folder, size in megabytes.items()), megabytes


def test_every_recipe_begins_with_its_command_and_loads() -> None:
    recipe = importlib.import_module("tts_cli.training.recipe")
    kinds = importlib.import_module("tts_cli.models").KINDS
    for path in (ROOT / "recipes").glob("*.yaml"):
        loaded = recipe.load_recipe(path)
        group, name = kinds[loaded.model].group, path.relative_to(ROOT)
        # A later stage of a training appends its name to the voice's.
        assert path.stem == loaded.name or path.stem.startswith(f"{loaded.name}-")
        command = rf"# tts train {group} {name} --data \S+ --output runs/{path.stem}( --init-from \S+)*\n"
        assert re.match(command, path.read_text(encoding="utf-8"))
