"""What bqemulator 1.4.0 does otherwise than Google says BigQuery does, mended where a few lines can.

Runs in the emulator's environment, in its process. Each mend is one function that changes the emulator in place; its
docstring says what Google does and where that is written. Not mended, because the product does not depend on it:

- A variable of a script hides a column of its name; at Google the column wins. Names of variables tell capitals apart.
- NUMERIC * NUMERIC keeps 18 decimals, and is called BIGNUMERIC; DIV of INT64 is a NUMERIC.
- MERGE takes two rows of the source for one of the target.
- CREATE TABLE in SQL forgets clustering and labels; the API keeps them.
- Other readers see a transaction before its end; but a script is executed in one go, and nobody is answered meanwhile.
- r'\\u00a0' is one character too, and @@row_count in a string literal is replaced.
"""

from __future__ import annotations

from script_mends import SCRIPT_MENDS
from sql_mends import SQL_MENDS, speed
from table_mends import TABLE_MENDS


def mend() -> None:
    """All of it, and faster."""
    for one in (*SQL_MENDS, *TABLE_MENDS, *SCRIPT_MENDS, speed):
        one()
