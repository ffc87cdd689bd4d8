"""What is forgotten is gone: from the shards, from everything behind them, and from all that is made later."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastwarc.warc import ArchiveIterator
from PIL import Image, ImageFilter

from wukong_build import run
from wukong_build.demo.server import Server, serve
from wukong_build.errors import ConfigError, StoreError
from wukong_build.inspect.run import Run, open_run
from wukong_build.inspect.verify import verify
from wukong_build.pipeline import Wish, forget
from wukong_build.stages.tombstones import add

KILLS = 8

Values = Callable[..., dict[str, Any]]
Published = Callable[[Path | str], dict[str, str]]


@pytest.fixture
def copy(demo_run: Run, tmp_path: Path) -> Path:
    """The demo's run, to take samples out of."""
    return Path(shutil.copytree(demo_run.store.root, tmp_path / "run"))


def _published(path: Path | str) -> dict[str, dict[str, Any]]:
    """Key → row and shard of what is published."""
    rows = open_run(str(path)).sql("SELECT key, url, caption, caption_found, page_url, sha256, part FROM manifest ORDER BY key")
    return {row["key"]: row for row in rows.to_pylist()}


def _tree(path: Path) -> dict[str, str]:
    """File → sha256 of everything a run has; not its record, which names the run."""
    files = [file for file in path.rglob("*") if file.is_file() and file.name not in {".lock", "run.yaml"}]
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _texts_of(path: Path, key: str) -> list[Any]:
    """All values that the files of a run have in rows of a key, by whatever column; what a tombstone may hold aside."""
    said = []
    for file in path.rglob("*.parquet"):
        table = pq.ParquetFile(file).read()
        if "key" in table.column_names and file.parent.name not in {"forgotten", "hashes", "survey", "merged"}:
            for row in table.filter(pa.compute.equal(table["key"], key)).to_pylist():
                said += [
                    value
                    for name, value in row.items()
                    if name not in {"key", "url"} and isinstance(value, (str, bytes, list, dict))
                ]
    return said


def test_a_sample_is_gone(copy: Path, published: Published) -> None:
    """By its key: from its shard alone, with what looks like it; the others of the shard stay as they were, in their order."""
    before, files = _published(copy), published(copy)
    order = pq.read_table(copy / "shards/00000.parquet")["key"].to_pylist()
    key = order[3]
    picture = (copy / "shards/00000.tar").read_bytes()
    start = picture.index(f"{key}.".encode()) + 512
    picture = picture[start : start + 2000]

    (row,) = [row for row in forget(str(copy), Wish(keys=(key,))) if row["why"] == "asked for"]

    assert (row["url"], row["sha256"], row["shard"]) == (before[key]["url"], before[key]["sha256"], "00000")
    assert row["phash"]
    after = _published(copy)
    assert {k: v for k, v in before.items() if k != key} == after
    assert pq.read_table(copy / "shards/00000.parquet")["key"].to_pylist() == [other for other in order if other != key]
    changed = {name for name, digest in published(copy).items() if files[name] != digest and name[0].isdigit()}
    assert changed == {"00000.tar", "00000.parquet", "00000_stats.json"}
    assert not verify(str(copy), deep=True).findings
    assert set(_texts_of(copy, key)) <= {"forgotten", "fetch:forgotten"}
    assert not [file for file in copy.rglob("*") if file.is_file() and picture in file.read_bytes()]

    release = json.loads((copy / "forgotten/00000.json").read_bytes())
    assert release["removed"] == [{"key": key, "shard": "00000"}]
    assert release["files"] == {name: {"before": files[name], "after": published(copy)[name]} for name in changed}
    done = open_run(str(copy))
    assert done.funnel().to_pylist()[-1]["left"] == len(after)
    assert done.sql(f"SELECT dropped_by FROM ledger WHERE key = '{key}'")["dropped_by"].to_pylist() == ["fetch:forgotten"]


