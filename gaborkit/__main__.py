"""``python -m gaborkit``: the command line, where no script of that name is on the path."""

from __future__ import annotations

from gaborkit_cli.main import main

if __name__ == "__main__":
    main(prog_name="gaborkit")
