"""Which signals withhold an image: of headers, pages, the files of a site, and a user's lists."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.errors import ConfigError
from wukong_build.web.optout import SIGNALS, OptOut, SiteRules, Withheld, header_signals, meta_signals

PRODUCT = "Wukong-Build"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SITE = "https://a.test"
POLICY = "https://a.test/policy"
LONG = POLICY + "x" * 400


def test_every_signal_can_be_obeyed_or_recorded() -> None:
    """The config has one key for every signal, obeyed by default; a user's own lists are always obeyed."""
    fields = {field.name: field for field in msgspec.structs.fields(OptOut)}
    assert {*fields} - {"lists"} == {*SIGNALS} - {"list"}
    ways = {(fields[name].default, get_args(fields[name].type)) for name in SIGNALS if name != "list"}
    assert ways == {("obey", ("obey", "record"))}


def test_what_is_only_recorded_withholds_nothing() -> None:
    """Of the signals found, those whose key says `record` are no reason to withhold."""
    signals = ["x_robots_tag:noai", "tdmrep:reservation=1;policy=https://a.test/p", "list:a.test"]
    assert OptOut().obeyed(signals) == tuple(signals)
    assert OptOut(tdmrep="record", x_robots_tag="record").obeyed(signals) == ("list:a.test",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["noai"], ["noai"]),
        (["NoAI, NOIMAGEAI"], ["noai", "noimageai"]),
        (["noimageai", "nofollow", "noai"], ["noai", "noimageai"]),
        (["noindex"], ["noindex"]),
        (["none"], ["none"]),
        (["noimageindex;noml"], ["noimageindex", "noml"]),
        (["nofollow noai"], ["noai"]),
        (["index, follow, max-image-preview: large"], []),
        (["max-snippet: 5, noai"], ["noai"]),
        (["googlebot: noindex"], []),
        (["googlebot: noindex, noai"], []),
        (["googlebot: noindex", "noai"], ["noai"]),
        (["noindex, googlebot: nofollow, noai"], ["noindex"]),
        (["wukong-build: noai"], ["noai"]),
        (["googlebot: nofollow, WUKONG-BUILD/1.0: noai, noml"], ["noai", "noml"]),
        (["wukong: noai"], []),
        (["*: noai"], ["noai"]),
        (["", ",,;:", ":", "noai:noml:"], ["noai", "noml"]),
    ],
)
def test_x_robots_tag(values: list[str], expected: list[str]) -> None:
    """Directives that speak to all, or to our product, withhold; those for another crawler, up to the next name, do not."""
    headers = [("X-Robots-Tag", value) for value in values]
    assert header_signals(headers, PRODUCT, NOW) == [f"x_robots_tag:{directive}" for directive in expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("unavailable_after: Sat, 31 Oct 2026 15:00:00 GMT", ["unavailable_after"]),
        ("unavailable_after: Fri, 25 Jun 2027 15:00:00 GMT", []),
        ("unavailable_after: Fri, 25 Jun 2027 15:00:00 GMT, noai", ["noai"]),
        ("noai, unavailable_after: Sat, 31 Oct 2026 15:00:00 GMT, noml", ["noai", "noml", "unavailable_after"]),
        ("unavailable_after: Saturday, 31-Oct-26 15:00:00 GMT", ["unavailable_after"]),
        ("unavailable_after: Friday, 25-Jun-27 15:00:00 GMT", []),
        ("unavailable_after: 25-Aug-2007 15:00:00 EST", ["unavailable_after"]),
        ("unavailable_after: 7 Jul 2007 16:30:00 GMT", ["unavailable_after"]),
        ("unavailable_after: 2026-10-31", ["unavailable_after"]),
        ("unavailable_after: 2026-11-01T12:00:01Z", []),
        ("unavailable_after: 2026-11-01T19:59:59+08:00", ["unavailable_after"]),
        ("unavailable_after: 2026-11-01T20:00:01+08:00", []),
        ("googlebot: unavailable_after: 2007-07-07", []),
        ("wukong-build: unavailable_after: 2007-07-07", ["unavailable_after"]),
        ("unavailable_after: tomorrow, noai", ["noai"]),
        ("unavailable_after: Fri, noai", ["noai"]),
        ("unavailable_after: 99 Foo 0000 99:99:99, noai", ["noai"]),
        ("unavailable_after: 1 Jan " + "9" * 5_000 + ", noai", ["noai"]),
        ("unavailable_after", []),
    ],
)
def test_unavailable_after(value: str, expected: list[str]) -> None:
    """It withholds once its date is past; its commas and colons are its own, and a date that is none costs no other directive."""
    found = [f"x_robots_tag:{directive}" for directive in expected]
    assert header_signals([("x-robots-tag", value)], PRODUCT, NOW) == found


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("Content-Usage", "train-ai=n")], ["content_usage:train-ai=n"]),
        ([("content-usage", "search=y, train-ai=n;x=1, ai-use=n")], ["content_usage:train-ai=n"]),
        ([("Content-Usage", "train-ai=y"), ("Content-Usage", "train-genai=n")], ["content_usage:train-genai=n"]),
        ([("Content-Usage", "train-ai=y, search=n, train-ai, ai-use=n, n")], []),
        ([("Content-Signal", "search=yes,ai-train=no,ai-input=no")], ["content_usage:ai-train=no"]),
        ([("tdm-reservation", "1")], ["tdmrep:reservation=1"]),
        ([("TDM-Reservation", "0"), ("TDM-Policy", "https://a.test/p")], []),
        ([("TDM-Policy", "https://a.test/p")], []),
        (
            [("TDM-Policy", "https://A.test/p.json"), ("TDM-Reservation", "1")],
            ["tdmrep:reservation=1;policy=https://a.test/p.json"],
        ),
        ([("tdm-reservation", "0, 1"), ("tdm-policy", "not a url")], ["tdmrep:reservation=1"]),
        ([("tdm-reservation", "1"), ("tdm-policy", LONG)], ["tdmrep:reservation=1"]),
        ([("tdm-reservation", "2"), ("tdm-reservation", "true")], []),
        ([("Content-Type", "image/png"), ("Server", "noai"), ("X-Robots", "noai")], []),
        ([("X-Robots-Tag", "noai"), ("tdm-reservation", "1")], ["tdmrep:reservation=1", "x_robots_tag:noai"]),
    ],
)
def test_headers(headers: list[tuple[str, str]], expected: list[str]) -> None:
    """A refusal of training, or a reservation of 1 with its policy, withholds; what allows, or is of other uses, is no signal."""
    assert header_signals(headers, PRODUCT, NOW) == expected


