"""The command line: parse, load the config, call. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from wukong_build.errors import ConfigError, EngineMoved, WukongError

_STAGES = {
    "crawl": "fetch what the config's sources name: pages, the pairs on them, the images",
    "filter": "send every sample through the chain and write the ledger: kept, or dropped by what",
    "shard": "publish the kept samples as WebDataset tars with a Parquet manifest beside each",
    "run": "crawl, filter and shard, in this order",
}
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_HOW_TO_GO_ON = "A command that was stopped or killed goes on where it was when it is given again."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0 all is well, 1 a part failed, 2 the config or the usage is wrong."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        format="%(message)s", stream=sys.stderr, level=logging.DEBUG if options.verbose else logging.WARNING, force=True
    )
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("wukong_build").setLevel(logging.DEBUG if options.verbose else logging.INFO)
    sys.path.insert(0, "")  # a filter of the user's own, `module:ClassName`, may lie where the command runs
    try:
        options.command(options)
    except WukongError as error:
        print(f"wukong-build: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("\nwukong-build: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `wukong-build inspect … | head`
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wukong-build",
        description="Build a Chinese image-text dataset: crawl, filter, shard. "
        "Every sample ever seen keeps a row that says why it stayed or went.",
        epilog=_HOW_TO_GO_ON,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {importlib.metadata.version('wukong-build')}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-v", "--verbose", action="store_true", help="say more on stderr, tracebacks of failed parts included")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, what: str, command: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=_HOW_TO_GO_ON, parents=[common]
        )
        added.set_defaults(command=command, name=name)
        return added

    for name, what in _STAGES.items():
        _add_stage_arguments(add(name, what, _run), name)
    inspect = add("inspect", "show what a run holds: funnel, pages, captions, shards", _inspect)
    inspect.add_argument("run", metavar="RUN", help="directory or URL of the run (the config's `run:`)")
    inspect.add_argument(
        "--sql",
        metavar="QUERY",
        help="answer one SELECT over the run's tables: pages, pairs, samples, scores, ledger, manifest …",
    )
    inspect.add_argument(
        "--sheet", metavar="FILE.html", help="write a self-contained page with kept and dropped pictures, captions and reasons"
    )
    inspect.add_argument(
        "--duplicates", action="store_true", help="show the clusters of duplicates: sizes, distances, and the biggest ones"
    )
    inspect.add_argument("--json", action="store_true", help="print rows as JSON, one object a line")
    explain = add(
        "explain",
        "tell one sample's whole story, from the page it came from to the shard it is in or the bound it missed",
        _explain,
    )
    explain.add_argument("run", metavar="RUN", help="directory or URL of the run")
    explain.add_argument("key", metavar="KEY", help="the sample's key, the beginning of it, or the URL of its image")
    explain.add_argument("--json", action="store_true", help="print it as one JSON object")
    _add_engines(add("engines", "list search engines, show a recipe, or try it against its engine", _engines))
    _add_queries(add("queries", "rank Chinese words and phrases by how often they are used, to search for them", _queries))
    init = add("init", "write a commented config to start from", _init)
    init.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        default="wukong.yaml",
        help="where to (default: %(default)s); an existing file is never overwritten",
    )
    demo = add("demo", "build a small dataset from a web site of its own on this machine, and show what came of it", _demo)
    demo.add_argument("--run", default="data/demo", help="where the run goes (default: %(default)s)")
    return parser


def _add_engines(engines: argparse.ArgumentParser) -> None:
    """What `engines` is given."""
    engines.add_argument("what", choices=("list", "show", "check"), metavar="list|show|check")
    engines.add_argument("engine", metavar="NAME", nargs="?", help="a recipe that ships, or the path of one of your own")
    engines.add_argument("--query", default="红玫瑰", help="what to search for (default: %(default)s)")
    engines.add_argument("--config", help="a config whose manners and contact, and whose source with this engine, are to hold")
    engines.add_argument("--base", metavar="URL", help="where the engine is, if not where its recipe says")
    engines.add_argument("--permission", metavar="WHOSE", help="who allowed you to ask where robots.txt forbids it")


def _add_queries(queries: argparse.ArgumentParser) -> None:
    """What `queries` is given."""
    from wukong_build.chinese.queries import AT_MOST, KINDS

    queries.add_argument(
        "lists",
        metavar="LIST",
        nargs="*",
        default=["jieba"],
        help="files with `word count` in each line, or Parquet with such columns; `jieba` is its dictionary (the default)",
    )
    queries.add_argument("--top", type=int, default=AT_MOST, metavar="N", help="the N most used (default: %(default)s)")
    queries.add_argument("--shortest", type=int, default=2, metavar="N", help="characters at least (default: %(default)s)")
    queries.add_argument("--longest", type=int, default=12, metavar="N", help="characters at most (default: %(default)s)")
    queries.add_argument(
        "--kinds",
        default=",".join(KINDS),
        help="parts of speech, as jieba has them, where a list tells them; `all` for any (default: %(default)s)",
    )
    queries.add_argument("--out", metavar="FILE", help="write a Parquet file if it is called so, else lines; default: stdout")


def _add_stage_arguments(stage: argparse.ArgumentParser, name: str) -> None:
    """What crawl, filter, shard and run are given."""
    stage.add_argument(
        "config", metavar="CONFIG", help="the YAML file that says everything; `wukong-build init` writes one to start from"
    )
    stage.add_argument(
        "--set",
        dest="overrides",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="lay a value over a key of the config, as in filter.aspect_ratio.at_most=2.5; may be given again",
    )
    if name in ("crawl", "run"):
        stage.add_argument(
            "--retry",
            metavar="CLASS,…",
            default="",
            help="ask once more for what failed in an earlier crawl with one of these classes, as in timeout,dns,5xx; the funnel "
            "has them as fetch:timeout …",
        )
        stage.add_argument(
            "--refresh",
            metavar="AGE",
            type=_age,
            help="ask once more for pages and images that were answered longer ago than this many days, hours or minutes, as in "
            "30d, 12h, 45m, 0d; what has not changed is not sent again, and what does not answer now stays as it was",
        )
    if name in ("filter", "run"):
        stage.add_argument(
            "--measure-all",
            action="store_true",
            help="let every link that looks at a single sample measure also what others have dropped before it",
        )
    if name == "filter":
        stage.add_argument(
            "--what-if",
            metavar="BOUND=VALUE,…",
            type=_supposed,
            help="print how many samples would stay with other values of a bound, as in aspect_ratio.at_most=2,2.5,3, by the "
            "scores that are there, and how many cannot be known without measuring; changes nothing",
        )
    stage.add_argument("--json", action="store_true", help="print the funnel as JSON, one object a line")


def _age(text: str) -> dt.timedelta:
    """A time span as users write it: a number with d, h or m. ArgumentTypeError where it is none."""
    match = re.fullmatch(r"([0-9]{1,5}(?:\.[0-9]+)?)([dhm])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"found {text!r}; days, hours or minutes are meant, as in 30d, 12h, 45m")
    return dt.timedelta(**{_UNITS[match[2]]: float(match[1])})


def _supposed(text: str) -> tuple[str, list[float]]:
    """A bound and some values for it. ArgumentTypeError where it is none."""
    bound, _, values = text.partition("=")
    try:
        return bound.strip(), [float(value) for value in values.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"found {text!r}; a bound and numbers are meant, as in aspect_ratio.at_most=2,2.5,3"
        ) from None


def _stop(*_: object) -> NoReturn:
    """End at once, as a killed command does: what is done is done, and workers end with their parent."""
    try:
        os.write(2, f"\nwukong-build: interrupted. {_HOW_TO_GO_ON}\n".encode())
    finally:  # also where nobody reads stderr any more
        os._exit(130)


def _run(options: argparse.Namespace) -> None:
    from wukong_build.executors import prepare_process

    prepare_process()  # before the imports, which make more objects than anything after them
    from wukong_build.config import load_config
    from wukong_build.inspect.summary import funnel_text, rows_json, rows_text
    from wukong_build.pipeline import STAGES, run, what_if

    config = load_config(options.config, options.overrides)
    if getattr(options, "what_if", None):
        table = what_if(config, *options.what_if)
        print(rows_json(table) if options.json else rows_text(table))
        return
    signal.signal(signal.SIGINT, _stop)
    retry = [name for name in getattr(options, "retry", "").split(",") if name]
    done = run(
        config,
        STAGES if options.name == "run" else (options.name,),
        retry=retry,
        refresh=getattr(options, "refresh", None),
        measure_all=getattr(options, "measure_all", False),
    )
    if options.json:
        print(rows_json(done.funnel()))
    elif options.name != "crawl":
        print(funnel_text(done.funnel(), done.measured()))


def _inspect(options: argparse.Namespace) -> None:
    from wukong_build.inspect.duplicates import clusters, duplicates_text
    from wukong_build.inspect.run import open_run
    from wukong_build.inspect.sheet import write_sheet
    from wukong_build.inspect.summary import rows_json, rows_text, summary

    run = open_run(options.run)
    if options.sql is not None:
        table = run.sql(options.sql)
        print(rows_json(table) if options.json else rows_text(table))
    if options.duplicates:
        print(rows_json(clusters(run)) if options.json else duplicates_text(run))
    if options.sheet:
        write_sheet(run, Path(options.sheet))
        print(options.sheet)
    if options.sql is None and not (options.duplicates or options.sheet):
        print(rows_json(run.funnel()) if options.json else summary(run))


def _explain(options: argparse.Namespace) -> None:
    from wukong_build.inspect.explain import explain
    from wukong_build.inspect.run import open_run
    from wukong_build.inspect.story import story

    told = explain(open_run(options.run), options.key)
    print(json.dumps(told, ensure_ascii=False, default=str) if options.json else story(told))


def _engines(options: argparse.Namespace) -> None:
    from wukong_build.web.engine import Engine, recipe_text, shipped

    if options.what == "list":
        for name in shipped():
            engine = Engine.load(name)
            verified = f"verified {engine.verified}" if engine.verified else "unverified"
            print(f"{name:10s} {verified:20s} shape last known {engine.known}  {engine.title}  {engine.base or 'base: yours'}")
        return
    if options.engine is None:
        raise ConfigError(f"engines {options.what}: the name of an engine is meant; there are {', '.join(shipped())}")
    if options.what == "show":
        print(recipe_text(options.engine), end="")
        return
    _check_engine(options)


def _check_engine(options: argparse.Namespace) -> None:
    import asyncio

    import msgspec

    from wukong_build.config import CrawlSettings, load_config
    from wukong_build.web.engine_check import tried
    from wukong_build.web.sources import Search

    crawl = load_config(options.config).crawl if options.config else CrawlSettings()
    configured = (source for source in crawl.sources if isinstance(source, Search) and source.engine == options.engine)
    search = next(configured, Search(engine=options.engine, queries=""))
    said = {name: value for name in ("base", "permission") if (value := getattr(options, name)) is not None}
    manners, search = crawl.manners(images=False), msgspec.structs.replace(search, **said)
    try:
        manners.require_contact([urlsplit(url).hostname or "" for url in search.starts()])
    except ConfigError as error:
        raise ConfigError(f"engines check: --config: crawl.user_agent: {error}") from None
    found = asyncio.run(tried(search, manners, options.query))
    print("\n".join(found.lines))
    if not found.is_well:
        raise EngineMoved(f"{options.engine}: the engine does not answer as the recipe says")
    print(f"as the recipe says; `verified: {dt.datetime.now(dt.UTC).date()}` may be written into it")


def _queries(options: argparse.Namespace) -> None:
    import pyarrow.parquet as pq

    from wukong_build.chinese.queries import ranked

    kinds = None if options.kinds == "all" else options.kinds.split(",")
    table = ranked(options.lists, options.top, shortest=options.shortest, longest=options.longest, kinds=kinds)
    text = "".join(f"{query}\t{weight:.3g}\n" for query, weight in zip(*table.to_pydict().values(), strict=True))
    if options.out is None:
        print(text, end="")
        return
    try:
        if options.out.endswith(".parquet"):
            pq.write_table(table, options.out)
        else:
            Path(options.out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{options.out}: cannot be written: {error.strerror or error}; name another path") from error
    print(f"{options.out}: {len(table)} queries", file=sys.stderr)


def _init(options: argparse.Namespace) -> None:
    from wukong_build.config import recipe_path

    path = Path(options.path)
    if path.exists():
        raise ConfigError(f"{path}: is there already, and is not overwritten; name another path")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Path(recipe_path("init")).read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; name another path") from error
    print(f"{path}: write your sources and your contact into it, then: wukong-build run {path}")


def _demo(options: argparse.Namespace) -> None:
    from wukong_build.demo.command import run_demo

    run_demo(options.run)


if __name__ == "__main__":
    sys.exit(main())
