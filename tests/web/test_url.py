"""One spelling for each address."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wukong_build.web.url import _PLAIN, AT_MOST_CHARACTERS, _canonical, canonical, host_of, key_of, origin_of, without_user

BASE = "http://a.example/b/c?q=1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://A.Example/X", "http://a.example/X"),
        ("http://a.example", "http://a.example/"),
        ("http://a.example:80/", "http://a.example/"),
        ("https://a.example:443/", "https://a.example/"),
        ("http://a.example:443/", "http://a.example:443/"),
        ("http://a.example/#top", "http://a.example/"),
        (" \n\thttp://a.exa\nmple/x\r\n ", "http://a.example/x"),
        ("\0http://a.example/x", "http://a.example/x"),
        ("http://a.example/图.jpg", "http://a.example/%E5%9B%BE.jpg"),
        ("http://a.example/%e5%9b%be.jpg", "http://a.example/%E5%9B%BE.jpg"),
        ("http://a.example/?b=图&a=&a=1", "http://a.example/?b=%E5%9B%BE&a=&a=1"),
        ("http://a.example?a=1", "http://a.example/?a=1"),
        ("http://例子.测试/", "http://xn--fsqu00a.xn--0zwm56d/"),
        ("http://a.example/x y", "http://a.example/x%20y"),
        ("http://a.example/b/./c/../d", "http://a.example/b/d"),
        ("http://a.example/../../d", "http://a.example/d"),
        ("http://a.example/b/%2e%2E/d", "http://a.example/d"),
        ("http://a.example/b/..", "http://a.example/"),
        ("http://a.example/b//c", "http://a.example/b//c"),
        (r"http:\\a.example\b?c\d", "http://a.example/b?c%5Cd"),
        ("http://a.example./x", "http://a.example/x"),
        ("https://A.Example.:443/", "https://a.example/"),
        ("http://例子.测试。/", "http://xn--fsqu00a.xn--0zwm56d/"),
        ("http://u:p@127.0.0.1.:8080/", "http://u:p@127.0.0.1:8080/"),
        ("http://[2001:DB8:0::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://a_b.example/", "http://a_b.example/"),
    ],
)
def test_equal_addresses_have_one_spelling(url: str, expected: str) -> None:
    """Case, ports, dots (the root's too), escapes and fragments do not tell addresses apart; queries and double slashes do."""
    assert canonical(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("d.jpg", "http://a.example/b/d.jpg"),
        ("./d//e.jpg", "http://a.example/b/d//e.jpg"),
        ("../d.jpg", "http://a.example/d.jpg"),
        ("/d.jpg", "http://a.example/d.jpg"),
        ("//c.example/d.jpg", "http://c.example/d.jpg"),
        ("?p=2", "http://a.example/b/c?p=2"),
        ("#top", "http://a.example/b/c?q=1"),
        ("", "http://a.example/b/c?q=1"),
        ("https://c.example/d", "https://c.example/d"),
        ("images\\d.jpg", "http://a.example/b/images/d.jpg"),
    ],
)
def test_relative_addresses_stand_on_their_base(url: str, expected: str) -> None:
    """A relative address is resolved as a browser resolves it."""
    assert canonical(url, BASE) == expected


@pytest.mark.parametrize(
    "url",
    [
        "javascript:void(0)",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "mailto:a@a.example",
        "ftp://a.example/",
        "about:blank",
        "http://",
        "http:///x",
        "http://a.example:99999/",
        "http://a.example:x/",
        "http://[::1",
        "http://[::x]/",
        "http://a..example/",
        "http://a.example../",
        "http://./",
        "http://a b.example/",
        "http://a%00.example/",
        f"http://{'a' * 64}.example/",
        "http://a.example/\ud800",
        "http://a.example/" + "a" * AT_MOST_CHARACTERS,
        "http://a.example/" + "图" * (AT_MOST_CHARACTERS // 3),
    ],
)
def test_what_no_browser_would_ask_for_is_none(url: str) -> None:
    """Other schemes, impossible hosts and ports, and endless URLs are no addresses."""
    assert canonical(url, BASE) is None


URLS = st.one_of(
    st.text(max_size=40),
    st.builds("{}{}{}".format, st.sampled_from(["http://", "https://", "//", "", "/", "?"]), st.text(max_size=20), st.text()),
    st.text(alphabet="htp:/.?#%2eE@[]\\;ab图", max_size=40).map("http://a.example/{}".format),
    st.text(alphabet=":/.?#%2eE@[]\\ab图", max_size=20).map("http://{}".format),
)


@given(URLS)
@example("http://a.example/%%32%65/..")
@example("http://a.example/a;b/..;/c")
@example("http://\u3002a/")
def test_the_spelling_is_final(url: str) -> None:
    """Spelling a canonical URL again changes nothing, it is plain ASCII, and no input raises."""
    spelt = canonical(url, BASE)
    if spelt is not None:
        assert canonical(spelt) == spelt
        assert re.fullmatch(r"https?://[!-~]+", spelt)
        assert "#" not in spelt


@given(URLS, URLS)
def test_any_base_will_do(url: str, base: str) -> None:
    """A broken base is no error either."""
    spelt = canonical(url, base)
    assert spelt is None or canonical(spelt) == spelt


def test_a_key_is_a_hash_of_the_url() -> None:
    """The key is 32 hex characters that depend on the URL alone, and never change between releases."""
    assert key_of("http://a.example/") == "217fbabc0e7aa17115435afd966b734a"


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        ("http://a.example/x", "a.example", "http://a.example"),
        ("https://a.example:8443/x", "a.example:8443", "https://a.example:8443"),
        ("http://user:word@a.example/x", "a.example", "http://a.example"),
        ("http://[::1]:81/x", "[::1]:81", "http://[::1]:81"),
    ],
)
def test_host_and_origin(url: str, host: str, origin: str) -> None:
    """A host has its port where that is not the scheme's own, and never a password."""
    assert (host_of(url), origin_of(url)) == (host, origin)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://me:secret@a.example/x@y?z=@", "http://a.example/x@y?z=@"),
        ("https://me@[::1]:81/", "https://[::1]:81/"),
        ("http://a%40b@a.example/", "http://a.example/"),
        ("http://a.example/@/", "http://a.example/@/"),
    ],
)
def test_what_others_may_see(url: str, expected: str) -> None:
    """User and password go, and nothing else; in the canonical URL, and so in the key, they stay."""
    assert without_user(url) == expected
    assert canonical(url) == url


