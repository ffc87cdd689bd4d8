"""One sample's whole story: where it stood, what was said of it, how it was fetched, what each link made of it, how it ended."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from wukong_build.chain import MEASURED, link_class
from wukong_build.errors import ConfigError
from wukong_build.inspect.run import Run
from wukong_build.inspect.terminal import lines, plain
from wukong_build.links import Bounds, Rewrite
from wukong_build.schema import FETCH_FACTS, LEDGER
from wukong_build.shards.members import PUBLIC, image_member, text_members
from wukong_build.sql import FIRST_OCCURRENCE, connect, in_utc, score_folders
from wukong_build.web.url import canonical, origin_of

SHORTEST_PREFIX = 4
"""Characters of a key that are enough to look for it."""

_PLACES = 5
"""Occurrences that are told one by one; the others are counted."""

_NEAR = 5
"""Keys or URLs that an error names."""

Told = dict[str, Any]


def explain(run: Run, key: str) -> Told:
    """The story as plain data. `key` is a key, the beginning of one, or an image URL; ConfigError where it means no sample."""
    with connect(run.store) as connection:
        sample = _one(connection, "SELECT * FROM samples WHERE key = ?", _found(connection, key))
        ledger = _one(connection, "SELECT * EXCLUDE (part, part_row) FROM ledger WHERE key = ?", sample["key"])
        chain = list(_chain(run, sample, ledger))
        told = {
            "key": sample["key"],
            "url": sample["url"],
            "occurrences": {"count": sample["occurrence_count"], "first": _places(connection, sample["key"])},
            "texts": _texts(sample),
            "caption_reason": sample["caption_reason"],
            "robots": _robots(connection, sample),
            "fetch": _fetch(connection, sample["key"]),
            "header": {name: sample[name] for name in FETCH_FACTS if name not in ("error", "http_status", "final_url")},
            "filter_finished": run.store.finished("filter") is not None,
            "chain": chain,
            "ledger": ledger,
            "representative": _one(
                connection, "SELECT key, url, caption_found FROM samples WHERE key = ?", ledger.get("duplicate_of")
            ),
            "shard": _shard(run, connection, sample["key"]),
        }
    return msgspec.to_builtins(told)  # type: ignore[no-any-return]


def _found(connection: duckdb.DuckDBPyConnection, asked: str) -> str:
    """The key of the one sample that is meant."""
    if "://" in asked:
        return _found_url(connection, asked)
    if len(asked) < SHORTEST_PREFIX:
        raise ConfigError(f"{asked!r}: is too short; {SHORTEST_PREFIX} or more characters of a key are meant, or an image URL")
    keys = _column(connection, "SELECT key FROM samples WHERE starts_with(key, lower(?)) ORDER BY key LIMIT ?", asked, _NEAR + 1)
    if len(keys) == 1:
        return keys[0]
    if keys:
        more = " …" if len(keys) > _NEAR else ""
        raise ConfigError(f"{asked}: several keys begin so: {', '.join(keys[:_NEAR])}{more}; write more of one")
    begins = "SELECT key FROM samples ORDER BY levenshtein(left(key, ?), lower(?)), key LIMIT ?"
    near = _column(connection, begins, len(asked), asked, _NEAR)
    raise ConfigError(f"{asked}: no key of this run begins so; {_listed(near)}")


def _found_url(connection: duckdb.DuckDBPyConnection, asked: str) -> str:
    url = canonical(asked) or asked
    keys = _column(connection, "SELECT key FROM samples WHERE url IN (?, ?) ORDER BY url = ? DESC", url, asked, url)
    if keys:
        return keys[0]
    near = _column(
        connection,
        "SELECT url FROM samples WHERE starts_with(url, ?) ORDER BY levenshtein(url, ?), url LIMIT ?",
        origin_of(url) if canonical(asked) else "",
        url,
        _NEAR,
    )
    raise ConfigError(f"{asked}: no sample of this run has this image URL; {_listed(near)}")


def _listed(near: Sequence[str]) -> str:
    return "\n  ".join(["the nearest are", *near]) if near else "it has none like it"


def _column(connection: duckdb.DuckDBPyConnection, query: str, *values: Any) -> list[str]:
    return [value for (value,) in connection.execute(query, values).fetchall()]


def _one(connection: duckdb.DuckDBPyConnection, query: str, *values: Any) -> Told:
    """The first row of an answer; empty where there is none."""
    answer = in_utc(connection.sql(query, params=values).limit(1).to_arrow_table()).to_pylist()
    return answer[0] if answer else {}


def _places(connection: duckdb.DuckDBPyConnection, key: str) -> list[Told]:
    """Its first occurrences, in the order in which they count."""
    query = f"SELECT page_url, depth, position, source FROM occurrences WHERE key = ? {FIRST_OCCURRENCE} LIMIT ?"  # noqa: S608  ours
    return connection.sql(query, params=(key, _PLACES)).to_arrow_table().to_pylist()  # type: ignore[no-any-return]


def _texts(sample: Told) -> list[Told]:
    """Its candidate texts; a chosen text may have been shortened, so `caption_found` is told with it."""
    chosen = next((text for text in sample["texts"] or () if _is_chosen(text, sample)), None)
    return [{**text, "chosen": text is chosen} for text in sample["texts"] or ()]


def _is_chosen(text: Told, sample: Told) -> bool:
    found = sample["caption_found"]
    return found is not None and text["origin"] == sample["caption_origin"] and found in text["text"]


def _robots(connection: duckdb.DuckDBPyConnection, sample: Told) -> Told:
    """What the robots.txt of the image's host said."""
    origin = origin_of(sample["url"]) if canonical(sample["url"]) else ""
    answer = _one(connection, "SELECT error, http_status, fetched_at FROM robots WHERE origin = ?", origin)
    return {"origin": origin, "allowed": sample["error"] != "robots", **answer} if answer else {}


