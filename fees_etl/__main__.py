"""``python -m fees_etl`` and ``fees-etl``."""

from __future__ import annotations

import os
import signal
import sys

from fees_etl import cli


def main() -> None:
    """Run the command line as a process: every file it makes is its user's alone, because fees carry NINOs."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Cloud Run's timeout cancels and rolls back like Ctrl-C
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
