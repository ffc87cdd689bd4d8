"""A published dataset in figures: what a card, Croissant and a report say of it, counted from the run. No clock is asked."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import msgspec

from wukong_build.config import Config
from wukong_build.inspect.funnel import funnel
from wukong_build.links import AnyRewrite, Bounds
from wukong_build.shards import CardSettings
from wukong_build.shards.card import Captions, Dataset, Filtering, Signal
from wukong_build.sql import connect
from wukong_build.store import Store
from wukong_build.web.optout import SIGNALS
from wukong_build.web.sources import Search
from wukong_build.web.sources.base import labelled

PIECE = r"\p{Han}|[^\p{Han}\p{P}\p{S}\p{Z}\p{C}]+|[\p{P}\p{S}]"
"""One token, as BERT's basic tokenizer for Chinese cuts captions in lower case: a Han character, a sign, or a run of anything
else. Wukong's 20,442 unique tokens are of such a vocabulary; its WordPiece, which is not here, would cut runs further."""

_MOST = 10
"""Hosts and licences that are named; the others are counted."""

_HOST = "host_name(url)"

_UNMEASURED = {
    "near_duplicate": "Near-duplicates were not looked for.",
    "sensitive_words": "Captions were not searched for sensitive words.",
    "person_names": "Names of persons were not masked.",
    "contact_mask": "Telephone numbers, mail addresses and the like were not masked.",
    "identity_numbers": "Numbers of identity cards, passports and licence plates were not masked.",
}
"""Link → what must be said where the chain has none such."""

_FACES = {
    False: "Faces were not blurred.",
    True: "Faces were blurred where they were found; some are missed, the small, the turned and the covered most of all.",
}
"""By whether that was asked for."""

_LIMITS = (
    "No model judged the pictures for nudity or violence, for watermarks, or for how well a caption fits.",
    "Captions are what pages offer: alt texts, titles, texts beside a picture. They may be wrong.",
    "Licences are what pages name; nobody checked whether they hold for the picture.",
    "Opt-outs are those that machines can read, as of when the crawl last asked; terms of use were not read.",
    "Pages of some hosts are many and of others few: what the web shows often, the dataset shows often.",
)


def described(config: Config, store: Store) -> Dataset:
    """What is published, and how it came about."""
    links, kinds = config.filter.links, {score.name: score.type for score in config.filter.published()}
    steps = funnel(store, [name for name, link in links.items() if isinstance(link, Bounds)])
    with connect(store) as connection:
        return Dataset(
            name=config.run.rstrip("/").rsplit("/", 1)[-1],
            settings=config.shard.card,
            **_published(connection, store),
            funnel=steps.to_pylist(),
            links=list(_filterings(config)),
            sources=list(labelled(config.crawl.sources)),
            permissions={
                source.recipe.title: source.permission
                for source in config.crawl.sources
                if isinstance(source, Search) and source.permission
            },
            opt_outs=list(_opt_outs(config, connection)),
            refused_by_robots=_counts(
                connection,
                "SELECT error, count(*) FROM samples WHERE error IN ('robots', 'robots_unreachable') GROUP BY 1",
            ),
            splits=list(config.shard.splits),
            resize=config.shard.resize,
            blur_faces=config.shard.blur_faces,
            scores={name: kinds[name] for name in config.shard.scores},
            limits=[
                *(said for link, said in _UNMEASURED.items() if link not in links),
                _FACES[config.shard.blur_faces],
                *_LIMITS,
            ],
        )


def described_alone(name: str, sources: Sequence[str], store: Store) -> Dataset:
    """Shards without a run around them, made from those of some datasets: how these came about only their own cards know."""
    with connect(store) as connection:
        return Dataset(
            name=name,
            settings=CardSettings(),
            **_published(connection, store),
            funnel=[],
            links=[],
            sources=list(sources),
            permissions={},
            opt_outs=[],
            refused_by_robots={},
            limits=list(_LIMITS),
        )


def _published(connection: duckdb.DuckDBPyConnection, store: Store) -> dict[str, Any]:
    """What manifests tell."""
    return {
        "made_by": f"wukong-build {importlib.metadata.version('wukong-build')}",
        "shard_count": len(store.parts("shards")),
        **_totals(connection),
        "formats": _counts(connection, "SELECT format, count(*) FROM manifest GROUP BY 1"),
        "captions": captions(connection),
        "hosts": _counts(connection, f"SELECT {_HOST}, count(*) FROM manifest GROUP BY 1", _MOST),  # noqa: S608  ours
        "origins": _counts(connection, "SELECT coalesce(caption_origin, 'none'), count(*) FROM manifest GROUP BY 1"),
        "licences": _counts(
            connection,
            "SELECT url, count(*) FROM (SELECT DISTINCT key, unnest(licences).url AS url FROM manifest) GROUP BY 1",
            _MOST,
        ),
    }


