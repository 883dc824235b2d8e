"""Addons: voices as folders of JSON and networks. Their format, the library that finds and installs them, and opened addons."""
