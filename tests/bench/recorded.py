"""Run the command line and write down what it sends to DuckDB: ``python recorded.py STATEMENTS.sql run --source X``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from fees_etl.cli import main

SEPARATOR = "\n-- ;;\n"


class Recorder(logging.Handler):
    """Keeps every statement that the engine logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.statements: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.statements.append(record.getMessage())


if __name__ == "__main__":
    path = sys.argv.pop(1)
    recorder = Recorder()
    logger = logging.getLogger("fees_etl.sql")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(recorder)
    code = main()
    Path(path).write_text(SEPARATOR.join(recorder.statements), encoding="utf-8")
    sys.exit(code)
