"""What a warehouse must be told beside its URL and suffix."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_TIB = Decimal(2**40)


@dataclass(frozen=True, slots=True)
class Target:
    """What :class:`fees_etl.settings.Settings` say of a warehouse; money is in US dollars."""

    name: str = "local"
    policy_tags: Mapping[str, str] = field(default_factory=dict)
    pii: Literal["", "synthetic"] = ""
    location: str = "EU"
    max_bytes: int | None = None
    max_cost: Decimal | None = None
    price_per_tib: Decimal = Decimal("6.25")
    spill: Path | None = None
    memory: str | None = None
    deadline_seconds: int = 3600

    def price(self, bytes_billed: int) -> Decimal:
        """US dollars, to a millionth.

        >>> Target().price(10 * 2**20)
        Decimal('0.000060')
        """
        return (bytes_billed / _TIB * self.price_per_tib).quantize(Decimal("0.000001"))
