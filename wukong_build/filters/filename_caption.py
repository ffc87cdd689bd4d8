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
    r"img|imag|image|photo|pic|picture|pict|dsc[fn]?|sam|gopr|pano|mvimg|pxl|vid|wx_?camera|wechatimg|wechatimage|mmexport"
    r"|screen ?shot|snipaste|snapshot|scan|untitled|unnamed|noname|download|cimg|c360|beautyplus|meitu|faceu|b612"
    r"|微信图片|微信截图|微信照片|qq图片|qq截图|qq照片|钉钉图片|企业微信截图|企业微信图片|屏幕截图|屏幕快照|网页截图|截图|截屏|快照"
    r"|图片|图像|照片|相片|未命名|未标题|无标题|新建位图图像|下载|副本|扫描|美图|轻颜相机|百度图片"
)
_COPIES = r"(?:[\s_\-.,()（）\d年月日时分秒:：]|at|am|pm|上午|下午|copy|副本|拷贝|edit|hdr|burst|cover|编辑)*"

_PATTERNS = (
    rf"^(?:{_GENERIC}){_COPIES}\d{_COPIES}$",  # IMG_2041, 截图20210305, Screenshot 2021-03-05 at 10.20.30
    r"^p\d{6,}$",  # P1010001
    r"^(?:未命名|未标题|无标题|untitled|unnamed)$",
    r"^[a-f\d]{8}-(?:[a-f\d]{4}-){3}[a-f\d]{12}$",  # a UUID
    r"^[a-f\d]{16,}$",  # a hash
    r"^\d{5,}(?:[_\-]\w*)?$",  # 20210305_123456, 1614912345678
    r"^\d{2,4}(?:[_\-]\d+){2,}$",  # 2021-03-05-12
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
