"""Recipes, and what they find in answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from multidict import CIMultiDict, CIMultiDictProxy

from wukong_build.errors import ConfigError
from wukong_build.web.engine import Engine, Found, recipe_text, shipped
from wukong_build.web.fetch import Answer

MINIMAL: dict[str, Any] = {
    "title": "Mine",
    "known": "2026-01-01",
    "base": "https://engine.test/",
    "request": "/s?q={query}&n={rank}",
    "results_per_page": 10,
    "at_most_pages": 3,
    "items": "$.list[*]",
    "fields": {"url": "$.u", "caption": "$.t", "page_url": "$.p"},
}


def answer(body: str, content_type: str = "application/json", **said: str) -> Answer:
    """What an engine says."""
    headers = CIMultiDictProxy(CIMultiDict({"Content-Type": content_type, **said}))
    return Answer("https://engine.test/s", None, 302 if said else 200, headers, body.encode())


def mine(tmp_path: Path, **changes: Any) -> Engine:
    """A recipe of one's own."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, **changes}), encoding="utf-8")
    return Engine.load(str(path))


def test_the_recipes_that_ship() -> None:
    """Each says when its shape was last known, and that nobody has tried it since; where it is but for those people host."""
    assert shipped() == ["baidu", "bing", "searxng", "so360", "sogou"]
    for name in shipped():
        engine = Engine.load(name)
        assert (engine.verified, engine.known.year >= 2024) == (None, True)
        assert (engine.base is None) == (name == "searxng")
        assert "title:" in recipe_text(name)
        assert "%E7%8C%AB%26" in engine.url("猫&", 3, "http://a.test")
        assert engine.url("猫", 0, "http://a.test") != engine.url("猫", 1, "http://a.test")


def test_where_the_pages_of_results_are(tmp_path: Path) -> None:
    """Counted as the recipe says; the base may be another."""
    engine = mine(tmp_path, request="/s?q={query}&p={page}&o={offset}&n={rank}&c={count}", headers={"Referer": "{base}/?{query}"})
    assert engine.url("红 茶", 2) == "https://engine.test/s?q=%E7%BA%A2%20%E8%8C%B6&p=3&o=20&n=21&c=10"
    assert engine.url("a", 0, "http://b.test:81/x/") == "http://b.test:81/x/s?q=a&p=1&o=0&n=1&c=10"
    assert engine.headers_of("茶", 0, "http://b.test/") == {"Referer": "http://b.test/?%E8%8C%B6"}
    with pytest.raises(ConfigError, match="SearXNG: everybody has one of their own; `base:"):
        Engine.load("searxng").url("a", 0)
    with pytest.raises(ConfigError, match=r"'nowhere' is no address"):
        engine.url("a", 0, "nowhere")


def test_what_is_found(tmp_path: Path) -> None:
    """Items without an image are none; captions are plain text; sizes are numbers or nothing."""
    width = {"at": "$.size", "pattern": r"(\d+)x"}
    fields = {"url": ["$.big", "$.u"], "caption": "$.t", "page_url": "$.p", "width": width, "height": "$.h"}
    items = [
        {"u": "//img.test/a.jpg", "t": " <b>猫</b> &amp;  狗 ", "p": "http://p.test/#x", "size": "640x480", "h": "480"},
        {"big": "http://img.test/b b.jpg", "u": "http://img.test/small.jpg", "t": 7, "p": "javascript:x", "h": 0.5},
        {"big": "data:image/gif;base64,AA", "u": "", "t": "x"},
        {},
        "x",
    ]
    found = mine(tmp_path, fields=fields).read(answer(json.dumps({"list": items})))
    assert found == [
        Found("https://img.test/a.jpg", "猫 & 狗", "http://p.test/", 640, 480),
        Found("http://img.test/b%20b.jpg", "7", None, None, None),
    ]


