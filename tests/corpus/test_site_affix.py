"""What a site puts before or behind all of its captions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.chain import Chain
from wukong_build.corpus.site_affix import SiteAffix
from wukong_build.errors import ConfigError

Row = tuple[str | None, str | None]
"""Caption and page."""
Rewritten = tuple[str | None, str | None, str | None]
"""New caption, prefix and suffix taken away."""
A, B = "http://a.test/1.html", "https://b.test:8080/"
TITLES = "金木水火土日月星辰山川湖海花草树鸟兽虫鱼"  # twenty


def batch_of(rows: Sequence[Row]) -> Batch:
    """The rows as columns; all images are of one host."""
    captions, pages = ([row[at] for row in rows] for at in (0, 1))
    urls = pa.repeat("http://img.test/1.jpg", len(rows))
    return Batch(pa.table({"caption": pa.array(captions, pa.string()), "page_url": pa.array(pages, pa.string()), "url": urls}))


def rewritten(parts: list[list[Row]], link: SiteAffix | None = None) -> list[Rewritten]:
    """All rows, part by part."""
    link = link or SiteAffix()
    batches = [batch_of(rows) for rows in parts]
    merged = link.merge(pa.concat_tables([link.survey(batch) for batch in batches]))
    columns = [link.measure(batch, merged) for batch in batches]
    return [row for each in columns for row in zip(*(values.to_pylist() for values in each.values()), strict=True)]


def host(pattern: str, page: str | None = A) -> list[Row]:
    """Twenty captions of one pattern."""
    return [(pattern.format(title), page) for title in TITLES]


@pytest.mark.parametrize(
    ("pattern", "prefix", "suffix"),
    [
        ("{}_站名", None, "_站名"),
        ("{} - 站名", None, " - 站名"),
        ("{}|频道|站名", None, "|频道|站名"),
        ("{}\u3000—— 站名 ", None, "\u3000—— 站名 "),
        ("{}【站名】", None, "【站名】"),
        ("【站名】{}", "【站名】", None),
        ("站名·{}", "站名·", None),
        ("站名：{}", None, None),
        ("【站名】{}_频道_站名", "【站名】", "_频道_站名"),
        ("{}|甲_乙_丙", None, "|甲_乙_丙"),
        ("{}_2026", None, None),
        ("{} 站名", None, None),
        ("{}站名", None, None),
        ("{}_" + "站" * 41, None, None),
    ],
)
def test_what_is_an_affix(pattern: str, prefix: str | None, suffix: str | None) -> None:
    """It stands apart by a mark, on either side, in several segments; it has a letter, and is no sentence of its own."""
    stays = [(pattern.format(title), None, None) for title in TITLES]
    expected = [(title, prefix, suffix) for title in TITLES] if prefix or suffix else stays
    assert rewritten([host(pattern)]) == expected


def test_the_marks_of_an_affix_do_not_matter() -> None:
    """One site's name behind an underscore and behind a dash is the same affix."""
    rows = [*host("{}_站名")[:10], *host("{} - 站名")[10:]]
    assert [caption for caption, *_ in rewritten([rows])] == list(TITLES)


@pytest.mark.parametrize(
    ("rows", "keys", "stripped"),
    [
        (host("{}_站名")[:19], {}, False),
        (host("{}_站名")[:19], {"at_least_count": 19}, True),
        ([*host("{}_站名"), *host("无{}"), *host("非{}")], {}, True),
        ([*host("{}_站名"), *host("无{}"), *host("非{}")], {"at_least_share": 0.34}, False),
        ([*host("{}_站名")[:10], *host("{}_站名", B)[10:]], {}, False),
        ([*host("{}_站名"), *[("某_站名", B)] * 30], {}, True),
        ([("金_站名", A)] * 30, {}, False),
    ],
    ids=["too few", "enough", "a third", "less than the share", "two hosts", "other hosts", "one caption"],
)
def test_shares_and_counts(rows: list[Row], keys: dict[str, Any], stripped: bool) -> None:
    """An affix needs a share and a number of the distinct captions of its own host."""
    assert rewritten([rows], SiteAffix(**keys))[0] == (("金", None, "_站名") if stripped else ("金_站名", None, None))


def test_it_goes_from_its_own_host_alone() -> None:
    """What one site puts everywhere may be what another's caption is about."""
    found = rewritten([[*host("{}_长城"), ("晨光_长城", B)]])
    assert found[0][0] == "金"
    assert found[-1] == ("晨光_长城", None, None)


