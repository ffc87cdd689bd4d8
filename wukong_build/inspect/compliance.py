"""What two regulators ask of training data, as far as a run knows it; what it does not know is a blank for people to fill in.

GB/T 45654-2025 (basic security requirements for generative AI services, China) and the template for the public summary of
training content (Article 53(1)(d) of the AI Act, European Union). The report lays figures beside what is asked; it is no
legal advice, judges nothing, and what it leaves blank is not thereby fulfilled.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from wukong_build import resources
from wukong_build.chinese.words import entries
from wukong_build.config import Config, parse_config
from wukong_build.errors import ConfigError, StoreError
from wukong_build.inspect.described import described
from wukong_build.inspect.run import Run
from wukong_build.shards.card import Dataset
from wukong_build.shards.markdown import cell, of, table
from wukong_build.sql import connect, in_utc
from wukong_build.store import new_folder

_PREFACE = (
    "What stands here was counted; blanks are for people to fill in. This is no legal advice: whether a duty is fulfilled is "
    "for you to judge."
)

SAMPLED = 4000
"""Pieces that GB/T 45654-2025 has people look at, at least."""

BLANK = "________ *(not known to this program: fill in)*"

_WORDS, _WORDS_A1, _WORDS_A2 = 10_000, 200, 100
"""Keywords that the standard asks for: in all, of each kind in its list A.1, of each kind in A.2."""

_ILLEGAL_SHARE, _PASS_BY_HAND, _PASS_BY_MACHINE, _SHARE_BY_MACHINE = 0.05, 0.96, 0.98, 0.10
"""A source with more illegal content is not to be used; shares that must pass; share that machines must look at."""

_BEHAVIOUR = (
    "robots.txt is held to, of pages as of images; delays for each host, slower where it pushes back; a search stops at a "
    "captcha; nobody logs in or pays"
)

_DOMAINS = (
    "the upper 10 % by bytes of published pictures, and whether they are within the 5 % or 1,000 that small and medium "
    "enterprises name; hosts, not registered domains"
)

_PERSONAL = ("person_names", "contact_mask", "contact_details", "identity_numbers", "face_count")
"""Links that have to do with persons."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would reckon out: strangers' words are never to be that."""


