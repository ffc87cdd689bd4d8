"""Numbers that the state or a bank gave to one person: of identity cards and passports, of vehicles, of bank cards."""

from __future__ import annotations

import re
from datetime import date
from typing import ClassVar

import pyarrow as pa

from wukong_build.batch import Batch
from wukong_build.chinese import spans
from wukong_build.chinese.spans import Pattern
from wukong_build.links import Columns, Rewrite

_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split()  # noqa: SIM905  read better
)
"""GB/T 2260, the first two digits."""
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
"""GB 11643: the last character, by the weighted sum of the others modulo 11."""
_SHORTEST, _LONGEST = 16, 19
_ISSUERS = re.compile(
    r"62\d{14,17}"  # UnionPay
    r"|(?:4367|4563|9558|9559|6013|6222)\d{15}"  # older debit cards of Chinese banks
    r"|(?:4\d|5[1-5]|35)\d{14}"  # Visa, Mastercard, JCB
    r"|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
)

_PLATE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_SERIAL = r"[A-HJ-NP-Z\d]"
_GAP = r"[·•・.\-\s]?"
_SCREEN = rf"(?i)\d{{6}}|\d{{4}}[ \-]\d{{4}}|[{_PLATE}][A-HJ-NP-Z]{_GAP}[A-HJ-NP-Z\d·•・.\-\s]{{4}}|WJ|护照|通行证|passport"
"""No caption without a match of this holds such a number: a cheap look before the patterns'."""


def _is_resident(number: str) -> bool:
    """18 digits of which the last may be X: a province, a day, and the check digit that the others ask for."""
    digits = re.sub(r"[\s\-]", "", number).upper()
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits[:17], strict=True))
    return digits[:2] in _PROVINCES and _is_day(digits[6:14]) and _CHECK[total % 11] == digits[17]


def _is_old_resident(number: str) -> bool:
    """15 digits, without a check digit: a province and a day."""
    return number[:2] in _PROVINCES and _is_day(f"19{number[6:12]}")


def _is_day(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _is_plate(number: str) -> bool:
    """At most two letters after that of the city, as the standard has it (GA 36)."""
    return sum(map(str.isdigit, number)) >= 3  # noqa: PLR2004  of five or six


def _is_card(number: str) -> bool:
    """Of an issuer's range, and as Luhn's formula wants it."""
    digits = re.sub(r"[\s\-]", "", number)
    if not (_SHORTEST <= len(digits) <= _LONGEST and _ISSUERS.fullmatch(digits)):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _pattern(kind: str, expression: str, holds: spans.Holds = bool) -> Pattern:
    return Pattern(kind, re.compile(expression, re.ASCII | re.IGNORECASE), holds)


_PATTERNS = (
    _pattern("resident", r"(?<!\d)[1-8]\d{5}[\s\-]?(?:18|19|20)\d{6}[\s\-]?\d{3}[\dX](?![\dX])", _is_resident),
    _pattern("resident", r"(?:身份证|证件)(?:号码?)?\s*[:：]?\s*(?P<found>[1-8]\d{14}(?!\d))", _is_old_resident),
    _pattern("passport", r"(?:护照|通行证|passport)(?:号码?| ?no\.?)?\s*[:：]?\s*(?P<found>[A-Z]{1,2}\d{7,8}(?!\d))"),
    _pattern("bank_card", r"(?<![\d.])\d{4}(?:([ \-])\d{4}(?:\1\d{4}){2}(?:\1\d{1,3})?|\d{12,15})(?![\d.])", _is_card),
    _pattern(
        "plate",  # not 最新A12345, nor 新A12345678
        rf"(?<![最全崭更上])[{_PLATE}][A-HJ-NP-Z]{_GAP}(?:[A-K]{_SERIAL}\d{{4}}|\d{{5}}[A-K]|{_SERIAL}{{5}}|{_SERIAL}{{4}}[挂学警港澳领])(?![A-Z\d])",
        _is_plate,
    ),
    _pattern("plate", rf"(?<![A-Z\d])WJ\s?[{_PLATE}]{_GAP}\d{{4}}[\dA-Z](?![A-Z\d])"),
)


class IdentityNumbers(Rewrite, frozen=True, kw_only=True):
    """The caption with such numbers replaced by tokens.

    Resident numbers and bank cards count where their check digits hold, those of passports and old identity cards where a word
    announces them. The spans tell where in the caption before this link they stood, in characters; the numbers stand nowhere.
    """

    writes: ClassVar[dict[str, pa.DataType]] = {"identity_spans": spans.TYPE}
    meaning: ClassVar[str] = "the caption with identity card, passport, licence plate and bank card numbers masked"

    identity_token: str = "<证件号>"  # noqa: S105  what stands for a number, no secret
    plate_token: str = "<车牌号>"  # noqa: S105  as above
    bank_card_token: str = "<银行卡号>"  # noqa: S105  as above

    def rewrite(self, batch: Batch) -> pa.Array:
        """The captions masked; null where there is none."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The captions, and `identity_spans`, null where there is no caption: resident, passport, plate or bank_card."""
        captions = batch["caption"]
        found = spans.found(captions, _SCREEN, _PATTERNS)
        tokens = {
            "resident": self.identity_token,
            "passport": self.identity_token,
            "plate": self.plate_token,
            "bank_card": self.bank_card_token,
        }
        return {self.name(): spans.masked(captions, found, tokens), "identity_spans": spans.column(found)}
