"""Where captions name persons."""

from __future__ import annotations

import pytest

from wukong_build.chinese import names


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("昨天刘德华现身上海机场", ["刘德华"]),
        ("孙悦和刘德华同台", ["孙悦", "刘德华"]),
        ("廖建国书法作品欣赏", ["廖建国"]),
        ("欧阳娜娜街拍", ["欧阳娜娜"]),
        ("司马春梅先生与家人一起旅行", ["司马春梅"]),
        ("歌手令狐磊演唱会", ["令狐磊"]),
        ("公孙志强结婚照", ["公孙志强"]),
        ("导演段子轩新片今日上映", ["段子轩"]),
        ("图片由齐强提供", ["齐强"]),
        ("王先生在西湖", ["王"]),
        ("演员汤姆·克鲁斯出席", ["汤姆·克鲁斯"]),
        ("图片由莱昂纳多·迪卡普里奥提供", ["莱昂纳多·迪卡普里奥"]),
        ("安静的小镇清晨薄雾", []),
        ("白云蓝天下的草原风光", []),
        ("高清黄金首饰图片", []),
        ("连衣裙夏季新款碎花", []),
        ("金龙鱼调和油", []),
        ("张家界天门山", []),
        ("惠政路与王家村", []),
        ("红烧肉", []),
        ("", []),
        ("中文 with 空格\tand\0nul", []),
    ],
)
def test_person_spans(caption: str, expected: list[str]) -> None:
    """A name is masked whole and without its title; words built like names are none."""
    assert [caption[start:end] for start, end in names.person_spans(caption)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("王伟", True),
        ("欧阳娜", True),
        ("欧阳", False),
        ("王", False),
        ("", False),
        ("的伟", False),
        ("高清", False),
        ("王家", False),
        ("王伟明华", False),
    ],
)
def test_is_chinese_name(text: str, expected: bool) -> None:
    """A surname and one or two characters of given names, and no common word."""
    assert names.is_chinese_name(text) is expected
