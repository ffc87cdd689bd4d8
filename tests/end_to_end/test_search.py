"""Search engines, each in the shape that its recipe knows, answered by a server on this machine."""

from __future__ import annotations

import html
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from test_page_crawls import JPEG, Answer, Site, served

from wukong_build import run
from wukong_build.inspect.run import Run
from wukong_build.web.engine import Engine
from wukong_build.web.sources import Search

THERE = {"红豆": 75, "绿茶": 7, "没有": 0}
"""Query → how many images the engine has for it."""


def image(query: str, rank: int) -> str:
    """The address of a picture as its site has it."""
    return f"http://img.test/{quote(query)}/{rank}.jpg?a=1&b=2"


def page(query: str, rank: int) -> str:
    """The page it stands on."""
    return f"http://page.test/{rank}.html"


def hidden(url: str) -> str:
    """An address as Baidu hides it."""
    for sign, word in ((":", "_z2C$q"), (".", "_z&e3B"), ("/", "AzdH3F")):
        url = url.replace(sign, f"\0{word}\0")
    letters = str.maketrans("7dgjmoru140852vsnkheb963wtqplifca", "0123456789abcdefghijklmnopqrstuvw")
    return "".join(piece if place % 2 else piece.translate(letters) for place, piece in enumerate(url.split("\0")))


def asked(path: str, query: str, offset: str, count: str | None = None, *, first: int = 0) -> tuple[str, range]:
    """What was searched for, and the ranks of the results on this page, from 0."""
    values = {name: value for name, (value, *_) in parse_qs(urlsplit(path).query).items()}
    start = int(values[offset]) - first
    there = THERE[values[query]]
    return values[query], range(start, min(start + int(values[count]) if count else there, there))


def baidu(path: str) -> Answer:
    """JSON with escapes that JSON does not know, hidden addresses, proxies, and an empty last item."""
    query, ranks = asked(path, "word", "pn", "rn")
    items = []
    for rank in ranks:
        item: dict[str, Any] = {"fromPageTitle": f"<strong>{query}</strong>图片 {rank}"}
        if rank % 2:
            item["fromPageTitleEnc"] = f"{query}图片 {rank}"
        inside = quote(image(query, rank), safe="")
        if rank % 3 == 0:
            item |= {"objURL": hidden(image(query, rank)), "fromURL": hidden(page(query, rank))}
        elif rank % 3 == 1:
            proxied = f"https://gimg2.baidu.com/image_search/src={inside}&refer=http%3A%2F%2Fpage.test&app=2002"
            item |= {"objURL": "", "replaceUrl": [{"ObjURL": proxied, "FromURL": page(query, rank)}]}
        else:
            proxied = f"https://img0.baidu.com/it/u=1,2&fm=253?src={inside}&f=JPEG"
            item |= {"middleURL": proxied, "fromURL": hidden(page(query, rank))}
        items.append(item | {"width": 640, "height": 480})
    text = json.dumps({"queryEnc": "x", "data": [*items, {}]}, ensure_ascii=False)
    return "application/json", text.replace('"x"', r'"it\'s"').encode()


def bing(path: str) -> Answer:
    """A piece of HTML; everything stands in an attribute, as JSON."""
    query, ranks = asked(path, "q", "first", "count", first=1)
    cells = []
    for rank in ranks:
        told = {"purl": page(query, rank), "murl": image(query, rank), "turl": "/th?id=1", "t": f"{query}图片 {rank}"}
        cells.append(
            f'<li><div class="iuscp isv"><div class="imgpt"><a class="iusc" m="{html.escape(json.dumps(told))}" '
            f'href="/images/search?view=detailV2&amp;exph=480&amp;expw=640&amp;q=x"><img class="mimg" src="/th?id=1"></a>'
            f'<div class="img_info hon"><span class="nowrap">640 x 480 · jpeg</span></div></div></div></li>'
        )
    return "text/html; charset=utf-8", f"<div class='dgControl'><ul>{''.join(cells)}</ul></div>".encode()


def sogou(path: str) -> Answer:
    """JSON."""
    query, ranks = asked(path, "query", "start", "xml_len")
    items = [
        {"title": f"{query}图片 {rank}", "url": page(query, rank), "picUrl": image(query, rank), "width": 640, "height": 480}
        for rank in ranks
    ]
    return "application/json", json.dumps({"status": 0, "info": "ok", "data": {"totalNum": 75, "items": items}}).encode()


WRITTEN = {"width": "640", "height": "480"}


def so360(path: str) -> Answer:
    """JSON whose numbers are text and whose titles have marks."""
    query, ranks = asked(path, "q", "sn", "pn")
    items = [
        {"title": f"<em>{query}</em>图片 {rank}", "link": page(query, rank), "img": image(query, rank), **WRITTEN}
        for rank in ranks
    ]
    return "application/json", json.dumps({"total": 75, "end": False, "list": items}).encode()


