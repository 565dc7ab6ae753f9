"""Pages that people look at: values in, one file of HTML out. No scripts, and nothing is loaded from elsewhere.

A page is sections of charts and sheets in a template; what is read from a warehouse comes from the rooms below.
"""

from fees_etl.pages.chart import Chart
from fees_etl.pages.chart import require as require_charts
from fees_etl.pages.sheet import Block, Card, Noted, Section, Sheet
from fees_etl.pages.template import page

__all__ = ["Block", "Card", "Chart", "Noted", "Section", "Sheet", "page", "require_charts"]