def test_it_does_not_come_back(copy: Path, demo_served: Server, demo_values: Values, published: Published) -> None:
    """Crawl, filter and shard after it: nobody is asked for it, whatever is looked at again, and no shard changes."""
    key = next(iter(_published(copy)))
    rows = forget(str(copy), Wish(keys=(key,)))
    files = published(copy)
    demo_served.requests.clear()
    done = run(demo_values(demo_served, copy))
    assert published(copy) == files
    assert not verify(str(copy)).findings
    urls = {row["url"] for row in rows}
    assert not urls & {f"http://{request.host}{request.path}" for request in demo_served.requests}
    run(demo_values(demo_served, copy), ["crawl"], retry=["forgotten"])
    assert not urls & {f"http://{request.host}{request.path}" for request in demo_served.requests}
    assert done.sql("SELECT count(*) AS n FROM ledger WHERE dropped_by = 'fetch:forgotten'")["n"].to_pylist() == [len(rows)]


def test_a_run_that_names_it_does_not_take_it_either(
    copy: Path, tmp_path: Path, demo_served: Server, demo_values: Values
) -> None:
    """What a run of `against` has forgotten is no sample of another one, though it would be the only one of its picture."""
    key = next(iter(_published(copy)))
    values = demo_values(demo_served, tmp_path / "other")
    values["filter"]["near_duplicate"]["against"] = [str(copy)]
    ledger = f"SELECT kept, dropped_by, duplicate_of FROM ledger WHERE key = '{key}'"
    assert run(values).sql(ledger).to_pylist() == [{"kept": True, "dropped_by": None, "duplicate_of": None}]
    forget(str(copy), Wish(keys=(key,)))
    found = run(values)
    assert found.sql(ledger).to_pylist() == [{"kept": False, "dropped_by": "near_duplicate", "duplicate_of": key}]
    assert key not in _published(tmp_path / "other")


def test_a_tombstone_is_enough(copy: Path, demo_served: Server, demo_values: Values) -> None:
    """Where nothing but the tombstone was written before the command was killed, no other command publishes the sample."""
    key, row = next(iter(_published(copy).items()))
    add([{"key": key, "url": row["url"], "shard": row["part"]}], open_run(str(copy)).store)
    run(demo_values(demo_served, copy), ["shard"])
    assert key not in _published(copy)
    forget(str(copy), Wish())
    assert json.loads((copy / "forgotten/00000.json").read_bytes())["removed"] == [{"key": key, "shard": row["part"]}]
    assert set(_texts_of(copy, key)) <= {"forgotten", "fetch:forgotten"}
    assert not verify(str(copy)).findings


