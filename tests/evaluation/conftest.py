from pathlib import Path

import numpy as np
import pytest
import soundfile
from prepared_clips import write_prepared

_PROMPTS = """corpus,speaker,id,split,kind,text
reading,anna,a1,test,statement,"Yes, it is."
reading,anna,a2,test,yes-no,Is it?
others,ben,b1,test,statement,"Yes, it is."
others,ben,b3,train,statement,It was.
strangers,carl,c-1,unseen,statement,Nobody knows.
"""


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Folder of corpora; all clips are tones of half a second."""
    (tmp_path / "splits.csv").write_text(_PROMPTS, encoding="utf-8")
    time = np.arange(11025) / 22050
    for name, hertz in (("reading/wavs/a1", 200), ("reading/wavs/a2", 220), ("others/wavs/b1", 230), ("strangers/wavs/c-1", 240)):
        path = tmp_path / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * time), 22050)
    (tmp_path / "reading/metadata.csv").write_text("a1|Yes, it is.\na2|Is it.\n", encoding="utf-8")
    (tmp_path / "others/metadata.csv").write_text("b1|Yes, it is.\nb3|It was.\n", encoding="utf-8")
    (tmp_path / "strangers/metadata.csv").write_text("c-1|Nobody knows.\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep results of evaluations out of the user's cache, and every test's from those of the others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Prepared corpus of two clips of each of the speakers `high` and `low`, in the splits test, validation and train."""
    return write_prepared(tmp_path / "prepared", ("test", "validation", "train"))
