"""Options of commands that open a voice: addon, vocoder, lexicon, language, context, cache, stack and threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tts_cli.cli.terminal import AddonName, CacheDir, ContextName, Language, Lexicon, StackOption, Threads, VocoderName

if TYPE_CHECKING:
    from tts_cli.addon.opened import StackEdit
    from tts_cli.voice.synthesis import Voice


@dataclass(frozen=True)
class VoiceOptions:
    """Options that select a voice and its execution settings."""

    addon: AddonName = None
    vocoder: VocoderName = None
    lexicon: Lexicon = None
    language: Language = None
    context: ContextName = "default"
    cache_dir: CacheDir = None
    stack: StackOption = None
    threads: Threads = None

    @property
    def name(self) -> str:
        """Return name or path of the voice; by default the shipped one."""
        from tts_cli.addon.library import DEFAULT_ADDON

        return self.addon or DEFAULT_ADDON

    def load(self, edit_stack: StackEdit | None = None) -> Voice:
        """Open the voice.

        Args:
            edit_stack: Changes the JSON of the acoustic stack.

        Raises:
            AddonError: An addon, stack or context is missing, invalid or does not fit.
        """
        from tts_cli.voice.synthesis import load

        voice = load(self.name, self.vocoder, self.context, self.threads, self.lexicon, self.cache_dir, self.stack, edit_stack)
        return voice.in_language(self.language) if self.language else voice
