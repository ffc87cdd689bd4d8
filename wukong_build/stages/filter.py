"""The filter: every sample goes through the chain, and the ledger says why it stayed or went."""

from __future__ import annotations

from wukong_build.chain import Chain
from wukong_build.config import Config
from wukong_build.errors import StoreError
from wukong_build.executors import Executor
from wukong_build.stages import corpus, run_stage
from wukong_build.stages import crawl as crawl_stage
from wukong_build.stages.scores import PassStage, SurveyStage, bounds_of
from wukong_build.store import Store, fingerprint_of


def filter_samples(config: Config, store: Store, executor: Executor, *, measure_all: bool = False) -> None:
    """Bring scores and ledger up to date with the config.

    With `measure_all`, links that look at a single sample measure those that others dropped before as well.
    """
    _require_crawl(config, store)
    store.unfinish("filter")
    chain = config.filter
    fingerprints = chain.fingerprints()
    for passage in chain.passes():
        run_stage(PassStage(passage, chain, fingerprints, measure_all), store, executor)
        if passage.survey is not None:
            run_stage(SurveyStage(passage, chain, fingerprints), store, executor)
            corpus.merge(passage.survey, store, executor)
    _remove_leftovers(store, chain)
    store.finish("filter", made_from(config, store))


def made_from(config: Config, store: Store) -> str:
    """What decides the ledger: the samples, the links, their bounds."""
    links = config.filter.links.values()
    return fingerprint_of(store.digests("crawl/samples"), list(config.filter.fingerprints().items()), bounds_of(links))


def _require_crawl(config: Config, store: Store) -> None:
    found = store.finished("crawl")
    if found is None:
        raise StoreError(f"{store.url}: the crawl is not finished; run `wukong-build crawl` with this config first")
    if found != crawl_stage.made_from(config):
        raise StoreError(
            f"{store.url}: crawl.sources or crawl.opt_out have changed since the crawl; "
            "run `wukong-build crawl` with this config first"
        )


def _remove_leftovers(store: Store, chain: Chain) -> None:
    """Scores and surveys of links that the chain no longer has, and of parts that the crawl no longer has."""
    passes, parts = [str(passage.index) for passage in chain.passes()], set(store.parts("crawl/samples"))
    for index in passes:
        for name in set(store.parts(f"filter/scores/{index}")) - parts:
            store.delete_part(f"filter/scores/{index}", name)
    for folder, kept in (("filter/scores", passes), ("filter/state", passes[:-1]), ("filter/corpus", set(chain.links))):
        if store.fs.isdir(store.path(folder)):
            for path in store.fs.ls(store.path(folder), detail=False):
                if (name := path.rsplit("/", 1)[-1]) not in kept:
                    store.delete_stage(f"{folder}/{name}")
