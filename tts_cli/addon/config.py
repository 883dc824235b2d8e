"""Schema of addon.json and of contexts. `opened` opens an addon, `library` finds and installs addons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema, field_validator, model_validator

from tts_cli.audio.mel import MelConfig
from tts_cli.config import StrictModel, parse, read_mapping
from tts_cli.config.ranges import Single
from tts_cli.errors import AddonError, ConfigError
from tts_cli.ports import Name, NetworkSettings, NetworkSpec, Sha256

ADDON_FILE = "addon.json"
"""Name of the file that makes a folder an addon."""


def _mel_from_json(value: Any) -> Any:
    """Return the fields of a mel configuration without `hash`. Raises ValueError if the hash is missing or wrong."""
    if not isinstance(value, dict):
        return value
    fields = {key: item for key, item in value.items() if key != "hash"}
    if "hash" not in value:
        raise ValueError("'hash' is missing")
    actual = MelConfig.model_validate(fields).hash
    if value["hash"] != actual:
        raise ValueError(f"hash is {value['hash']}, but the hash of the fields is {actual}")
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
    """Speaker of an acoustic addon. Its index in the list is the speaker id."""

    name: str
    """Name of the speaker, as `--speaker` takes it."""
    mean_log_f0: float
    """Mean of ln(F0 in Hz) over voiced frames: the centre of the control `pitch_range`."""
    loudness_lufs: float | None = None
    """Integrated loudness in LUFS (EBU R128) of the speaker's synthetic speech with the default vocoder, before any effect.
    None: not measured."""
    embedding: tuple[Single, ...] | None = None
    """Centroid of the speaker's acoustic embeddings. None: the addon has no embeddings."""


class Asset(StrictModel):
    """File in `assets/` that blocks read by name."""

    file: Annotated[str, StringConstraints(min_length=1)]
    """Path relative to the addon's folder, with `/`."""
    sha256: Sha256
    """SHA-256 of the file, in hexadecimal."""

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or "\\" in file or ":" in file:
            raise ValueError("must be a path below the addon's folder")
        return file


class Requirement(StrictModel):
    """Another addon that this one requires, such as a vocoder named in its stack."""

    name: Name
    """Name of the required addon."""
    sha256: Sha256
    """SHA-256 of the required addon's addon.json, which in turn holds the hash of each of its files."""


class ChunkSchedule(StrictModel):
    """Sizes of the chunks that a voice reads: small at first for a short latency, then larger for less computation."""

    first: int = Field(default=64, ge=1)
    """Frames of the first chunk. The default is large enough that the encoders do not dominate the time to the first chunk."""
    growth: float = Field(default=1.5, ge=1.0)
    """Ratio of the size of each chunk to that of the chunk before it."""
    maximum: int = Field(default=160, ge=1)
    """Frames of the largest chunk."""

    def sizes(self) -> Iterator[int]:
        """Yield the frames of each chunk, endlessly."""
        size = float(self.first)
        while True:
            yield min(int(size), self.maximum)
            size = min(size * self.growth, float(self.maximum))


class Context(StrictModel):
    """Execution settings: chunk sizes, longest sentence, and runtime settings of networks. A context never names a block."""

    chunks: ChunkSchedule = ChunkSchedule()
    max_tokens: int = Field(default=200, ge=8)
    """Longest sentence that the encoders process at once, in tokens. Longer sentences are split."""
    networks: dict[str, NetworkSettings] = Field(default_factory=dict)
    """Settings by network name. Networks not named here have the defaults of `NetworkSettings`."""


