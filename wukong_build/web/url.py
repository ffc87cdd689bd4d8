"""URLs as the run knows them: one spelling for each address, and the keys, hosts and origins that follow from it.

Knows nothing of requests: an address may be well formed and still be one that nobody should ask for.
"""

from __future__ import annotations

import functools
import hashlib
import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from w3lib.url import safe_url_string

AT_MOST_CHARACTERS = 8192
"""Longer URLs are refused, as most servers refuse them."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_DOTS = {".": ".", "%2e": ".", "..": "..", ".%2e": "..", "%2e.": "..", "%2e%2e": ".."}
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_IGNORED = str.maketrans("", "", "\t\r\n")
_PLAIN = re.compile(
    r"https?://(?!xn--)[a-z0-9-]{1,63}(?:\.(?!xn--)[a-z0-9-]{1,63}){1,6}"  # a name in lower case
    r"(?::(?!80/|443/)(?:[1-9][0-9]{1,3}|[1-5][0-9]{4})(?=/))?"  # a port that is not the scheme's own
    r"(?:/(?!\.)(?:[A-Za-z0-9._~=,;:@!$&'()*+-]|%(?!2E)[0-9A-F]{2})*)+"  # a path without segments of dots
    r"(?:\?(?:[A-Za-z0-9._~=,;:@!$&()*+/?-]|%[0-9A-F]{2})+)?"
)
"""URLs that are in their one spelling already: most of those there are, and told from the others thirty times as fast."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_RELATIVE = re.compile(r"/|[A-Za-z0-9._~%-]+(?=[/?#]|$)")
"""How a URL begins that has no scheme."""
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+(?::[0-9]+)?)/")
_SPACE_OR_CONTROL = "".join(map(chr, range(33)))


def canonical(url: str, base: str | None = None) -> str | None:
    """The absolute http(s) URL a browser would ask for, in its one spelling; None where it would ask for nothing."""
    if base is not None:
        if (joined := _plainly_joined(url, base)) is not None and _is_plain(joined):
            return joined
        if _SCHEME.match(url):
            base = None
    return url if _is_plain(url) else _spelt(url, base)


def key_of(url: str) -> str:
    """The sample's id: 32 hex characters of the SHA-256 of a canonical URL."""
    return hashlib.sha256(url.encode()).hexdigest()[:32]


def host_of(url: str) -> str:
    """Host of a canonical URL, with its port where that is not the scheme's own; empty for what is no URL."""
    if plain := _ORIGIN.match(url):
        return plain[1]
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """Scheme and host of a canonical URL: what one robots.txt speaks for."""
    if plain := _ORIGIN.match(url):
        return plain[0][:-1]
    return f"{url.partition(':')[0]}://{host_of(url)}"


def without_user(url: str) -> str:
    """A canonical URL as others may see it: without the user and the password it may hold."""
    scheme, mark, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    return f"{scheme}{mark}{netloc.rpartition('@')[2]}{slash}{path}"


@functools.lru_cache(maxsize=65_536)
def _is_plain(url: str) -> bool:
    """Whether a URL is in its one spelling already. Remembered, for the pages of a site have most of their links in common."""
    return len(url) <= AT_MOST_CHARACTERS and _PLAIN.fullmatch(url) is not None


def _plainly_joined(url: str, base: str) -> str | None:
    """What a relative URL means if all of it is in its one spelling, which is yet to be seen; None for all others."""
    if not _RELATIVE.match(url):
        return None
    url = url.partition("#")[0]
    origin, folder = _folder_of(base)
    if url[0] == "/":
        return origin[: origin.find("/")] + url if url[1:2] == "/" else origin + url
    while url[0:1] == ".":
        if url[0:3] in {"..", "../"}:
            url, folder = url[3:], folder[: folder.rfind("/", 0, -1) + 1] or "/"
        elif url[0:2] in {".", "./"}:
            url = url[2:]
        else:
            return None
    return f"{origin}{folder}{url}"


@functools.lru_cache(maxsize=1024)
def _folder_of(base: str) -> tuple[str, str]:
    """Origin and folder of a base URL, the folder between slashes; empty where the base is not in its one spelling."""
    if not _PLAIN.fullmatch(base):
        return "", ""
    origin = origin_of(base)
    return origin, base[len(origin) :].partition("?")[0].rpartition("/")[0] + "/"


@functools.lru_cache(maxsize=8192)
def _spelt(url: str, base: str | None) -> str | None:
    """The canonical URL, however it is written."""
    try:
        return _canonical(url, base)
    except ValueError:  # urllib's word for bad ports, brackets and hosts, and (as UnicodeError) for lone surrogates
        return None


def _canonical(url: str, base: str | None) -> str | None:
    if len(url) > AT_MOST_CHARACTERS:
        return None
    parts = _split(url)
    if base is not None:
        parts = _resolve(parts, _split(base))
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    parts = urlsplit(safe_url_string(parts._replace(path=parts.path or "/", fragment="").geturl()))
    netloc = _netloc(parts)
    if netloc is None:
        return None
    query = f"?{parts.query}" if parts.query else ""
    spelt = f"{parts.scheme}://{netloc}" + _ESCAPE.sub(lambda escape: escape[0].upper(), _without_dots(parts.path) + query)
    return spelt if len(spelt) <= AT_MOST_CHARACTERS else None


def _split(url: str) -> SplitResult:
    r"""The parts of a URL; a backslash before the query is a slash, as every browser reads it."""
    address, mark, query = url.strip(_SPACE_OR_CONTROL).translate(_IGNORED).partition("?")
    return urlsplit(address.replace("\\", "/") + mark + query)


def _resolve(parts: SplitResult, base: SplitResult) -> SplitResult:
    """As `urljoin`, which would also squeeze the double slashes that some servers tell apart."""
    if parts.scheme:
        return parts
    if parts.netloc:
        return parts._replace(scheme=base.scheme)
    path, query = parts.path, parts.query
    if not path:
        path, query = base.path, query or base.query
    elif not path.startswith("/"):
        path = base.path.rpartition("/")[0] + "/" + path
    return SplitResult(base.scheme, base.netloc, path, query, "")


def _netloc(parts: SplitResult) -> str | None:
    """User, host and port; None where no name server could know the host. The dot of the root, at its end, is no part of it."""
    host = (parts.hostname or "").removesuffix(".")
    if ":" in host:
        host = f"[{IPv6Address(host)}]"
    elif not _HOST.fullmatch(host):
        return None
    user, at, _ = parts.netloc.rpartition("@")
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{user}{at}{host}{port}"


def _without_dots(path: str) -> str:
    """The path with its `.` and `..` segments walked."""
    if "." not in path and "%2" not in path:
        return path
    walked: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        dots = _DOTS.get(segment.lower())
        if dots is None:
            walked.append(segment)
        elif dots == ".." and walked:
            walked.pop()
    if segments[-1].lower() in _DOTS:
        walked.append("")
    return "/" + "/".join(walked)
