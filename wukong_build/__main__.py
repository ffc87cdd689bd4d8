"""`python -m wukong_build` is the command `wukong-build`."""

from __future__ import annotations

import sys

from wukong_build.cli import main

if __name__ == "__main__":
    sys.exit(main())
