"""The Typer app `tts`, one file per command group."""
