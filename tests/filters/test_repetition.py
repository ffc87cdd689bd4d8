"""How much of a caption repeats itself."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.repetition import Repetition, _repeated_share


def _scores(captions: list[str | None]) -> list[float | None]:
    return Repetition().score(Batch(pa.table({"caption": pa.array(captions, pa.string())}))).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("哈哈哈哈哈", 4 / 5),
        ("图片图片图片", 2 / 3),
        ("手机壳 手机壳 手机壳 手机壳", 3 / 4),
        ("苹果手机壳 华为手机壳 小米手机壳", 6 / 15),
        ("好看好看好看的花", 4 / 8),
        ("！！！！！！！！！！", 9 / 10),
        ("a cat a cat a cat", 8 / 12),
        ("wwwwwwwwww", 9 / 10),
        ("哈\n哈\u3000哈 哈\t哈", 4 / 5),
        (
            "看看|谢谢|高高兴兴|研究研究|妈妈和爸爸|叔叔阿姨|一个男人和一个女人|两只猫和三只狗|红烧肉|哈哈|ha ha|……|",
            0.0,
        ),
        (None, None),
    ],
)
def test_repetition(caption: str | None, expected: float | None) -> None:
    """The share of what stands further ahead already; words that double a character or a word by nature repeat nothing."""
    captions = [None] if caption is None else caption.split("|")
    assert _scores(captions) == [expected] * len(captions)


def test_natural_captions() -> None:
    """Sentences of like halves stay well below phrases that are stuffed."""
    scores = _scores(
        [
            "一个穿着红色衣服的男人和一个穿着蓝色衣服的女人",
            "左边是红色的苹果，右边是绿色的苹果",
            "一只黑色的狗和一只白色的狗在草地上玩",
        ]
    )
    assert max(score for score in scores if score is not None) < 0.4


@given(st.lists(st.one_of(st.none(), st.text(), st.text(alphabet="哈图片 a1\n\0!")), max_size=6))
def test_any_text(captions: list[str | None]) -> None:
    """Whatever the captions, a share is 0 to 1, each caption's own, and that of a closer look at every one of them."""
    assert _scores(captions) == [None if caption is None else _repeated_share(caption) for caption in captions]
    assert all(0 <= score <= 1 for score in _scores(captions) if score is not None)


@pytest.mark.hostile
@pytest.mark.parametrize(
    "hostile", ["哈" * 100_000, "手机壳 " * 25_000, "".join(map(chr, range(0x4E00, 0x9FFF))) * 5, "a b " * 25_000]
)
def test_long(hostile: str) -> None:
    """A hundred thousand characters are work for a moment."""
    assert _scores([hostile] * 3)[0] > 0.7  # type: ignore[operator]
