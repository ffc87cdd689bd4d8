"""Which text becomes the caption, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wukong_build.web.caption import AT_MOST_CHARACTERS, FAR, NEAR, choose
from wukong_build.web.extract import Text


def texts(*given: tuple[str, str]) -> list[Text]:
    """Candidates from (origin, text), each a step further than the one before."""
    return [Text(text, origin, distance) for distance, (origin, text) in enumerate(given)]


@pytest.mark.parametrize(
    ("given", "origin", "reason"),
    [
        ([("alt", "红玫瑰"), ("figcaption", "窗台上的红玫瑰")], "figcaption", "figcaption: first in order"),
        ([("nearest", "红玫瑰"), ("alt", "一束红玫瑰")], "alt", "alt: first in order"),
        ([("page_title", "花卉网"), ("heading", "玫瑰")], "heading", "heading: first in order"),
        ([("alt", "IMG_2034.JPG"), ("nearest", "红玫瑰")], "nearest", "alt is a file name; nearest: next in order"),
        ([("alt", "红玫瑰.jpg"), ("title", "红玫瑰")], "title", "alt is a file name; title: next in order"),
        ([("alt", "图片"), ("nearest", "红玫瑰")], "nearest", "alt would fit any picture; nearest: next in order"),
        ([("alt", "Card image cap"), ("link", "红玫瑰")], "link", "alt would fit any picture; link: next in order"),
        ([("alt", "图片（3）"), ("nearest", "红玫瑰")], "nearest", "alt would fit any picture; nearest: next in order"),
        ([("alt", "12/30"), ("nearest", "红玫瑰")], "nearest", "alt has no letters; nearest: next in order"),
        ([("title", "http://a.example/x"), ("link", "红玫瑰")], "link", "title is a URL; link: next in order"),
        ([("nearest", "售价： ¥1,288 售罄"), ("link", "红玫瑰")], "link", "nearest is a price; link: next in order"),
        ([("nearest", "2019年4月3日"), ("link", "红玫瑰")], "link", "nearest would fit any picture; link: next in order"),
        ([("alt", "Magazine"), ("nearest", "红玫瑰")], "nearest", "alt has no Han characters; nearest: next in order"),
        ([("alt", "Red roses"), ("page_title", "花卉网")], "alt", "alt: first in order"),
        ([("alt", "图片"), ("page_title", "花卉网")], "page_title", "alt would fit any picture; page_title: next in order"),
        ([("alt", "图片"), ("title", "1.jpg")], "alt", "alt would fit any picture, and no text says more"),
        ([("caption", "红玫瑰")], "caption", "caption: first in order"),
        ([("a_new_origin", "红玫瑰"), ("page_title", "花卉网")], "page_title", "page_title: first in order"),
    ],
)
def test_the_first_in_order_that_says_something(given: list[tuple[str, str]], origin: str, reason: str) -> None:
    """Origins have an order; texts that would fit any picture, and those without Han where others have it, are passed over."""
    choice = choose(texts(*given))
    assert choice is not None
    assert (choice.origin, choice.text, choice.reason) == (origin, dict(given)[origin], reason)


def test_the_nearer_of_two() -> None:
    """Of texts with one origin, the nearest to the image comes first, whatever order they are given in."""
    near, far = Text("红玫瑰", "nearest", 2), Text("白玫瑰", "nearest", 5)
    assert [choice.text for given in ([near, far], [far, near]) if (choice := choose(given))] == ["红玫瑰", "红玫瑰"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一" * 30 + "。" + "二" * 30 + "！" + "三" * 30 + "。", "一" * 30 + "。" + "二" * 30 + "！"),
        ("他说：“一" + "二" * 30 + "。”" + "三" * 60, "他说：“一" + "二" * 30 + "。”"),
        ("一" * 30 + "，" + "二" * 60, "一" * 30),
        ("一" * 100, "一" * 100),
        ("短句。还有一句。", "短句。还有一句。"),
    ],
)
def test_a_long_text_beside_the_image_is_cut(text: str, expected: str) -> None:
    """It ends with a sentence, else with a clause, of at most `AT_MOST_CHARACTERS`; what has neither stays whole."""
    choice = choose([Text(text, "nearest", 1)])
    assert choice is not None
    assert choice.text == expected


def test_what_an_editor_wrote_is_never_cut() -> None:
    """Only text that merely stands beside the image is cut."""
    choice = choose([Text("一句话。" * AT_MOST_CHARACTERS, "alt", 0)])
    assert choice is not None
    assert choice.text == "一句话。" * AT_MOST_CHARACTERS


def test_nothing_to_choose_from() -> None:
    """No texts, no caption."""
    assert choose([]) is None


@given(st.lists(st.builds(Text, st.text(min_size=1), st.sampled_from(NEAR + FAR), st.integers(0, 9)), min_size=1))
def test_something_is_always_chosen(given: list[Text]) -> None:
    """Where there are texts one is chosen, it begins as the page has it, and there is a reason."""
    choice = choose(given)
    assert choice is not None
    assert choice.reason
    assert any(text.origin == choice.origin and text.text.startswith(choice.text) for text in given)
