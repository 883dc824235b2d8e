"""`tts stack show` draws the stack that runs; `tts stack check` reports a fault in one line with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest
from conftest import Run
from test_errors import Spoil, refused

ARTICLE = (
    '{"stack": [{"type": "StreamablePipeline", "sequence_block": {"type": "Encoders"}, "streamable_block": '
    '{"type": "StreamableStack", "stack": [{"type": "Upsampler"}, {"type": "Decoder"}]}}]}'
)
FIXED = {
    "networks": {
        "text_encoder": {"sizes": {"token": [64, 32]}},
        "prosody_encoder": {"sizes": {"token": [64, 32]}},
        "decoder": {"threads": 2, "sizes": {"frame": [106]}},
    }
}


def walk(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [view, *(inner for block in view["blocks"] for inner in walk(block))]


def test_a_voice_is_drawn_whole(tts: Run) -> None:
    lines = tts("stack", "show").out.decode().splitlines()
    assert lines[0].startswith("tiny-acoustic + tiny-vocoder  context default, 16000 Hz")
    drawn = " ".join("".join(line.strip("│├└─ ") + " " for line in lines).split())
    for part in (
        "StreamablePipeline tiny-acoustic: $.stack[0]",
        "Decoder tiny-acoustic: $.stack[0].streamable_block.stack[1]",
        "network text_encoder encoder, onnxruntime on cpu, 1 thread, f32, sizes: free",
        "reads frame: mel[80], log_f0[1]",
        "gives sample: audio[1]",
        "looks ahead 37.5 ms",
        "network: makes a frame from the 3 before it, itself and the 3 after it",
        "layer: feeds margins of 3+3 frames",
        "layer: gives the whole utterance in its own length",
    ):
        assert part in drawn, part
    places = [drawn.index(f"{block} tiny-") for block in ("Encoders", "Upsampler", "Decoder", "Vocoder")]
    assert places == sorted(places)


def test_its_json_has_every_block_and_adds_up(tts: Run) -> None:
    view = tts("stack", "show", "tiny-acoustic", "--json").json
    blocks = walk(view["stack"])
    assert [block["type"] for block in blocks if not block["blocks"]] == ["Encoders", "Upsampler", "Decoder", "Vocoder"]
    leaves = sum(block["lookahead_ms"] for block in blocks if not block["blocks"])
    assert view["latency"]["lookahead_ms"] == pytest.approx(leaves) == pytest.approx(view["stack"]["lookahead_ms"])
    decoder = next(block for block in blocks if block["type"] == "Decoder")
    text = next(read for read in decoder["reads"] if read["port"]["name"] == "text")
    assert (text["port"]["rate"], text["given_by"]) == ("frame", "tiny-acoustic: $.stack[0].streamable_block.stack[0]")
    assert [network["name"] for block in blocks for network in block["networks"]] == [
        *("text_encoder", "prosody_encoder", "decoder", "vocoder")
    ]


def test_whose_work_is_whose_follows_from_the_context(tts: Run) -> None:
    Path("fixed.json").write_text(json.dumps(FIXED))
    view = tts("stack", "show", "tiny-acoustic", "--context", "fixed.json", "--json").json
    networks = {network["name"]: network for block in walk(view["stack"]) for network in block["networks"]}
    encoder, decoder, vocoder = (networks[name] for name in ("text_encoder", "decoder", "vocoder"))
    assert "ignores steps outside of token_mask" in encoder["network_work"]
    assert encoder["layer_work"][0] == "picks the smallest of 32, 64 tokens, pads, crops"
    margins = encoder["spec"]["margins"]
    overlap = f"splits longer input exactly ({margins['left']}+{margins['right']} tokens overlap)"
    assert encoder["layer_work"][1] == (overlap if encoder["spec"]["splittable"] else "refuses longer input")
    assert decoder["layer_work"][-1] == "reads 100 frames at once at most"
    assert (decoder["settings"]["threads"], vocoder["settings"]["sizes"]) == (2, {})


def test_a_vocoder_is_drawn_alone_and_a_stack_file_in_its_addon(tts: Run) -> None:
    assert tts("stack", "show", "tiny-vocoder", "--json").json["addons"] == ["tiny-vocoder"]
    Path("stack.json").write_text(
        '{"stack": [{"type": "Addon", "name": "tiny-acoustic"}, {"type": "Addon", "name": "tiny-vocoder"}]}'
    )
    view = tts("stack", "show", "tiny-acoustic", "--stack", "stack.json", "--json").json
    assert view["addons"] == ["tiny-acoustic"]
    assert [block["options"] for block in walk(view["stack"]) if block["type"] == "Addon"] == [
        {"name": "tiny-acoustic"},
        {"name": "tiny-vocoder"},
    ]


def test_the_picture_is_whole_and_needs_nothing_from_elsewhere(tts: Run) -> None:
    assert tts("stack", "show", "--svg", "out.svg").out == b""
    text = Path("out.svg").read_text(encoding="utf-8")
    shown = "".join(node.firstChild.nodeValue for node in minidom.parseString(text).getElementsByTagName("text"))
    assert all(
        part in shown.replace("\N{NO-BREAK SPACE}", " ") for part in ("Encoders", "Vocoder", "feeds margins of 3+3 frames")
    )
    assert "url(http" not in text and "@font-face" not in text
    refused(tts("stack", "show", "--svg", "absent/out.svg"), "absent/out.svg: cannot be written", code=2)
    folder = tts("stack", "show", "--svg", ".")
    refused(folder, ".: is a folder", "hint: name a file in it")
    assert "--output-dir" not in folder.err
    assert [path.name for path in Path().iterdir()] == ["out.svg"]


def test_a_stack_is_valid_in_itself_and_with_an_addon(tts: Run) -> None:
    Path("stack.json").write_text(ARTICLE)
    assert tts("stack", "check", "stack.json").out == b"stack.json: valid in itself\n"
    valid = b"stack.json: valid with tiny-acoustic and tiny-vocoder; gives sample: audio[1]\n"
    assert tts("stack", "check", "stack.json", "--addon", "tiny-acoustic").out == valid
    config = json.loads((Path(__file__).parents[1] / "addons" / "tiny-acoustic" / "addon.json").read_text())
    Path("addon.json").write_text(json.dumps(config))
    assert tts("stack", "check", "addon.json").code == 0


def test_a_stack_from_a_file_is_spoken(tts: Run) -> None:
    Path("stack.json").write_text(ARTICLE)
    spoken = [tts("synth", "Hello.", "-o", "-", *options).out for options in ([], ["--stack", "stack.json"])]
    assert len(spoken[0]) > 1000 and spoken[0] == spoken[1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "stack.json: is empty"),
        (" \n", "stack.json: is empty"),
        ("[]", "stack.json: $: an object belongs here, not a list"),
        ("3", "stack.json: $: an object belongs here, not a number"),
        ("{}", "stack.json: $.stack: a list of blocks belongs here, not nothing"),
        ('{"stack": {"type": "Decoder"}}', "stack.json: $.stack: a list of blocks belongs here, not an object"),
        ('{"stack": []}', "stack.json: $.stack: at least one StreamableBlock belongs here"),
        ('{"stakc": []}', "unknown key 'stakc'"),
        ('{"type": "Decoder"}', "unknown key 'type'"),
        ('{"stack": [{"type": "Decoder"}]', "stack.json: line 1, column 32: not JSON"),
        ('{"stack":\n [{"type": "Decoder",}]}', "stack.json: line 2, column 2"),
        ("{'stack': []}", "stack.json: line 1, column 2: not JSON"),
        (ARTICLE.replace('"', "\N{RIGHT DOUBLE QUOTATION MARK}"), "stack.json: line 1, column 2: not JSON: the quote ”"),
        ('{"stack": [{"type":\n "Decoder\N{RIGHT DOUBLE QUOTATION MARK}}]}', "stack.json: line 2, column 10: not JSON"),
        ('{"stack": [], "stack": []}', "key 'stack' is given twice"),
        ("\N{BOX DRAWINGS LIGHT VERTICAL}", "stack.json: line 1, column 1: not JSON"),
    ],
)
def test_files_that_hold_no_stack(tts: Run, content: str, told: str) -> None:
    Path("stack.json").write_text(content, encoding="utf-8")
    refused(tts("stack", "check", "stack.json"), told)
    refused(tts("stack", "check", "stack.json", "--addon", "tiny-acoustic"), told)
    refused(tts("synth", "Hello.", "--stack", "stack.json"), told)


def test_files_that_are_not_there_or_no_text(tts: Run) -> None:
    refused(tts("stack", "check", "absent.json"), "absent.json: no such file")
    refused(tts("stack", "check", "."), ".: cannot be read: Is a directory")
    Path("latin.json").write_bytes(b'{"stack": "caf\xe9"}')
    refused(tts("stack", "check", "latin.json"), "latin.json: not UTF-8 text: byte 14 is 0xe9")


WRONG_IN_THEMSELVES = [
    ('"Upsampler"', '"Upsamplr"', "$.stack[0].streamable_block.stack[0]: unknown block type 'Upsamplr'"),
    (
        '{"type": "Encoders"}',
        '[{"type": "Encoders"}, {"type": "Encoders"}]',
        "$.stack[0].sequence_block: exactly one SequenceBlock",
    ),
    ('{"type": "Encoders"}', '{"type": "Decoder"}', "$.stack[0].sequence_block: Decoder is not a SequenceBlock"),
    (
        '{"type": "Decoder"}',
        '{"type": "Encoders"}',
        "$.stack[0].streamable_block.stack[1]: Encoders is not a StreamableBlock",
    ),
    ('{"type": "Decoder"}', '{"type": "Decoder", "netwrok": "x"}', "stack[1]: unknown key 'netwrok'"),
    ('"Upsampler"', '"Upsampler", "times": 3', "stack[0]: unknown key 'times'\nhint: valid: none"),
    ('{"type": "Decoder"}', '{"type": "Decoder", "network": 3}', "stack[1]: 'network': Input should be a valid string"),
    ('{"type": "Decoder"}', '"Decoder"', 'stack[1]: a block is an object with a "type"'),
    ('[{"type": "Upsampler"}, {"type": "Decoder"}]', '"Decoder"', "streamable_block: 'stack': Input should be a list"),
    ('"sequence_block": {"type": "Encoders"}, ', "", "$.stack[0]: 'sequence_block': Field required"),
    ('"sequence_block"', '"sequence_blok"', "$.stack[0]: unknown key 'sequence_blok'"),
]
UNFIT_FOR_THE_ADDON = [
    (
        '{"type": "Decoder"}',
        '{"type": "Decoder", "network": "decodr"}',
        "stack[1].network: the addon has no network 'decodr'",
    ),
    ('{"type": "Upsampler"}, ', "", "streamable_block.stack[0] needs 'text' (frame rate, 4 channels, float32)"),
    (', {"type": "Decoder"}', "", "needs 'mel' (frame rate, 80 channels, float32), which nothing before it gives"),
    ('"Decoder"', '"Vocoder"', "needs a network of role 'vocoder', of which the addon has none"),
]


@pytest.mark.parametrize(
    ("old", "new", "told", "is_valid_alone"),
    [*((*wrong, False) for wrong in WRONG_IN_THEMSELVES), *((*unfit, True) for unfit in UNFIT_FOR_THE_ADDON)],
)
def test_stacks_that_are_wrong(tts: Run, old: str, new: str, told: str, is_valid_alone: bool) -> None:
    assert old in ARTICLE
    Path("stack.json").write_text(ARTICLE.replace(old, new))
    assert tts("stack", "check", "stack.json").code == (0 if is_valid_alone else 2)
    refused(tts("stack", "check", "stack.json", "--addon", "tiny-acoustic"), "$.stack[0]", told)


def test_an_acoustic_addon_without_a_vocoder_is_drawn_alone(tts: Run, spoiled: Spoil) -> None:
    folder = spoiled(lambda config: config.update(default_vocoder=None))
    view = tts("stack", "show", folder, "--json").json
    assert (view["addons"], view["latency"]) == (["tiny-acoustic"], None)
    assert b"first chunk" not in tts("stack", "show", folder).out
    assert len(tts("stack", "show", folder, "--vocoder", "tiny-vocoder", "--json").json["addons"]) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "tts stack show [ADDON]"),
        (["check", "stack.json", "--vocoder", "tiny-vocoder"], "need --addon"),
        (["check", "stack.json", "--context", "fixed.json"], "need --addon"),
        (["show", "tiny-vocoder", "--vocoder", "tiny-vocoder"], "addon 'tiny-vocoder' is of kind 'vocoder'"),
    ],
)
def test_options_that_would_do_nothing_are_refused(tts: Run, arguments: list[str], told: str) -> None:
    Path("stack.json").write_text(ARTICLE)
    refused(tts("stack", *arguments), told)
