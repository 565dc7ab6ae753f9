"""Google's analyzer as a WebAssembly machine: compiled once for all processes, called by protobuf messages.

The package's own client compiles 28 MB of WebAssembly in every process (12 to 40 s, 1 GB) and copies memory byte by byte.
Here the compiled code is kept in the user's cache folder, and memory is copied in one move.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from platform import machine
from typing import TYPE_CHECKING, TypeVar

from google._upb._message import SetAllowOversizeProtos
from wasmtime import Config, Engine, ExitTrap, Linker, Module, Store, Trap, WasiConfig, WasmtimeError
from zetasql.core.exceptions import ServerError
from zetasql.core.wasm_client import WasmClient, get_tzinfo_dir
from zetasql.wasi import get_wasm_path

if TYPE_CHECKING:
    from google.protobuf.message import Message

    Response = TypeVar("Response", bound=Message)

__all__ = ["AnalysisError", "Machine", "MachineBrokenError"]


SetAllowOversizeProtos(True)  # trees of more than 100 messages' depth: ten subqueries in one another  # noqa: FBT003


class AnalysisError(Exception):
    """Google's whole message, position and suggestion included."""


class MachineBrokenError(Exception):
    """The machine aborted: the statement is beyond the reference implementation. The next call gets a new machine."""


class Machine:
    """One running instance of the analyzer's service; replaced by a new one after an abort."""

    def __init__(self) -> None:
        self._engine = Engine(_config())
        self._module = compiled(self._engine)
        self._client = _Client(self._engine, self._module)
        self.breaks = 0

    def call(self, method: str, request: Message, response: type[Response]) -> Response:
        """One remote procedure call; what was registered before a break (they are counted) is gone."""
        try:
            return self._client.call_grpc_func(f"ZetaSqlLocalService_{method}", request, response)
        except ServerError as error:
            raise AnalysisError(_whole_message(error)) from None
        except (WasmtimeError, Trap, ExitTrap) as error:  # a failed CHECK in C++
            self._client = _Client(self._engine, self._module)
            self.breaks += 1
            raise MachineBrokenError(str(error)) from error


class _Client(WasmClient):
    """The package's client over an already compiled module."""

    def __init__(self, engine: Engine, module: Module) -> None:
        self.store = Store(engine)
        self.store.set_wasi(_wasi())
        linker = Linker(engine)
        linker.define_wasi()
        self.instance = linker.instantiate(self.store, module)
        self.exports = self.instance.exports(self.store)
        self.exports["_initialize"](self.store)
        self.memory = self.exports["memory"]

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(self._address(ptr), data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(self._address(ptr), size)

    def _address(self, ptr: int) -> int:
        return ctypes.addressof(self.memory.data_ptr().contents) + ptr


def compiled(engine: Engine) -> Module:
    """The analyzer's native code: from the cache, or compiled by the first process while the others wait for it."""
    path = _cache_folder() / f"zetasql-{version('zetasql')}-wasmtime-{version('wasmtime')}-{machine()}.cwasm"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(WasmtimeError):  # absent, cut short, or made for another processor
            return Module.deserialize_file(engine, str(path))
        module = Module.from_file(engine, str(get_wasm_path()))
        _replace(path, bytes(module.serialize()))
        return module


def _cache_folder() -> Path:
    """A private folder: whoever can write there chooses the code we run."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "fees-etl-googlesql"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _replace(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def _config() -> Config:
    config = Config()
    config.shared_memory = True
    config.max_wasm_stack = 2 << 20  # a script of a thousand nested expressions breaks the usual half megabyte
    return config


def _wasi() -> WasiConfig:
    wasi = WasiConfig()
    wasi.inherit_stderr()
    if zones := get_tzinfo_dir():
        wasi.preopen_dir(zones, "/usr/share/zoneinfo")
    return wasi


def _whole_message(error: ServerError) -> str:
    """`message` ends at the first line break; the raw error does not."""
    return re.sub(r"\ACode: \d+, Message: ", "", error.raw_error)
