"""Names of sites behind titles."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.filters.site_suffix import SiteSuffix


def _measured(captions: list[str | None], link: SiteSuffix | None = None) -> list[tuple[str | None, str | None]]:
    link = link or SiteSuffix()
    columns = link.measure(Batch(pa.table({"caption": pa.array(captions, pa.string())})))
    assert {name: column.type for name, column in columns.items()} == link.columns()
    return list(zip(columns["site_suffix"].to_pylist(), columns["site_suffix_removed"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("title", "suffix"),
    [
        ("西湖日出", "_太平洋电脑网摄影部落"),
        ("西湖日出", "_摄影作品_太平洋电脑网摄影部落"),
        ("如何做红烧肉", " - 知乎"),
        ("红烧肉", "_百度百科"),
        ("海报设计", "|站酷"),
        ("海报设计", "丨站酷ZCOOL"),
        ("手机壳", "-淘宝网"),
        ("手机壳", "-淘宝网-淘宝"),
        ("手机壳", "【图片 价格 品牌 评论】-京东"),
        ("手机壳", "【行情 报价 价格 评测】- 京东商城"),
        ("领导视察", "_新闻中心_网易新闻"),
        ("领导视察", "_频道_网易新闻"),
        ("大雪", "(图)_网易新闻"),
        ("大雪", "（组图）——新华网"),
        ("海边的卡夫卡", " (豆瓣)"),
        ("红烧肉的做法", "【下厨房】"),
        ("红烧肉", " - www.nipic.com"),
        ("荷花", "_荷花图片网"),
        ("美女图片_明星写真", "_新浪娱乐"),
        ("宝马X5提车", "_汽车之家论坛"),
        ("提问", "_宝马吧_百度贴吧"),
        ("猫", " | 维基百科，自由的百科全书"),
        ("T恤-纯棉", "-天猫Tmall.com"),
        ("百度大厦", "_百度百科"),
    ],
)
def test_suffixes(title: str, suffix: str) -> None:
    """Known names at the end go, with the channels before them and what stands between; the evidence says what went."""
    assert _measured([title + suffix]) == [(title, suffix)]


STAYS = """
知乎|百度大厦|淘宝网官网截图|淘宝-京东|_知乎|【站酷】海报|[图]大雪|大雪(组图)|玫瑰-花瓣|热带雨林-亚马逊|树上-马蜂窝
蜘蛛-蜘蛛网|护栏网_铁丝网
这个网站叫知乎|我常看 知乎|微信-支付宝|2021-03-05|A-B-C|图片_百度图片|型号AB-1688|湖人-掘金|出席-博鳌亚洲论坛
我们的阳光社区|红烧肉|四川-豆瓣酱|-|百度
知乎_标题|新闻中心_图片|西湖_摄影作品|知乎：如何做红烧肉|京东方-京东方科技|https://gallery.munin-monitoring.org|
"""


@pytest.mark.parametrize("caption", [caption for line in STAYS.strip().splitlines() for caption in line.split("|")])
def test_captions_about_sites(caption: str) -> None:
    """What is about a site, leads with its name, or would be left with names alone stays; so do words that only look alike."""
    assert _measured([caption, None]) == [(caption, None), (None, None)]


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.text(),
            st.lists(st.sampled_from(["红烧肉", "_", " - ", "知乎", "图片", "【", "】", "(图)", "京东", "a.com", "|", " "])).map(
                "".join
            ),
        ),
        max_size=5,
    )
)
def test_any_text(captions: list[str | None]) -> None:
    """Whatever the captions, a second time takes nothing more, and what is left and what went make the caption."""
    measured = _measured(captions)
    once = [caption for caption, _ in measured]
    assert _measured(once) == [(caption, None) for caption in once]
    assert [caption and caption + (removed or "") for caption, removed in measured] == captions
    assert all(bool(before) == bool(after) for before, after in zip(captions, once, strict=True))


def test_own_list(tmp_path: Path) -> None:
    """A user's list adds names and patterns, and is among the resources."""
    path = tmp_path / "own.txt"
    path.write_text("某某网\n/某{3}站/\n", encoding="utf-8")
    link = SiteSuffix(lists=(str(path),))
    assert _measured(["花_某某网", "花-某某某站", "花_知乎"], link) == [("花", "_某某网"), ("花", "-某某某站"), ("花", "_知乎")]
    assert str(path) in link.resources()


def test_wrong_pattern(tmp_path: Path) -> None:
    """A pattern that does not compile is the config's fault, and the message names it."""
    path = tmp_path / "own.txt"
    path.write_text("/(/\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"own\.txt.*\(/"):
        _measured(["花"], SiteSuffix(lists=(str(path),)))


def test_every_shipped_name() -> None:
    """Every name that ships is taken from behind a title."""
    names = [line for line in resources.lines("site_names.txt") if not line.startswith("/")]
    assert len(names) >= 300
    assert _measured([f"红烧肉_{name}" for name in names]) == [("红烧肉", f"_{name}") for name in names]


@pytest.mark.hostile
@pytest.mark.parametrize(
    "hostile", ["-" * 100_000, "_知乎" * 30_000, "a-" * 50_000 + "知乎", "(" * 100_000 + "知乎", "a" + "_图片" * 30_000 + "_知乎"]
)
def test_long(hostile: str) -> None:
    """A hundred kilobytes are work for a moment."""
    _measured([hostile])