@pytest.mark.parametrize(
    ("metas", "expected"),
    [
        ({"robots": ["index, follow"], "description": ["noai"]}, []),
        ({"robots": ["noai", "noimageai, noai"]}, ["meta_robots:noai", "meta_robots:noimageai"]),
        ({"wukong-build": ["noml"], "googlebot": ["noai"]}, ["meta_robots:noml"]),
        ({"robots": ["unavailable_after: Fri, 25 Jun 2027 15:00:00 GMT"]}, []),
        ({"tdm-reservation": ["1"]}, ["tdmrep:reservation=1"]),
        ({"tdm-reservation": ["1"], "tdm-policy": ["https://a.test/p"]}, ["tdmrep:reservation=1;policy=https://a.test/p"]),
        ({}, []),
    ],
)
def test_metas(metas: dict[str, list[str]], expected: list[str]) -> None:
    """A page speaks in metas named robots, or as our product is, not in those for others."""
    assert meta_signals(metas, PRODUCT, NOW) == expected


ROBOTS = """
User-Agent: *
Allow: /
Content-Usage: train-ai=n
Content-Usage: /ai-ok/ train-ai=y
Content-Usage: /*.png$ train-ai=y
Content-Usage: /two train-ai=y
Content-Usage: /two train-genai=n

User-Agent: ExampleBot
Content-Usage: / train-ai=y
"""


