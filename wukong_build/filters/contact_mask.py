"""Ways of reaching somebody, masked by a token."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.chinese import contacts, spans
from wukong_build.links import Columns, Rewrite


class ContactMask(Rewrite, frozen=True, kw_only=True):
    """The caption with every contact replaced by the token; a word that announces it (QQ, 微信, 电话) stays.

    The spans tell where in the caption before this link they stood, in characters; the contacts are written nowhere.
    """

    writes: ClassVar[dict[str, pa.DataType]] = {"contact_mask_spans": spans.TYPE}
    meaning: ClassVar[str] = "the caption with URLs, mail addresses, telephone, QQ and WeChat numbers masked"

    token: str = "<联系方式>"  # noqa: S105  what stands for a contact, no secret
    """Its brackets keep it apart from what stands beside it."""

    def rewrite(self, batch: Batch) -> pa.Array:
        """The captions masked; null where there is none."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The captions, and `contact_mask_spans`, null where there is no caption."""
        captions = batch["caption"]
        found = contacts.found(captions)
        masked = spans.masked(captions, found, dict.fromkeys(contacts.KINDS, self.token))
        return {self.name(): masked, "contact_mask_spans": spans.column(found)}
