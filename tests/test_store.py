"""Parts are there whole or not at all, and say what they were made from."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wukong_build.errors import ConfigError, StoreError
from wukong_build.store import Store, digest_of, fingerprint_of, new_folder

TABLE = pa.table({"key": ["a", "b"], "caption": ["猫", None], "image": pa.array([b"1", None], pa.large_binary())})


@pytest.fixture(params=["directory", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A run in a directory whose name needs care, and one on an object store."""
    if request.param == "directory":
        yield Store(str(tmp_path / "数据 集"))
    else:
        yield Store("memory://test-store/run")
        fsspec.filesystem("memory").store.clear()


@pytest.fixture
def local(tmp_path: Path) -> Store:
    """A run in a directory."""
    return Store(str(tmp_path / "run"))


Script = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def script(local: Store) -> Script:
    """Starts a process that does something with the local run, called `store` there."""
    opening = (
        "import os, sys\nimport pyarrow as pa\nfrom wukong_build.store import Store\n"
        "store = Store(sys.argv[1])\ntable = pa.table({'key': ['new']})\n"
    )

    def start(text: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", opening + text, local.root]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    return start


def files(store: Store) -> list[str]:
    """Every file of a local run."""
    return sorted(path.relative_to(store.root).as_posix() for path in Path(store.root).rglob("*") if path.is_file())


def test_columns_by_which_rows_are_looked_up_have_bloom_filters(local: Store) -> None:
    """A reader that looks for one row passes by a part that lacks it, where statistics cannot tell."""
    keys = pa.table({"key": [f"{number:04d}" for number in range(0, 2000, 2)], "caption": ["猫"] * 1000})
    local.write("shards", "00000", keys, looked_up_by=("key",))
    metadata = "SELECT path_in_schema, bloom_filter_offset IS NOT NULL FROM parquet_metadata(?)"
    path = local.part_path("shards", "00000")
    assert dict(duckdb.execute(metadata, (path,)).fetchall()) == {"key": True, "caption": False}
    probe = "SELECT bloom_filter_excludes FROM parquet_bloom_probe(?, 'key', ?)"
    assert duckdb.execute(probe, (path, "0004")).fetchall() == [(False,)]
    missed = [duckdb.execute(probe, (path, f"{number:04d}")).fetchall()[0][0] for number in range(1, 200, 2)]
    assert sum(missed) > 90
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    assert column.has_column_index
    assert (column.statistics.min, column.statistics.max) == ("0000", "1998")


def test_a_part_is_read_as_it_was_written(store: Store) -> None:
    """Rows, fingerprint, digest and notes come back, in a directory as on an object store."""
    store.write("crawl/images", "00001", TABLE, "made-of-this", notes={"round": "3"})
    assert store.parts("crawl/images") == ["00001"]
    assert store.read("crawl/images", "00001").equals(TABLE)
    assert store.read("crawl/images", "00001", ["caption"]).column_names == ["caption"]
    assert store.made_from("crawl/images", "00001") == "made-of-this"
    assert store.digests("crawl/images") == [("00001", digest_of(TABLE))]
    assert store.note("crawl/images", "00001", "round") == "3"
    assert store.note("crawl/images", "00001", "colour") == ""


def test_threads_of_arrow_hold_no_python_file(local: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which ends now and then with an abort of the interpreter, after all is done."""
    local.write("filter/scores", "00000", TABLE)
    monkeypatch.setattr(local.fs, "open", lambda *_: pytest.fail("a Python file is opened"))
    assert local.read("filter/scores", "00000").equals(TABLE)


def test_what_is_not_there(store: Store) -> None:
    """A part that is not there has no fingerprint and no digest; a stage that is not there has no parts."""
    assert not store.exists()
    assert (store.parts("crawl/images"), store.part_paths("crawl/images")) == ([], [])
    assert store.digests("crawl/images") == []
    assert store.made_from("crawl/images", "00001") is None
    assert store.digest("crawl/images", "00001") == ""
    assert store.finished("crawl") is None
    store.delete_part("crawl/images", "00001")
    store.delete_stage("crawl/images")


def test_a_part_may_be_written_row_group_by_row_group(store: Store) -> None:
    """Each table written is a row group of its own, and may be read alone."""
    with store.writing("images", "0", TABLE.schema, "print") as writer:
        writer.write_table(TABLE)
        writer.write_table(TABLE.slice(1))
        writer.digest = "digest"
    with store.open_part("images", "0") as file:
        assert [file.read_row_group(group).num_rows for group in range(file.num_row_groups)] == [2, 1]
    assert store.digest("images", "0") == "digest"


def test_parts_are_deleted(store: Store) -> None:
    """A deleted part, or a deleted stage, is gone, and its neighbours stay."""
    for part in ("b", "a", "c"):
        store.write("scores", part, TABLE)
    store.write("ledger", "a", TABLE)
    store.delete_part("scores", "b")
    assert store.parts("scores") == ["a", "c"]
    store.delete_stage("scores")
    assert (store.parts("scores"), store.parts("ledger")) == ([], ["a"])


def test_a_stage_is_finished_until_work_begins_again(store: Store) -> None:
    """What a stage was made from is known from its end to the beginning of the next work on it."""
    store.finish("filter", "all this")
    assert store.finished("filter") == "all this"
    store.unfinish("filter")
    assert store.finished("filter") is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"made_from": 1}', b'{"made_fr\xefm":"x"}', b'{"made_from":"\xef"}'])
def test_a_stage_whose_note_is_damaged_is_not_finished(local: Store, content: bytes) -> None:
    """It is done again, whatever the damage."""
    local.finish("crawl", "config")
    Path(local.path("crawl/finished.json")).write_bytes(content)
    assert local.finished("crawl") is None


def test_a_failed_part_is_not_there(store: Store) -> None:
    """Where the block fails, no part appears, an old one stays, and nothing else is left."""
    store.write("images", "0", TABLE, "old")
    for part in ("0", "1"):
        with pytest.raises(ValueError, match="schema"), store.writing("images", part, TABLE.schema, "new") as writer:
            writer.write_table(pa.table({"another": ["schema"]}))
    assert store.parts("images") == ["0"]
    assert store.made_from("images", "0") == "old"
    if store.is_local:
        assert files(store) == ["images/0.parquet"]


def test_a_killed_writer_leaves_no_part(local: Store, script: Script) -> None:
    """A process that vanishes in the middle of a part leaves the old one; its temporary file goes with the next command."""
    local.write("images", "0", TABLE, "old")
    killed = script(
        "with store.writing('images', '0', table.schema, 'new') as writer:\n    writer.write_table(table)\n    os._exit(9)"
    )
    killed.communicate()
    assert killed.returncode == 9
    assert local.parts("images") == ["0"]
    assert local.made_from("images", "0") == "old"
    assert len(files(local)) == 2
    with local.locked():
        assert files(local) == [".lock", "images/0.parquet"]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (TABLE, True),
        (TABLE.replace_schema_metadata({"note": "x"}), True),
        (pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)]), True),
        (TABLE.drop_columns(["image"]), True),
        (TABLE.append_column("fetched_at", pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("ms", "UTC"))), True),
        (pa.table({"key": ["a", "b"], "caption": ["猫", ""]}), False),
        (pa.table({"key": ["b", "a"], "caption": [None, "猫"]}), False),
        (TABLE.rename_columns(["key", "text", "image"]), False),
        (TABLE.slice(0, 1), False),
    ],
    ids=["itself", "metadata", "chunks", "image bytes", "clock", "value", "order", "name", "rows"],
)
def test_a_digest_names_the_content(other: pa.Table, same: bool) -> None:
    """Equal content has an equal digest, however it is cut and whenever it was fetched; image bytes are stood for by sha256."""
    assert (digest_of(other) == digest_of(TABLE)) is same


def test_what_lies_under_a_null_is_no_content() -> None:
    """Arrow may hold anything under a null: the digest does not see it."""
    zeros, sevens = (pa.array([1, under], pa.int64()).buffers()[1] for under in (0, 7))
    validity = pa.array([1, None], pa.int64()).buffers()[0]
    tables = [pa.table({"width": pa.Array.from_buffers(pa.int64(), 2, [validity, values])}) for values in (zeros, sevens)]
    assert tables[0].equals(tables[1])
    assert digest_of(tables[0]) == digest_of(tables[1])


def test_a_fingerprint_depends_on_all_it_is_made_of() -> None:
    """The same things give the same name, whatever the order of keys; any other thing, or order of things, another one."""
    assert fingerprint_of({"a": 1, "b": [2]}, "x") == fingerprint_of({"b": [2], "a": 1}, "x")
    others = [({"a": 1, "b": [3]}, "x"), ({"a": 1, "b": [2]}, "y"), ("x", {"a": 1, "b": [2]}), ({"a": 1, "b": [2]},)]
    assert fingerprint_of({"a": 1, "b": [2]}, "x") not in {fingerprint_of(*other) for other in others}


def test_a_run_is_locked_while_a_command_works_on_it(local: Store, script: Script) -> None:
    """A second command is refused with the reason; when the first is killed, its lock is gone."""
    first = script("with store.locked():\n    print('locked', flush=True)\n    sys.stdin.read()")
    assert first.stdout is not None
    assert first.stdout.readline() == "locked\n"
    with pytest.raises(StoreError, match="another command works on this run"), local.locked():
        pass
    first.send_signal(signal.SIGKILL)
    first.communicate()
    with local.locked():
        pass


def test_a_lock_ends_with_its_block(local: Store) -> None:
    """A run may be worked on again and again."""
    for _ in range(2):
        with local.locked():
            pass


def test_an_object_store_has_no_lock() -> None:
    """There the block is entered, and nothing is written."""
    store = Store("memory://test-store-unlocked/run")
    with store.locked():
        assert not store.fs.exists(store.root)


def test_a_full_disk_is_a_clear_error(local: Store, script: Script) -> None:
    """Where no more bytes can be written, the message names the file, the cause and the way on, and no part is there."""
    filling = script(
        "import resource\n"
        "from wukong_build.errors import StoreError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    store.write('images', '0', pa.table({'key': [os.urandom(5000)]}))\n"
        "except StoreError as error:\n"
        "    print(error)\n"
    )
    said, _ = filling.communicate()
    assert filling.returncode == 0
    assert f"{local.part_path('images', '0')} cannot be written: File too large" in said
    assert "run the same command again" in said
    assert files(local) == []


def test_a_folder_that_cannot_be_made(local: Store) -> None:
    """A run or a stage that cannot have its folder says so."""
    Path(local.root).write_bytes(b"a file stands here")
    with pytest.raises(StoreError, match="parquet cannot be written"):
        local.write("images", "0", TABLE)
    with pytest.raises(StoreError, match="run cannot be written"), local.locked():
        pass


def test_image_bytes_are_stored_as_they_are(local: Store) -> None:
    """Images are compressed already: their column is neither compressed, nor a dictionary, nor in the statistics."""
    local.write("images", "0", TABLE)
    group = pq.read_metadata(local.part_path("images", "0")).row_group(0)
    image, caption = group.column(2), group.column(1)
    assert (image.path_in_schema, image.compression, image.statistics) == ("image", "UNCOMPRESSED", None)
    assert caption.compression == "ZSTD"
    assert caption.statistics.has_min_max


def test_a_new_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where the block fails nothing is left; where it ends the folder has its name; an empty one may be there before."""

    def write(*, fail: bool) -> None:
        with new_folder(str(tmp_path / "new")) as folder:
            (folder / "file").write_text("half")
            assert not list((tmp_path / "new").glob("*"))
            if fail:
                raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write(fail=True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "new").mkdir()
    write(fail=False)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["new", "new/file"]


@pytest.mark.parametrize(
    ("path", "complaint"), [("there", "is there already"), ("memory://x", "a folder on this machine is meant")]
)
def test_a_folder_that_cannot_be_new_is_refused(path: str, complaint: str, tmp_path: Path) -> None:
    """One with something in it, a file, or another machine's."""
    (tmp_path / "there").write_text("mine")
    target = path if "://" in path else str(tmp_path / path)
    with pytest.raises(ConfigError, match=complaint), new_folder(target):
        pass
    assert (tmp_path / "there").read_text() == "mine"
