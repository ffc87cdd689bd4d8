"""What the documents say is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from wukong_build.cli import main
from wukong_build.config import CrawlSettings, parse_config
from wukong_build.schema import TABLES
from wukong_build.shards import FORMS, Resize, ShardSettings
from wukong_build.web.optout import SIGNALS
from wukong_build.web.sources.presets import PRESETS

ROOT = Path(__file__).parent.parent


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_reference_is_up_to_date() -> None:
    """docs/data-format.md and docs/filters.md are what the code says."""
    script = ROOT / "scripts" / "write_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_readme_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of `wukong-build --help` stands in the README's table, and no other."""
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = set(re.findall(r"^    (\w+)(?: |$)", capsys.readouterr().out, re.MULTILINE))
    assert set(re.findall(r"^\| `wukong-build (\w+)", _text("README.md"), re.MULTILINE)) == commands != set()


def test_readme_config_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config in the README parses as it stands."""
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```yaml\n(.*?)```", _text("README.md"), re.DOTALL)
    assert parse_config(yaml.safe_load(block)).filter.links


def test_readme_funnel_adds_up() -> None:
    """The funnel shown in the README is a real one."""
    kept, dropped, seen = map(int, re.findall(r"kept (\d+) \+ dropped (\d+) = seen (\d+)", _text("README.md"))[0])
    assert kept + dropped == seen


def test_links_lead_somewhere() -> None:
    """Every relative link in the documents leads to a file."""
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:\s]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_architecture_names_every_room() -> None:
    """Every module and folder of the package has its place in the architecture."""
    house = _text("docs/architecture.md")
    for path in (ROOT / "wukong_build").iterdir():
        if path.suffix == ".py" and not path.name.startswith("__"):
            assert re.search(rf"[├└]── {re.escape(path.name)}\b", house), path.name
        elif path.is_dir() and not path.name.startswith("__"):
            assert f"── {path.name}/" in house, path.name


def test_contributing_example_works(tmp_path: Path) -> None:
    """The filter and the test that CONTRIBUTING shows do what they say, as they stand."""
    module, test = re.findall(r"```python\n(.*?)```", _text("CONTRIBUTING.md"), re.DOTALL)
    outdented = [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in (module, test)]
    (tmp_path / "caption_length.py").write_text(outdented[0], encoding="utf-8")
    name = "from wukong_build.filters.caption_length import"
    assert name in outdented[1]
    (tmp_path / "test_it.py").write_text(outdented[1].replace(name, "from caption_length import"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--rootdir", tmp_path, "-p", "no:cacheprovider", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout


def test_every_table_is_documented() -> None:
    """Every column has a type and a meaning in the data format."""
    text = _text("docs/data-format.md")
    for table in TABLES:
        assert f"## {table.name}\n" in text
        assert all(f"| `{column.name}` |" in text and column.meaning for column in table.columns)


@pytest.mark.parametrize("form", FORMS)
def test_the_page_on_reading_names_every_form(form: str) -> None:
    """Every form of `wukong-build export`."""
    assert f"\n| `{form}` | " in _text("docs/reading.md")


@pytest.mark.parametrize("name", [field.name for kind in (ShardSettings, Resize) for field in msgspec.structs.fields(kind)])
def test_the_page_on_shards_names_every_setting(name: str) -> None:
    """Every key of the config's shard section; the card's are told on the page on reading."""
    assert re.search(rf"\b{name}: ", _text("docs/shards.md" if name != "card" else "configs/init.yaml"))


@pytest.mark.parametrize("name", [*SIGNALS, *PRESETS, *msgspec.structs.asdict(CrawlSettings())])
def test_the_page_on_crawling_names_every_setting(name: str) -> None:
    """Every signal of an opt-out, every preset of lists, every key of the config's crawl section."""
    assert re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`|^ *-? *{name}:", _text("docs/crawling.md"), re.MULTILINE)
