"""``python -m fees_etl`` and ``fees-etl``."""

from __future__ import annotations

import os
import sys

from fees_etl import signals


def main() -> None:
    """Run the command line as a process: every file it makes is its user's alone, because fees carry NINOs."""
    signals.hold()
    if sys.getfilesystemencoding() != "utf-8" and "utf8" not in sys._xoptions:  # noqa: SLF001 - it has no public name
        os.environ.setdefault("PYTHONIOENCODING", getattr(sys.stdout, "encoding", "utf-8"))
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - names are UTF-8 whatever the locale
    os.umask(0o077)
    from fees_etl import cli, streams  # noqa: PLC0415 - late: Ctrl-C meanwhile waits

    streams.adopt()
    try:
        code = cli.main()
    except KeyboardInterrupt:  # once more, while the first was told
        code = 130
    signals.finish()
    if code == 130:  # noqa: PLR2004 - where an eval() was interrupted, Python would end by SIGINT instead
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
