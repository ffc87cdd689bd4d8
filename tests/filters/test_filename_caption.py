"""Captions that are file names."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.batch import Batch
from wukong_build.filters.filename_caption import FilenameCaption

NAMES = """
IMG_2041|DSC_0001.JPG|000.jpg|P1010001|MVIMG_20210305_102030|IMG_2041(1)|photo-1.png?x=2|banner.png@!large|red apple.jpeg
微信图片_20210305123456|微信图片_2021.jpg|QQ图片20210305.jpg|截图2021-03-05|屏幕截图 2021-03-05 102030|未标题-1|未命名|图片1
mmexport1614912345678|Screenshot_20210305-102030|Screenshot 2021-03-05 at 10.20.30|WechatIMG12
20210305_123456|1614912345678|2021-03-05-12|d41d8cd98f00b204e9800998ecf8427e|123e4567-e89b-12d3-a456-426614174000
TB1aBcDKXXXXXbXFXXXXXXXXXXX|/upload/红烧肉.jpg|https://a.example/b|C:\\fakepath\\a
"""

WORDS = "红烧肉|红烧肉.jpg|一张红烧肉的图片|2021|iPhone 15|R2D2|P30 Pro|mate60|红烧肉2021|西湖十景 IMG|photograph of a cat|"


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        *((name, 1) for line in NAMES.strip().splitlines() for name in line.split("|")),
        *((words, 0) for words in WORDS.split("|")),
        (None, None),
    ],
)
def test_filename_caption(caption: str | None, expected: int | None) -> None:
    """A name given by a camera, a phone, a program or a hash is 1; words are 0, also where they name a file."""
    batch = Batch(pa.table({"caption": pa.array([caption], pa.string())}))
    assert FilenameCaption().score(batch).equals(pa.array([expected], pa.int32()))
