"""The signals by which somebody withholds an image from a dataset, and which of them a crawl obeys.

A signal is a short text, `signal:value`; there are signals that withhold and none that allow, so the most restrictive wins.
Where each is read: `optout_said` (headers and metas), `optout_site` (files of a site), `optout_lists` (a user's lists),
`embedded` (the bytes of an image).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from wukong_build.web.optout_lists import Withheld
from wukong_build.web.optout_said import header_signals, meta_signals
from wukong_build.web.optout_site import SiteRules

__all__ = ["SIGNALS", "OptOut", "SiteRules", "Withheld", "header_signals", "meta_signals"]

SIGNALS: dict[str, str] = {
    "x_robots_tag": "a directive of an X-Robots-Tag header: noai, noimageai, noml, noindex, noimageindex, none …",
    "meta_robots": "the same directives in a page's `meta` element named robots, or named as the crawler is",
    "content_usage": "a Content-Usage or Content-Signal header, or such a line of robots.txt, that refuses training (aipref)",
    "tdmrep": "text and data mining reserved (W3C TDMRep) in a header, a `meta` element or /.well-known/tdmrep.json",
    "xmp": "the data mining property (IPTC, PLUS) in the XMP of an image",
    "c2pa": "a training and data mining assertion (C2PA, CAWG) in the manifest an image carries",
    "ai_txt": "a Disallow of the site's ai.txt (Spawning)",
    "list": "a domain or the sha256 of a file on a list of the user's own",
}
"""Name of a signal → what it is."""

Answer = Literal["obey", "record"]


class OptOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which signals withhold an image (obey), and which are only written beside it (record)."""

    x_robots_tag: Answer = "obey"
    meta_robots: Answer = "obey"
    content_usage: Answer = "obey"
    tdmrep: Answer = "obey"
    xmp: Answer = "obey"
    c2pa: Answer = "obey"
    ai_txt: Answer = "obey"
    lists: tuple[str, ...] = ()
    """Paths or URLs of lists of domains and sha256 digests; always obeyed."""

    def obeyed(self, signals: Iterable[str]) -> tuple[str, ...]:
        """The signals among these by which an image is withheld."""
        return tuple(signal for signal in signals if getattr(self, signal.partition(":")[0], "obey") == "obey")
