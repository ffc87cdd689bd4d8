"""URLs that lead round in circles: addresses that grow without end, sessions, calendars.

What can be told from one address is told here; what only many answers tell is reckoned from families of pages, which are alike
but for numbers and for the values in their query. Knows no site.
"""

from __future__ import annotations

import re
from collections import Counter

AT_MOST_SEGMENTS = 20
"""A path with more segments is made by a machine that does not know where it is."""

AT_MOST_REPEATS = 2
"""A segment that is no number stands so often in a path at most."""

AT_MOST_PARAMETERS = 20
"""A query with more parameters names no page."""

AT_MOST_CHARACTERS = 1_000
"""Addresses of pages that readers come back to are shorter."""

SESSION = frozenset(
    """
    jsessionid phpsessid aspsessionid sessionid session_id sessid sid cfid cftoken oscsid zenid
    utm_source utm_medium utm_campaign utm_term utm_content utm_id fbclid gclid msclkid yclid dclid mc_cid mc_eid
    spm scm share_token share_source share_medium share_session_id
    """.split()  # noqa: SIM905  words read better than a list of strings
)
"""Parameters that tell visits apart, not pages."""

_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?;]*", re.IGNORECASE)
_VALUE = re.compile(r"=[^&]*")
_NUMBER = re.compile(r"[0-9]+")

FAMILY_SQL = "regexp_replace(regexp_replace({url}, '=[^&]*', '=', 'g'), '[0-9]+', '0', 'g')"
"""`family` as DuckDB has it."""


def family(url: str) -> str:
    """What a URL has in common with those that are alike but for numbers and the values of their query."""
    return _NUMBER.sub("0", _VALUE.sub("=", url))


def without_session(url: str) -> str:
    """A canonical URL without what tells only visits apart."""
    if ";" in url:
        url = _PATH_SESSION.sub("", url)
    page, mark, query = url.partition("?")
    if not mark:
        return url
    kept = [pair for pair in query.split("&") if not _tells_visits_apart(pair.partition("=")[0].lower())]
    return f"{page}?{'&'.join(kept)}" if kept else page


def is_endless(url: str) -> bool:
    """Whether an address looks as if it were made by following links that only ever add to it."""
    path, _, query = url.partition("?")
    segments = path.split("/")[3:]
    if len(url) > AT_MOST_CHARACTERS or len(segments) > AT_MOST_SEGMENTS or query.count("&") >= AT_MOST_PARAMETERS:
        return True
    if len(segments) <= AT_MOST_REPEATS:
        return False
    repeated = Counter(segment for segment in segments if segment and not segment.isdigit())
    return any(count > AT_MOST_REPEATS for count in repeated.values())


def _tells_visits_apart(name: str) -> bool:
    return name in SESSION or name.startswith("aspsessionid")
