"""The file of behaviours: read, validated, with the line of what is wrong in it."""

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from edge.core.behaviours import COOKIE_PREFIX, Behaviour, Behaviours, QueryRule
from edge.core.toml_lines import Lines, syntax_error
from edge.core.ttl import TtlRule
from streamer.core.errors import InvalidInput
from streamer.core.signing import read_key

_MAX_NAMES = 16

Read = Callable[[Path], bytes]


class BadBehaviours(InvalidInput):
    """The file of behaviours cannot be used; `detail` says `file:line: what`."""

    default_code = "bad_behaviours"


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom to ask: URLs in order of preference, and whether they get the viewer's Host."""

    urls: tuple[str, ...]
    forwards_host: bool


@dataclass(frozen=True, slots=True)
class BehaviourFile:
    """What a file says."""

    behaviours: Behaviours = field(default_factory=Behaviours)
    origins: Mapping[str, Origin] = field(default_factory=dict)


def read_behaviours(path: Path, read: Read = Path.read_bytes) -> BehaviourFile:
    """Read a file.

    Args:
        path: The file.
        read: Reads it, and the keys that it names.

    Raises:
        BadBehaviours: It cannot be read or is not valid.
    """
    try:
        text = read(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise BadBehaviours(f"{path}: {reason}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, reason = syntax_error(text, str(error))
        raise BadBehaviours(f"{path}:{line}: {reason}") from error
    lines = Lines(text)
    problems: list[_Problem] = []
    try:
        tables = _Document.model_validate(document)
    except ValidationError as error:
        problems = [_problem(found) for found in error.errors(include_url=False)]
    else:
        file, problems = _combine(tables, document, lambda name: read(path.parent / name))
        if not problems:
            return file
    first = min(problems, key=lambda problem: lines.of(problem.place))
    raise BadBehaviours(f"{path}:{lines.of(first.place)}: {first}")


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is wrong at one place of the document."""

    place: tuple[str | int, ...]
    reason: str

    def __str__(self) -> str:
        match self.place:
            case ("behaviour", int(index), *_):
                return f"[[behaviour]] {index + 1}: {self.reason}"
            case ("origins", str(name), *_):
                return f"[origins.{name}]: {self.reason}"
        return self.reason


def _query(value: object) -> QueryRule:
    match value:
        case "all":
            return QueryRule()
        case "none":
            return QueryRule(keeps_others=False)
        case {"allow": list(names), **rest} if not rest and _are_names(names):
            return QueryRule(frozenset(names), keeps_others=False)
        case {"deny": list(names), **rest} if not rest and _are_names(names):
            return QueryRule(frozenset(names))
    raise ValueError('query is "all", "none", { allow = [names] } or { deny = [names] }')


def _are_names(names: Sequence[object]) -> bool:
    return all(isinstance(name, str) and name for name in names)


_Seconds = Annotated[float, Field(ge=0, le=2**31)]
_Token = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
_Names = Annotated[list[_Token], Field(max_length=_MAX_NAMES)]
_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+/?$")]
_Site = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
_Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.*?_\[\]:-]+$")]
_Status = Annotated[str, StringConstraints(pattern=r"^[45]([0-9]{2}|xx)$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


class _VaryOn(_Table):
    headers: _Names = []
    cookies: _Names = []


class _BehaviourTable(_Table):
    path: Annotated[str, StringConstraints(max_length=1024)]
    hosts: Annotated[list[_Host], Field(min_length=1)] | None = None
    origin: str | None = None
    min_ttl: _Seconds | None = None
    max_ttl: _Seconds | None = None
    default_ttl: _Seconds | None = None
    negative_ttl: dict[_Status, _Seconds] | None = None
    query: Annotated[QueryRule, BeforeValidator(_query)] | None = None
    vary_on: _VaryOn | None = None
    signed_by: Annotated[dict[str, str], Field(min_length=1)] | None = None
    allow_origins: Annotated[list[_Site], Field(min_length=1)] | None = None
    cache: Literal["store", "pass"] = "store"

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if not path.startswith(("/", "*")):
            raise ValueError("path begins with / or *")
        if not path.isprintable() or " " in path or "%" in path or "//" in path:
            raise ValueError("path is a pattern for paths without escapes, blanks and //")
        return path

    @field_validator("max_ttl")
    @classmethod
    def _check_maximum(cls, seconds: float | None, info: ValidationInfo) -> float | None:
        if seconds is not None and seconds < (info.data.get("min_ttl") or 0):
            raise ValueError("max_ttl is less than min_ttl")
        return seconds

    @field_validator("default_ttl")
    @classmethod
    def _check_default(cls, seconds: float | None, info: ValidationInfo) -> float | None:
        least, most = info.data.get("min_ttl"), info.data.get("max_ttl")
        if seconds is not None and least is not None and seconds < least:
            raise ValueError("default_ttl is less than min_ttl")
        if seconds is not None and most is not None and seconds > most:
            raise ValueError("default_ttl is more than max_ttl")
        return seconds

    @field_validator("allow_origins")
    @classmethod
    def _check_sites(cls, sites: list[str] | None, info: ValidationInfo) -> list[str] | None:
        if sites is not None and info.data.get("signed_by") is None:
            raise ValueError("allow_origins is for cookies of a signature: there is no signed_by")
        return sites

    @field_validator("cache")
    @classmethod
    def _check_cache(cls, cache: str, info: ValidationInfo) -> str:
        names = ("min_ttl", "max_ttl", "default_ttl", "negative_ttl", "vary_on")
        given = [name for name in names if info.data.get(name) is not None]
        if cache == "pass" and given:
            raise ValueError(f'cache = "pass" stores nothing: {given[0]} has no use')
        return cache


class _OriginTable(_Table):
    urls: Annotated[list[_Url], Field(min_length=1)]
    forward_host: bool = False


class _Document(_Table):
    origins: dict[_Token, _OriginTable] = {}
    behaviour: list[_BehaviourTable] = []


def _problem(error: Any) -> _Problem:
    place = tuple(error["loc"])
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    match error["type"]:
        case "extra_forbidden":
            reason = f"unknown key {name}"
        case "missing":
            reason = f"{name} is missing"
        case "value_error":
            reason = str(error["ctx"]["error"])
        case _:
            message = error["msg"]
            reason = f"{name}: {message[0].lower()}{message[1:]}"
    return _Problem(place, reason)


def _combine(
    tables: _Document, document: Mapping[str, Any], read: Callable[[str], bytes]
) -> tuple[BehaviourFile, list[_Problem]]:
    problems: list[_Problem] = []
    listed: list[Behaviour] = []
    seen: set[tuple[str, tuple[str, ...]]] = set()
    origins = {
        name: Origin(tuple(url.rstrip("/") for url in table.urls), table.forward_host)
        for name, table in tables.origins.items()
    }
    for index, table in enumerate(tables.behaviour):
        place = ("behaviour", index)
        covers = (table.path, tuple(sorted(table.hosts or ())))
        if covers in seen:
            problems.append(_Problem((*place, "path"), f"path {table.path} is there twice"))
        seen.add(covers)
        problems += [
            _Problem((*place, "origin"), reason) for reason in _origin_problems(table, origins)
        ]
        keys, unreadable = _keys(table, read)
        problems += [_Problem((*place, "signed_by", name), reason) for name, reason in unreadable]
        origin = document.get("origins", {}).get(table.origin)
        digest = _digest(document["behaviour"][index], origin, keys)
        listed.append(_behaviour(table, keys, digest))
    return BehaviourFile(Behaviours(listed), origins), problems


def _origin_problems(table: _BehaviourTable, origins: Mapping[str, Origin]) -> list[str]:
    if table.origin is None:
        return []
    origin = origins.get(table.origin)
    if origin is None:
        return [f"there is no [origins.{table.origin}]"]
    if origin.forwards_host and table.hosts is None:
        return [f"{table.origin} gets the viewer's Host: say for which hosts"]
    return []


def _keys(
    table: _BehaviourTable, read: Callable[[str], bytes]
) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """The public keys of a table, and which could not be read."""
    keys: dict[str, bytes] = {}
    problems: list[tuple[str, str]] = []
    for key_id, name in (table.signed_by or {}).items():
        try:
            keys[key_id] = read(name)
            read_key(keys[key_id])
        except OSError as error:
            problems.append((key_id, f"{name}: {error.strerror}"))
        except ValueError:
            problems.append((key_id, f"{name} is not an RSA public key in PEM"))
    return keys, problems


def _digest(table: object, origin: object, keys: Mapping[str, bytes]) -> str:
    """The digest of what a file says about a behaviour, its origin and its keys."""
    said = [table, origin, {key_id: key.decode("latin-1") for key_id, key in keys.items()}]
    text = json.dumps(said, sort_keys=True)
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def _behaviour(table: _BehaviourTable, keys: Mapping[str, bytes], digest: str) -> Behaviour:
    vary_on = table.vary_on or _VaryOn()
    cookies = {COOKIE_PREFIX + name for name in vary_on.cookies}
    return Behaviour(
        path=table.path,
        hosts=tuple(table.hosts or ()),
        origin=table.origin,
        is_passed=table.cache == "pass",
        ttl=TtlRule(
            table.min_ttl or 0.0, table.max_ttl, table.default_ttl, table.negative_ttl or {}
        ),
        query=table.query or QueryRule(),
        varies_by=frozenset({name.lower() for name in vary_on.headers} | cookies),
        signed_by=keys,
        allow_origins=frozenset(table.allow_origins or ()),
        digest=digest,
    )
