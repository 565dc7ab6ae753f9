"""Where things lie, whatever folder a test is in."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
REAL = next(iter(ROOT.parent.glob("*/data/synthetic_fees_1024_0925.csv")), None)
"""The real input file, where it lies beside the project."""
