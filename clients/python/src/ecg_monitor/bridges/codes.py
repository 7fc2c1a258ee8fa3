"""The one table of codes, codes.json, which says where each code is from."""
from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass
from typing import Optional

from ..ecg_monitor_pb2 import AlertKind

TABLE = json.loads(pathlib.Path(__file__).with_name("codes.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Code:
    """A term of the MDC nomenclature, ISO/IEEE 11073-10101."""

    code: int
    reference: str


def _code(entry: dict) -> Code:
    return Code(entry["code"], entry["reference"])


ATTRIBUTES = {name: _code(entry) for name, entry in TABLE["attributes"].items()}
HEART_RATE = _code(TABLE["heart_rate"])
PER_MINUTE = _code(TABLE["units"]["per_minute"])
MILLIVOLT = _code(TABLE["units"]["millivolt"])

#: A kind of alert that a newer daemon has and this table does not.
_UNKNOWN = {"text": "alert", "mdc": TABLE["attributes"]["alarm"], "exact": False}


@dataclass(frozen=True)
class AlertCode:
    """What is known of a kind of alert."""

    name: str  # as in the schema, without ALERT_KIND_
    text: str
    mdc: Code
    is_exact: bool  # False: a more general term stands in for one that does not exist
    snomed: Optional[tuple[str, str]]  # code and display
    limit: Optional[str]  # "L" or "H": below or above a limit


def alert_code(kind: int) -> AlertCode:
    """The codes of an AlertKind; for one that is not known, those of any alarm."""
    name = AlertKind.Name(kind)[len("ALERT_KIND_"):] if kind in AlertKind.values() else "UNKNOWN"
    entry = TABLE["alerts"].get(name, _UNKNOWN)
    snomed = entry.get("snomed")
    return AlertCode(
        name, entry["text"], _code(entry["mdc"]), entry["exact"],
        (snomed["code"], snomed["display"]) if snomed else None, entry.get("limit"))


def lead_code(name: str) -> Code:
    """The code of a lead's waveform; of any ECG lead, if the name is not known."""
    return _code(TABLE["leads"].get(name) or TABLE["leads"][""])