def test_the_host_is_that_of_the_image_where_no_page_is_known() -> None:
    """Lists often name no page."""
    assert rewritten([host("{}_站名", None)])[0] == ("金", None, "_站名")


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("_站名", "_站名"),
        ("站名", "站名"),
        ("站名_站名", "站名"),
        ("1_站名", "1_站名"),
        ("……_站名", "……_站名"),
        ("云_站名_站名", "云"),
        ("云_频道_站名", "云_频道"),
        ("云_站名_频道", "云_站名_频道"),
        ("", ""),
        (None, None),
        ("\x00\u202e_站名", "\x00\u202e_站名"),
        ("云\n雾_站名", "云\n雾"),
        ("_" * 50_000, "_" * 50_000),
        ("看" * 33_333 + "_站名", "看" * 33_333),
    ],
)
def test_odd_captions(caption: str | None, expected: str | None) -> None:
    """Something with a letter is always left; what only stands within stays."""
    assert rewritten([[*host("{}_站名"), (caption, A)]])[-1][0] == expected


def test_three_segments_are_the_most() -> None:
    """What stands before them is no affix of its own, for no caption ends with it."""
    assert rewritten([host("{}_甲_乙_丙_丁")])[0] == ("金_甲", None, "_乙_丙_丁")


def test_the_table_says_what_was_stripped_from_where() -> None:
    """One row an affix: host, side, the affix without its marks, how many captions have it, and how many there are."""
    link = SiteAffix()
    table = link.merge(link.survey(batch_of([*host("【甲】{}"), *host("{}_丙_乙", B), *host("无{}", B), ("云|丙 - 乙", B)])))
    assert table.drop_columns(["affix_hash"]).to_pylist() == [
        {"host": "a.test", "side": "prefix", "affix": "甲", "count": 20, "captions": 20},
        {"host": "b.test:8080", "side": "suffix", "affix": "丙 乙", "count": 21, "captions": 41},
        {"host": "b.test:8080", "side": "suffix", "affix": "乙", "count": 21, "captions": 41},
    ]


def test_a_survey_holds_each_caption_once() -> None:
    """A thousand copies are one caption and its affixes."""
    assert SiteAffix().survey(batch_of([("云_站名", A)] * 1000)).num_rows == 3


@pytest.mark.parametrize(
    ("site", "affix", "count"),
    [("blinkfox", "闪烁之狐", 111), ("howtocook", "程序员做饭指南", 117), ("flowerlibrary", None, 0)],
    ids=["a blog", "a cookbook", "a site of nineteen pages"],
)
def test_real_sites(site: str, affix: str | None, count: int, shared: Path) -> None:
    """The titles of a site's pages lose its name, but for the home page's own; texts of its images lose nothing."""
    with gzip.open(shared / "sites" / site / "gold" / "img-gold.jsonl.gz", "rt", encoding="utf-8") as file:
        listed = [json.loads(line) for line in file]
    titles, texts = ([(row.get(name), A) for row in listed] for name in ("page_title", "alt"))
    link = SiteAffix()
    table = link.merge(link.survey(batch_of(titles))).select(["side", "affix", "count"]).to_pylist()
    assert table == ([{"side": "suffix", "affix": affix, "count": count}] if affix else [])
    found = rewritten([titles])
    assert len({title for (title, _), (_, _, suffix) in zip(titles, found, strict=True) if suffix}) == count
    assert [rest for rest, *_ in rewritten([texts])] == [text for text, _ in texts]


PARTS = st.text(alphabet="云雾_-【】 1", max_size=8)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.one_of(PARTS, st.none()), st.sampled_from([A, B, None])), max_size=25), st.data())
def test_any_corpus(rows: list[Row], data: st.DataObject) -> None:
    """However it is cut, the result is the same; prefix, rest and suffix are the caption; and nothing is left to take away."""
    link = SiteAffix(at_least_count=2, at_least_share=0.2)
    cut = data.draw(st.integers(0, len(rows)))
    found = rewritten([rows], link)
    assert rewritten([rows[:cut], rows[cut:]], link) == found
    for (caption, _), (rest, prefix, suffix) in zip(rows, found, strict=True):
        assert (prefix or "") + (rest or "") + (suffix or "") == (caption or "")
        assert (rest is None) == (caption is None)
        assert not (prefix or suffix) or any(each in "云雾" for each in rest or "")
    merged, in_parts = (
        link.merge(pa.concat_tables([link.survey(batch_of(part)) for part in parts]))
        for parts in ([rows], [rows[cut:], rows[:cut]])
    )
    assert merged == in_parts
    again = batch_of([(rest, page) for (rest, _, _), (_, page) in zip(found, rows, strict=True)])
    assert link.rewrite(again, merged).to_pylist() == [rest for rest, _, _ in found]


@pytest.mark.parametrize("values", [{"at_least_share": 0}, {"at_least_share": 1.5}, {"at_least_count": 1}])
def test_impossible_settings(values: dict[str, Any]) -> None:
    """A share lies between 0 and 1, and one caption shares nothing."""
    with pytest.raises(ConfigError, match=next(iter(values))):
        Chain.parse({"site_affix": values}, "filter")
