"""The schema of addon.json. Opening an addon is `addon`; finding and installing one is `library`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema, field_validator, model_validator

from tts_cli.audio.mel import MelConfig
from tts_cli.config import StrictModel, parse, read_mapping
from tts_cli.errors import AddonError, ConfigError
from tts_cli.ports import Name, NetworkSettings, NetworkSpec, Sha256

ADDON_FILE = "addon.json"


def _mel_from_json(value: Any) -> Any:
    """The mel configuration without its `hash`, which has to agree with the fields."""
    if not isinstance(value, dict):
        return value
    fields = {key: item for key, item in value.items() if key != "hash"}
    if "hash" not in value:
        raise ValueError("'hash' is missing")
    actual = MelConfig.model_validate(fields).hash
    if value["hash"] != actual:
        raise ValueError(f"hash is {value['hash']}, but the fields have {actual}")
    return fields


def _mel_schema() -> dict[str, Any]:
    schema = MelConfig.model_json_schema()
    properties = {**schema["properties"], "hash": {"type": "string", "pattern": "^[0-9a-f]{16}$"}}
    return {**schema, "properties": properties, "required": ["hash"]}


HashedMel = Annotated[
    MelConfig,
    BeforeValidator(_mel_from_json),
    PlainSerializer(lambda mel: {**mel.model_dump(), "hash": mel.hash}),
    WithJsonSchema(_mel_schema()),
]


class Speaker(StrictModel):
    """One voice of an acoustic addon; its place in the list is its id."""

    name: str
    mean_log_f0: float
    """Mean natural logarithm of the F0 in Hertz over voiced frames: the centre of pitch range."""
    loudness_lufs: float | None = None
    """Integrated loudness (EBU R128) of what the speaker says with the default vocoder, before any effect; None: not measured."""
    embedding: tuple[float, ...] | None = None
    """The centroid of the speaker's acoustic embeddings; None where the addon has none."""


class Asset(StrictModel):
    """A file of `assets/` that blocks ask for by name."""

    file: Annotated[str, StringConstraints(min_length=1)]
    """Path below the addon's folder, with `/`."""
    sha256: Sha256

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or "\\" in file or ":" in file:
            raise ValueError("must be a path below the addon's folder")
        return file


class Requirement(StrictModel):
    """Another addon this one cannot do without."""

    name: Name
    sha256: Sha256
    """SHA-256 of that addon's addon.json, which itself names the hash of every other file."""


class ChunkSchedule(StrictModel):
    """Sizes of the chunks read from the outermost stream: small for an early start, then larger for less work."""

    first: int = Field(default=64, ge=1)
    """Frames of the first chunk: enough that the encoders, whose work grows with the sentence, do not decide when it comes."""
    growth: float = Field(default=1.5, ge=1.0)
    """How many times larger each chunk is than the one before."""
    maximum: int = Field(default=160, ge=1)
    """Frames of the largest chunk."""

    def sizes(self) -> Iterator[int]:
        """Frames of each chunk, without end."""
        size = float(self.first)
        while True:
            yield min(int(size), self.maximum)
            size = min(size * self.growth, float(self.maximum))


class Context(StrictModel):
    """Where and in what portions an addon runs. It never names a block."""

    chunks: ChunkSchedule = ChunkSchedule()
    max_tokens: int = Field(default=200, ge=8)
    """Longest sentence, in tokens, that is put through the encoders at once."""
    networks: dict[str, NetworkSettings] = Field(default_factory=dict)
    """By network; those not named run with the defaults of `NetworkSettings`."""


class AddonConfig(StrictModel):
    """addon.json."""

    format: Literal[1] = 1
    name: Name
    language: str = "en-US"
    kind: Literal["acoustic", "vocoder", "linguistics"]
    sample_rate: int = Field(default=16000, ge=1)
    """Of the audio, in Hertz."""
    mel: HashedMel = MelConfig()
    symbols: tuple[str, ...] = ()
    """Tokens of an acoustic addon; a token's place is its id."""
    speakers: tuple[Speaker, ...] = ()
    default_speaker: str | None = None
    """Who speaks when nobody is named; None: the first speaker."""
    networks: dict[Name, NetworkSpec] = Field(default_factory=dict)
    assets: dict[str, Asset] = Field(default_factory=dict)
    requires: tuple[Requirement, ...] = ()
    stack: tuple[dict[str, Any], ...] = ()
    """The blocks, in order; checked when the addon opens."""
    contexts: dict[str, Context] = Field(default_factory=lambda: {"default": Context()})
    default_vocoder: Name | None = None
    default_linguistics: Name | None = None
    """The addon of kind `linguistics` that analyses sentences for blocks that read their syntax or meaning."""
    licence: str = ""
    provenance: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> AddonConfig:
        if self.sample_rate != self.mel.sample_rate:
            raise ValueError(f"sample_rate is {self.sample_rate}, but mel.sample_rate is {self.mel.sample_rate}")
        if bool(self.stack) == (self.kind == "linguistics"):
            raise ValueError(f"an addon of kind '{self.kind}' {'has no' if self.stack else 'needs a'} stack")
        for kind, names in (("symbol", self.symbols), ("speaker", [speaker.name for speaker in self.speakers])):
            if len(set(names)) < len(names):
                raise ValueError(f"a {kind} appears twice")
        if self.default_speaker is not None and self.default_speaker not in [speaker.name for speaker in self.speakers]:
            raise ValueError(f"default_speaker '{self.default_speaker}' is not among the speakers")
        for context_name, context in self.contexts.items():
            for name in sorted(context.networks.keys() - self.networks.keys()):
                raise ValueError(f"contexts.{context_name}.networks names '{name}', which is not among the networks")
        return self

    def file_hashes(self) -> dict[str, str]:
        """SHA-256 of every network and asset file, by its path below the addon's folder."""
        files = {asset.file: asset.sha256 for asset in self.assets.values()}
        for name, spec in self.networks.items():
            files[f"networks/{name}.onnx"] = spec.sha256.onnx
            files[f"networks/{name}.params"] = spec.sha256.params
        return files


def context_of(context: str | Path) -> str | Context:
    """The name of a context, or the one in a JSON file. Raises ConfigError naming the file and the key."""
    if isinstance(context, str) and not context.endswith(".json"):
        return context
    return parse(Context, read_mapping(Path(context)), str(context))


def read_addon_config(folder: Path) -> AddonConfig:
    """The configuration of the addon in `folder`. Raises AddonError naming the file and the JSON path."""
    path = folder / ADDON_FILE
    if not path.is_file():
        raise AddonError(f"{folder}: not an addon: it holds no {ADDON_FILE}")
    try:
        return parse(AddonConfig, read_mapping(path), str(path))
    except ConfigError as error:
        raise AddonError(error.message, error.hint) from error