@pytest.mark.parametrize(
    ("robots_txt", "path", "expected"),
    [
        (ROBOTS, "/", ["train-ai=n"]),
        (ROBOTS, "/a/b.jpg?x", ["train-ai=n"]),
        (ROBOTS, "/ai-ok/a", []),
        (ROBOTS, "/a.png", []),
        (ROBOTS, "/a.png?x", ["train-ai=n"]),
        (ROBOTS, "/two", ["train-genai=n"]),
        (ROBOTS + "User-agent: wukong-build\nDisallow: /x", "/", []),
        ("User-agent: wukong-build/2.0\nUser-agent: x\nContent-Usage: train-ai=n", "/", ["train-ai=n"]),
        ("User-agent: x\nContent-Usage: train-ai=n", "/", []),
        ("User-agent: x\nDisallow: /\nSitemap: /s\nUser-agent: *\nContent-Usage: train-ai=n", "/", ["train-ai=n"]),
        ("User-agent: *\nUser-agent: x\nSitemap: /s\nContent-Usage: train-ai=n", "/", ["train-ai=n"]),
        ("User-agent: *\nDisallow: /a\nUser-agent: x\nContent-Usage: train-ai=n", "/", []),
        ("Content-Usage: train-ai=n", "/", ["train-ai=n"]),
        ("\ufeffuser-agent : *\r\n CONTENT-USAGE : /a\tTRAIN-AI=N # no", "/a", ["train-ai=n"]),
        ("User-agent: *\nContent-Usage: # train-ai=n", "/", []),
        ("User-agent: *\nContent-Usage: /%E5%9B%BE train-ai=n", "/%E5%9B%BE/1", ["train-ai=n"]),
        ("User-agent: *\nContent-Usage: /图 train-ai=n", "/%E5%9B%BE/1", ["train-ai=n"]),
        ("User-agent: *\nContent-Usage: /a%2A%24 train-ai=n", "/ab", []),
        ("User-agent: *\nContent-signal: search=yes,ai-train=no,use=reference\nAllow: /", "/", ["ai-train=no"]),
        ("User-agent: *\nContent-Signal: ai-train=no\nContent-Usage: /a search=n", "/a", ["ai-train=no"]),
        ("<html><body>404</body></html>", "/", []),
    ],
)
def test_content_usage_in_robots_txt(robots_txt: str, path: str, expected: list[str]) -> None:
    """The lines of our group, or of everybody's; of the paths that match, the longest, of equals all; no path is every path."""
    assert SiteRules(robots_txt, None, None, PRODUCT).signals(SITE + path) == [f"content_usage:{usage}" for usage in expected]


