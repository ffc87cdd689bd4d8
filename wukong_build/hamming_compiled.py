"""The loops of `hamming`, compiled by numba when they are first called; the machine code is kept on disk for the next time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import intrinsic

_AT_ONCE = 64
"""So many distances are looked at together: the processor counts the bits of several at a time."""

_FEW = 12
"""A group of no more is compared as it is."""


class Rule(NamedTuple):
    """Which pairs count, and how hashes are cut into blocks."""

    distance: int
    to_choose: int
    """Blocks in which a pair agrees."""
    shifts: npt.NDArray[np.uint64]
    """Of each block, to its lowest bit."""
    widths: npt.NDArray[np.int64]
    """Bits of each block that are sorted by."""
    masks: npt.NDArray[np.uint64]
    """Of each block, all its bits."""
    words: npt.NDArray[np.uint64]
    """items × words: the second hashes."""
    words_distance: int
    """Bits in which the second hashes of a pair may differ."""
    since: int
    """A pair is one of those before this one and one of the others; 0 where all pairs count."""
    settled: npt.NDArray[np.bool_]
    """Those that are not the later one of a pair."""
    first_only: bool
    """True where only the first near one of each is asked for."""


class Found(NamedTuple):
    """What is found, filled in by one thread."""

    first: npt.NDArray[np.uint32]
    has_near: npt.NDArray[np.bool_]
    """Shared: threads only ever write True."""
    pairs: npt.NDArray[np.uint64]
    """The later one, shifted by 32 bits, and the earlier one."""
    pair_count: npt.NDArray[np.int64]
    """One number: how many pairs there were, in `pairs` or not."""


class Choice(NamedTuple):
    """The blocks in which the hashes of a group agree."""

    block: int
    """The next one to choose from."""
    to_choose: int
    agreed: np.uint64
    """All bits of the chosen ones."""
    skipped: np.uint64
    """Those before the last chosen one that were not chosen: one bit for each."""


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code, without the interpreter's lock."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder to be written to: it is compiled each time
        return numba.njit(nogil=True)(function)


def _bit_count_instruction(_typing: Any, _number: Any) -> Any:
    """The bits that are set in a number of 64 bits, which is one instruction of the processor."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return numba.types.uint64(numba.types.uint64), generate


_bit_count: Any = intrinsic(_bit_count_instruction)


@compiled
def histogram(hashes: Any, shift: Any, mask: Any, counts: Any) -> None:
    """Count how many hashes have each value of a block."""
    for number in hashes:
        counts[(number >> shift) & mask] += 1


@compiled
def scatter(hashes: Any, first_item: Any, shift: Any, mask: Any, places: Any, sorted_hashes: Any, sorted_items: Any) -> None:
    """Put hashes, and which items they are, where the place of their value of a block points to; places move on."""
    for index in range(len(hashes)):
        number = hashes[index]
        value = (number >> shift) & mask
        place = places[value]
        places[value] = place + 1
        sorted_hashes[place] = number
        sorted_items[place] = first_item + index


@compiled
def _is_counted(difference: Any, choice: Any, rule: Any) -> Any:
    """True at the one choice at which a pair counts: that of the first blocks in which it agrees."""
    if difference & choice.agreed:
        return False
    for block in range(choice.block):
        if (choice.skipped >> np.uint64(block)) & np.uint64(1) and difference & rule.masks[block] == 0:
            return False
    return True


@compiled
def _is_confirmed(left: Any, right: Any, rule: Any) -> Any:
    differing = np.uint64(0)
    for word in range(rule.words.shape[1]):
        differing += _bit_count(rule.words[left, word] ^ rule.words[right, word])
    return differing <= np.uint64(rule.words_distance)


@compiled
def _compare(hashes: Any, items: Any, begin: Any, end: Any, choice: Any, rule: Any, found: Any) -> None:
    """Compare each of a group with those before it, which is the order of the items."""
    distance = np.uint64(rule.distance)
    for place in range(begin + 1, end):
        later, number = items[place], hashes[place]
        if later < rule.since or rule.settled[later]:
            continue
        for start in range(begin, place, _AT_ONCE):
            if 0 < rule.since <= items[start]:
                break
            stop = min(place, start + _AT_ONCE)
            near = np.uint64(0)
            for other in range(start, stop):
                near += np.uint64(_bit_count(number ^ hashes[other]) <= distance)
            if near and _note(hashes, items, start, stop, place, choice, rule, found) and rule.first_only:
                break


