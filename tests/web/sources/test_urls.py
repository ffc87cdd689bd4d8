"""Lists of images: every row of every file is a pair, which says what the file says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wukong_build.errors import ConfigError
from wukong_build.web.sources import Urls, labelled
from wukong_build.web.url import key_of

Listed = Callable[..., Urls]
Pairs = Callable[[Urls], list[dict[str, Any]]]

HEADER = "url,caption\n"


def test_a_pair_of_a_list(listed: Listed, pairs: Pairs) -> None:
    """Its URL is canonical, its caption the only text; its columns are called as the config says."""
    content = "src,alt,page,w,md5\nHTTP://A.test/图.jpg#x,cat,http://a.test/,640,\n"
    names = {"url": "src", "caption": "alt", "page_url": "page", "extra_columns": ("md5", "w")}
    assert pairs(listed("list.csv", content, **names)) == [
        {
            "key": key_of("http://a.test/%E5%9B%BE.jpg"),
            "url": "http://a.test/%E5%9B%BE.jpg",
            "page_url": "http://a.test/",
            "found_at": None,
            "query": None,
            "position": 0,
            "source": "list.csv",
            "texts": [{"text": "cat", "origin": "caption", "distance": 0}],
            "chrome": None,
            "capture": None,
            "extra": '{"md5":"","w":"640"}',
        }
    ]


@pytest.mark.parametrize(
    ("extra_columns", "expected"),
    [
        ((), None),
        (("b", "a"), '{"b":"2","a":"1"}'),
        (("a", "a"), '{"a":"1"}'),
        (("url",), '{"url":"u"}'),
        ("*", '{"b":"2","a":"1"}'),
    ],
)
def test_further_columns(listed: Listed, pairs: Pairs, extra_columns: Any, expected: str | None) -> None:
    """They are carried in the order given, or all others in the order of the file."""
    (pair,) = pairs(listed("list.csv", "b,url,caption,a\n2,u,x,1\n", extra_columns=extra_columns))
    assert pair["extra"] == expected


def test_no_row_is_lost(listed: Listed, pairs: Pairs) -> None:
    """A URL under two captions, a row twice, no caption, and what is no URL at all: a pair each, in the order of the list."""
    rows = "http://a.test/1,a\nhttp://a.test/1,b\nhttp://a.test/1,b\nhttp://a.test/2,\n,c\nno url,d\nftp://a.test/,e\n"
    found = pairs(listed("list.csv", HEADER + rows))
    assert [pair["url"] for pair in found] == [*["http://a.test/1"] * 3, "http://a.test/2", "", "no url", "ftp://a.test/"]
    assert [[text["text"] for text in pair["texts"]] for pair in found] == [["a"], ["b"], ["b"], [], ["c"], ["d"], ["e"]]
    assert [pair["position"] for pair in found] == list(range(7))
    assert len({pair["key"] for pair in found}) == 5


def test_a_list_without_fault_gives_no_warning(listed: Listed, pairs: Pairs, caplog: pytest.LogCaptureFixture) -> None:
    """And one without rows gives no pairs."""
    assert pairs(listed("list.csv", HEADER)) == []
    assert caplog.records == []


def test_a_list_without_captions(listed: Listed, pairs: Pairs) -> None:
    """`caption: null` says so; the pairs have no text."""
    (pair,) = pairs(listed("list.csv", "url\nu\n", caption=None))
    assert (pair["url"], pair["texts"]) == ("u", [])


def test_several_files(tmp_path: Path, listed: Listed, pairs: Pairs) -> None:
    """Every file has rows of its own, from 0; those of a folder come by name, those of a list of paths in its order."""
    for name in ("b.csv", "a.csv"):
        listed(name, HEADER + f"http://a.test/{name},a\nhttp://a.test/x,{name}\n")
    found = pairs(Urls(path=str(tmp_path)))
    assert [(pair["source"], pair["position"]) for pair in found] == [(name, n) for name in ("a.csv", "b.csv") for n in (0, 1)]
    paths = tuple(str(tmp_path / name) for name in ("b.csv", "a.csv", "*.csv"))
    assert list(Urls(path=paths).digests()) == list(paths[:2])


def test_the_first_path_names_the_source() -> None:
    """A source is called for its kind and what it was pointed at."""
    sources = [msgspec.convert({"path": path}, Urls) for path in ("a.csv", ["b/*.csv", "c.csv"])]
    assert list(labelled(sources)) == ["0:urls:a.csv", "1:urls:b/*.csv"]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"path": []},
        {"path": "a.csv", "url": None},
        {"path": "a.csv", "preset": "laoin"},
        {"path": "a.csv", "extra_columns": "width"},
        {"path": "a.csv", "extra_column": []},
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, Any]) -> None:
    """A path there must be, and a URL in it."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(values, Urls)


def test_every_file_is_checked(tmp_path: Path, listed: Listed) -> None:
    """One file without the column is found out before anything runs."""
    listed("a.csv", HEADER)
    listed("b.csv", "url,title\n")
    with pytest.raises(ConfigError, match=r"b\.csv: has no column 'caption'; it has title, url"):
        Urls(path=str(tmp_path)).check()
    with pytest.raises(ConfigError, match="has no column 'widht'"):
        Urls(path=str(tmp_path / "a.csv"), extra_columns=("widht",)).check()


@pytest.mark.parametrize("path", ["/nowhere/list.csv", "nowhere://list.csv", "memory://nowhere/list.csv"])
def test_a_missing_list_is_found_out_before_anything_runs(path: str) -> None:
    """Its digest cannot be had."""
    with pytest.raises(ConfigError, match=f"^crawl.sources: {re.escape(path)}: cannot be read: "):
        Urls(path=path).digests()


def test_the_digest_is_of_the_file_and_of_how_it_is_read(tmp_path: Path, listed: Listed) -> None:
    """It changes with either, and with nothing else: not with files beside it, nor with the words that found it."""
    source = listed("list.csv", HEADER)
    (path,) = source.digests()

    def digest(**settings: Any) -> str:
        return Urls(**{"path": path, **settings}).digests()[path]

    first = source.digests()[path]
    others = [digest(caption="alt"), digest(caption=None), digest(extra_columns="*"), digest(preset="wukong")]
    listed("another.csv", HEADER)
    same = [digest(), digest(path=str(tmp_path)), digest(path=(str(tmp_path / "*.csv"), path))]
    listed("list.csv", HEADER + "u,a\n")
    assert same == [first] * 3
    assert len({first, *others, digest()}) == 6
