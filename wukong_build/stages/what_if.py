"""What other bounds would keep, by the scores that are there: a threshold is chosen before anything is changed.

Measures nothing and writes nothing. Scores of links over the whole corpus stand as the last filter left them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.chain import Chain, Mask, Verdict, verdict
from wukong_build.config import Config
from wukong_build.errors import ConfigError, StoreError, listed, nearest
from wukong_build.links import Bounds
from wukong_build.stages.scores import read_scores
from wukong_build.store import Store

SCHEMA = pa.schema({"value": pa.float64(), "kept": pa.int64(), "dropped": pa.int64(), "unknown": pa.int64()})

_LEDGER = "filter/ledger"
_ENDS = ("at_least", "at_most")


def what_if(store: Store, config: Config, bound: str, values: Sequence[float]) -> pa.Table:
    """One row a value of the bound `link.at_least` or `link.at_most`: samples it would keep and drop, and those it cannot know.

    ConfigError where the chain has no such link or bound, StoreError where the scores are not those of this chain.
    """
    name, _, side = bound.rpartition(".")
    link = config.filter.links.get(name.removeprefix("filter."))
    if not isinstance(link, Bounds) or side not in _ENDS:
        known = [f"{each}.{end}" for each, found in config.filter.links.items() if isinstance(found, Bounds) for end in _ENDS]
        raise ConfigError(f"--what-if: found {bound!r}, no bound of this chain{nearest(bound, known)}; there are {listed(known)}")
    chain = Chain({**config.filter.links, link.name(): msgspec.structs.replace(link, **{side: values[0]})})  # bounded for sure
    _require_scores(store, config)
    counts = np.zeros((len(values), 3), np.int64)
    for part in store.parts(_LEDGER):
        counts += _of_part(store, part, chain, [msgspec.structs.replace(link, **{side: value}) for value in values])
    return pa.table([pa.array(values, pa.float64()), *(pa.array(column) for column in counts.T)], schema=SCHEMA)


def _require_scores(store: Store, config: Config) -> None:
    """Scores of another chain would answer another question."""
    from wukong_build.inspect.run import open_run

    measured = Chain.parse(open_run(store.url).config["filter"], "run.yaml: filter") if store.finished("filter") else Chain()
    if measured.fingerprints() != config.filter.fingerprints():
        raise StoreError(f"{store.url}: the scores are not those of this config; run `wukong-build filter` with it first")


def _of_part(store: Store, part: str, chain: Chain, links: Sequence[Bounds]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Kept, dropped and unknown of one part, for each of the links, which differ in a bound alone."""
    scores = read_scores(store, part, len(chain.passes()), chain.scores())
    failed = pc.starts_with(store.read(_LEDGER, part, ["dropped_by"])["dropped_by"], "fetch:")
    out = pc.fill_null(failed, fill_value=False).to_numpy().astype(bool)
    known = np.ones(len(out), bool)
    for name, other in chain.bounded().items():
        if name != links[0].name():
            told = verdict(other, scores)
            out, known = out | told.out, known & told.known
    return np.array([_counts(out, known, verdict(link, scores)) for link in links])


def _counts(out: Mask, known: Mask, own: Verdict) -> tuple[int, int, int]:
    dropped = out | own.out
    kept = ~dropped & known & own.known
    return int(kept.sum()), int(dropped.sum()), int((~dropped & ~kept).sum())
