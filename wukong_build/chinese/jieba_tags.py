"""Names of persons as jieba's dictionary and its guesses tag them: what other pipelines use. Half of them are none (高清)."""

from __future__ import annotations

from itertools import accumulate

_PERSON = "nr"
"""How the tags of persons begin."""


def person_spans(text: str) -> set[tuple[int, int]]:
    """First character of each person's name in the text, and the one after its last; parts of a foreign one by themselves."""
    import rjieba

    words = rjieba.tag(text, True)  # noqa: FBT003  positional only: words that the dictionary lacks are guessed
    begins = accumulate((len(word) for word, _ in words), initial=0)
    return {(start, start + len(word)) for (word, tag), start in zip(words, begins, strict=False) if tag.startswith(_PERSON)}