def _fetch(connection: duckdb.DuckDBPyConnection, key: str) -> Told:
    """The last answer to the request for it."""
    facts = "SELECT error, http_status, final_url, content_type, fetched_at FROM images WHERE key = ?"
    return _one(connection, f"{facts} ORDER BY part DESC, part_row DESC", key)


def _chain(run: Run, sample: Told, ledger: Told) -> Iterator[Told]:
    """What every link made of it, in the order of the chain."""
    settings = run.config["filter"]
    caption = sample["caption_found"]
    dropped_by = ledger.get("dropped_by") or ""
    reached = not dropped_by.startswith("fetch:")
    for row in _scores(run, sample):
        for name, columns in _links(row):
            told = _link(name, columns, settings.get(name) or {}, measured=row[name + MEASURED], reached=reached)
            if reached and _rewrites(name):
                told |= {"before": caption, "after": columns[name]}
                caption = columns[name]
            reached = reached and name != dropped_by
            yield told


def _scores(run: Run, sample: Told) -> Iterator[Told]:
    """Its row in the scores of every pass."""
    for folder in score_folders(run.store):
        if sample["part"] in run.store.parts(folder):
            table = run.store.read(folder, sample["part"])
            yield from table.filter(pa.compute.equal(table["key"], sample["key"])).to_pylist()


def _links(row: Told) -> Iterator[tuple[str, Told]]:
    """Link name → what it wrote: the columns of a link end with its `__measured`."""
    columns: Told = {}
    for name, value in row.items():
        if name.endswith(MEASURED):
            yield name.removesuffix(MEASURED), columns
            columns = {}
        elif name not in LEDGER.arrow.names:
            columns[name] = value


def _link(name: str, columns: Told, settings: Mapping[str, Any], *, measured: bool, reached: bool) -> Told:
    """One link: its score against its bounds, and its evidence."""
    score, *_ = columns.values()
    bounds = {bound: settings[bound] for bound in ("at_least", "at_most") if settings.get(bound) is not None}
    state = "unmeasured" if not measured else "unmeasurable" if score is None else "measured"
    told = {"link": name, "reached": reached, "state": state, "score": score, **bounds}
    if bounds and measured:
        decision = Bounds(**bounds)
        told["passed"] = decision.keep(pa.array([score], pa.float64()))[0].as_py()
        told |= {} if told["passed"] else {"missed": decision.missed_bound(score)}
    return {**told, "evidence": {column: value for column, value in columns.items() if column != name}}


def _rewrites(name: str) -> bool:
    """True where the link changes captions."""
    try:
        return issubclass(link_class(name, "filter"), Rewrite)
    except ConfigError:  # a link of the user's own, which run.yaml names without its module
        return False


def _shard(run: Run, connection: duckdb.DuckDBPyConnection, key: str) -> Told:
    """Where it is published."""
    row = _one(connection, f"SELECT part, {', '.join(PUBLIC)} FROM manifest WHERE key = ?", key)  # noqa: S608  columns of ours
    if not row:
        return {}
    path = run.store.path("shards", f"{row['part']}.tar")
    members = [image_member(row), *text_members(row)]
    return {"path": path, "members": members, "extract": shlex.join(["tar", "-xf", path, *members])}


def story(told: Told) -> str:
    """The story as text, in the order in which it happened."""
    chapters = {
        "It stood on": _told_places(told),
        "What was said of it": _told_texts(told),
        "How it was fetched": _told_fetch(told),
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
        (plain(place["page_url"] or "no page"), f"depth {place['depth']}", f"position {place['position']}", place["source"])
        for place in first
    ]
    return [*lines(rows), *([f"and {others:,} other places"] if others else [])] if rows else []


def _told_texts(told: Told) -> list[str]:
    rows = [
        ("→" if text["chosen"] else " ", text["origin"], f"distance {text['distance']}", quoted(text["text"]))
        for text in told["texts"]
    ]
    return [*lines(rows), f"chosen: {told['caption_reason']}"] if rows else ["nothing"]


def _told_fetch(told: Told) -> list[str]:
    robots, fetch, header = told["robots"], told["fetch"], told["header"]
    allowed = "allows" if robots.get("allowed") else "forbids"
    said = f"{robots.get('http_status') or robots.get('error')}, {robots.get('fetched_at')}"
    told_robots = [f"{robots['origin']}/robots.txt {allowed} it ({said})"] if robots else []
    if fetch["fetched_at"] is None:
        return [*told_robots, f"not asked for: {fetch['error']}"]
    moved = [f"redirected to {plain(fetch['final_url'])}"] if fetch["final_url"] not in (None, told["url"]) else []
    status = f"status {fetch['http_status']}" if fetch["http_status"] else None
    answer = ", ".join(filter(None, (fetch["error"] or "came", status, fetch["content_type"], fetch["fetched_at"])))
    size = f"{header['format']}, {header['width']} × {header['height']} pixels, orientation {header['orientation']}"
    found = [f"{size}, {header['image_bytes']:,} bytes, sha256 {header['sha256']}"] if header["format"] else []
    return [*told_robots, plain(answer), *moved, *found]


def _told_chain(told: Told) -> list[str]:
    """A line a link, its evidence behind it; the links it did not reach in one line."""
    rows = [(mark, link["link"], said) for link in told["chain"] if (mark := _mark(link)) for said in [_said(link)]]
    unreached = [link["link"] for link in told["chain"] if not _mark(link)]
    stale = [] if told["filter_finished"] else ["The filter has not finished: this is of before."]
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