def searxng(path: str) -> Answer:
    """JSON; pages have as many results as the instance likes."""
    values = {name: value for name, (value, *_) in parse_qs(urlsplit(path).query).items()}
    assert (values["categories"], values["format"]) == ("images", "json")
    query, start = values["q"], 20 * (int(values["pageno"]) - 1)
    results = [
        {
            "url": page(query, rank),
            "title": f"{query}图片 {rank}",
            "img_src": f"/image_proxy?url={quote(image(query, rank), safe='')}&h=1" if rank % 2 else image(query, rank),
            "resolution": "640 x 480",
        }
        for rank in range(start, min(start + 20, THERE[query]))
    ]
    return "application/json", json.dumps({"query": query, "results": results}).encode()


ENGINES: dict[str, Callable[[str], Answer]] = {f.__name__: f for f in (baidu, bing, sogou, so360, searxng)}
ROBOTS = {"/robots.txt": ("text/plain", b"User-agent: *\nDisallow: /\n")}


def values(site: Site, folder: Path, engine: str, **search: Any) -> dict[str, Any]:
    """A config that asks an engine, which is the server."""
    queries = folder / "queries.txt"
    folder.mkdir(exist_ok=True)
    if not queries.exists():
        queries.write_text("# 词\n" + "\n".join(THERE) + "\n\n红豆\n", encoding="utf-8")
    source = {"engine": engine, "queries": str(queries), "base": "http://engine.test", "delay_seconds": 0} | search
    hosts = dict.fromkeys(("engine.test", "img.test"), f"127.0.0.1:{site.server_port}")
    crawl = {
        "sources": [{"search": source}],
        "resolve": hosts,
        "per_host": {"delay_seconds": 0, "connections": 4},
        "pages_per_part": 3,
    }
    return {"run": str(folder / "run"), "crawl": crawl}


def answering(engine: str, robots: dict[str, Answer] | None = None) -> Callable[[str], Answer | None]:
    """An engine that forbids nothing, or what its robots.txt says; pictures are the server's own."""

    def answer(path: str) -> Answer | None:
        if "/%" in path and ".jpg?" in path:
            return "image/jpeg", JPEG
        if path in ("/robots.txt", "/ai.txt", "/.well-known/tdmrep.json"):
            return (robots or {}).get(path)
        return ENGINES[engine](path)

    return answer


@pytest.mark.parametrize("engine", list(ENGINES))
def test_every_engine(tmp_path: Path, engine: str) -> None:
    """Pairs with their queries, true addresses, captions, pages, ranks and sizes; as many as are wanted, and no page too many."""
    with served(answering(engine)) as site:
        done = run(values(site, tmp_path, engine, pairs_per_query=65), ["crawl"])
        told = done.sql("SELECT query, count(*) AS n FROM samples GROUP BY query ORDER BY query").to_pylist()
        first = list(site.asked)
        run(values(site, tmp_path, engine, pairs_per_query=65), ["crawl"])
        assert site.asked == first
        wider = run(values(site, tmp_path, engine), ["crawl"])
    assert told == [{"query": "红豆", "n": 65}, {"query": "绿茶", "n": 7}]
    assert max(Counter(path for path in site.asked if "?" in path).values()) == 1
    assert wider.sql("SELECT count(*) AS n FROM samples WHERE error IS NULL").to_pylist() == [{"n": 82}]
    for row in wider.sql("SELECT * FROM samples").to_pylist():
        extra = json.loads(row["extra"])
        rank = int(row["caption_found"].rpartition(" ")[2])
        assert row["url"] == image(row["query"], rank)
        assert row["page_url"] == page(row["query"], rank)
        assert row["caption_found"] == f"{row['query']}图片 {rank}"
        assert (row["caption_origin"], extra["width"], extra["height"]) == ("search_title", 640, 480)
        assert engine == "searxng" or extra["rank"] == rank + 1
    searched = {unquote(path) for path in site.asked if "?" in path and ".jpg" not in path}
    assert sum("没有" in path for path in searched) == 1


