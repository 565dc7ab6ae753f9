"""Pages that people look at: values in, one file of HTML out. No scripts, and nothing is loaded from elsewhere.

Their parts are a :class:`Table`, a :class:`Chart` and a template; what is read from a warehouse comes from the rooms below.
"""

from fees_etl.pages.chart import Chart
from fees_etl.pages.chart import require as require_charts
from fees_etl.pages.table import Noted, Table
from fees_etl.pages.template import page

__all__ = ["Chart", "Noted", "Table", "page", "require_charts"]
