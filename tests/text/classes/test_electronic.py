"""Web and mail addresses, handles, hashtags, paths and file names."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import electronic

READ = {
    "help-desk@irs.gov": "help dash desk at irs dot gov",
    "john.doe42@my-site.co.uk": "john dot doe four two at my dash site dot co dot U. K.",
    "www.my-site.com/path/page.html": "W. W. W. dot my dash site dot com slash path slash page dot H. T. M. L.",
    "https://github.com/user": "H. T. T. P. S. colon slash slash github dot com slash user",
    "docs.python.org/3/library": "docs dot python dot org slash three slash library",
    "youtube.com/watch?v=x1": "youtube dot com slash watch question mark V. equals X. one",
    "172.16.0.9": "one seven two dot one six dot zero dot nine",
    "localhost:8000": "localhost colon eight zero zero zero",
    "@real_bob99": "at real underscore bob ninety nine",
    "#ThrowbackThursday": "hashtag Throwback Thursday",
    "#2024Election": "hashtag twenty twenty four Election",
    "~/.bashrc": "tilde slash dot bashrc",
    "/home/anna/todo.txt": "slash home slash anna slash todo dot T. X. T.",
    "D:\\Games\\setup.exe": "D. colon backslash Games backslash setup dot E. X. E.",
    "./run.sh": "dot slash run dot S. H.",
    "report_2024.pdf": "report underscore twenty twenty four dot P. D. F.",
    "\\\\server\\share": "backslash backslash server backslash share",
    "*.csv": "star dot C. S. V.",
    "my-file.tar.gz": "my dash file dot tar dot G. Z.",
}


@pytest.mark.parametrize("written", READ)
def test_electronic_name_is_read_with_its_marks(written: str) -> None:
    reading = electronic.read(f"See {written} now", 4)
    assert reading
    assert reading.end == 4 + len(written)
    assert " ".join(word for word in reading.words) == READ[written]


@pytest.mark.parametrize("end", [".", ",", "?", ")", ". It"])
def test_punctuation_after_an_address_does_not_belong_to_it(end: str) -> None:
    reading = electronic.read(f"example.org/a{end}", 0)
    assert reading
    assert reading.end == len("example.org/a")


@pytest.mark.parametrize(
    "text",
    ["left.She stayed", "and/or", "@ 5 pm", "#12 is", "3.14 now", "e.g. this", "It was late.it rained", "5/8 of it", "* * *",
     "~5 miles",
     "... so", "Mr.Smith met", "1.2.3 now", "U.S. law", "S.JP now", "/keb/ is"],
)  # fmt: skip
def test_other_text_is_no_address(text: str) -> None:
    assert electronic.read(text, 0) is None