@pytest.mark.parametrize("engine", ["bing", "searxng"])
def test_a_search_is_replayed_from_its_archive(tmp_path: Path, engine: str) -> None:
    """The same samples with their queries and ranks, as many as were wanted, without a request."""
    told = "SELECT key, url, page_url, depth, position, query, caption_found, extra, sha256, error FROM samples ORDER BY key"
    with served(answering(engine)) as site:
        config = values(site, tmp_path, engine, pairs_per_query=65)
        config["crawl"]["archive"] = True
        first = run(config, ["crawl"]).sql(told).to_pylist()
        asked_before = len(site.asked)
        source = {"warc": {"path": str(tmp_path / "run" / "archive"), "only_archived": True}}
        replayed = {"run": str(tmp_path / "again"), "crawl": config["crawl"] | {"archive": False, "sources": [source]}}
        second = run(replayed, ["crawl"]).sql(told).to_pylist()
        assert len(site.asked) == asked_before
    assert len(first) == 72
    assert first == second


def test_queries_in_the_order_of_their_weights(tmp_path: Path) -> None:
    """Of a Parquet file with weights the heaviest are asked."""
    table = pa.table({"query": ["没有", "绿茶", "红豆"], "weight": [1.0, 3.0, 2.0]})
    pq.write_table(table, tmp_path / "queries.parquet")
    with served(answering("sogou")) as site:
        done = run(values(site, tmp_path, "sogou", queries=str(tmp_path / "queries.parquet"), at_most_queries=2), ["crawl"])
    assert {unquote(urlsplit(path).query.rpartition("=")[2]) for path in site.asked if "query=" in path} == {"绿茶", "红豆"}
    assert done.sql("SELECT DISTINCT query FROM frontier ORDER BY 1").to_pylist() == [{"query": "红豆"}, {"query": "绿茶"}]


def test_an_engine_that_forbids_it_is_not_asked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Unless the config says who allowed it, which the card of the dataset tells."""
    with served(answering("sogou", ROBOTS)) as site:
        done = run(values(site, tmp_path, "sogou"), ["crawl"])
        assert not any("query=" in path for path in site.asked)
        assert "robots.txt of engine.test forbids" in caplog.text
        assert "permission" in caplog.text
        assert decisions(done) == {"robots": 3}
        allowed = run(values(site, tmp_path, "sogou", permission="the engine's press office, by letter, 2026-01-02"))
    assert decisions(allowed) == {"asked": 6}
    assert "the engine's press office, by letter, 2026-01-02" in (tmp_path / "run/shards/README.md").read_text(encoding="utf-8")


def decisions(done: Run) -> dict[str, int]:
    """How many pages were decided on how."""
    rows = done.sql("SELECT decision, count(*) AS n FROM visits GROUP BY decision").to_pylist()
    return {row["decision"]: row["n"] for row in rows}


def stopping(how: str) -> Callable[[str], Answer | None]:
    """An engine that has had enough after three pages."""
    count = 0

    def answer(path: str) -> Answer | None:
        nonlocal count
        if "pn=" not in path:
            return answering("baidu")(path)
        count += 1
        if count <= 3:
            return baidu(path)
        return ("text/html", "<title>百度安全验证</title>".encode()) if how == "captcha" else None

    return answer


def test_an_engine_that_has_had_enough_is_let_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it was not asked is given up, and may be asked for later; what it gave is kept."""
    (tmp_path / "queries.txt").write_text("\n".join(THERE), encoding="utf-8")
    with served(stopping("captcha")) as site:
        config = values(site, tmp_path, "baidu")
        done = run(config | {"crawl": config["crawl"] | {"per_host": {"delay_seconds": 0, "connections": 1}}}, ["crawl"])
        pages = [path for path in site.asked if "pn=" in path]
        errors = done.sql("SELECT error, count(*) AS n FROM visits WHERE error IS NOT NULL GROUP BY error ORDER BY 1").to_pylist()
        assert (len(pages), errors) == (4, [{"error": "captcha", "n": 1}, {"error": "given_up", "n": 1}])
        assert "百度图片: answers with captcha and is let alone for an hour" in caplog.text
        assert done.sql("SELECT count(*) > 0 AS some FROM samples").to_pylist() == [{"some": True}]
        run(config, ["crawl"], retry=["captcha"])
        assert [path for path in site.asked if "pn=" in path] == pages
    assert done.sql("SELECT DISTINCT error FROM latest_visits WHERE error IS NOT NULL").to_pylist() == [{"error": "given_up"}]


