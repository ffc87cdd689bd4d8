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


class Blocks(NamedTuple):
    """How hashes are cut."""

    shifts: npt.NDArray[np.uint64]
    """Of each block, to its lowest bit."""
    widths: npt.NDArray[np.int64]
    """Bits of each block that are sorted by."""
    masks: npt.NDArray[np.uint64]
    """Of each block, all its bits."""


class Rule(NamedTuple):
    """Which pairs count."""

    distance: int
    to_choose: int
    """Blocks in which a pair agrees."""
    blocks: Blocks
    words: npt.NDArray[np.uint64]
    """items × words: the second hashes."""
    words_distance: int
    """Bits in which the second hashes of a pair may differ."""
    settled: npt.NDArray[np.bool_]
    """Those that are not the later one of a pair."""
    first_only: bool
    """True where only the first near one of each is asked for."""
    two_each: int
    """1 where each hash of an even number and the one behind it are of one item, the first and the second of it; else 0."""


class Found(NamedTuple):
    """What is found, filled in by one thread."""

    first: npt.NDArray[np.uint32]
    has_near: npt.NDArray[np.bool_]
    """Shared: threads only ever write True."""
    pairs: npt.NDArray[np.uint64]
    """The later one, shifted by 32 bits, and the earlier one."""
    pair_count: npt.NDArray[np.int64]
    """One number: how many pairs there were, in `pairs` or not."""


class Grouped(NamedTuple):
    """Items sorted by the value of one block."""

    hashes: npt.NDArray[np.uint64]
    items: npt.NDArray[np.uint32]
    ends: npt.NDArray[np.int64]
    """For each value the place behind its last hash."""


class Buckets(NamedTuple):
    """Hashes, and which items they are, in buckets."""

    hashes: npt.NDArray[np.uint64]
    items: npt.NDArray[np.uint32]
    ends: npt.NDArray[np.int64]
    """Of each bucket, the place behind its last hash."""


class Key(NamedTuple):
    """What tells the bucket of a hash: some highest bits of a product."""

    bits: np.uint64
    multiplier: np.uint64
    shift: np.uint64


class Choices(NamedTuple):
    """Some choices of blocks, in which others agree with an item but for a few bits."""

    bits: npt.NDArray[np.uint64]
    """Of each choice, all bits of its blocks."""
    multipliers: npt.NDArray[np.uint64]
    """The product of these bits with it has in its highest ones what tells buckets apart."""
    lengths: npt.NDArray[np.int64]
    """How many of the highest bits do."""
    flips: npt.NDArray[np.uint64]
    """What others may differ in there, choice after choice."""
    flip_ends: npt.NDArray[np.int64]
    """Of each choice, the place behind its last flip."""


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
def scatter(hashes: Any, first_item: Any, shift: Any, mask: Any, places: Any, groups: Any) -> None:
    """Put hashes, and which items they are, where the place of their value of a block points to; places move on."""
    for index in range(len(hashes)):
        number = hashes[index]
        value = (number >> shift) & mask
        place = places[value]
        places[value] = place + 1
        groups.hashes[place] = number
        groups.items[place] = first_item + index


@compiled
def _is_counted(difference: Any, choice: Any, rule: Any) -> Any:
    """True at the one choice at which a pair counts: that of the first blocks in which it agrees."""
    if difference & choice.agreed:
        return False
    for block in range(choice.block):
        if (choice.skipped >> np.uint64(block)) & np.uint64(1) and difference & rule.blocks.masks[block] == 0:
            return False
    return True


@compiled
def _is_confirmed(left: Any, right: Any, distance: Any) -> Any:
    differing = np.uint64(0)
    for word in range(len(left)):
        differing += _bit_count(left[word] ^ right[word])
    return differing <= np.uint64(distance)


@compiled
def _is_of_two(earlier: Any, later: Any, rule: Any) -> Any:
    """True unless both hashes are of the same item, or both second ones."""
    return (earlier ^ later) > rule.two_each and earlier & later & rule.two_each == 0


