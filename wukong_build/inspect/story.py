"""One sample's whole story as text, in the order in which it happened. Looks nothing up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from wukong_build.inspect.explain import Told
from wukong_build.inspect.terminal import lines, plain
from wukong_build.web.failures import FAILURES
from wukong_build.web.images import MOVED

_ANSWERS = 5
"""Answers that are told besides the one that holds: the last ones."""

_ROBOTS = {
    "allowed": "allows it",
    "no_rules": "has no rules",
    "disallowed": "forbids it",
    "unreachable": "could not be had, which is a no",
}
"""Decision → how it is told."""


def story(told: Told) -> str:
    """What `explain` found, in the order in which it happened."""
    chapters = {
        "It stood on": _told_places(told),
        "What was said of it": _told_texts(told),
        "How it was fetched": _told_fetch(told),
        "What its owners say of its use": _told_wishes(told),
        "What the chain made of it": _told_chain(told),
        "How it ended": _told_end(told),
    }
    opening = f"{plain(told['url'])}\nkey {told['key']}: {_fate(told)}"
    return "\n\n".join([opening, *("\n  ".join([title, *block]) for title, block in chapters.items() if block)])


def _fate(told: Told) -> str:
    ledger = told["ledger"]
    if not ledger:
        return "not filtered yet"
    return "kept" if ledger["kept"] else f"dropped by {ledger['dropped_by']}"


def _told_places(told: Told) -> list[str]:
    first = told["occurrences"]["first"]
    others = told["occurrences"]["count"] - len(first)
    rows = [
        (
            plain(place["page_url"] or "no page"),
            f"depth {place['depth']}",
            f"position {place['position']}",
            place["source"],
            *_searched(place),
        )
        for place in first
    ]
    return [*lines(rows), *([f"and {others:,} other places"] if others else [])] if rows else []


def _searched(place: Told) -> list[str]:
    return [f"searched for {quoted(place['query'])}"] if place["query"] else []


def _told_texts(told: Told) -> list[str]:
    rows = [
        ("→" if text["chosen"] else " ", text["origin"], f"distance {text['distance']}", quoted(text["text"]))
        for text in told["texts"]
    ]
    carried = [f"extra: {number(told['extra'])}"] if told["extra"] else []
    return [*(lines(rows) if rows else ["nothing"]), *([f"chosen: {told['caption_reason']}"] if rows else []), *carried]


def _told_fetch(told: Told) -> list[str]:
    """A line for every robots.txt and every answer, an arrow at the one that holds; then the image."""
    answers, header = told["answers"], told["header"]
    shown = [answer for answer in answers[:-_ANSWERS] if answer["holds"]] + answers[-_ANSWERS:]
    earlier = len(answers) - len(shown)
    rows = [("→" if answer["holds"] and len(answers) > 1 else "", _told_answer(answer, told["url"])) for answer in shown]
    size = f"{header['format']}, {header['width']} × {header['height']} pixels, orientation {header['orientation']}"
    return [
        *map(_told_robots, told["robots"]),
        *([f"and {earlier:,} answers before"] if earlier else []),
        *(" ".join(filter(None, row)) for row in rows),
        *([f"{size}, {header['image_bytes']:,} bytes, sha256 {header['sha256']}"] if header["format"] else []),
    ]


def _told_robots(robots: Told) -> str:
    said = f" ({robots['error'] or robots['http_status']}, {robots['fetched_at']})" if robots.get("fetched_at") else ""
    return f"{robots['origin']}/robots.txt {_ROBOTS[robots['decision']]}{said}"


def _told_answer(answer: Told, url: str) -> str:
    """What one request came to: its class and what that means, the server's words, how often it took to ask, and when."""
    error, status = answer["error"], answer["http_status"]
    outcome = f"{error} ({FAILURES[error]})" if error in FAILURES else error or "came"
    if not answer["attempts"]:
        return f"not asked for: {outcome}"
    target = answer["location"] or answer["final_url"]
    facts = (
        outcome,
        f"status {status}" if status and str(status) != error else None,
        answer["content_type"] if error != MOVED else None,
        f"redirected to {target}" if target not in (None, answer["asked"]) else None,
        f"asked of {answer['asked']}" if answer["asked"] != url else None,
        f"asked {answer['attempts']} times" if answer["attempts"] > 1 else None,
        answer["fetched_at"],
    )
    return plain(", ".join(filter(None, facts)))