RULES = [
    {"location": "/directory-a/", "tdm-reservation": 1},
    {"location": "/directory-b/html/", "tdm-reservation": 1, "tdm-policy": "https://a.test/policy.json"},
    {"location": "/directory-b/images/*.jpg", "tdm-reservation": 0},
]


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        (RULES, "/directory-a/x", ["reservation=1"]),
        (RULES, "/directory-b/html/x", ["reservation=1;policy=https://a.test/policy.json"]),
        (RULES, "/directory-b/images/x.jpg", []),
        (RULES, "/else", []),
        ([{"location": "/", "tdm-reservation": "1"}], "/x", ["reservation=1"]),
        ([{"location": "/x$", "tdm-reservation": 1}], "/xy", []),
        ([{"location": "/x$", "tdm-reservation": 1}], "/x", ["reservation=1"]),
        ([{"location": "*.jpg", "tdm-reservation": 1}], "/a/b.jpg", ["reservation=1"]),
        ([{"location": "/path/foo-%24", "tdm-reservation": 1}], "/path/foo-$", ["reservation=1"]),
        # the first in sequence, and the longest: where either is reserved, it is
        ([{"location": "/", "tdm-reservation": 1}, {"location": "/a/", "tdm-reservation": 0}], "/a/x", ["reservation=1"]),
        ([{"location": "/", "tdm-reservation": 0}, {"location": "/a/", "tdm-reservation": 1}], "/a/x", ["reservation=1"]),
        ([{"location": "/a/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}], "/a/x", []),
        ([{"location": "/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}], "/", ["reservation=1"]),
        ([{"location": 1, "tdm-reservation": 1}, {"location": "/", "tdm-reservation": [1]}, 7, None, "x", [], {}], "/", []),
        ([{"location": "/", "tdm-reservation": 1, "tdm-policy": 7}], "/", ["reservation=1"]),
        (
            [{"location": "/", "tdm-reservation": 1, **policy} for policy in ({}, {"tdm-policy": POLICY}, {"tdm-policy": LONG})],
            "/",
            [f"reservation=1;policy={POLICY}"],
        ),
        ([{"location": "/", "tdm-reservation": 1, "tdm-policy": LONG}], "/", ["reservation=1"]),
        ({"location": "/", "tdm-reservation": 1}, "/", []),
    ],
)
def test_tdmrep_json(rules: Any, path: str, expected: list[str]) -> None:
    """A rule of the file reserves the paths that match it; a rule that makes no sense is none. One policy is named at most."""
    tdmrep = json.dumps(rules)
    for text in (tdmrep, "\ufeff" + tdmrep):
        assert SiteRules(None, text, None, PRODUCT).signals(SITE + path) == [f"tdmrep:{found}" for found in expected]


@pytest.mark.parametrize(
    ("ai_txt", "path", "is_withheld"),
    [
        ("# Spawning AI\nUser-Agent: *\nDisallow: *.txt\nDisallow: *.jpg\nDisallow: /\nDisallow: *", "/a/b.png", True),
        ("User-Agent: *\nAllow: *.jpg\nDisallow: *.txt\nAllow: /", "/a/b.jpg", False),
        ("User-Agent: *\nDisallow: *.jpg\nAllow: *.txt\nAllow: /", "/a/b.jpg", True),
        ("User-Agent: *\nDisallow: *.jpg\nAllow: *.txt\nAllow: /", "/a/b.png", False),
        ("User-Agent: *\nDisallow: *.jpg", "/a/B.JPG?w=100", True),
        ("User-Agent: *\nDisallow: *.JPG$", "/a/b.jpg", True),
        ("User-Agent: *\nDisallow: /\nAllow: *.jpg", "/a/b.jpg", False),
        ("User-Agent: *\nDisallow: *.jpg\nAllow: *.jpg", "/a/b.jpg", True),
        ("User-Agent: *\nDisallow: images/", "/images/b.jpg", True),
        ("User-Agent: GPTBot\nDisallow: /", "/a.jpg", False),
        ("User-Agent: wukong-build\nDisallow:\n\nUser-Agent: *\nDisallow: /", "/a.jpg", False),
        ("Disallow: /", "/a.jpg", True),
        ("<html>no such page</html>", "/a.jpg", False),
    ],
)
def test_ai_txt(ai_txt: str, path: str, is_withheld: bool) -> None:
    """As robots.txt: our group, the longest pattern; but of equals Disallow wins, and the case of a path does not matter."""
    assert SiteRules(None, None, ai_txt, PRODUCT).signals(SITE + path) == ["ai_txt:disallowed"] * is_withheld


def test_the_signals_of_a_site_are_few() -> None:
    """However many rules speak of a URL: each of its images has a copy of what they say."""
    usages = "".join(f"Content-Usage: {label}=n{number}, {label}=n\n" for label in ("ai", "tdm") for number in range(500))
    policies = [{"location": "/*", "tdm-reservation": 1, "tdm-policy": f"{POLICY}/{number}"} for number in range(2_000)]
    signals = SiteRules("User-agent: *\n" + usages, json.dumps(policies), "Disallow: /\n" * 500, PRODUCT).signals(SITE + "/x")
    assert signals == [
        "ai_txt:disallowed",
        "content_usage:ai=n",
        "content_usage:tdm=n",
        f"tdmrep:reservation=1;policy={POLICY}/999",
    ]


def test_every_file_of_a_site_speaks() -> None:
    """Whatever one file allows, the others may withhold."""
    rules = SiteRules("User-agent: *\nContent-Usage: ai=n", '[{"location": "/", "tdm-reservation": 1}]', "Disallow: /", PRODUCT)
    assert rules.signals(SITE + "/x") == ["ai_txt:disallowed", "content_usage:ai=n", "tdmrep:reservation=1"]
    assert SiteRules(None, None, None, PRODUCT).signals(SITE + "/x") == []


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("robots_txt", "tdmrep", "ai_txt"),
    [
        ("User-agent: *\n" + "Content-Usage: /a train-ai=n\n" * 17_000, None, None),
        ("User-agent: *\n" * 35_000 + "Content-Usage: train-ai=n", None, None),
        ("User-agent: *\nContent-Usage: /" + "*a" * 250_000 + "b train-ai=n", None, None),
        ("User-agent: *\nContent-Usage: " + "train-ai=n," * 45_000, None, None),
        (None, json.dumps([{"location": "/" + "*a" * 200 + "b", "tdm-reservation": 1}] * 1_000), None),
        (None, json.dumps([{"location": "*" * 100_000 + "b", "tdm-reservation": 1}]), None),
        (None, "[" * 10_000 + "]" * 10_000, None),
        (None, '[{"a":' * 100_000, None),
        (None, '[{"location": "/", "tdm-reservation": ' + "1" * 100_000 + "}]", None),
        (None, '[{"location": "\\ud800/", "tdm-reservation": 1, "tdm-policy": "http://\\ud800/"}]', None),
        (None, "\ud800", "\ud800: \ud800\nDisallow: /\ud800*%ff"),
        (None, None, "Disallow: /a*b*c*d\n" * 25_000),
    ],
    ids=[
        "lines",
        "groups",
        "stars",
        "members",
        "rules",
        "only stars",
        "deep",
        "open",
        "digits",
        "surrogate",
        "no json",
        "ai.txt",
    ],
)
def test_hostile_files_cost_little(robots_txt: str | None, tdmrep: str | None, ai_txt: str | None) -> None:
    """Half a megabyte made to be slow is read, and asked of an image, in a moment; none raises."""
    rules = SiteRules(robots_txt, tdmrep, ai_txt, PRODUCT)
    rules.signals(SITE + "/" + "a" * 8_000 + "%\ud800")


WORDS = st.sampled_from(
    """
    noai unavailable_after: Fri, 2027-06-25T15:00:00+99:99 wukong-build: googlebot: train-ai=n ; , : * $ / /% %ff %24 1 \n # -0001
    User-agent: Content-Usage: Disallow: Allow: [{"location":"/", "tdm-reservation":1 }] [ { 31 Dec 9999 23:59:59 -2359 \ud800
    """.split(" ")  # noqa: SIM905  words read better than a list of strings
)


@given(st.lists(WORDS | st.text(max_size=3), max_size=20).map(" ".join))
def test_any_text_is_survived(text: str) -> None:
    """Whatever a server or a page says, nothing raises, and what comes out is known, distinct and in order."""
    names = ("x-robots-tag", "content-usage", "content-signal", "tdm-reservation", "tdm-policy")
    found = [
        header_signals([(name, text) for name in names], PRODUCT, NOW),
        meta_signals({name: [text] for name in ("robots", *names)}, PRODUCT, NOW),
        SiteRules(text, text, text, PRODUCT).signals(text),
        Withheld(["a.test"]).signals([text], text),
    ]
    assert all(signals == sorted(set(signals)) for signals in found)
    assert {signal.partition(":")[0] for signals in found for signal in signals} <= {*SIGNALS}


DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("entry", "url", "expected"),
    [
        ("example.com", "https://example.com/a.jpg", "example.com"),
        ("example.com", "http://img.cdn.example.com:8080/a", "example.com"),
        ("*.example.com", "https://example.com/", "example.com"),
        (".example.com", "https://a.example.com/", "example.com"),
        ("EXAMPLE.com.", "https://example.com/", "example.com"),
        ("example.com # said so", "https://example.com/", "example.com"),
        ("img.example.com", "https://example.com/", None),
        ("example.com", "https://notexample.com/", None),
        ("example.com", "https://example.com.cn/", None),
        ("中文.com", "https://img.xn--fiq228c.com/", "xn--fiq228c.com"),
        ("*.gov", "https://a.gov/", "gov"),
        ("192.0.2.1", "http://192.0.2.1:80/", "192.0.2.1"),
        ("example.com", "no url", None),
        ("example.com", "https://[::1]:80/", None),
    ],
)
def test_a_listed_domain_covers_its_subdomains(tmp_path: Path, entry: str, url: str, expected: str | None) -> None:
    """With or without a leading `*.` or `.`, in Chinese or in punycode; it covers nothing beside or above it."""
    listed = Withheld.load([str(write(tmp_path, entry))])
    assert listed.signals([None, url]) == ([f"list:{expected}"] if expected else [])


def test_a_list_holds_domains_and_digests(tmp_path: Path) -> None:
    """Blank lines, comments and a byte order mark are no entries; several lists are one."""
    path = write(tmp_path, f"\ufeff# my list\r\n\r\n{DIGEST.upper()}\r\nexample.com\r\n")
    listed = Withheld.load([str(path), str(write(tmp_path, "other.test", "more.txt"))])
    assert listed.signals(["https://www.example.com/", "https://other.test/"], DIGEST) == [
        f"list:{DIGEST}",
        "list:example.com",
        "list:other.test",
    ]
    assert listed.signals([], "f" * 64) == []
    assert Withheld().signals(["https://example.com/"], DIGEST) == []
    assert pickle.loads(pickle.dumps(listed)).digest == listed.digest  # noqa: S301  our own bytes


def test_the_digest_of_a_list_is_that_of_its_entries(tmp_path: Path) -> None:
    """Order, comments and spelling do not change it; an entry does."""
    texts = ["a.test\nb.test", "# new\n*.B.test\na.test", "a.test", ""]
    digests = [Withheld.load([str(write(tmp_path, text))]).digest for text in texts]
    assert digests[0] == digests[1]
    assert len({*digests}) == 3


@pytest.mark.parametrize(
    "entry",
    [
        *(
            "example",
            "d41d8cd98f00b204e9800998ecf8427e",
            DIGEST + "0",
            "https://example.com/",
            "example.com/path",
            "user@example.com",
        ),
        *(
            "example.com:80",
            "a b.com",
            "a..com",
            "*",
            ".",
            "*.",
            "例 子.com",
            "\ufffd.com",
            "x" * 64 + ".com",
            "a,b",
            "[::1]",
            "*.*.com",
        ),
    ],
)
def test_a_line_that_is_no_entry_is_an_error(tmp_path: Path, entry: str) -> None:
    """It names the file, the line, what was found, and what is meant."""
    path = write(tmp_path, f"example.com\n\n{entry}\n")
    with pytest.raises(ConfigError) as raised:
        Withheld.load([str(path)])
    assert f"{path}, line 3: found " in str(raised.value)
    assert "a domain (example.com) or a sha256 (64 hex digits) is meant" in str(raised.value)


def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """It may be missing, or be in another encoding, which no domain survives."""
    with pytest.raises(ConfigError, match=r"nowhere\.txt: cannot be read"):
        Withheld.load([str(tmp_path / "nowhere.txt")])
    (tmp_path / "gbk.txt").write_bytes("# 名单\n中文.com".encode("gb18030"))
    with pytest.raises(ConfigError, match="line 2"):
        Withheld.load([str(tmp_path / "gbk.txt")])


@pytest.mark.hostile
def test_a_long_list_is_asked_quickly() -> None:
    """Half a million domains are asked in some microseconds, also of a host with a hundred labels."""
    listed = Withheld(f"site{number}.test" for number in range(500_000))
    url = "https://" + "a." * 100 + "site7.test/"
    assert all(listed.signals([url, url], DIGEST) == ["list:site7.test"] for _ in range(1_000))
    assert listed.signals(["https://" + "a." * 500_000]) == []


def write(folder: Path, text: str, name: str = "list.txt") -> Path:
    """A list on disk."""
    path = folder / name
    path.write_text(text, "utf-8", newline="")
    return path
