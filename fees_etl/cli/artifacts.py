"""What a run leaves for others: artifacts where the target says so, and OpenLineage events where its client is set up.

A failure of either is said, and no more.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fees_etl.cli.logs import logger
from fees_etl.errors import FeesError

if TYPE_CHECKING:
    from fees_etl.cli.session import Session
    from fees_etl.results import Result


_EXTRAS = "its client's extras have what each transport takes: pip install 'openlineage-python[gcplineage]' is Google's"


def keep(session: Session, result: Result, told: dict[str, Any]) -> None:
    """Write the run's document, its lineage and the two files of dbt."""
    place = session.settings.artifacts
    if place is None:
        return
    from fees_etl.cli.document import written
    from fees_etl.cli.ls import lineage_document
    from fees_etl.explain.lineage import all_dependences
    from fees_etl.watch import dbt
    from fees_etl.watch.place import write

    try:
        documents = {
            "run.json": told,
            "lineage.json": lineage_document("all models", all_dependences(result.plan.project)),
            "manifest.json": dbt.manifest(result, session.settings),
            "run_results.json": dbt.run_results(result, session.settings),
        }
        write(place, result.run_id, {name: written(one) for name, one in documents.items()})
    except Exception as error:  # noqa: BLE001 - whatever it is, the run is over, and its exit code stands
        logger.warning("The artifacts of this run are not in %s: %s. What it did stands.", place, _why(error))


def tell(session: Session, result: Result) -> None:
    """Send OpenLineage events, where the environment or the working folder sets up its client."""
    is_set_up = any(name.startswith("OPENLINEAGE_") for name in os.environ) or Path("openlineage.yml").exists()
    if not is_set_up or os.environ.get("OPENLINEAGE_DISABLED", "").casefold() == "true":
        return
    try:
        from fees_etl.watch import events

        events.send(result, session.settings)
    except ModuleNotFoundError as error:
        ours = (error.name or "").partition(".")[0] == "openlineage"
        lacking = "pip install 'fees-etl[openlineage]'" if ours else f"its transport takes {error.name}; {_EXTRAS}"
        logger.warning("OpenLineage was not told of this run: %s. What it did stands.", lacking)
    except Exception as error:  # noqa: BLE001 - as above
        logger.warning("OpenLineage was not told of this run: %s. What it did stands.", _why(error))


def _why(error: Exception) -> str:
    """In our words, or the system's; another library's may quote what it was given."""
    said = error.message if isinstance(error, FeesError) else getattr(error, "strerror", None)
    return (said or type(error).__name__).rstrip(".")
