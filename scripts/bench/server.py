"""A folder served by nginx on loopback, as fast as a server can, on a core of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

CONFIG = """\
{user} worker_processes 1; daemon off; pid pid; error_log error.log warn;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 60; keepalive_requests 1000000;
  open_file_cache max=20000 inactive=600s; types {{ image/jpeg jpg jpeg; text/html html; }} default_type application/octet-stream;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{ listen 127.0.0.1:{port}; root "{root}"; location = /served {{ stub_status; }} {robots} }}
}}
"""


@contextlib.contextmanager
def serving(root: Path, folder: Path, core: int, robots: str = "", port: int = 0) -> Iterator[int]:
    """The port on which nginx serves the files below `root`, and a robots.txt if one is given; its own files lie in `folder`.

    Any port that is free, unless one is named.
    """
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        sys.exit("the benchmark needs nginx to serve the images; on Debian and Ubuntu: apt-get install nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", port), backlog=4096) as listening:
        listening.settimeout(0)  # non-blocking, as nginx takes for granted
        port = listening.getsockname()[1]
        user = "user root;" if os.geteuid() == 0 else ""  # its workers would be nobody, who may not read everybody's files
        said = f'location = /robots.txt {{ return 200 "{robots}"; }}' if robots else ""
        config = CONFIG.format(user=user, port=port, root=root.resolve(), robots=said)
        (folder / "nginx.conf").write_text(config, encoding="utf-8")
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), program, "-e", "error.log", "-p", folder.resolve(), "-c", "nginx.conf"],
            pass_fds=[listening.fileno()],
            env={**os.environ, "NGINX": f"{listening.fileno()};"},  # it takes over the socket, so that nobody has to wait for it
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def served(port: int) -> int:
    """Requests it has answered so far, this one among them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/served") as answer:
        found = re.search(r"requests\s+\d+ \d+ (\d+)", answer.read().decode())
    return int(found[1]) if found else 0