def write_compliance(run: Run, into: str, samples: int = SAMPLED, seed: int = 0) -> None:
    """Write `report.md`, `sampling.csv`, `hosts.csv` and `domains.csv` into the new folder `into`.

    `samples` published samples are drawn by the smallest hashes of seed and key. ConfigError where the folder is there already:
    sheets that people have filled in are never overwritten. StoreError where the shards are not those of the ledger.
    """
    if samples < 1:
        raise ConfigError(f"--samples: found {samples}; 1 or more are meant, {SAMPLED} as the standard has it")
    if (made := run.store.finished("shard")) is None or made != run.store.finished("filter"):
        raise StoreError(
            f"{run.store.url}: the shards are not those of its ledger; run `wukong-build shard` with its config first"
        )
    config = parse_config(run.config, where=f"{run.store.url}/run.yaml")
    dataset = described(config, run.store)
    with new_folder(into) as folder, connect(run.store) as connection:
        connection.execute(
            "CREATE TEMP TABLE drawn AS SELECT key FROM manifest ORDER BY md5('drawn:' || ? || ':' || key), key LIMIT ?",
            (seed, samples),
        )
        drawn = _write_sampling(connection, folder / "sampling.csv")
        hosts = _write_hosts(connection, folder / "hosts.csv")
        domains = _write_domains(connection, folder / "domains.csv", dataset)
        blocks = [
            f"# Training data of {cell(dataset.title)}: figures for regulators",
            f"Made with {dataset.made_by} from the run {cell(run.store.url)}. {_PREFACE}",
            *_china(
                config,
                dataset,
                connection,
                hosts,
                f"{of(drawn, dataset.sample_count)} drawn into `sampling.csv` by the seed {seed}",
            ),
            *_europe(config, dataset, connection, domains),
        ]
        (folder / "report.md").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _write_sampling(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """The sheet on which people note what they think of each sample drawn; returns how many there are."""
    rows = connection.execute(
        "SELECT key, manifest.part, caption, url, page_url FROM drawn JOIN manifest USING (key) ORDER BY manifest.part, part_row"
    ).fetchall()
    header = ["number", "key", "shard", "caption", "url", "page_url"]
    blanks = ["passes (yes/no)", "kind of risk (A.1 to A.5)", "checked by", "checked on", "remark"]
    _write(path, [*header, *blanks], ([number, *row, *([""] * len(blanks))] for number, row in enumerate(rows, 1)))
    return len(rows)


def _write_hosts(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """One row for every host that pictures came from, with room for what people find of it; returns how many there are."""
    rows = connection.execute(
        "SELECT host_name(samples.url), count(*), count(*) FILTER (kept), count(*) FILTER (dropped_by = 'sensitive_words'), "
        "count(drawn.key) FROM samples JOIN ledger USING (key) LEFT JOIN drawn USING (key) GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    header = ["host", "samples seen", "samples published", "dropped for sensitive words", "in sampling.csv"]
    blanks = ["illegal among those looked at", "share", "to be used (yes/no)"]
    _write(path, [*header, *blanks], ([*row, *([""] * len(blanks))] for row in rows))
    return len(rows)


def _write_domains(connection: duckdb.DuckDBPyConnection, path: Path, dataset: Dataset) -> int:
    """The tenth of the hosts that most content comes from, by bytes of published pictures; returns how many there are."""
    most = math.ceil(dataset.host_count / 10)
    rows = connection.execute(
        "SELECT host_name(url) AS host, count(*), sum(image_bytes)::BIGINT FROM manifest GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT ?",
        (most,),
    ).fetchall()
    few = min(math.ceil(dataset.host_count / 20), 1000)
    listed = ([rank, *row, "yes" if rank <= few else "no"] for rank, row in enumerate(rows, 1))
    _write(path, ["rank", "host", "samples published", "bytes of images", "within 5 % or 1,000"], listed)
    return len(rows)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A sheet that spreadsheets open as it is meant: Chinese by its mark of UTF-8, and no cell a formula."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([_inert(value) for value in row] for row in rows)


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _china(config: Config, dataset: Dataset, connection: duckdb.DuckDBPyConnection, hosts: int, drawn: str) -> Iterator[str]:
    """What GB/T 45654-2025 asks, point by point."""
    first, last = _period(connection)
    links = config.filter.links
    yield "## GB/T 45654-2025: security of training data"
    yield "### Sources"
    yield table(
        ("asked", "known"),
        [
            (
                f"Sources with more than {_ILLEGAL_SHARE:.0%} illegal content are not used",
                f"{hosts} hosts in `hosts.csv`, with what was seen of each; what people find of it: {BLANK}",
            ),
            ("Records of collection", f"`crawl/` of the run has every request with its answer and time, {first} to {last}"),
            (
                "Nothing is collected that robots.txt forbids",
                f"{_total(dataset.refused_by_robots)} pictures and {_refused_pages(connection)} pages not asked for: robots.txt "
                "forbade it or could not be had" + _permissions(dataset),
            ),
            (
                "Licences of open data, contracts for bought data",
                f"named by the pages of {_licensed(dataset)}; contracts: {BLANK}",
            ),
            (
                "Mixture of sources at home and abroad",
                f"by the ends of host names: {_endings(connection)}; where they stand: {BLANK}",
            ),
        ],
    )
    yield "### Content"
    yield table(
        ("asked", "known"),
        [
            (
                f"People look at {SAMPLED} pieces or more, drawn at random, of which {_PASS_BY_HAND:.0%} or more pass",
                f"{drawn}; passed: {BLANK}",
            ),
            (
                f"Keywords and classifiers look at {_SHARE_BY_MACHINE:.0%} or more, of which {_PASS_BY_MACHINE:.0%} or more pass",
                f"{_by_words(config, connection)}; pictures: no classifier looked at any, {BLANK}",
            ),
            *_word_lists(config),
            (
                "Personal information is used with consent",
                "links of the chain: "
                + (", ".join(f"`{name}`" for name in _PERSONAL if name in links) or "none")
                + f"; pictures: {'faces that were found are blurred' if config.shard.blur_faces else 'nothing was blurred'}"
                + f"; consent: {BLANK}",
            ),
            ("Whoever answers for intellectual property, and a way to complain", config.shard.card.url or BLANK),
        ],
    )


def _europe(config: Config, dataset: Dataset, connection: duckdb.DuckDBPyConnection, domains: int) -> Iterator[str]:
    """What the Commission's template asks, section by section."""
    first, last = _period(connection)
    kinds = Counter(source.split(":")[1] for source in dataset.sources)
    lists = [source for source in dataset.sources if source.split(":")[1] in {"urls", "warc"}]
    crawled = [source for source in dataset.sources if source.split(":")[1] in {"pages", "search"}]
    yield "## European Union: public summary of training content"
    yield "### 1. General information"
    yield table(
        ("asked", "known"),
        [
            ("Provider, authorised representative", config.shard.card.creator or BLANK),
            ("Model, and when it is placed on the market", BLANK),
            ("Modalities", "image and text"),
            (
                "Size",
                f"{dataset.sample_count} images of {dataset.image_bytes} bytes; captions of {dataset.captions.tokens} tokens",
            ),
            ("Types of content", f"pictures of the web with their captions; more: {BLANK}"),
            ("Latest date of acquisition", last),
            ("Languages", f"Chinese{'' if 'language' in config.filter.links else ', which no link has checked'}"),
        ],
    )
    yield "### 2. Sources"
    yield table(
        ("asked", "known"),
        [
            ("2.1 Publicly available datasets", _named(lists) or "none among the sources of the run"),
            ("2.2 Data licensed or obtained from third parties", BLANK),
            ("2.3 Data crawled and scraped", _named(crawled) or "none among the sources of the run"),
            ("— crawlers", cell(config.crawl.user_agent)),
            ("— purpose", BLANK),
            ("— behaviour", _BEHAVIOUR),
            ("— period", f"{first} to {last}"),
            (
                "— content and kinds of sources",
                f"{', '.join(f'{kind}: {count}' for kind, count in kinds.items())}; more: {BLANK}",
            ),
            ("— domains with most content", f"`domains.csv`: {domains} of {dataset.host_count} hosts; {_DOMAINS}"),
            ("2.4 User data", BLANK),
            ("2.5 Synthetic data", f"this program makes none; whether pages showed generated pictures: {BLANK}"),
            ("2.6 Other sources", BLANK),
        ],
    )
    yield "### 3. Processing"
    yield "3.1 Reservations of rights: robots.txt as above, and these signals."
    yield table(
        ("signal", "obeyed", "samples with it", "of these not published"),
        [
            (f"`{each.name}`", "yes" if each.obeyed else "only recorded", each.samples, each.unpublished)
            for each in dataset.opt_outs
        ],
    )
    yield f"Other measures to hold to copyright: {BLANK}"
    yield f"3.2 Illegal content: {_by_words(config, connection)}. Other measures: {BLANK}"
    yield "3.3 Other processing, step by step, with what each dropped:"
    yield table(
        ("step", "seen", "dropped", "left"),
        [(f"`{row['step']}`", row["seen"], row["dropped"], row["left"]) for row in dataset.funnel],
    )


def _period(connection: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    """Month and year of the first and the last answer."""
    answers = "SELECT fetched_at FROM pages UNION ALL SELECT fetched_at FROM images"
    found = in_utc(connection.sql(f"SELECT min(fetched_at) AS a, max(fetched_at) AS b FROM ({answers})").to_arrow_table())  # noqa: S608
    ((first, last),) = (row.values() for row in found.to_pylist())
    return (f"{first:%m/%Y}", f"{last:%m/%Y}") if first else ("no answer has a time", "no answer has a time")


def _refused_pages(connection: duckdb.DuckDBPyConnection) -> int:
    query = "SELECT count(*) FROM visits WHERE decision IN ('robots', 'robots_unreachable')"
    ((count,),) = connection.execute(query).fetchall()
    return int(count)


def _endings(connection: duckdb.DuckDBPyConnection) -> str:
    """The most frequent last labels of hosts of published pictures."""
    query = (
        "SELECT regexp_extract(host_name(url), '[^.]*$') AS ending, count(*) FROM manifest GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"
    )
    return ", ".join(f".{cell(ending)}: {count}" for ending, count in connection.execute(query).fetchall()) or "no host"


def _by_words(config: Config, connection: duckdb.DuckDBPyConnection) -> str:
    """What the lists of words came to, and on how many captions."""
    if "sensitive_words" not in config.filter.links:
        return "captions: no list of words was held against them"
    ((looked, hit),) = connection.execute(
        "SELECT count(sensitive_words), count(*) FILTER (sensitive_words > 0) FROM scores"
    ).fetchall()
    ((published, left),) = connection.execute(
        "SELECT count(*), count(*) FILTER (scores.sensitive_words > 0) FROM manifest JOIN scores USING (key)"
    ).fetchall()
    return (
        f"captions: lists of words were held against {looked}, {hit} had a hit; "
        f"of those published {of(published - left, published)} have none"
    )


def _word_lists(config: Config) -> Iterator[tuple[str, str]]:
    """How many words the lists have, by category."""
    asked = (
        f"A list of {_WORDS} keywords or more, {_WORDS_A1} or more of each kind in A.1 and {_WORDS_A2} of each in A.2, "
        "seen to every week"
    )
    link = config.filter.links.get("sensitive_words")
    names = link.resources() if link else ()
    words = {entry for name in names for entry in entries(name, resources.read_text(name)) if entry.category}
    kinds = Counter(entry.category for entry in words)
    told = ", ".join(f"{cell(kind)}: {count}" for kind, count in sorted(kinds.items()))
    yield asked, f"{len({entry.word for entry in words})} words ({told or 'none'}); which kinds of A.1 and A.2 these are: {BLANK}"


def _named(sources: Sequence[str]) -> str:
    return "; ".join(f"`{source}`" for source in sources)


def _permissions(dataset: Dataset) -> str:
    return "".join(f"; {cell(engine)} by permission: {cell(said)}" for engine, said in dataset.permissions.items())


def _licensed(dataset: Dataset) -> str:
    return f"{of(dataset.licensed, dataset.sample_count)} published samples"


def _total(counts: dict[str, int]) -> int:
    return sum(counts.values())
