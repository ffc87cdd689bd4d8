"""Captions that are file names."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.batch import Batch
from wukong_build.filters.filename_caption import FilenameCaption

NAMES = """
IMG_2041|DSC_0001.JPG|000.jpg|P1010001|MVIMG_20210305_102030|IMG_2041(1)|photo-1.png?x=2|banner.png@!large|red apple.jpeg
微信图片_20210305123456|微信图片_2021.jpg|QQ图片20210305.jpg|截图2021-03-05|屏幕截图 2021-03-05 102030|未标题-1|未命名|图片1
mmexport1614912345678|Screenshot_20210305-102030|Screenshot 2021-03-05 at 10.20.30|WechatIMG12|wx_camera_1614912345678
20210305_123456|1614912345678|2021-03-05-12|d41d8cd98f00b204e9800998ecf8427e|123e4567-e89b-12d3-a456-426614174000
TB1aBcDKXXXXXbXFXXXXXXXXXXX|/upload/红烧肉.jpg|https://a.example/b|C:\\fakepath\\a
u=1234567890,987654321&fm=26&gp=0.jpg|u=123,456&fm=26|360截图20210305102030456|360截屏20210305|新建文件夹/IMG|新建文件夹
新建文件夹 (2)
截屏2021-03-05 上午10.20.30|截屏2021-03-05 下午10.20.30的副本|屏幕快照 2021-03-05 10.20.30 AM|DJI_0001|DJI_0001.JPG
DSC01234|_DSC0123
_MG_1234|IMG_E2041|IMG_20210305_102030_HDR|IMG_2041 - 副本|IMG_2041 拷贝 2|QQ截图20210305102030|QQ20210305-102030@2x
TIM截图20190305
企业微信截图_16149123456789|微信截图_20210305102030|微信图片编辑_20210305|Xnip2021-03-05_10-20-30
Snipaste_2021-03-05_10-20-30|MTXX_20210305
PicsArt_03-05-10.20.30|Screenshot_20210305-102030_com.tencent.mm|v2-d41d8cd98f00b204e9800998ecf8427e_r|640?wx_fmt=jpeg
timg|psb
src=http___a.example_b&refer=http___c|OIP-C.abc123|12345678_1|1614912345678 (2)|新建文本文档|新建 Microsoft Word 文档
捕获1|下载 (3)|01.png
lv_0_20210305102030|Camera_XHS_16149123456789|扫描全能王 2021-03-05 10.20|photos/IMG_2041
"""

WORDS = """
红烧肉|红烧肉.jpg|一张红烧肉的图片|2021|iPhone 15|R2D2|P30 Pro|mate60|红烧肉2021|西湖十景 IMG|photograph of a cat|
iPhone 12|2021年3月
Nike Air Max 270|DJI Mini 3|大疆无人机DJI 0001型|360度全景|360安全浏览器|QQ飞车|QQ企鹅公仔|微信图片素材|美图手机
图片由3人提供|照片里有3只猫
屏幕截图软件|新建小区|新建的图书馆|下载中心|截图工具介绍|相机镜头50mm|佳能5D4|GoPro 10|Sam Smith|SAM和3只猫|PT站|第1章
扫描仪|男/女
红烧肉 (3).jpg|1.红烧肉|1984|7-11|007|ABC|A4纸|90后|IMG海报设计|3月5日|上午10点的太阳|三只猫|1/72 模型|2021-2022赛季
"""


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        *((name, 1) for line in NAMES.strip().splitlines() for name in line.split("|")),
        *((words, 0) for line in WORDS.strip().splitlines() for words in line.split("|")),
        (None, None),
    ],
)
def test_filename_caption(caption: str | None, expected: int | None) -> None:
    """A name given by a camera, a phone, a program or a hash is 1; words are 0, also where they name a file."""
    batch = Batch(pa.table({"caption": pa.array([caption], pa.string())}))
    assert FilenameCaption().score(batch).equals(pa.array([expected], pa.int32()))


@given(st.lists(st.text(), max_size=5))
def test_any_text(captions: list[str]) -> None:
    """Whatever the captions, the score is 0 or 1, and each caption's own."""
    link = FilenameCaption()
    scores = link.score(Batch(pa.table({"caption": pa.array(captions, pa.string())}))).to_pylist()
    assert set(scores) <= {0, 1}
    assert scores == [link.score(Batch(pa.table({"caption": [caption]})))[0].as_py() for caption in captions]
