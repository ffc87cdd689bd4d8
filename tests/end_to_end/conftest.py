"""The demo's site on a real server, and a run of the demo's recipe on it, made once."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wukong_build import run
from wukong_build.config import recipe_path
from wukong_build.demo.server import Server, serve
from wukong_build.demo.site import build_site
from wukong_build.inspect.run import Run


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's site, as files."""
    return build_site(tmp_path_factory.mktemp("site")).folder


@pytest.fixture
def demo_server(site_folder: Path) -> Iterator[Server]:
    """A server of the demo's site that this test has for itself."""
    with serve(site_folder) as server:
        yield server


@pytest.fixture(scope="session")
def demo_values() -> Callable[..., dict[str, Any]]:
    """The demo's recipe as plain values, for a server and a run directory; one worker, in this process."""

    def values(server: Server, path: Path, workers: int = 1) -> dict[str, Any]:
        recipe: dict[str, Any] = yaml.safe_load(Path(recipe_path("demo")).read_text(encoding="utf-8"))
        address = f"127.0.0.1:{server.port}"
        recipe["run"] = str(path)
        recipe["crawl"] |= {
            "resolve": {"demo.test": address, "img.demo.test": address},
            "per_host": {"delay_seconds": 0, "connections": 4},
        }
        recipe["executor"] = {"workers": workers}
        return recipe

    return values


@pytest.fixture(scope="session")
def demo_served(site_folder: Path) -> Iterator[Server]:
    """The server that `demo_run` has crawled; its log holds what was asked."""
    with serve(site_folder) as server:
        yield server


@pytest.fixture(scope="session")
def demo_run(demo_served: Server, demo_values: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo's recipe, run once; read-only for tests."""
    return run(demo_values(demo_served, tmp_path_factory.mktemp("runs") / "demo"))


@pytest.fixture(scope="session")
def asked_twice() -> Callable[[Server], list[str]]:
    """URLs that a server was asked for more than once; the target of a redirect may be, for itself and by who followed."""

    def twice(server: Server) -> list[str]:
        asked = Counter(f"http://{request.host}{request.path}" for request in server.requests)
        targets = {redirect.location for redirect in server.redirects.values()}
        return [url for url, count in asked.items() if count > 1 and url not in targets]

    return twice


@pytest.fixture(scope="session")
def published() -> Callable[[Path | str], dict[str, str]]:
    """File name → sha256 of what a run has published: tars, manifests, statistics, the funnel; not what has the run's name."""

    def digests(path: Path | str) -> dict[str, str]:
        named = ("README.md", "croissant.json", "checksums.txt")
        files = sorted(file for file in Path(path, "shards").iterdir() if file.name[0] != "." and file.name not in named)
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    return digests


@pytest.fixture(scope="session")
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a command in a process of its own, as a user would."""

    def give(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "wukong_build", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            timeout=300,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )

    return give


@pytest.fixture
def self_signed(tmp_path: Path) -> Path:
    """A file with a key, and a certificate that nobody else vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    path = tmp_path / "self-signed.pem"
    path.write_bytes(secret + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


NGINX = """\
{user} worker_processes 1; daemon off; pid pid; error_log error.log;
events {{ worker_connections 512; }}
http {{
  access_log access.log;
  types {{ text/html html; text/plain txt; image/jpeg jpg; image/png png; image/webp webp; image/gif gif; }}
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  {http}
  server {{ listen 127.0.0.1:{port} {listen}; root "{root}"; {server} }}
}}
"""


@pytest.fixture
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., int]]:
    """Serve a folder by nginx until the test ends, with directives of its own; gives the port on loopback.

    `nginx(root, server="…", http="…", listen="ssl")`.
    """
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if program is None:
        pytest.skip("nginx is not installed; on Debian and Ubuntu: apt-get install nginx-light")
    with contextlib.ExitStack() as running:
        yield lambda root, **directives: running.enter_context(
            _nginx(program, tmp_path_factory.mktemp("nginx"), root, **directives)
        )


@contextlib.contextmanager
def _nginx(program: str, folder: Path, root: Path, server: str = "", http: str = "", listen: str = "") -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)  # non-blocking, as nginx takes for granted
        port: int = listening.getsockname()[1]
        user = "user root;" if os.geteuid() == 0 else ""  # its workers would be nobody, who may not read pytest's folders
        config = NGINX.format(user=user, http=http, port=port, listen=listen, root=root, server=server)
        (folder / "nginx.conf").write_text(config, encoding="utf-8")
        process = subprocess.Popen(
            [program, "-e", "error.log", "-p", folder, "-c", "nginx.conf"],
            pass_fds=[listening.fileno()],
            env={**os.environ, "NGINX": f"{listening.fileno()};"},  # it takes over the socket, so that nobody has to wait for it
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def give() -> Callable[..., int]:
    """Gives a command, which is killed a random while after a random line where chance is given; its exit status."""

    def give(command: list[str], rng: random.Random | None = None, lines: int = 5, seconds: float = 0.4) -> int:
        process = subprocess.Popen(
            [sys.executable, "-m", "wukong_build", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        timer = threading.Timer(rng.random() * seconds if rng else 300, process.kill)
        for _ in range(rng.randrange(lines) if rng else 0):
            if not process.stderr.readline():
                break
        timer.start()
        process.stderr.read()
        timer.cancel()
        process.stderr.close()
        return process.wait()

    return give
