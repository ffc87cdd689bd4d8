"""Captions that are a file's name and say nothing of the picture: IMG_2041, 微信图片_20210305, 000.jpg, a hash."""

from __future__ import annotations

from functools import reduce
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Filter

_EXTENSION = r"\.(?:jpe?g|jfif|png|gif|webp|avif|bmp|tiff?|svg|ico|hei[cf]|psd|ai|raw|dng|cr2|nef)(?:[?!@#_]\S*)?$"

_GENERIC = (
    # cameras
    r"img|imag|image|photo|pic|picture|pict|dsc[fn]?|sam|gopr|pano|mvimg|pxl|vid|cimg|[hkr]img|imgp|hpim|sdc|_mg|img_e|burst|dji_|gh0"
    # programs, and networks that name what they store
    r"|wx_?camera|wechatimg|wechatimage|mmexport|screen ?shot|shared ?screenshot|cleanshot|snipaste|xnip|jietu|snapshot|scan"
    r"|camscanner|untitled|unnamed|noname|download|capture|c360|beautyplus|meitu|mtxx|faceu|b612|picsart|inshot|smartselect|camera_xhs|xhs"
    r"|fullsizerender|collage|resized|retouch|received|timg|psb|tim图片|tim截图|lv_0"
    r"|微信图片|微信图片编辑|微信截图|微信照片|微信公众平台截图|qq图片|qq截图|qq照片|qq浏览器截图|qq截图未命名|钉钉图片|钉钉截图"
    r"|企业微信截图|企业微信图片|飞书截图|搜狗截图|搜狗高速浏览器截图|360截图|360截屏|360浏览器截图|百度图片|网易邮箱截图"
    r"|屏幕截图|屏幕快照|网页截图|长截图|滚动截屏|录屏|屏幕录制|截图|截屏|快照|捕获|扫描全能王"
    r"|图片|图像|照片|相片|未命名|未标题|无标题|新建位图图像|下载|副本|扫描|美图|美图秀秀|轻颜相机|相机|无他相机|美颜相机"
)
_COPIES = (
    r"(?:[\s_\-.,()（）\[\]~\d年月日时分秒:：]|at|am|pm|上午|下午|凌晨|早上|中午|晚上|copy|副本|拷贝|的|复制|edit|hdr|burst|cover|编辑|mh|beauty"
    r"|com\.[a-z.]+)*"
)

_PATTERNS = (
    rf"^(?:\S*[/\\])?(?:{_GENERIC}){_COPIES}\d{_COPIES}$",  # IMG_2041, 截图20210305, Screenshot 2021-03-05 at 10.20.30
    r"^(?:新建文件夹|未命名文件夹|new folder|dcim)[\s()（）\d]*(?:[/\\].*)?$",
    r"^新建 ?(?:\w+ )*(?:文档|文本文档|图像|工作表|演示文稿)[\s()（）\d]*$",
    r"^pt\d{4}_\d\d_\d\d[_\d]*$",
    r"^p\d{6,}$",  # P1010001
    r"^_?(?:dsc|img|mg|dji)_?\d{3,}\w{0,4}$",  # _DSC0123
    r"^qq\d{8}[\-_]\d{4,6}(?:@\dx)?$",  # QQ20210305-102030@2x
    r"^(?:未命名|未标题|无标题|untitled|unnamed|timg|psb)(?:[\s_\-]*(?:副本|拷贝|copy))*$",
    r"^[a-f\d]{8}-(?:[a-f\d]{4}-){3}[a-f\d]{12}$",  # a UUID
    r"^(?:v2-)?[a-f\d]{16,}(?:[_\-](?:\d\w*|[a-z]{1,3}))*$",  # a hash, and its size: v2-d41d8cd98f00b204e9800998ecf8427e_r
    r"^\d{5,}(?:[_\-]\w*)*(?: ?\(\d+\))?$",  # 20210305_123456, 1614912345678
    r"^\d{2,4}(?:[_\-]\d+){2,}$",  # 2021-03-05-12
    r"^u=\d+,\d+(?:&\S*)?$",  # u=1234,5678&fm=26&gp=0: Baidu's thumbnails
    r"^(?:src=http|th\?id=|oip[.\-]|r-c\.)\S*$",  # Baidu's and Bing's
    r"^\d+\?wx_fmt=\S*$",  # 640?wx_fmt=jpeg
    r"^(?:[a-z]:\\|https?://|file://|/)\S+$",  # a path or an address
)
_LONG_TOKEN = r"^[a-z\d_\-=+%]{20,}$"  # noqa: S105  an id, no secret: TB1aBcDKXXXXXbXFXXXXXXXXXXX
_SLASHED = r"^\S*[/\\]\S*$"


class FilenameCaption(Filter, frozen=True, kw_only=True):
    """Whether the caption is a file's name.

    `红烧肉.jpg` is none: somebody named the file in words, and the words are about the picture.
    """

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    meaning: ClassVar[str] = "1 = the caption is a file's name that says nothing of the picture, 0 = it is not"
    score_type: ClassVar[pa.DataType] = pa.int32()
    version: ClassVar[int] = 2

    def score(self, batch: Batch) -> pa.Array:
        """1 or 0; null where there is no caption."""
        caption = pc.utf8_lower(pc.utf8_trim_whitespace(batch["caption"]))
        stem = pc.replace_substring_regex(caption, _EXTENSION, "")
        extended = pc.not_equal(caption, stem)
        wordless = pc.invert(pc.match_substring_regex(stem, r"\p{Han}"))
        in_folder = pc.match_substring_regex(stem, _SLASHED)
        token = pc.and_(pc.match_substring_regex(stem, _LONG_TOKEN), pc.match_substring_regex(stem, r"\d"))
        named = [pc.match_substring_regex(stem, pattern) for pattern in _PATTERNS]
        return reduce(pc.or_, named, pc.or_(token, pc.and_(extended, pc.or_(wordless, in_folder)))).cast(pa.int32())
