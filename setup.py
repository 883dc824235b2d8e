"""Put the shipped addons, which lie in `addons/`, into the wheel as `tts_cli/addons/`; the rest is in pyproject.toml."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["tts_cli*"]), "tts_cli.addons"], package_dir={"tts_cli.addons": "addons"})