PIECES = (
    *(
        "http://",
        "https://",
        "HTTP://",
        "//",
        "/",
        "/.",
        "/..",
        "/.a",
        "/a.",
        "/...",
        "/%2e",
        "/%2E%2E",
        "/%2F",
        "%",
        "%e4",
        "%E4",
    ),
    *("?", "#", "@", ":", ":80", ":443", ":8080", "a.test", "A.test", "img-1.a_b.com.cn", "1.2.3.4", "[::1]", "xn--fiq.test"),
    *("a", "Z", "9", ".", "..", "-", "_", "~", "!", "$", "&", "'", "(", "*", "+", ",", ";", "=", "|", "\\", '"', "<", "^", "`"),
    *("{", "[", "]", " ", "\t", "\n", "\r", "\0", "\x7f", "图", "é", "\u3002", "\uff0f", "😀", "a" * 31, "a" * 64),
)
PIECED_URLS = st.builds(
    lambda start, pieces: start + "".join(pieces),
    st.sampled_from(("http://a.test/", "https://img.a.test/x?", "http://a.test", "http://", "")),
    st.lists(st.sampled_from(PIECES), max_size=12),
)


@given(PIECED_URLS)
@example("http://a.test//a///b/")
@example("http://a.test/a/.%2e/b")
@example("http://a.test/" + "a" * AT_MOST_CHARACTERS)
def test_the_short_way_agrees_with_the_long_one(url: str) -> None:
    """Whatever is taken for canonical without a closer look is."""
    if _PLAIN.fullmatch(url) and len(url) <= AT_MOST_CHARACTERS:
        assert _canonical(url, None) == url


RELATIVE_URLS = st.builds(
    lambda start, pieces: start + "".join(pieces),
    st.sampled_from(("", "/", "//", "//b.test/", "../", "./", "?", "#", "a:", "mailto:a@b.test", "a/", "../../../a", ".", "..")),
    st.lists(st.sampled_from(PIECES), max_size=8),
)


@given(
    RELATIVE_URLS, st.sampled_from(("http://a.test/", "https://a.test/b/c.html?d=/e", "http://a.test/b/c/", "http://A.test/图/d"))
)
@example("../../b.html", "http://a.test/x/y/z")
@example("..", "http://a.test/x/y/z")
@example("a/../b", "http://a.test/x/y/z")
@example("a.b:c", "http://a.test/x/y/z")
@example("a+b:c", "http://a.test/x/y/z")
def test_the_short_way_to_join_agrees_with_the_long_one(url: str, base: str) -> None:
    """A relative URL means the same whichever way it is read."""
    try:
        expected = _canonical(url, base)
    except ValueError:
        expected = None
    assert canonical(url, base) == expected


@given(st.from_regex(_PLAIN, fullmatch=True))
@example("http://127.0.0.1:8080/a/b.jpg?x=1")
@example("https://a.example/%7Ex/%E5%9B%BE.jpg")
def test_what_is_plain_is_canonical(url: str) -> None:
    """The short cut for URLs that are in their one spelling agrees with the long way."""
    assert _canonical(url, None) == url
    assert (origin_of(url), host_of(url)) == (f"{urlsplit(url).scheme}://{urlsplit(url).netloc}", urlsplit(url).netloc)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://a.example/./b",
            "http://a.example/b/..",
            "http://a.example/%2e/b",
            "http://a.example/%2E./b",
            "http://A.example/",
        ),
        *(
            "http://a.example:80/",
            "https://a.example:443/",
            "http://a.example:080/",
            "http://a.example:65536/",
            "http://a.example/%e5",
        ),
        *("http://a.example/#x", "http://u@a.example/", "http://a.example", "http://a.example/ x", "http://a.example/x\n"),
    ],
)
def test_what_may_not_be_canonical_is_not_plain(url: str) -> None:
    """Whatever has another spelling takes the long way."""
    assert _PLAIN.fullmatch(url) is None
