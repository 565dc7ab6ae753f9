"""The command line: parse, call the library in order, print, exit."""

from fees_etl.cli.app import main

__all__ = ["main"]