@compiled
def _compare(hashes: Any, items: Any, begin: Any, end: Any, choice: Any, rule: Any, found: Any) -> None:
    """Compare each of a group with those before it, which is the order of the items."""
    distance = np.uint64(rule.distance)
    for place in range(begin + 1, end):
        number = hashes[place]
        for start in range(begin, place, _AT_ONCE):
            stop = min(place, start + _AT_ONCE)
            near = np.uint64(0)
            for other in range(start, stop):
                near += np.uint64(_bit_count(number ^ hashes[other]) <= distance)
            if near and (  # only now is anything looked up by item, which is seldom in the processor's cache
                rule.settled[items[place]] or (_note(hashes, items, start, stop, place, choice, rule, found) and rule.first_only)
            ):
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
            and _is_counted(difference, choice, rule)
            and _is_of_two(earlier, later, rule)
            and _is_confirmed(rule.words[earlier], rule.words[later], rule.words_distance)
        ):
            found.first[later] = min(found.first[later], earlier)
            found.has_near[earlier] = True
            if rule.first_only:
                break
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
    for block in range(choice.block, len(rule.blocks.masks) - choice.to_choose + 1):
        values = 1 << min(rule.blocks.widths[block], enough_bits)
        shift, mask = rule.blocks.shifts[block], np.uint64(values - 1)
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
        inner = Choice(block + 1, choice.to_choose - 1, choice.agreed | rule.blocks.masks[block], skipped)
        begin = 0
        for value in range(values):
            end = places[value]
            if end - begin > 1:
                if inner.to_choose == 0 or end - begin <= _FEW:
                    _compare(free_hashes, free_items, begin, end, inner, rule, found)
                else:
                    _descend(
                        free_hashes[begin:end], free_items[begin:end], inner, rule, found, free_hashes[size:], free_items[size:]
                    )
            begin = end
        skipped |= np.uint64(1) << np.uint64(block)


@compiled
def search(block: Any, rule: Any, groups: Any, start: Any, stop: Any, found: Any) -> None:
    """Find the pairs of some groups, those of the values of `block`, the first chosen one, from `start` to `stop`."""
    first = groups.ends[start - 1] if start else 0
    largest, begin = 0, first
    for end in groups.ends[start:stop]:
        largest, begin = max(largest, end - begin), end
    free_hashes = np.empty(largest * rule.to_choose, np.uint64)
    free_items = np.empty(largest * rule.to_choose, np.uint32)
    skipped = (np.uint64(1) << np.uint64(block)) - np.uint64(1)
    choice = Choice(block + 1, rule.to_choose - 1, rule.blocks.masks[block], skipped)
    begin = first
    for end in groups.ends[start:stop]:
        if end - begin > 1:
            if rule.to_choose == 1 or end - begin <= _FEW:
                _compare(groups.hashes, groups.items, begin, end, choice, rule, found)
            else:
                _descend(groups.hashes[begin:end], groups.items[begin:end], choice, rule, found, free_hashes, free_items)
        begin = end


@compiled
def look_up(
    items: Any,
    others: Any,
    choices: Any,
    group_shift: Any,
    near: Any,
    words: Any,
    other_words: Any,
    start: Any,
    stop: Any,
    first: Any,
) -> None:
    """Note for items the first of the others that is near, for the groups of the values from `start` to `stop`.

    For each choice of blocks the others of a group are put into buckets by the bits of these, in their order, and so is every
    item that may be near to them, once for each flip that leads from its own group to this one. All of it fits into the
    processor's cache.
    """
    no_flip = np.zeros(1, np.uint64)
    for value in range(start, stop):
        other_count = _reached(others, value, no_flip, group_shift)
        for choice in range(len(choices.bits)):
            flips = choices.flips[choices.flip_ends[choice - 1] if choice else 0 : choices.flip_ends[choice]]
            count = _reached(items, value, flips, group_shift)
            if count and other_count:
                length = 1
                while length < choices.lengths[choice] and (1 << length) < count:
                    length += 1
                key = Key(choices.bits[choice], choices.multipliers[choice], np.uint64(64 - length))
                mine = _in_buckets(items, value, flips, group_shift, key, count)
                theirs = _in_buckets(others, value, no_flip, group_shift, key, other_count)
                _note_first(mine, theirs, near, words, other_words, first)