def _told_wishes(told: Told) -> list[str]:
    """A line for every opt-out, ✗ where it is obeyed; then the licences, each with where it stood."""
    rows = [
        (
            "✗" if said["obeyed"] else "·",
            plain(said["signal"]),
            "obeyed" if said["obeyed"] else "recorded, not obeyed",
            f"said on {plain(said['page_url'])}" if said["page_url"] else "",
        )
        for said in told["opt_out"]
    ]
    licences = [f"its page names the licence {plain(licence['url'])} ({licence['origin']})" for licence in told["licences"]]
    return [*(lines(rows) if rows else []), *licences]


def _told_chain(told: Told) -> list[str]:
    """A line a link, its evidence behind it; the links it did not reach in one line."""
    rows = [(mark, link["link"], said) for link in told["chain"] if (mark := _mark(link)) for said in [_said(link)]]
    unreached = [link["link"] for link in told["chain"] if not _mark(link)]
    stale = [] if told["filter_finished"] or not told["chain"] else ["The filter has not finished: this is of before."]
    after = [f"not measured, as it was out before: {', '.join(unreached)}"] if unreached else []
    return [*stale, *(lines(rows) if rows else []), *after]


def _mark(link: Told) -> str:
    """✓ passed, ✗ missed, · nothing to pass; empty where the link never looked at it."""
    if link["state"] == "unmeasured":
        return ""
    return "✗" if link.get("passed") is False else "✓" if "passed" in link else "·"


def _said(link: Told) -> str:
    if "after" in link:
        changed = link["before"] != link["after"]
        what = f"{quoted(link['before'])} → {quoted(link['after'])}" if changed else "caption unchanged"
    else:
        what = "unmeasurable" if link["state"] == "unmeasurable" else number(link["score"])
    bounds = ", ".join(f"{bound}={link[bound]:g}" for bound in ("at_least", "at_most") if bound in link)
    verdict = f" — missed {link['missed']}" if "missed" in link else f" ({bounds})" if bounds else ""
    evidence = "".join(f"; {name}: {number(value)}" for name, value in link["evidence"].items() if value not in (None, []))
    return what + verdict + ("" if link["reached"] else " (measured before it was out)") + evidence


def _told_end(told: Told) -> list[str]:
    ledger, shard, representative = told["ledger"], told["shard"], told["representative"]
    if not ledger:
        return []
    if shard:
        members = ", ".join(shard["members"])
        return [f"published in {shard['path']} as {members}", f"with the caption {quoted(ledger['caption'])}", shard["extract"]]
    if ledger["kept"]:
        return [f"kept, with the caption {quoted(ledger['caption'])}; not in a shard yet"]
    ended = [f"dropped by {ledger['dropped_by']}{': ' + missed(ledger) if ledger['bound'] else ''}"]
    if representative:
        kept = plain(representative["url"]), quoted(representative["caption_found"])
        ended += [f"in its place was kept {representative['key']}", *(f"  {line}" for line in kept)]
    return ended


def missed(ledger: Mapping[str, Any]) -> str:
    """The score of a dropped sample against the bound it missed: `4.1 > at_most 3`."""
    bound, _, limit = str(ledger["bound"]).partition("=")
    if ledger["score"] is None:
        return f"unmeasurable, {bound} {limit}"
    return f"{number(ledger['score'])} {'<' if bound == 'at_least' else '>'} {bound} {limit}"


def number(value: Any) -> str:
    """A score or a piece of evidence as text."""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"  # noqa: PLR2004  four digits are enough to compare
    return plain(value) if isinstance(value, str) else plain(msgspec.json.encode(value).decode())


def quoted(text: str | None) -> str:
    """A text between quotation marks, in full."""
    return "no text" if text is None else f"“{plain(text)}”"