def test_ways_to_say_it(copy: Path, tmp_path: Path) -> None:
    """A URL, a host, a sha256, a picture, or a list of all of these."""
    before = _published(copy)
    rows = iter(before.values())
    by_url, by_digest, listed = next(rows), next(rows), next(rows)
    forget(str(copy), Wish(urls=(by_url["url"],), sha256s=(by_digest["sha256"],)).and_also(Wish.listed([listed["key"].upper()])))
    gone = {row["key"] for row in (by_url, by_digest, listed)}
    assert before.keys() - _published(copy).keys() >= gone

    hosted = {key for key, row in _published(copy).items() if row["url"].startswith("http://img.demo.test/mirror")}
    found = forget(str(copy), Wish(hosts=("img.demo.test",)), dry_run=True)
    assert {row["key"] for row in found if "key" in row} >= hosted
    assert [row["host"] for row in found if row.get("host")] == ["img.demo.test"]

    store = open_run(str(copy)).store
    key = next(iter(_published(copy)))
    part, place = store_place(copy, key)
    original = Image.open(io.BytesIO(store.read("crawl/images", part, ["image"])["image"][place].as_py())).convert("RGB")
    file = io.BytesIO()
    original.resize((original.width // 2, original.height // 2)).filter(ImageFilter.GaussianBlur(1)).save(
        file, "JPEG", quality=70
    )
    found = forget(str(copy), Wish(pictures=(file.getvalue(),)))
    assert key in {row.get("key") for row in found if row["why"] == "the same looks"}
    assert key not in _published(copy)
    assert not verify(str(copy)).findings


def test_the_digest_of_a_published_picture(copy: Path, demo_served: Server, demo_values: Values) -> None:
    """Whoever has a copy of the dataset knows a picture by the bytes it was published with."""
    values = demo_values(demo_served, copy)
    values["shard"] |= {"resize": {"mode": "keep_ratio", "side": 64}}
    row = run(values, ["shard"]).manifests().slice(4, 1).to_pylist()[0]
    assert row["sha256"] != row["original_sha256"]
    found = forget(str(copy), Wish(sha256s=(row["sha256"],)))
    assert [each["sha256"] for each in found if each.get("key") == row["key"]] == [row["original_sha256"]]
    assert row["key"] not in _published(copy)
    assert not verify(str(copy)).findings


@pytest.mark.parametrize(
    ("said", "host"),
    [("A.Test", "a.test"), ("a.test.", "a.test"), ("例子.中国", "xn--fsqu00a.xn--fiqs8s"), ("127.0.0.1", "127.0.0.1")],
)
def test_hosts_are_spelled_as_in_urls(said: str, host: str) -> None:
    """In small letters, in Punycode, without the dot of the root."""
    assert Wish(hosts=(said,)).rows() == [{"host": host}]


def store_place(path: Path, key: str) -> tuple[str, int]:
    """Part and row of an image."""
    (row,) = open_run(str(path)).sql(f"SELECT part, image_row FROM samples WHERE key = '{key}'").to_pylist()
    return row["part"], row["image_row"]


def test_a_dry_run_changes_nothing(copy: Path) -> None:
    """It says what would go; the hashes it reckoned for that are all it leaves."""
    before = _tree(copy)
    found = forget(str(copy), Wish(hosts=("demo.test",)), dry_run=True)
    assert any(row["shard"] for row in found)
    after = _tree(copy)
    assert {name for name in after if name not in before} == {
        f"forgotten/hashes/{part}.parquet" for part in ("00000", "00001")
    } & after.keys()
    assert {name: after[name] for name in before} == before


def test_a_whole_shard(copy: Path, demo_served: Server, demo_values: Values, published: Published) -> None:
    """A shard without samples goes, its number stays free, and no other sample moves into it."""
    before = published(copy)
    forget(str(copy), Wish(keys=tuple(key for key, row in _published(copy).items() if row["part"] == "00001")))
    gone = {"00001.tar", "00001.parquet", "00001_stats.json"}
    assert before.keys() - published(copy).keys() == gone
    release = json.loads((copy / "forgotten/00000.json").read_bytes())
    assert {release["files"][name]["after"] for name in gone} == {None}
    assert not verify(str(copy)).findings
    files = published(copy)
    run(demo_values(demo_served, copy), ["filter", "shard"])
    assert not set(files) - set(published(copy))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(keys=("abc",)), r'found "abc"; a key \(32 hex digits\) is meant'),
        (Wish(urls=("ftp://a.test/a.jpg",)), "a URL is meant"),
        (Wish(hosts=("http://a.test/",)), r"a domain \(example.com\) is meant"),
        (Wish(hosts=("a.test:8000",)), r'found "a.test:8000"; a domain \(example.com\) is meant'),
        (Wish(hosts=("a.test b.test",)), r"a domain \(example.com\) is meant"),
        (Wish(hosts=("test",)), r"a domain \(example.com\) is meant"),
        (Wish(sha256s=("00",)), "a sha256"),
        (Wish(pictures=(b"no picture",)), "file 1 of 1 is no picture that can be decoded"),
    ],
)
def test_senseless_wishes(copy: Path, wish: Wish, message: str) -> None:
    """They are refused, and nothing is taken out."""
    before = _tree(copy)
    with pytest.raises(ConfigError, match=message):
        forget(str(copy), wish)
    assert _tree(copy) == before


