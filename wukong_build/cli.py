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

from wukong_build.errors import ConfigError, EngineMoved, Unsound, WukongError

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
    verify = add(
        "verify", "check a run, or any folder of shards: every digest, every member, every key, the ledger's sums", _verify
    )
    verify.add_argument("path", metavar="RUN|DIR", help="directory or URL of a run, or of shards with .tar and .parquet files")
    verify.add_argument("--deep", action="store_true", help="decode every published picture as well")
    verify.add_argument("--json", action="store_true", help="print one JSON object: findings, what could not be checked, counts")
    _add_forget(
        add(
            "forget",
            "take samples out for good: of the shards, of what was crawled, and of everything that is made later",
            _forget,
        )
    )
    merge = add("merge", "make one dataset of several published ones; a sample that two have stands in it once", _republish)
    merge.add_argument(
        "sources", metavar="RUN|DIR", nargs="+", help="runs, or folders of shards; of doubles the first one's stays"
    )
    reshard = add("reshard", "publish a dataset again with other shards: their size, the shuffle", _republish)
    reshard.add_argument("sources", metavar="RUN|DIR", nargs=1, help="a run, or a folder of shards")
    for command in (merge, reshard):
        command.add_argument(
            "--into", required=True, metavar="DIR", help="a new folder, or URL of one; its shards are in DIR/shards"
        )
        command.add_argument("--samples", type=int, default=10_000, metavar="N", help="of one shard (default: %(default)s)")
        command.add_argument("--seed", type=int, default=0, metavar="S", help="of the shuffle (default: %(default)s)")
        command.add_argument("--workers", type=int, default=2, metavar="N", help="processes (default: %(default)s)")
    export = add("export", "write the published dataset in a form that other programs read", _export)
    export.add_argument("run", metavar="RUN", help="directory or URL of the run, whose shards are finished")
    export.add_argument("--format", required=True, metavar="FORM", help=_forms())
    export.add_argument("--into", required=True, metavar="DIR", help="a new folder on this machine; nothing is ever overwritten")
    compliance = add(
        "compliance",
        "lay figures beside what GB/T 45654-2025 and the EU's template ask of training data, with blanks",
        _compliance,
    )
    compliance.add_argument("run", metavar="RUN", help="directory or URL of the run, whose shards are finished")
    compliance.add_argument("--into", metavar="DIR", help="a new folder on this machine (default: compliance in RUN)")
    compliance.add_argument(
        "--samples", type=int, default=4000, metavar="N", help="samples to be looked at by people (default: %(default)s)"
    )
    compliance.add_argument("--seed", type=int, default=0, help="of the draw (default: %(default)s)")
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


def _add_forget(forget: argparse.ArgumentParser) -> None:
    """What `forget` is given."""
    forget.add_argument("run", metavar="RUN", help="directory or URL of the run")
    for name, metavar, what in (
        ("key", "KEY", "the sample with this key"),
        ("url", "URL", "the image at this URL"),
        ("host", "HOST", "all images of a domain and its subdomains, and all on pages of these"),
        ("sha256", "SHA256", "every image with these bytes"),
        ("like", "IMAGE", "every image that looks like the one in this file"),
        ("list", "FILE", "what a file names: one key, URL, host or sha256 a line; # begins a comment"),
    ):
        forget.add_argument(f"--{name}", metavar=metavar, action="append", default=[], help=f"{what}; may be given again")
    forget.add_argument("--dry-run", action="store_true", help="print what would go, and why; nothing does")
    forget.add_argument("--json", action="store_true", help="print the tombstones as JSON, one object a line")


def _forms() -> str:
    """The forms of `export` for its help; without the imports that writing them takes."""
    from wukong_build.shards import FORMS

    return "; ".join(f"{name}: {meaning}" for name, meaning in FORMS.items())


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


def _verify(options: argparse.Namespace) -> None:
    import msgspec

    from wukong_build.inspect.verify import verify

    report = verify(options.path, deep=options.deep)
    lines = [msgspec.json.encode(report).decode()] if options.json else [finding.told() for finding in report.findings]
    print(*lines, sep="\n", end="\n" * bool(lines))
    print(*(f"not checked: {said}" for said in report.unchecked), sep="\n", end="\n" * bool(report.unchecked), file=sys.stderr)
    looked = f"{report.files:,} files, {report.samples:,} samples, {report.bytes:,} bytes"
    if report.findings:
        raise Unsound(f"{options.path}: {len(report.findings):,} findings in {looked}")
    print(f"{options.path}: {looked}: all as it should be", file=sys.stderr)


def _forget(options: argparse.Namespace) -> None:
    from wukong_build.executors import prepare_process

    prepare_process()
    from wukong_build.pipeline import Wish, forget

    listed = Wish.listed(entry for path in options.list for entry in _entries(path))
    wish = Wish(
        tuple(options.key),
        tuple(options.url),
        tuple(options.host),
        tuple(options.sha256),
        tuple(_read(path, "--like") for path in options.like),
    ).and_also(listed)
    if not wish.rows():
        raise ConfigError("forget: nothing is named; --key, --url, --host, --sha256, --like or --list is meant")
    signal.signal(signal.SIGINT, _stop)
    found = forget(options.run, wish, dry_run=options.dry_run)
    for row in found:
        shown = [row.get("key") or row.get("host") or row.get("sha256") or row.get("phash"), row.get("url"), row["why"]]
        told = "\t".join([*filter(None, shown), f"shard {row['shard']}" if row["shard"] else "not published"])
        print(json.dumps(row, ensure_ascii=False) if options.json else told)
    done = "would be forgotten" if options.dry_run else "forgotten"
    published = sum(row["shard"] is not None for row in found)
    print(f"{options.run}: {len(found):,} tombstones, {published:,} published samples {done}", file=sys.stderr)


def _entries(path: str) -> list[str]:
    """The lines of a list, comments aside."""
    lines = _read(path, "--list").decode("utf-8-sig", "replace").splitlines()
    return [entry for line in lines if (entry := re.sub(r"(^|\s)#.*", "", line).strip())]


def _read(path: str, option: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{option}: {path}: cannot be read: {error.strerror or error}") from error


def _republish(options: argparse.Namespace) -> None:
    import contextlib

    from wukong_build.executors import LocalExecutor, prepare_process

    prepare_process()
    from wukong_build.shards import ShardSettings
    from wukong_build.stages.republish import republish

    if min(options.samples, options.workers) < 1:
        raise ConfigError(f"{options.name}: --samples and --workers are numbers of at least 1")
    signal.signal(signal.SIGINT, _stop)
    settings = ShardSettings(samples=options.samples, seed=options.seed)
    with contextlib.closing(LocalExecutor(options.workers)) as executor:
        count = republish(options.sources, options.into, settings, executor)
    print(f"{options.into}: {count:,} samples", file=sys.stderr)


def _export(options: argparse.Namespace) -> None:
    from wukong_build.inspect.run import open_run
    from wukong_build.shards.export import export

    count = export(open_run(options.run).store, options.format, options.into)
    print(f"{options.into}: {count:,} samples as {options.format}")


def _compliance(options: argparse.Namespace) -> None:
    from wukong_build.inspect.compliance import write_compliance
    from wukong_build.inspect.run import open_run

    into = options.into or f"{options.run}/compliance"
    write_compliance(open_run(options.run), into, options.samples, options.seed)
    print(f"{into}: report.md, and sampling.csv, hosts.csv, domains.csv to fill in")


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
