"""Audio signals: the mel spectrogram, F0, forced alignment, and reading, writing and playing of audio files."""
