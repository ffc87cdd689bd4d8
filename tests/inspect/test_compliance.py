"""Figures for regulators: what is known is counted, what is not is blank, and sheets are never overwritten."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from wukong_build.errors import ConfigError, StoreError
from wukong_build.inspect.compliance import BLANK, _inert, write_compliance
from wukong_build.inspect.run import Run, open_run
from wukong_build.store import Store


@pytest.fixture(scope="module")
def folder(made: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report and the sheets of the run."""
    path = tmp_path_factory.mktemp("compliance") / "report"
    write_compliance(made, str(path))
    return path


def sheet(path: Path) -> list[dict[str, str]]:
    """The rows of a sheet."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "said",
    [
        "1 hosts in `hosts.csv`",
        "every request with its answer and time, 01/2026 to 01/2026",
        "1 pictures and 0 pages not asked for: robots.txt forbade it or could not be had",
        "named by the pages of 2 of 2 (100.00%) published samples",
        ".test: 2; where they stand: " + BLANK,
        "2 of 2 (100.00%) drawn into `sampling.csv` by the seed 0; passed: " + BLANK,
        "lists of words were held against 3, 0 had a hit; of those published 2 of 2 (100.00%) have none",
        "links of the chain: none",
        "| Provider, authorised representative | " + BLANK,
        "| — crawlers | tests (+mailto:crawl@site.test) |",
        "| Languages | Chinese, which no link has checked |",
        "| `meta_robots` | yes | 1 | 1 |",
        "| `content_usage` | only recorded | 1 | 0 |",
        "| `near_duplicate` | ",
    ],
)
def test_the_report_tells(folder: Path, said: str) -> None:
    """Sources, robots.txt, licences, the draw, word lists, the crawler, opt-outs, the funnel; blanks for the rest."""
    assert said in (folder / "report.md").read_text(encoding="utf-8")


def test_the_sheet_has_a_row_for_each_sample_drawn(folder: Path, made: Run) -> None:
    """With what a person needs to look at it, and room for the verdict."""
    rows = sheet(folder / "sampling.csv")
    manifest = {row["key"]: row for row in made.manifests().to_pylist()}
    assert {row["key"]: (row["caption"], row["url"]) for row in rows} == {
        key: (row["caption"], row["url"]) for key, row in manifest.items()
    }
    assert {row["shard"] for row in rows} == {"00000"}
    assert {row["passes (yes/no)"] for row in rows} == {""}


def test_hosts_and_domains(folder: Path, made: Run) -> None:
    """Every host with what was seen of it; the upper tenth by bytes."""
    (host,) = sheet(folder / "hosts.csv")
    assert (host["host"], host["samples seen"], host["samples published"], host["in sampling.csv"]) == ("img.test", "9", "2", "2")
    (domain,) = sheet(folder / "domains.csv")
    assert domain["bytes of images"] == str(sum(made.manifests()["image_bytes"].to_pylist()))
    assert domain["within 5 % or 1,000"] == "yes"


def test_the_seed_decides_who_is_drawn(made: Run, tmp_path: Path) -> None:
    """The same seed draws the same, some other seed another one."""
    drawn = {}
    for name, seed in (("one", 0), ("again", 0), *((f"seed {seed}", seed) for seed in range(1, 9))):
        write_compliance(made, str(tmp_path / name), samples=1, seed=seed)
        ((drawn[name],)) = (row["key"] for row in sheet(tmp_path / name / "sampling.csv"))
    assert drawn["one"] == drawn["again"]
    assert len(set(drawn.values())) == 2
    files = sorted((tmp_path / "one").iterdir())
    assert all(file.read_bytes() == (tmp_path / "again" / file.name).read_bytes() for file in files)


def test_filled_in_sheets_are_never_overwritten(folder: Path, made: Run) -> None:
    """A folder with something in it is refused, and stays as it is."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ConfigError, match="is there already, and is not overwritten"):
        write_compliance(made, str(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_nobody_is_drawn_less_than_once(made: Run, tmp_path: Path) -> None:
    """A draw of none is refused, and leaves no folder."""
    with pytest.raises(ConfigError, match="--samples: found 0; 1 or more are meant"):
        write_compliance(made, str(tmp_path / "report"), samples=0)
    assert not list(tmp_path.iterdir())


def test_shards_of_another_ledger_are_refused(made: Run, tmp_path: Path) -> None:
    """Figures of the ledger beside a dataset that it did not make would be wrong."""
    store = Store(str(tmp_path / "run"))
    with store.replacing("run.yaml") as file:
        file.write(made.store.fs.cat_file(made.store.path("run.yaml")))
    store.finish("shard", "old")
    store.finish("filter", "new")
    with pytest.raises(StoreError, match="the shards are not those of its ledger"):
        write_compliance(open_run(store.url), str(tmp_path / "report"))
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@我", "'@我"),
        ("-5 度", "'-5 度"),
        ("+86", "'+86"),
        ("一只猫", "一只猫"),
        (7, 7),
        (None, None),
    ],
)
def test_no_cell_is_a_formula(value: object, cell: object) -> None:
    """A caption from the web is never reckoned out by a spreadsheet."""
    assert _inert(value) == cell
