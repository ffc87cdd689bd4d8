"""Who is asked, how often, and by whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from wukong_build.errors import ConfigError
from wukong_build.web.manners import Learnt, Limits, Manners, PerHost, Retries, Turns, has_contact, is_loopback

CLOCK_SLACK_SECONDS = 0.005


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("wukong-build/1.0 (+https://my.site/crawl)", True),
        ("wukong-build/1.0 (me@my.site)", True),
        ("wukong-build/1.0", False),
        ("", False),
        ("wukong-build (+https://github.com/…; you@example.org)", False),
        ("wukong-build (+https://example.com/bot)", False),
        ("wukong-build (+https://example.com/bot; me@my.site)", True),
        ("mail me @ home", False),
    ],
)
def test_a_contact_is_a_page_or_an_address_that_is_no_placeholder(user_agent: str, expected: bool) -> None:
    """A user agent names somebody where it holds a URL or a mail address that is somebody's."""
    assert has_contact(user_agent) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("127.0.0.1", True),
        ("127.8.9.1:80", True),
        ("::1", True),
        ("[::1]", True),
        ("[::1]:8000", True),
        ("10.0.0.1", False),
        ("[2001:db8::1]:80", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_loopback_is_this_very_machine(host: str, expected: bool) -> None:
    """A name or an address, with or without a port."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("hosts", "resolve"),
    [
        (["localhost", "127.0.0.1"], {}),
        (["demo.test"], {"demo.test": "127.0.0.1:8000"}),
        (["demo.test"], {"demo.test": "[::1]:8000"}),
    ],
)
def test_ones_own_machine_needs_no_contact(hosts: list[str], resolve: dict[str, str]) -> None:
    """Whoever asks only themselves, by whatever name, need not say who they are."""
    Manners("wukong", resolve=resolve).require_contact(hosts)


def test_somebody_else_must_be_able_to_complain() -> None:
    """The error names a host that could not turn to anybody, what was found, and what would be right."""
    with pytest.raises(ConfigError, match=r"found 'wukong/1', which tells b\.example nobody .*mail address") as caught:
        Manners("wukong/1").require_contact(["localhost", "c.example", "b.example"])
    assert caught.value.exit_status == 2
    Manners("wukong/1 (me@my.site)").require_contact(["b.example"])


@pytest.mark.parametrize(
    ("user_agent", "expected"), [("wukong-build/1.0 (x)", "wukong-build"), ("wukong build", "wukong"), ("wukong", "wukong")]
)
def test_the_product_is_the_first_word(user_agent: str, expected: str) -> None:
    """robots.txt files address a crawler by the user agent up to the first slash or space."""
    assert Manners(user_agent).product == expected


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (PerHost, {"delay_seconds": -1}),
        (PerHost, {"connections": 0}),
        (PerHost, {"connection": 1}),
        (PerHost, {"give_up_after": 0}),
        (Retries, {"times": -1}),
        (Retries, {"wait_seconds": 0}),
        (Limits, {"timeout_seconds": 0}),
        (Limits, {"at_most_bytes": 0}),
    ],
)
def test_manners_that_make_no_sense_are_refused(kind: type[Any], values: dict[str, float]) -> None:
    """Bounds stand in the types."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(values, kind)


def test_starts_of_one_host_lie_a_delay_apart() -> None:
    """The first request of a host comes one delay after the turns were made, each further one a delay after the one before."""

    async def starts() -> list[float]:
        clock = asyncio.get_running_loop().time
        turns, found = Turns(PerHost(delay_seconds=0.03, connections=4), at_once=8), [clock()]

        async def ask() -> None:
            async with turns.turn("a"):
                found.append(clock())

        await asyncio.gather(*(ask() for _ in range(4)))
        return found

    assert all(later - earlier > 0.03 - CLOCK_SLACK_SECONDS for earlier, later in pairwise(within_seconds(5, starts())))


def test_a_host_may_wish_for_longer_but_not_for_shorter_pauses() -> None:
    """The longer of the config's delay and the host's own wish counts."""

    async def waited(wish: float) -> float:
        clock = asyncio.get_running_loop().time
        start = clock()
        async with Turns(PerHost(delay_seconds=0.03), at_once=8).turn("a", wish):
            return clock() - start

    assert within_seconds(5, waited(0.06)) > 0.06 - CLOCK_SLACK_SECONDS
    assert within_seconds(5, waited(0.0)) > 0.03 - CLOCK_SLACK_SECONDS


def test_one_host_does_not_hold_up_another() -> None:
    """While every connection of a host is taken, others have their turns."""

    async def ask() -> None:
        turns = Turns(PerHost(delay_seconds=0, connections=1), at_once=8)
        async with turns.turn("a"), turns.turn("b"):
            pass

    within_seconds(5, ask())


def test_waiting_for_a_free_place_does_not_bunch_the_starts() -> None:
    """Turns of one host that had to wait until fewer requests were under way still start a delay apart."""

    async def starts() -> list[float]:
        clock = asyncio.get_running_loop().time
        turns, found = Turns(PerHost(delay_seconds=0.03, connections=4), at_once=1), []

        async def ask() -> None:
            async with turns.turn("a"):
                found.append(clock())

        async with turns.turn("other"):
            asks = [asyncio.create_task(ask()) for _ in range(3)]
            done, _ = await asyncio.wait(asks, timeout=0.1)
            assert not done
        await asyncio.gather(*asks)
        return found

    assert all(later - earlier > 0.03 - CLOCK_SLACK_SECONDS for earlier, later in pairwise(within_seconds(5, starts())))


def test_a_turn_is_given_back_however_it_ends() -> None:
    """An error or a cancellation within a turn frees its connection for the next."""

    async def ask() -> None:
        turns = Turns(PerHost(delay_seconds=0, connections=1), at_once=1)
        for error in (ValueError, asyncio.CancelledError):
            with pytest.raises(error):
                async with turns.turn("a"):
                    raise error
        async with turns.turn("a"):
            pass

    within_seconds(5, ask())


@pytest.mark.parametrize("failure", ["429", "5xx", "timeout"])
def test_a_host_that_is_asked_too_much_is_asked_less(failure: str) -> None:
    """Each time the pause doubles, up to a bound; answers ease it again, down to the config's own."""

    async def pauses() -> list[float]:
        turns, found = Turns(PerHost(delay_seconds=0), at_once=8), []
        for heard in [failure] * 9 + [None] * 60:
            async with turns.turn("a"):
                pass
            turns.heard("a", heard, pause_seconds=None)
            found.append(turns.learnt["a"].delay_seconds)
            turns = Turns(PerHost(delay_seconds=0), 8, {"a": Learnt(delay_seconds=found[-1], silent_until=0.0)})
            turns._made_at -= 100  # the first turn of a host comes one delay after the turns were made
        return found

    found = within_seconds(5, pauses())
    assert found[:9] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(later < earlier for earlier, later in pairwise(found[8:40]))
    assert found[-1] == 0


@pytest.mark.parametrize("connections", [1, 3])
def test_a_pause_begins_when_the_request_leaves(connections: int) -> None:
    """To connect may take longer than the pause, to one request more than to another: they leave a pause apart all the same."""

    async def left() -> list[float]:
        clock = asyncio.get_running_loop().time
        turns, found = Turns(PerHost(delay_seconds=0.1, connections=connections), at_once=8), []

        async def ask(connecting_seconds: float) -> None:
            async with turns.turn("a") as turn:
                await asyncio.sleep(connecting_seconds)
                found.append(clock())
                turn.begin()

        await asyncio.gather(ask(0.25), ask(0.0), ask(0.15))
        return found

    found = within_seconds(5, left())
    assert all(later - earlier > 0.1 - CLOCK_SLACK_SECONDS for earlier, later in pairwise(found))


def test_requests_without_a_pause_wait_for_no_other() -> None:
    """One that is slow to connect holds up none of those beside it."""

    async def ask() -> None:
        turns = Turns(PerHost(delay_seconds=0, connections=2), at_once=8)
        async with turns.turn("a"), turns.turn("a"):
            pass

    within_seconds(5, ask())


def test_refusals_of_one_burst_count_once() -> None:
    """Requests that began before the pace was slowed say nothing against the slower one."""

    async def pauses() -> list[float]:
        turns, found = Turns(PerHost(delay_seconds=0, connections=4), at_once=8), []

        async def ask() -> None:
            async with turns.turn("a"):
                await asyncio.sleep(0.01)
            turns.heard("a", "429", seconds=0.01)
            found.append(turns.learnt["a"].delay_seconds)

        await asyncio.gather(*(ask() for _ in range(4)))
        return found

    assert within_seconds(5, pauses()) == [1, 1, 1, 1]


def test_a_host_is_given_up_and_has_another_chance_in_the_next_part() -> None:
    """After so many failures in a row nothing more is asked of it; whoever begins with what was learnt asks once."""

    async def asked(turns: Turns, count: int) -> list[bool]:
        found = []
        for _ in range(count):
            async with turns.turn("a") as turn:
                found.append(turn.may_ask)
            if turn.may_ask:
                turns.heard("a", "connect")
        return found

    async def both() -> tuple[list[bool], list[bool]]:
        manners = PerHost(delay_seconds=0, give_up_after=3)
        first = Turns(manners, at_once=8)
        return await asked(first, 5), await asked(Turns(manners, 8, first.learnt), 3)

    assert within_seconds(5, both()) == ([True, True, True, False, False], [True, False, False])


def test_an_answer_ends_a_row_of_failures() -> None:
    """Whoever answers, if only that there is no such image, is there."""

    async def failures() -> list[int]:
        turns, found = Turns(PerHost(delay_seconds=0, give_up_after=3), at_once=8), []
        for heard in ("dns", "connect", "404", "dns", None):
            async with turns.turn("a") as turn:
                assert turn.may_ask
            turns.heard("a", heard)
            found.append(turns.learnt["a"].failures)
        return found

    assert within_seconds(5, failures()) == [1, 2, 0, 1, 0]


def test_a_wish_to_be_let_alone_is_kept_by_whoever_waits() -> None:
    """A pause holds for turns that were waited for before it was asked for, and for those of later parts."""

    async def starts() -> list[float]:
        clock = asyncio.get_running_loop().time
        turns, found = Turns(PerHost(delay_seconds=0.05, connections=4), at_once=8), []

        async def ask(pause: float | None) -> None:
            async with turns.turn("a"):
                found.append(clock())
                turns.heard("a", "429" if pause else None, pause)

        await asyncio.gather(ask(0.4), ask(None))
        turns = Turns(PerHost(delay_seconds=0), 8, {"a": Learnt(silent_until=time.time() + 0.2)})
        found.append(clock())
        await ask(None)
        return found

    first, second, before, after = within_seconds(10, starts())
    assert second - first > 0.4 - CLOCK_SLACK_SECONDS
    assert after - before > 0.2 - CLOCK_SLACK_SECONDS


@pytest.mark.parametrize(("attempts", "least", "most"), [(1, 0.5, 1.5), (2, 1, 3), (3, 2, 6)])
def test_the_wait_before_a_repetition_doubles_and_is_left_to_chance(attempts: int, least: float, most: float) -> None:
    """Give or take a half."""
    waits = {Retries(wait_seconds=1).wait(attempts) for _ in range(100)}
    assert least <= min(waits) < max(waits) <= most


def test_each_host_has_one_proxy_of_several() -> None:
    """Always the same, and not all of them one."""
    manners = Manners("wukong", proxies=("http://p1:3128", "http://p2:3128"))
    found = [manners.proxy_of(f"{number}.test") for number in range(100)]
    assert found == [manners.proxy_of(f"{number}.test") for number in range(100)]
    assert set(found) == {"http://p1:3128", "http://p2:3128"}
    assert manners.proxy_hosts() == {"p1", "p2"}


def within_seconds(seconds: float, work: Coroutine[Any, Any, Any]) -> Any:
    """What the work gives, which must not hang."""
    return asyncio.run(asyncio.wait_for(work, seconds))
