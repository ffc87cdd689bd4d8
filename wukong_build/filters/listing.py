"""Signs that a caption is an offer or a catalogue entry: pages, prices, rooms, floor space, words of trade, second-hand goods."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.links import Columns, Filter

_COUNT = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_SIGNALS = {
    "pages": r"共\s*\d{1,5}\s*[页頁p]|第\s*\d{1,5}\s*[页頁]|\d{1,5}\s*[页頁](?:word|pdf|ppt|docx?)"
    r"|(?:docx?|pptx?|pdf|word|文档|文库)\s*\d{0,5}\s*[页頁]",
    "price": rf"[￥¥$€£]\s*(?:{_COUNT})"
    rf"|(?:{_COUNT})\s*(?:[万千百]?元|块钱|圆整|美元|港币|日元|欧元|人民币|rmb|usd)(?:[^素旦宵纸硬钞代朝]|$)"
    rf"|(?:{_COUNT})\s*万(?:起|左右|[^\p{{Han}}\d]|$)"
    rf"|(?:售价|单价|均价|原价|现价|总价|月租|租金|首付)\s*[:：]?\s*(?:{_COUNT})\s*[万千]?元?",
    "rooms": r"[\d一二三四五六七八九两]\s*[室房]\s*[\d一二三四五六两]\s*[厅廳]|[\d一二三四五两]居室",
    "area": rf"(?:{_COUNT})\s*(?:平方米|平米|㎡|m²|多平|平(?:[^\p{{Han}}\d]|$))",
    "property": r"南北通透|精装修|简装修|拎包入住|学区房|毛坯房|押一付三|整租|房源|楼盘|户型图|满五唯一|近地铁|产权",
    "trade": r"包邮|免运费|批发|厂家|直销|代理商|经销商|供应商|招商加盟|一件代发|现货|特价|促销|清仓|甩卖|秒杀|优惠券"
    r"|满减|热卖|热销|爆款|正品|旗舰店|专柜|代购|团购|拼团|抢购|买[一二三1-3][送赠][一二三1-3]|货到付款|七天无理由|报价|多少钱|量大从优"
    r"|来图定制|支持定制"
    r"|接单|订购热线|(?:图片|市场|产品|最新)价格|价格(?:表|及图片|行情|查询|图片)",
    "second_hand": r"二手|[一二三四五六七八九\d]{1,2}成新|全新未拆|闲置|仅拆封|自用出|低价转让",
}
"""By kind, what makes a signal of it (RE2)."""
_ANY = "(?i)" + "|".join(_SIGNALS.values())


class Listing(Filter, frozen=True, kw_only=True):
    """How many signals of a listing the caption holds: 共12页, ￥199, 3室2厅, 89平米, 包邮, 九成新.

    One may stand in the caption of a good picture; several hardly do.
    """

    reads: ClassVar[tuple[str, ...]] = ("caption",)
    writes: ClassVar[dict[str, pa.DataType]] = {"listing_kinds": pa.list_(pa.string())}
    meaning: ClassVar[str] = "number of signals that the caption is an offer or a catalogue entry; 0 = none"
    score_type: ClassVar[pa.DataType] = pa.int32()

    def score(self, batch: Batch) -> pa.Array:
        """0 or more; null where there is no caption."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The score, and `listing_kinds`, sorted, each once."""
        captions = batch["caption"]
        rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(captions, _ANY), fill_value=False))
        texts = captions.take(pa.array(rows))
        counts = {kind: np.asarray(pc.count_substring_regex(texts, f"(?i){signal}")) for kind, signal in _SIGNALS.items()}
        score = np.zeros(len(captions), np.int32)
        kinds: list[list[str] | None] = [[] for _ in range(len(captions))]
        for place, row in enumerate(rows):
            score[row] = sum(count[place] for count in counts.values())
            kinds[row] = sorted(kind for kind, count in counts.items() if count[place])
        missing = np.asarray(captions.is_null())
        for row in np.flatnonzero(missing):
            kinds[row] = None
        return {
            self.name(): pa.array(score, self.score_type, mask=missing),
            "listing_kinds": pa.array(kinds, pa.list_(pa.string())),
        }
