"""What a run leaves for others to read, where the target says ``artifacts``: a failure of it is said, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fees_etl.cli.logs import logger
from fees_etl.errors import FeesError

if TYPE_CHECKING:
    from fees_etl.cli.session import Session
    from fees_etl.results import Result


def keep(session: Session, result: Result, told: dict[str, Any]) -> None:
    """Write the run's document, its lineage and the two files of dbt."""
    place = session.settings.artifacts
    if place is None:
        return
    from fees_etl.cli.document import written
    from fees_etl.cli.lineage import as_document
    from fees_etl.explain.lineage import all_dependences
    from fees_etl.watch import dbt
    from fees_etl.watch.place import write

    try:
        documents = {
            "run.json": told,
            "lineage.json": as_document("all models", all_dependences(result.plan.project)),
            "manifest.json": dbt.manifest(result, session.settings),
            "run_results.json": dbt.run_results(result, session.settings),
        }
        write(place, result.run_id, {name: written(one) for name, one in documents.items()})
    except Exception as error:  # noqa: BLE001 - whatever it is, the run is over, and its exit code stands
        said = error.message if isinstance(error, FeesError) else getattr(error, "strerror", None)
        why = (said or type(error).__name__).rstrip(".")
        logger.warning("The artifacts of this run are not in %s: %s. What it did stands.", place, why)
