"""What the columns of published lists are called. Facts alone; how they are found in a file is not known here."""

from __future__ import annotations

from typing import Literal

import msgspec

ALL_OTHERS: Literal["*"] = "*"
"""Every column of a file that has no other meaning."""

PresetName = Literal["coyo", "danqing", "img2dataset", "laion", "wukong", "wukong_test"]

Carried = tuple[str, ...] | Literal["*"]


class Preset(msgspec.Struct, frozen=True):
    """The columns of one published list; where its releases differ, every name in the order of preference."""

    url: tuple[str, ...] = ("url",)
    caption: tuple[str, ...] = ("caption",)
    extra_columns: Carried = ALL_OTHERS


PRESETS: dict[PresetName | None, Preset] = {
    None: Preset(extra_columns=()),
    "coyo": Preset(caption=("text",)),  # 700M: id, width, height, image_phash, *_score_*, num_faces … beside them
    "danqing": Preset(caption=("alt_text", "caption", "text")),  # as its card has it, with `recaption`; the others are a guess
    "img2dataset": Preset(),  # the Parquets beside its tars; rows of every status, which is carried
    "laion": Preset(caption=("text", "caption")),  # URL and TEXT, in the later releases in lower case
    "wukong": Preset(extra_columns=()),  # the 256 files of the training set have no other column
    "wukong_test": Preset(caption=("caption", "text")),  # url, caption; or dir, text, token, url, alt_id
}
"""By the word the config has for it; None is a list of the user's own. Names count in upper and lower case."""