class AddonConfig(StrictModel):
    """Contents of addon.json."""

    format: Literal[1] = 1
    """Version of the format."""
    name: Name
    """Name of the addon and of its folder."""
    language: str = "en-US"
    """Language of the voice as a BCP 47 tag."""
    kind: Literal["acoustic", "vocoder", "linguistics"]
    """`acoustic`: text to mel frames; `vocoder`: mel frames to audio; `linguistics`: sentence analysis, without a stack."""
    sample_rate: int = Field(default=16000, ge=1)
    """Sample rate of the audio, in Hz. Equal to that of `mel`."""
    mel: HashedMel = MelConfig()
    """Configuration of the mel spectrogram, with its hash."""
    symbols: tuple[str, ...] = ()
    """Token symbols of an acoustic addon. The index of a symbol is its id."""
    speakers: tuple[Speaker, ...] = ()
    """Speakers of an acoustic addon. The index of a speaker is its id."""
    default_speaker: str | None = None
    """Speaker that is used if none is named. None: the first speaker."""
    networks: dict[Name, NetworkSpec] = Field(default_factory=dict)
    """Declarations of the networks, by name."""
    assets: dict[str, Asset] = Field(default_factory=dict)
    """Further files, by name."""
    requires: tuple[Requirement, ...] = ()
    """Other addons that the stack may name."""
    stack: tuple[dict[str, Any], ...] = ()
    """Blocks of the stack as JSON objects, in order. They are checked when the addon opens."""
    contexts: dict[str, Context] = Field(default_factory=lambda: {"default": Context()})
    """Contexts (where networks run: backend, sizes, threads) by name."""
    default_vocoder: Name | None = None
    """Vocoder addon that an acoustic addon speaks with unless another is chosen."""
    default_linguistics: Name | None = None
    """Addon of kind `linguistics` that analyses sentences, for blocks that read syntax or sentence embeddings."""
    licence: str = ""
    """Licence of the weights."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    """Origin of the weights: recipe, steps, corpora."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> AddonConfig:
        if self.sample_rate != self.mel.sample_rate:
            raise ValueError(f"sample_rate is {self.sample_rate}, but mel.sample_rate is {self.mel.sample_rate}")
        if bool(self.stack) == (self.kind == "linguistics"):
            raise ValueError(f"an addon of kind '{self.kind}' {'has no' if self.stack else 'needs a'} stack")
        for kind, names in (("symbol", self.symbols), ("speaker", [speaker.name for speaker in self.speakers])):
            if len(set(names)) < len(names):
                raise ValueError(f"a {kind} appears twice")
        names = [speaker.name for speaker in self.speakers]
        if self.default_speaker is not None and self.default_speaker not in names:
            known = ", ".join(names) or "none"
            raise ValueError(f"default_speaker '{self.default_speaker}' is not among the speakers, which are: {known}")
        for context_name, context in self.contexts.items():
            for name in sorted(context.networks.keys() - self.networks.keys()):
                raise ValueError(f"contexts.{context_name}.networks names '{name}', which is not among the networks")
        return self

    def file_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every network and asset file, by path relative to the addon's folder."""
        files = {asset.file: asset.sha256 for asset in self.assets.values()}
        for name, spec in self.networks.items():
            files[f"networks/{name}.onnx"] = spec.sha256.onnx
            files[f"networks/{name}.params"] = spec.sha256.params
        return files


def context_of(context: str | Path) -> str | Context:
    """Return the context in a JSON file, or `context` unchanged if it is the name of one.

    Args:
        context: Path of a JSON file (a Path, or a string that ends in `.json`), or a name.

    Raises:
        ConfigError: The file is missing or not a valid context. The message names the file and the key.
    """
    if isinstance(context, str) and not context.endswith(".json"):
        return context
    return parse(Context, read_mapping(Path(context)), str(context))


def read_addon_config(folder: Path) -> AddonConfig:
    """Read addon.json in `folder`.

    Raises:
        AddonError: The file is missing or invalid. The message names the file and the JSON path.
    """
    path = folder / ADDON_FILE
    if not path.is_file():
        raise AddonError(f"{folder}: not an addon: it holds no {ADDON_FILE}", hint=f"name a folder that holds {ADDON_FILE}")
    try:
        return parse(AddonConfig, read_mapping(path), str(path))
    except ConfigError as error:
        raise AddonError(error.message, error.hint) from error