def _totals(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What is counted over all published samples."""
    counted = connection.sql(
        "SELECT count(*) AS sample_count, coalesce(sum(image_bytes), 0)::BIGINT AS image_bytes, "  # noqa: S608  ours
        f"count(DISTINCT {_HOST}) AS host_count, count(*) FILTER (len(licences) > 0) AS licensed FROM manifest"
    )
    totals: dict[str, Any] = dict(zip(counted.columns, counted.fetchall()[0], strict=True))
    for name, column in (("unique_images", "sha256"), ("unique_captions", "caption")):  # grouped, which can be spilled
        (totals[name],) = connection.execute(f"SELECT count(*) FROM (SELECT DISTINCT {column} FROM manifest)").fetchall()[0]  # noqa: S608
    sides = "SELECT least(width, height), count(*) FROM manifest GROUP BY 1 ORDER BY 1"
    return totals | {"median_shorter_side": _median(connection.execute(sides).fetchall(), totals["sample_count"])}


def captions(connection: duckdb.DuckDBPyConnection) -> Captions:
    """The captions in the paper's form: how many tokens there are, and tokens a caption."""
    tokens = "(SELECT regexp_extract_all(lower(caption), ?) AS found FROM manifest)"
    lengths = connection.execute(f"SELECT len(found), count(*) FROM {tokens} GROUP BY 1 ORDER BY 1", (PIECE,)).fetchall()  # noqa: S608  ours
    ((unique,),) = connection.execute(
        f"SELECT count(DISTINCT token) FROM (SELECT unnest(found) AS token FROM {tokens})",  # noqa: S608  as above
        (PIECE,),
    ).fetchall()
    return captions_of(dict(lengths), unique)


def captions_of(lengths: Mapping[int, int], unique: int) -> Captions:
    """The figures of captions of which so many have each number of tokens; exact, so that they depend on no order of summing."""
    count = sum(lengths.values())
    total = sum(length * captions for length, captions in lengths.items())
    squares = sum(length**2 * captions for length, captions in lengths.items())
    variance = (squares * count - total**2) / count**2 if count else 0
    return Captions(
        tokens=total,
        unique_tokens=unique,
        mean=round(total / count, 1) if count else 0,
        standard_deviation=round(variance**0.5, 1),
        median=_median(sorted(lengths.items()), count),
    )


def _median(lengths: Sequence[tuple[int, int]], count: int) -> float:
    """The mean of the one or two captions in the middle."""

    def at(place: int) -> int:
        for length, captions in lengths:
            place -= captions
            if place < 0:
                return length
        return 0

    return (at((count - 1) // 2) + at(count // 2)) / 2 if count else 0


def _counts(connection: duckdb.DuckDBPyConnection, query: str, most: int = 1000) -> dict[str, int]:
    """Name → count, the largest first; `most` of them."""
    return dict(connection.execute(f"{query} ORDER BY 2 DESC, 1 LIMIT {most}").fetchall())


def _filterings(config: Config) -> Iterator[Filtering]:
    """Every link of the chain, with what it was set to."""
    for name, link in config.filter.links.items():
        kind = "filter" if isinstance(link, Bounds) else "rewrite" if isinstance(link, AnyRewrite) else "measure"
        yield Filtering(name=name, kind=kind, meaning=link.meaning, settings=msgspec.to_builtins(link))


def _opt_outs(config: Config, connection: duckdb.DuckDBPyConnection) -> Iterator[Signal]:
    """Every way of opting out: whether the config obeys it, and what came of the samples that carry it."""
    carried = "SELECT DISTINCT key, split_part(unnest(opt_out), ':', 1) AS name FROM samples"
    found = connection.execute(
        "SELECT name, count(*), count(*) FILTER (manifest.key IS NULL) "  # noqa: S608  ours
        f"FROM ({carried}) AS carried LEFT JOIN manifest USING (key) GROUP BY 1"
    ).fetchall()
    counts = {name: (samples, withheld) for name, samples, withheld in found}
    obeyed: Any = config.crawl.opt_out
    for name, meaning in SIGNALS.items():
        samples, unpublished = counts.get(name, (0, 0))
        yield Signal(name=name, meaning=meaning, obeyed=bool(obeyed.obeyed((name,))), samples=samples, unpublished=unpublished)