@compiled
def _note(hashes: Any, items: Any, start: Any, stop: Any, place: Any, choice: Any, rule: Any, found: Any) -> Any:
    """Note which of some hashes are near to a later one; True where one is."""
    later, number = items[place], hashes[place]
    before = found.first[later]
    for other in range(start, stop):
        earlier, difference = items[other], number ^ hashes[other]
        if (
            _bit_count(difference) <= np.uint64(rule.distance)
            and (rule.since == 0 or earlier < rule.since)
            and _is_counted(difference, choice, rule)
            and _is_confirmed(earlier, later, rule)
        ):
            found.first[later] = min(found.first[later], earlier)
            found.has_near[earlier] = True
            if found.pair_count[0] < len(found.pairs):
                found.pairs[found.pair_count[0]] = np.uint64(later) << np.uint64(32) | np.uint64(earlier)
            found.pair_count[0] += 1
    return found.first[later] < before


@compiled
def _descend(hashes: Any, items: Any, choice: Any, rule: Any, found: Any, free_hashes: Any, free_items: Any) -> None:
    """Find the pairs of a group by cutting it further, by every block that may be chosen next."""
    size = len(hashes)
    enough_bits = 1
    while (1 << enough_bits) < size:
        enough_bits += 1
    skipped = choice.skipped
    for block in range(choice.block, len(rule.masks) - choice.to_choose + 1):
        values = 1 << min(rule.widths[block], enough_bits)
        shift, mask = rule.shifts[block], np.uint64(values - 1)
        places = np.zeros(values + 1, np.int64)
        for number in hashes:
            places[((number >> shift) & mask) + np.uint64(1)] += 1
        for value in range(values):
            places[value + 1] += places[value]
        for index in range(size):
            number = hashes[index]
            place = places[(number >> shift) & mask]
            places[(number >> shift) & mask] = place + 1
            free_hashes[place] = number
            free_items[place] = items[index]
        inner = Choice(block + 1, choice.to_choose - 1, choice.agreed | rule.masks[block], skipped)
        begin = 0
        for value in range(values):
            end = places[value]
            if end - begin > 1 and free_items[end - 1] >= rule.since:
                if inner.to_choose == 0 or end - begin <= _FEW:
                    _compare(free_hashes, free_items, begin, end, inner, rule, found)
                else:
                    _descend(
                        free_hashes[begin:end], free_items[begin:end], inner, rule, found, free_hashes[size:], free_items[size:]
                    )
            begin = end
        skipped |= np.uint64(1) << np.uint64(block)


@compiled
def search(hashes: Any, items: Any, ends: Any, block: Any, rule: Any, found: Any) -> None:
    """Find the pairs of some groups that lie side by side, each of hashes with one value of `block`, the first chosen one."""
    largest, begin = 0, 0
    for end in ends:
        largest, begin = max(largest, end - begin), end
    free_hashes = np.empty(largest * rule.to_choose, np.uint64)
    free_items = np.empty(largest * rule.to_choose, np.uint32)
    skipped = (np.uint64(1) << np.uint64(block)) - np.uint64(1)
    choice = Choice(block + 1, rule.to_choose - 1, rule.masks[block], skipped)
    begin = 0
    for end in ends:
        if end - begin > 1 and items[end - 1] >= rule.since:
            if rule.to_choose == 1 or end - begin <= _FEW:
                _compare(hashes, items, begin, end, choice, rule, found)
            else:
                _descend(hashes[begin:end], items[begin:end], choice, rule, found, free_hashes, free_items)
        begin = end


@compiled
def decide_all(pairs: Any, owner: Any) -> None:
    """Let each item name the first kept one that it is near to; all pairs are there, by their later one, then the earlier."""
    for pair in pairs:
        later, earlier = pair >> np.uint64(32), pair & np.uint64(0xFFFFFFFF)
        if owner[later] == later and owner[earlier] == earlier:
            owner[later] = earlier


@compiled
def decide_some(first: Any, settled: Any, owner: Any) -> None:
    """Settle items that have no near one before them, and let those whose first near one is settled name it."""
    for item in range(len(first)):
        if settled[item]:
            continue
        earlier = first[item]
        if earlier == np.uint32(0xFFFFFFFF):
            settled[item] = True
        elif settled[earlier] and owner[earlier] == earlier:
            owner[item] = earlier
            settled[item] = True
