"""What the network said, as it is written down."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest

from wukong_build.stages.facts import large_binary


@pytest.mark.parametrize(
    "values", [[], [None], [b""], [b"a", None, b"", b"bcd"], [None] * 9 + [b"x" * 1000], [bytes([n]) for n in range(20)]]
)
def test_a_column_of_bytes_is_what_arrow_makes_of_it(values: list[bytes | None]) -> None:
    """Null, empty and long values, each in its place."""
    column = large_binary(values)
    column.validate(full=True)
    assert column.equals(pa.array(values, pa.large_binary()))


def test_a_worker_that_hangs_is_ended() -> None:
    """What no deadline of the network ends, as a parser without an end, ends the process, with a word on where it was."""
    hanging = (
        "import time\n"
        "from wukong_build.stages import facts\n"
        "facts.HANGS_AFTER_SECONDS = 1.0\n"
        "async def stuck(): time.sleep(60)\n"
        "facts._await(stuck())\n"
    )
    ended = subprocess.run([sys.executable, "-c", hanging], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "in stuck" in ended.stderr
