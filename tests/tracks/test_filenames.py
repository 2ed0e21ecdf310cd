from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autodj.tracks.filenames import (
    MAX_NAME_CHARS,
    content_disposition,
    display_name,
    name_in_disposition,
    name_in_path,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Song.mp3", "Song.mp3"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x", "x"),
        ("a\0b.mp3", "ab.mp3"),
        (".", None),
        ("..", None),
        ("", None),
        (None, None),
        ("/", None),
        ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
        ("\u202egnp.3pm", "gnp.3pm"),
        ("e\u0301t\u00e9.mp3", "\u00e9t\u00e9.mp3"),
        ("  two   words  .mp3", "two words .mp3"),
        ("\ud800.mp3", "mp3"),
        ("x" * 300 + ".mp3", "x" * 196 + ".mp3"),
        ("x" * 300, "x" * 200),
        ("a." + "x" * 300, "a." + "x" * 198),
    ],
)
def test_a_name_is_cleaned_for_display(raw: str | None, shown: str | None) -> None:
    assert display_name(raw) == shown


@given(st.text(max_size=400))
def test_a_shown_name_is_short_printable_and_no_path(raw: str) -> None:
    shown = display_name(raw)
    if shown is not None:
        assert 0 < len(shown) <= MAX_NAME_CHARS
        assert not set(shown) & {"/", "\\", "\r", "\n", "\0", "\u202e"}
        assert shown not in {".", ".."}
        assert display_name(shown) == shown
        shown.encode()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, None),
        ("attachment", None),
        ('attachment; filename="a b.mp3"', "a b.mp3"),
        ("attachment; filename=\"x.mp3\"; filename*=UTF-8''%e2%82%ac.mp3", "€.mp3"),
        ("attachment; filename*=UTF-8''%e2%82%ac.mp3; filename=x.mp3", "€.mp3"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="a\\"b"', 'a"b'),
        ("attachment; filename*=nowhere''%ff", "ÿ"),
    ],
)
def test_a_disposition_header_may_name_the_file(header: str | None, name: str | None) -> None:
    assert name_in_disposition(header) == name


@given(st.text(max_size=80).map("attachment; filename".__add__) | st.text(max_size=80))
@example("attachment; filename*=\udcff''%ff%00")
@example("=;;;\"*0*=''")
def test_no_disposition_header_breaks_the_reader(header: str) -> None:
    name = name_in_disposition(header)
    assert name is None or display_name(name) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [("/a/My%20Song.mp3", "My Song.mp3"), ("/a/..%2f..%2fpasswd", "passwd"), ("/", None)],
)
def test_a_path_ends_with_a_name(path: str, name: str | None) -> None:
    assert name_in_path(path) == name


@pytest.mark.parametrize(
    ("name", "header"),
    [
        (None, "inline"),
        ("Song.mp3", 'inline; filename="Song.mp3"'),
        ("Été.mp3", "inline; filename=\"Ete.mp3\"; filename*=UTF-8''%C3%89t%C3%A9.mp3"),
        ("€.mp3", "inline; filename=\"_.mp3\"; filename*=UTF-8''%E2%82%AC.mp3"),
        ('a "b" 5%', "inline; filename=\"a _b_ 5_\"; filename*=UTF-8''a%20%22b%22%205%25"),
        ("x\r\nSet-Cookie: y", 'inline; filename="xSet-Cookie: y"'),
    ],
)
def test_a_name_is_offered_as_rfc_6266_says(name: str | None, header: str) -> None:
    assert content_disposition(name) == header
    assert content_disposition(name, attachment=True) == header.replace("inline", "attachment")


@given(st.text(max_size=300))
def test_an_offered_name_is_read_back_the_same(raw: str) -> None:
    header = content_disposition(raw)
    assert header.isascii()
    assert header.isprintable()
    assert name_in_disposition(header) == display_name(raw)