def test_html_and_json_within_it(tmp_path: Path) -> None:
    """CSS, an attribute, and JSON in it; the text of an element; the item itself."""
    engine = mine(
        tmp_path,
        answers="html",
        items="a.r",
        fields={"url": "@m $.u", "caption": ["@m $.t", "b", ""], "page_url": "@href"},
    )
    page = """<a class=r m='{"u": "http://i.test/1.jpg", "t": "一"}' href=/p1>x</a>
        <a class=r m='{"u": "http://i.test/2.jpg"}'>y <b>二</b></a>
        <a class=r m='{"u": "http://i.test/3.jpg"}'>三</a><a class=r m='{'>broken</a>"""
    with pytest.raises(ValueError, match="Expecting"):
        engine.read(answer(page, "text/html"))
    found = engine.read(answer(page.replace("<a class=r m='{'>broken</a>", ""), "text/html"))
    assert [(image.caption, image.page_url) for image in found] == [("一", "https://engine.test/p1"), ("二", None), ("三", None)]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ippr_z2C$qAzdH3FAzdH3Fooo_z&e3Bkwt17_z&e3Bv54AzdH3F8_z&e3B3r2", "http://www.baidu.com/1.jpg"),
        (
            "https://gimg2.baidu.com/image_search/src=http%3A%2F%2Fimg.test%2Fa%2520b.jpg&refer=http%3A%2F%2Fx.test&app=2002&t=1",
            "http://img.test/a%20b.jpg",
        ),
        ("https://gimg3.baidu.com/image_search/src=http%3A%2F%2F5b.cdn.test%2Fa.jpeg&refer=x", "http://5b.cdn.test/a.jpeg"),
        (
            "https://img1.baidu.com/it/u=1,2?src=https%3A%2F%2Fgimg2.baidu.com%2Fimage_search%2Fsrc%3Dhttp%253A%252F%252Fi.test%252F1.jpg",
            "http://i.test/1.jpg",
        ),
        ("https://img1.baidu.com/it/u=1,2&fm=253&fmt=auto", "https://img1.baidu.com/it/u=1,2&fm=253&fmt=auto"),
        ("http://img.test/x.jpg?src=http%3A%2F%2Fother.test", "http://img.test/x.jpg?src=http%3A%2F%2Fother.test"),
    ],
)
def test_true_addresses(text: str, url: str) -> None:
    """Hidden ones are read, and the engine's proxies are taken off; others are left as they are."""
    assert Engine.load("baidu").true_url(text, "https://image.baidu.com/") == url


def test_json_as_engines_write_it(tmp_path: Path) -> None:
    """Escapes that JSON does not know, control characters, and a call around it are forgiven."""
    engine = mine(tmp_path, cut=r"cb\((.*)\);")
    text = 'cb({"list": [{"u": "http:\\/\\/i.test/1.jpg", "t": "it\\\'s \\u732b\t", "p": null}]});'
    assert engine.read(answer(text)) == [Found("http://i.test/1.jpg", "it's 猫", None, None, None)]
    for wrong in ("<html>", "cb({);"):
        with pytest.raises(ValueError, match=r"."):
            engine.read(answer(wrong))


def test_captchas(tmp_path: Path) -> None:
    """By where it leads to, or by what it says."""
    engine = mine(tmp_path, captcha={"location": ["/verify"], "body": ["你是人吗"]})
    assert engine.is_captcha(answer("你是人吗？"))
    assert engine.is_captcha(answer("", Location="https://engine.test/verify?x"))
    assert not engine.is_captcha(answer('{"list": []}'))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"items": "$.list["}, r"'\$.list\[' is neither JSONPath nor CSS"),
        ({"answers": "html", "items": "a[["}, r"'a\[\[' is neither JSONPath nor CSS"),
        ({"unwrap": ["("]}, r"'\(' is no regular expression"),
        ({"request": "/s?q={word}"}, r"nothing is called \{word\}.*there are count, offset, page, query, rank"),
        ({"fields": {"url": "$.u", "caption": "$.t"}}, r"fields.page_url: is missing"),
        ({"colour": 1}, r"colour: no such key"),
        ({"known": "yesterday"}, r"known: found \"yesterday\""),
        ({"results_per_page": 0}, r"results_per_page: found 0"),
    ],
)
def test_wrong_recipes(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """Are refused before anybody is asked, with the file and the place."""
    with pytest.raises(ConfigError, match=rf"mine\.yaml: .*{message}"):
        mine(tmp_path, **changes)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    """By name or by path."""
    with pytest.raises(ConfigError, match=r"no search engine is called 'baidoo' \(did you mean baidu\?\); there are baidu, bing"):
        Engine.load("baidoo")
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        Engine.load(str(tmp_path / "none.yaml"))
