"""Python values to and from GoogleSQL values, exact to the last digit.

None          NULL, in any type          str        STRING, JSON (its text)      date      DATE
int           INT64                      Decimal    NUMERIC                      datetime  TIMESTAMP, in UTC
float         FLOAT64                    bytes      BYTES                        list      ARRAY
bool          BOOL                                                               tuple     STRUCT
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal

from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

__all__ = ["Value", "decoded", "encoded", "type_name"]

Value = None | str | int | float | bool | bytes | Decimal | date | datetime | list | tuple

DAY_ZERO = date(1970, 1, 1)
TIME_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EXACT = Context(prec=100)  # the usual 28 digits would round the 38 of a NUMERIC
SCALE = 9
NAMES = {"DOUBLE": "FLOAT64", "FLOAT": "FLOAT32"}
PLAIN = {
    type_pb2.TYPE_STRING: "string_value",
    type_pb2.TYPE_INT64: "int64_value",
    type_pb2.TYPE_DOUBLE: "double_value",
    type_pb2.TYPE_BOOL: "bool_value",
    type_pb2.TYPE_BYTES: "bytes_value",
    type_pb2.TYPE_JSON: "json_value",
}


def type_name(kind: TypeProto) -> str:
    """A type as SQL spells it: `ARRAY<STRUCT<id STRING, n INT64>>`."""
    if kind.type_kind == type_pb2.TYPE_ARRAY:
        return f"ARRAY<{type_name(kind.array_type.element_type)}>"
    if kind.type_kind == type_pb2.TYPE_STRUCT:
        fields = (f"{field.field_name} {type_name(field.field_type)}".strip() for field in kind.struct_type.field)
        return f"STRUCT<{', '.join(fields)}>"
    name = TypeKind.Name(kind.type_kind).removeprefix("TYPE_")
    return NAMES.get(name, name)


def encoded(value: Value, kind: TypeProto) -> ValueProto:
    """A Python value as a GoogleSQL value; one that does not fit the type exactly is an error, never rounded."""
    proto = ValueProto()
    if value is None:
        return proto
    if name := PLAIN.get(kind.type_kind):
        setattr(proto, name, value)
    elif kind.type_kind == type_pb2.TYPE_NUMERIC:
        proto.numeric_value = _numeric_bytes(value)
    elif kind.type_kind == type_pb2.TYPE_DATE:
        proto.date_value = (value - DAY_ZERO).days
    elif kind.type_kind == type_pb2.TYPE_TIMESTAMP:
        _set_timestamp(proto, value)
    elif kind.type_kind == type_pb2.TYPE_ARRAY:
        elements = (encoded(element, kind.array_type.element_type) for element in value)
        proto.array_value.CopyFrom(ValueProto.Array(element=elements))
    elif kind.type_kind == type_pb2.TYPE_STRUCT:
        pairs = zip(value, kind.struct_type.field, strict=True)
        proto.struct_value.CopyFrom(ValueProto.Struct(field=[encoded(part, field.field_type) for part, field in pairs]))
    else:
        raise TypeError(f"no Python value stands for a {type_name(kind)}")
    return proto


def decoded(proto: ValueProto, kind: TypeProto) -> Value:
    """A GoogleSQL value as a Python value."""
    if proto.WhichOneof("value") is None:
        return None
    if name := PLAIN.get(kind.type_kind):
        return getattr(proto, name)
    if decoder := DECODERS.get(kind.type_kind):
        return decoder(proto, kind)
    raise TypeError(f"no Python value stands for a {type_name(kind)}")


def _numeric(proto: ValueProto, _: TypeProto) -> Decimal:
    return Decimal(int.from_bytes(proto.numeric_value, "little", signed=True)).scaleb(-SCALE, EXACT)


def _date(proto: ValueProto, _: TypeProto) -> date:
    return DAY_ZERO + timedelta(days=proto.date_value)


def _timestamp(proto: ValueProto, _: TypeProto) -> datetime:
    stamp = proto.timestamp_value
    return TIME_ZERO + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)


def _array(proto: ValueProto, kind: TypeProto) -> list[Value]:
    return [decoded(element, kind.array_type.element_type) for element in proto.array_value.element]


def _struct(proto: ValueProto, kind: TypeProto) -> tuple[Value, ...]:
    fields = zip(proto.struct_value.field, kind.struct_type.field, strict=True)
    return tuple(decoded(part, field.field_type) for part, field in fields)


DECODERS = {
    type_pb2.TYPE_NUMERIC: _numeric,
    type_pb2.TYPE_DATE: _date,
    type_pb2.TYPE_TIMESTAMP: _timestamp,
    type_pb2.TYPE_ARRAY: _array,
    type_pb2.TYPE_STRUCT: _struct,
}


def _numeric_bytes(value: Decimal | int) -> bytes:
    """Billionths as little-endian two's complement, in as few bytes as hold the sign."""
    if not isinstance(value, Decimal | int):
        raise TypeError(f"{value!r} is not a NUMERIC: it takes a Decimal or an int")
    scaled = Decimal(value).scaleb(SCALE, EXACT)
    billionths = int(scaled)
    if scaled != billionths or abs(billionths) >= 10**38:
        raise ValueError(f"{value} is not a NUMERIC: more than 9 decimals or 29 digits before them")
    size = (billionths if billionths >= 0 else ~billionths).bit_length() // 8 + 1
    return billionths.to_bytes(size, "little", signed=True)


def _set_timestamp(proto: ValueProto, value: datetime) -> None:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone: a TIMESTAMP is a point in time")
    seconds, micros = divmod((value - TIME_ZERO) // MICROSECOND, 1_000_000)
    proto.timestamp_value.seconds = seconds
    proto.timestamp_value.nanos = micros * 1000