def test_shards_of_another_selection(copy: Path) -> None:
    """Where the shards cannot be made anew nothing is taken out, and the message says how to go on."""
    key = next(iter(_published(copy)))
    shutil.rmtree(copy / "shard/selection")
    with pytest.raises(StoreError, match="run `wukong-build shard` first"):
        forget(str(copy), Wish(keys=(key,)))
    assert key in _published(copy)
    assert not list((copy / "forgotten").glob("*.parquet"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    """A server with one photograph under several names, and another one."""
    folder = tmp_path / "site/a.test"
    folder.mkdir(parents=True)
    (tmp_path / "site/b.test").mkdir()
    noise = Image.effect_noise((400, 300), 90).filter(ImageFilter.GaussianBlur(12)).point(lambda value: (value - 100) * 5 % 256)
    noise.save(folder / "cat.jpg", quality=92)
    shutil.copy(folder / "cat.jpg", tmp_path / "site/b.test/same.jpg")
    noise.resize((320, 240)).save(folder / "smaller.jpg", quality=70)
    Image.linear_gradient("L").resize((400, 300)).save(folder / "other.jpg")
    with serve(tmp_path / "site") as server:
        yield server


def test_under_another_name(site: Server, tmp_path: Path) -> None:
    """A later crawl finds the same bytes and the same looks elsewhere: they are forgotten as well, bytes included."""

    def crawled(*names: str) -> dict[str, str | None]:
        (tmp_path / "list.csv").write_text("url,caption\n" + "".join(f"http://{name},一只可爱的小猫\n" for name in names))
        crawl = {
            "user_agent": "test (+http://a.test/)",
            "sources": [{"urls": {"path": str(tmp_path / "list.csv")}}],
            "resolve": dict.fromkeys(("a.test", "b.test"), f"127.0.0.1:{site.port}"),
            "per_host": {"delay_seconds": 0},
            "archive": True,
        }
        done = run({"run": str(tmp_path / "run"), "crawl": crawl, "executor": {"workers": 1}})
        rows = done.sql("SELECT url, error FROM samples").to_pylist()
        return {row["url"].removeprefix("http://"): row["error"] for row in rows}

    assert crawled("a.test/cat.jpg", "a.test/other.jpg") == {"a.test/cat.jpg": None, "a.test/other.jpg": None}
    cat = (tmp_path / "site/a.test/cat.jpg").read_bytes()
    assert _archived(tmp_path / "run") >= {"http://a.test/cat.jpg", "http://a.test/other.jpg"}
    forget(str(tmp_path / "run"), Wish(urls=("http://a.test/cat.jpg", "http://a.test/never.jpg")))
    assert "http://a.test/cat.jpg" not in _archived(tmp_path / "run") >= {"http://a.test/other.jpg"}

    site.requests.clear()
    names = ("a.test/cat.jpg", "b.test/same.jpg", "a.test/smaller.jpg", "a.test/never.jpg", "a.test/other.jpg")
    assert crawled(*names) == {**dict.fromkeys(names, "forgotten"), "a.test/other.jpg": None}
    assert {request.path for request in site.requests if request.path.endswith("jpg")} == {"/same.jpg", "/smaller.jpg"}
    assert not [file for file in (tmp_path / "run").rglob("*.parquet") if cat[:1000] in file.read_bytes()]
    assert not verify(str(tmp_path / "run")).findings
    assert _archived(tmp_path / "run").isdisjoint({"http://b.test/same.jpg", "http://a.test/smaller.jpg"})
    assert _published(tmp_path / "run").keys() == {hashlib.sha256(b"http://a.test/other.jpg").hexdigest()[:32]}


def _archived(path: Path) -> set[str]:
    """The URLs in a run's archive."""
    urls = set()
    for file in (path / "archive").glob("*.warc.gz"):
        with file.open("rb") as stream:
            urls |= {record.headers.get("WARC-Target-URI") for record in ArchiveIterator(stream)}
    return urls


@pytest.mark.kill
def test_killed_and_given_again(copy: Path, tmp_path: Path, give: Callable[..., int]) -> None:
    """However often it is killed, in the end every file is as if nobody had; no reader finds half a shard."""
    rng = random.Random(20221101)
    rows = list(_published(copy).items())
    wish = ["--key", rows[0][0], "--sha256", rows[7][1]["sha256"], "--url", rows[20][1]["url"]]
    quiet = Path(shutil.copytree(copy, tmp_path / "quiet" / copy.name))  # the card has its name
    give(["forget", str(quiet), *wish])
    expected = _tree(quiet)
    landed, rounds = 0, 0
    while landed < KILLS:
        rounds += 1
        assert rounds < 2 * KILLS, f"only {landed} kills landed"
        disturbed = Path(shutil.copytree(copy, tmp_path / f"disturbed-{rounds}" / copy.name))
        while give(["forget", str(disturbed), *wish], rng) == -signal.SIGKILL:
            landed += 1
            _no_half_shards(disturbed)
        assert _tree(disturbed) == expected
        assert open_run(str(disturbed)).funnel().equals(open_run(str(quiet)).funnel())


def _no_half_shards(path: Path) -> None:
    """Every manifest stands beside the tar that it was written for."""
    for manifest in (path / "shards").glob("*.parquet"):
        notes = json.loads(pq.read_metadata(manifest).metadata[b"wukong_build"])
        assert hashlib.sha256(manifest.with_suffix(".tar").read_bytes()).hexdigest() == notes["tar_sha256"]
