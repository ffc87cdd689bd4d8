"""The classes of failure that rows of a crawl may have. Knows no cause: who finds one names its class."""

from __future__ import annotations

FAILURES = {
    "4xx": "a 4xx status other than those below",
    "403": "forbidden: often a page's images asked for from elsewhere",
    "404": "not found",
    "410": "gone for good",
    "429": "asked too often",
    "5xx": "the server failed",
    "bad_url": "no URL that could be asked for",
    "blocked_address": "the name or the URL leads to an address that is not public",
    "blocked_port": "a port where no web server is to be expected",
    "captcha": "a search engine asks whether a person asks",
    "connect": "nobody listens there",
    "corrupt": "an archive holds something else than it says",
    "disconnected": "the server hung up",
    "dns": "the name leads nowhere",
    "empty": "an answer without a body",
    "forgotten": "taken out by `forget`: nothing of it is left, and nobody is asked for it",
    "given_up": "not asked: its host had failed too often in a row, or wished to be let alone for long",
    "no_archive": "the file holds no WARC record; ARC files are to be converted first",
    "not_an_image": "the body is no image in a known format",
    "not_archived": "no archive has it, and the config asks nobody else",
    "not_modified": "as it was: the answer before holds",
    "opted_out": "withheld by its owner, in one of the ways that the config obeys",
    "protocol": "the answer is not HTTP as it should be",
    "proxy": "the proxy of the config fails",
    "redirects": "one redirect too many, or one that leads nowhere",
    "robots": "robots.txt says no",
    "robots_unreachable": "robots.txt could not be had, which is a no",
    "script": "the browser failed on what the page's scripts do",
    "timeout": "not complete in time",
    "tls": "the certificate or the encryption is not in order",
    "too_large": "more bytes than the config allows",
    "truncated": "the body ended before its time",
    "unreadable": "a page that the parser fails on, or an answer of a search engine that its recipe does not know",
}
"""Class → what it means."""

TRANSIENT = frozenset(
    (
        "429",
        "5xx",
        "captcha",
        "connect",
        "disconnected",
        "dns",
        "given_up",
        "not_archived",
        "proxy",
        "robots_unreachable",
        "script",
        "timeout",
        "tls",
        "truncated",
    )
)
"""Failures that tell of the moment rather than of what was asked for: another day may have another answer."""
