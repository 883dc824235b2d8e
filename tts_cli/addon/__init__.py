"""Addons: the format of a voice's folder, the library that finds and installs them, and opened addons."""
