"""What other bounds would keep, by the scores of a run."""

from __future__ import annotations

import pytest

from wukong_build.errors import ConfigError
from wukong_build.inspect.run import Run
from wukong_build.pipeline import what_if


def test_the_bound_that_holds_keeps_what_is_kept(made: Run) -> None:
    """With the value of the config nothing changes; a looser one keeps no fewer, and every sample is kept, dropped or unknown."""
    config = {**made.config, "run": made.store.url}
    kept = sum(made.ledger()["kept"].to_pylist())
    now = config["filter"]["aspect_ratio"]["at_most"]
    rows = what_if(config, "aspect_ratio.at_most", [now, 1000.0, 1.0]).to_pylist()
    assert (rows[0]["kept"], rows[0]["unknown"]) == (kept, 0)
    assert rows[1]["kept"] + rows[1]["unknown"] >= kept >= rows[2]["kept"]
    assert {row["kept"] + row["dropped"] + row["unknown"] for row in rows} == {len(made.ledger())}


def test_no_such_bound(made: Run) -> None:
    """A bound that the chain has not is refused, with the nearest one that it has."""
    with pytest.raises(ConfigError, match=r"did you mean aspect_ratio\.at_most"):
        what_if({**made.config, "run": made.store.url}, "aspect_ration.at_most", [1.0])
