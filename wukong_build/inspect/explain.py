"""One sample's whole story as plain data: where it stood, how it was fetched, what its owners wish, how it ended."""

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
from wukong_build.links import Bounds, Rewrite
from wukong_build.schema import FETCH_FACTS, LEDGER
from wukong_build.shards.members import PUBLIC, image_member, text_members
from wukong_build.sql import FIRST_OCCURRENCE, connect, in_utc, score_folders
from wukong_build.web.images import MOVED
from wukong_build.web.optout import OptOut
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
            "extra": sample["extra"] and msgspec.json.decode(sample["extra"]),
            "robots": _robots(connection, answers := _answers(connection, sample)),
            "answers": answers,
            "opt_out": _opt_out(run, connection, sample),
            "licences": sample["licences"] or [],
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
    query = f"SELECT page_url, depth, position, source, query FROM occurrences WHERE key = ? {FIRST_OCCURRENCE} LIMIT ?"  # noqa: S608  ours
    return connection.sql(query, params=(key, _PLACES)).to_arrow_table().to_pylist()  # type: ignore[no-any-return]


def _texts(sample: Told) -> list[Told]:
    """Its candidate texts; a chosen text may have been shortened, so `caption_found` is told with it."""
    chosen = next((text for text in sample["texts"] or () if _is_chosen(text, sample)), None)
    return [{**text, "chosen": text is chosen} for text in sample["texts"] or ()]


def _is_chosen(text: Told, sample: Told) -> bool:
    found = sample["caption_found"]
    return found is not None and text["origin"] == sample["caption_origin"] and found in text["text"]


def _answers(connection: duckdb.DuckDBPyConnection, sample: Told) -> list[Told]:
    """Every answer to a request for it, in their order, with the URL that was asked and which of them holds."""
    query = (
        "SELECT error, http_status, final_url, location, content_type, attempts, robots, fetched_at, "
        "part = ? AND part_row = ? AS holds FROM images WHERE key = ? ORDER BY TRY_CAST(part AS INTEGER), part_row"
    )
    found = connection.sql(query, params=(sample["part"], sample["image_row"], sample["key"]))
    answers: list[Told] = in_utc(found.to_arrow_table()).to_pylist()
    moved = [answer["location"] if answer["error"] == MOVED else None for answer in answers]
    return [{"asked": target or sample["url"], **answer} for target, answer in zip([None, *moved], answers, strict=False)]


def _robots(connection: duckdb.DuckDBPyConnection, answers: Sequence[Told]) -> list[Told]:
    """What the robots.txt of every host that it was asked of said last."""
    decisions = {origin_of(answer["asked"]): answer["robots"] for answer in answers if answer["robots"]}
    query = "SELECT error, http_status, fetched_at FROM robots WHERE origin = ? ORDER BY fetched_at DESC"
    return [{"origin": origin, "decision": said, **_one(connection, query, origin)} for origin, said in decisions.items()]


def _opt_out(run: Run, connection: duckdb.DuckDBPyConnection, sample: Told) -> list[Told]:
    """The signals that withhold it, the page that says so where one does, and whether the config obeys."""
    said = "SELECT unnest(opt_out) AS signal, page_url FROM occurrences WHERE key = ?"
    query = f"SELECT signal, min(page_url) FROM ({said}) GROUP BY signal"  # noqa: S608  ours
    pages = dict(connection.execute(query, (sample["key"],)).fetchall())
    signals = sample["opt_out"] or ()
    obeyed = msgspec.convert(run.config["crawl"].get("opt_out", {}), OptOut).obeyed(signals)
    return [{"signal": signal, "obeyed": signal in obeyed, "page_url": pages.get(signal)} for signal in signals]


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
        told |= {} if told["passed"] else {"missed": decision.missed_bounds(pa.array([score], pa.float64()))[0].as_py()}
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