def test_an_answer_of_another_shape(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Is a failure of its own, and nothing found in any of many is said."""
    with served(lambda path: ("text/html", b"<p>moved") if "query=" in path else None) as site:
        done = run(values(site, tmp_path, "sogou"), ["crawl"])
    assert done.sql("SELECT DISTINCT error FROM visits").to_pylist() == [{"error": "unreadable"}]
    with served(lambda path: ("application/json", b'{"data": {"list": []}}') if "query=" in path else None) as site:
        (tmp_path / "other").mkdir()
        run(values(site, tmp_path / "other", "sogou"), ["crawl"])
    assert "wukong-build engines check sogou" in caplog.text


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    """Works like those that ship."""
    recipe = {
        "title": "Mine",
        "known": "2026-01-01",
        "base": "http://engine.test",
        "request": "/find?w={query}&n={rank}&c={count}",
        "results_per_page": 10,
        "at_most_pages": 3,
        "cut": r"callback\((.*)\)",
        "items": "$[*]",
        "fields": {"url": "$.u", "caption": "$.t", "page_url": "$.p"},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")

    def answer(path: str) -> Answer | None:
        if not path.startswith("/find"):
            return answering("sogou")(path) if ".jpg" in path else None
        query, ranks = asked(path, "w", "n", "c", first=1)
        items = [{"u": image(query, rank), "t": query, "p": page(query, rank)} for rank in ranks]
        return "text/javascript", f"callback({json.dumps(items)})".encode()

    with served(answer) as site:
        done = run(values(site, tmp_path, str(tmp_path / "mine.yaml"), base=None), ["crawl"])
    assert done.sql("SELECT count(*) AS n FROM samples").to_pylist() == [{"n": 30 + 7}]


def check(site: Site, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `wukong-build engines check` says, with the config of this test."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(values(site, folder, "sogou")), encoding="utf-8")
    command = [sys.executable, "-m", "wukong_build", "engines", "check", *arguments, "--config", str(folder / "config.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_recipe_is_tried(tmp_path: Path) -> None:
    """It is said what is where it should be, and what has moved."""
    with served(answering("sogou")) as site:
        well = check(site, tmp_path, "sogou", "--query", "红豆")
    assert (well.returncode, well.stderr) == (0, "")
    assert "items       48  at $.data.items[*]" in well.stdout
    assert "may be written into it" in well.stdout
    moved = {"result": {"pics": [{"pic": image("红豆", rank), "name": "x"} for rank in range(5)]}}
    with served(lambda path: ("application/json", json.dumps(moved).encode()) if "query=" in path else None) as site:
        elsewhere = check(site, tmp_path, "sogou")
    assert elsewhere.returncode == 1
    assert "found instead: $.result.pics[*] (5): pic, name" in elsewhere.stdout
    renamed = {"data": {"items": [{"image": image("红豆", 1), "title": "x", "url": page("红豆", 1)}] * 3}}
    with served(lambda path: ("application/json", json.dumps(renamed).encode()) if "query=" in path else None) as site:
        other = check(site, tmp_path, "sogou")
    assert other.returncode == 1
    assert f"an item has: $.image = {image('红豆', 1)[:60]}" in other.stdout
    with served(lambda path: ("text/html", b"<p>hello") if "query=" in path else None) as site:
        page_instead = check(site, tmp_path, "sogou")
    assert "not what the recipe expects" in page_instead.stdout
    assert "it begins: '<p>hello'" in page_instead.stdout


def test_a_recipe_is_tried_with_manners(tmp_path: Path) -> None:
    """Where robots.txt forbids it the engine is not asked, unless somebody allowed it; nor by a crawl without a contact."""
    with served(answering("sogou", ROBOTS)) as site:
        refused = check(site, tmp_path, "sogou", "--query", "红豆")
        assert not any("query=" in path for path in site.asked)
        allowed = check(site, tmp_path, "sogou", "--query", "红豆", "--permission", "ours")
    assert refused.returncode == 2
    assert "robots.txt of engine.test says disallowed" in refused.stderr
    assert allowed.returncode == 0
    command = [sys.executable, "-m", "wukong_build", "engines", "check", "sogou"]
    nobody = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert nobody.returncode == 2
    assert "--config" in nobody.stderr


def test_recipes_are_listed_and_shown(tmp_path: Path) -> None:
    """What is shown is a recipe to start from."""
    command = [sys.executable, "-m", "wukong_build", "engines"]
    listed = subprocess.run([*command, "list"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [[name, "unverified"] for name in sorted(ENGINES)]
    shown = subprocess.run([*command, "show", "bing"], capture_output=True, text=True, check=True, timeout=60).stdout
    (tmp_path / "mine.yaml").write_text(shown, encoding="utf-8")
    assert Engine.load(str(tmp_path / "mine.yaml")) == Engine.load("bing")


def test_queries_are_ranked_for_it(tmp_path: Path) -> None:
    """What the command writes is what a source reads."""
    command = [sys.executable, "-m", "wukong_build", "queries", "--top", "50", "--out"]
    found = []
    for name in ("queries.txt", "queries.parquet"):
        subprocess.run([*command, str(tmp_path / name)], check=True, timeout=60)
        found.append(Search(engine="sogou", queries=str(tmp_path / name)).query_list())
    assert found[0] == found[1]
    assert len(found[0]) == 50
