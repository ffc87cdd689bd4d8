"""The hosts of a column of URLs."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wukong_build.hosts import hosts_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.test/1.jpg", "a.test"),
        ("https://a.test:8080/", "a.test:8080"),
        ("https://a.test?x=http://b.test/", "a.test"),
        ("http://a.test#@b.test", "a.test"),
        ("http://user:word@a.test/", "a.test"),
        ("http://[::1]:80/", "[::1]:80"),
        ("s3://bucket/1.jpg", "bucket"),
        ("no URL", None),
        ("http:///1.jpg", None),
        ("", None),
        (None, None),
    ],
)
def test_hosts_of(url: str | None, host: str | None) -> None:
    """Host and port, and neither user nor path."""
    assert hosts_of(pa.array([url], pa.string())).to_pylist() == [host]
