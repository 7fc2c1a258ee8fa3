"""The daemon's endpoints, as it has them by default or as the environment names them."""
from __future__ import annotations

import os

_DEFAULTS = {
    "INGEST": "tcp://127.0.0.1:5570",
    "ACKNOWLEDGED": "tcp://127.0.0.1:5571",
    "EVENTS": "tcp://127.0.0.1:5572",
    "HISTORY": "tcp://127.0.0.1:5573",
    "COMMANDS": "tcp://127.0.0.1:5574",
}


def endpoint(name: str) -> str:
    """The endpoint in the environment variable ECGMON_NAME (`ECGMON_EVENTS`, ...), or else the daemon's default."""
    return os.environ.get("ECGMON_" + name) or _DEFAULTS[name]


def history_for(events: str | None) -> str | None:
    """The history endpoint that belongs to an events endpoint; None: not known, so there is no history."""
    if os.environ.get("ECGMON_HISTORY"):
        return os.environ["ECGMON_HISTORY"]
    return _DEFAULTS["HISTORY"] if (events or endpoint("EVENTS")) == _DEFAULTS["EVENTS"] else None
