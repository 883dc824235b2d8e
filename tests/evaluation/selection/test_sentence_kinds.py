import pytest

from tts_cli.corpora.manifest import Recording
from tts_cli.evaluation.selection.kinds import ALL_KINDS, by_kind, few_of, kinds_of, label_of


def clip(text: str, kind: str = "statement") -> Recording:
    return Recording(
        id=text, audio_filepath="x", text=text, normalized_text=text, duration=1, speaker="ann", corpus="c", split="test",
        kind=kind, tokens=("^", "AE1"), durations=(1, 1), num_frames=2, features="x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind", "further"),
    [
        ("You left the door open?", "yes-no", {"declarative question"}),
        ("Did you leave the door open?", "yes-no", set()),
        ("Is it tea or coffee?", "yes-no", {"or"}),
        ("He drinks tea or coffee.", "statement", set()),
        ("Where did she go?", "wh", set()),
        ("Don't touch the red button.", "statement", {"command"}),
        ("Come here!", "exclamation", {"command"}),
        ("Play is fun.", "statement", set()),
        ("She comes here every day.", "statement", set()),
        ("We saw lions, tigers and bears.", "statement", {"list"}),
        ("He bought bread, some cheese, and apples.", "statement", {"list"}),
        ("Yes, it is.", "statement", set()),
        ("Not the blue one, but the red one.", "statement", {"contrast"}),
        ('"I am Sam," said the cat.', "statement", {"dialogue"}),
    ],
)
def test_rules_find_further_kinds(text: str, kind: str, further: set[str]) -> None:
    first, *rest = kinds_of(clip(text, kind))
    assert (first, set(rest)) == (kind, further)
    assert further <= set(ALL_KINDS)


def test_a_sentence_counts_in_each_of_its_kinds() -> None:
    clips = [clip("Is it tea or coffee?", "yes-no"), *(clip(f"He came home {place} times.") for place in range(30))]
    found = by_kind(clips)
    assert {name: len(members) for name, members in found.items()} == {"statement": 30, "yes-no": 1, "or": 1}
    assert [label_of(name, len(members)) for name, members in found.items()][:2] == ["statement", "yes-no, too few for a claim"]
    assert few_of(clips).startswith("Kinds with fewer than 30 recorded sentences, which support no claim: wh 0, yes-no 1, or 1")
    assert "statement" not in few_of(clips)