@compiled
def _from(value: Any, flip: Any, group_shift: Any, groups: Any) -> Any:
    """Where those lie that a flip leads to the group of a value."""
    group = (np.uint64(value) ^ (flip >> group_shift)) & np.uint64(len(groups.ends) - 1)
    return slice(groups.ends[group - np.uint64(1)] if group else 0, groups.ends[group])


@compiled
def _reached(groups: Any, value: Any, flips: Any, group_shift: Any) -> Any:
    """How many flips lead to the group of a value."""
    count = 0
    for flip in flips:
        some = _from(value, flip, group_shift, groups)
        count += some.stop - some.start
    return count


@compiled
def _in_buckets(groups: Any, value: Any, flips: Any, group_shift: Any, key: Any, count: Any) -> Any:
    """All that flips lead to the group of a value, in buckets, in their order but for the flips."""
    buckets = Buckets(
        np.empty(count, np.uint64), np.empty(count, np.uint32), np.zeros(1 << (np.uint64(64) - key.shift), np.int64)
    )
    for flip in flips:
        for number in groups.hashes[_from(value, flip, group_shift, groups)]:
            buckets.ends[_bucket(number, flip, key)] += 1
    begin = 0
    for bucket in range(len(buckets.ends)):
        begin, buckets.ends[bucket] = begin + buckets.ends[bucket], begin
    for flip in flips:
        some = _from(value, flip, group_shift, groups)
        for place in range(some.start, some.stop):
            bucket = _bucket(groups.hashes[place], flip, key)
            end = buckets.ends[bucket]
            buckets.hashes[end], buckets.items[end] = groups.hashes[place], groups.items[place]
            buckets.ends[bucket] = end + 1
    return buckets


@compiled
def _bucket(number: Any, flip: Any, key: Any) -> Any:
    return ((number ^ flip) & key.bits) * key.multiplier >> key.shift


@compiled
def _note_first(mine: Any, theirs: Any, near: Any, words: Any, other_words: Any, first: Any) -> None:
    """Note for the items of each bucket the first of the others in it that is near; then an item leaves the bucket."""
    distance = np.uint64(near.distance)
    begin = other_begin = 0
    for bucket in range(len(mine.ends)):
        end = mine.ends[bucket]
        for place in range(other_begin, theirs.ends[bucket]):
            number = theirs.hashes[place]
            found = np.uint64(0)
            for at in range(begin, end):
                found += np.uint64(_bit_count(number ^ mine.hashes[at]) <= distance)
            if not found:
                continue
            other, at = theirs.items[place], begin
            while at < end:
                item = mine.items[at]
                if _bit_count(number ^ mine.hashes[at]) <= distance and _is_confirmed(
                    words[item], other_words[other], near.words_distance
                ):
                    first[item] = min(first[item], other)
                    end -= 1
                    mine.hashes[at], mine.items[at] = mine.hashes[end], mine.items[end]
                else:
                    at += 1
        begin, other_begin = mine.ends[bucket], theirs.ends[bucket]


@compiled
def look_near(hashes: Any, few: Any, distance: Any, is_near: Any) -> None:
    """Note which hashes are within the distance of one of a few."""
    for place in range(len(hashes)):
        found = np.uint64(0)
        for other in few:
            found += np.uint64(_bit_count(hashes[place] ^ other) <= np.uint64(distance))
        is_near[place] = found > 0


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
