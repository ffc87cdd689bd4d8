"""Croissant names every tar with its digest, every column with its meaning, and nothing that the publisher has not said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wukong_build.schema import MANIFEST
from wukong_build.shards import CardSettings
from wukong_build.shards.card import Dataset
from wukong_build.shards.croissant import TarFile, croissant

TARS = [TarFile("00000.tar", 10240, "aa" * 32), TarFile("00001.tar", 20480, "bb" * 32)]
SAID = CardSettings(title="食谱", license="cc-by-4.0", creator="Kitchen", url="https://kitchen.test/", date="2026-12-31")

Described = Callable[..., dict[str, Any]]


@pytest.fixture
def described(figures: Dataset) -> Described:
    """The description of a dataset by what its publisher says."""

    def tell(settings: CardSettings = figures.settings, tars: Sequence[TarFile] = TARS) -> dict[str, Any]:
        return croissant(msgspec.structs.replace(figures, settings=settings), tars, MANIFEST.arrow)

    return tell


def test_every_tar_has_its_digest(described: Described) -> None:
    """So that a copy can be checked; the pictures are told to be inside."""
    told = {each["@id"]: each for each in described()["distribution"]}
    assert {tar.name: (f"{tar.size} B", tar.sha256) for tar in TARS} == {
        tar.name: (told[tar.name]["contentSize"], told[tar.name]["sha256"]) for tar in TARS
    }
    assert told["images"]["includes"] == ["*.jpg", "*.png"]
    assert told["images"]["containedIn"] == [{"@id": tar.name} for tar in TARS]


def test_every_column_has_its_meaning(described: Described) -> None:
    """All of the manifest but lists of structs, for which Croissant has no type."""
    samples, _ = described()["recordSet"]
    told = {field["@id"].rsplit("/", 1)[1]: field for field in samples["field"]}
    assert set(MANIFEST.arrow.names) - set(told) == {"licences"}
    assert all(told[column.name]["description"] == column.meaning for column in MANIFEST.columns if column.name in told)
    assert told["width"]["dataType"] == "cr:Int32"
    assert told["opt_out"]["isArray"] is True


@pytest.mark.parametrize("name", ["url", "creator", "datePublished", "citeAs"])
def test_what_nobody_said_is_not_made_up(name: str, described: Described) -> None:
    """The publisher's own words stand in it if there are any; no clock is asked."""
    assert name not in described()
    assert name in described(SAID)
    assert described(SAID)["name"] == "食谱"


def test_a_dataset_without_samples_has_no_pictures(described: Described) -> None:
    """A file set that is contained in nothing would be refused."""
    told = described(tars=[])
    assert [each["@id"] for each in told["distribution"]] == ["manifests"]
    assert [each["@id"] for each in told["recordSet"]] == ["records/samples"]


def test_mlcroissant_has_nothing_to_say(described: Described, tmp_path: Path) -> None:
    """Where the publisher has said all there is to say, the validator has neither an error nor a warning."""
    (tmp_path / "croissant.json").write_bytes(msgspec.json.encode(described(SAID)))
    script = (
        "import mlcroissant\n"
        "issues = mlcroissant.Dataset(jsonld='croissant.json').metadata.ctx.issues\n"
        "print(sorted(issues.errors), sorted(issues.warnings))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[] []\n"), done.stderr
