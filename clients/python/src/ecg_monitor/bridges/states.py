"""What IHE PCD-04 says of an alert, in its words."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from .. import ecg_monitor_pb2 as wire
from ..ecg_monitor_pb2 import Event

_PHASES = {
    wire.ALERT_PHASE_STARTED: "start",
    wire.ALERT_PHASE_UPDATED: "continue",
    wire.ALERT_PHASE_ENDED: "end",
}
_PRIORITIES = {
    wire.ALERT_PRIORITY_HIGH: "PH",
    wire.ALERT_PRIORITY_MEDIUM: "PM",
    wire.ALERT_PRIORITY_LOW: "PL",
    wire.ALERT_PRIORITY_TECHNICAL: "PL",
}


@dataclass(frozen=True)
class AlertState:
    phase: str  # start, continue, end
    state: str  # active, latched, inactive
    inactivation: str  # enabled, audio-paused, alarm-paused, alert-acknowledged
    priority: str  # PH, PM, PL
    type: str  # SP: physiological, ST: technical


def alert_state(event: Event) -> AlertState:
    alert = event.alert
    if alert.phase == wire.ALERT_PHASE_ENDED:
        state = "inactive"
    else:
        state = "latched" if alert.latched else "active"
    if alert.acknowledged:
        inactivation = "alert-acknowledged"
    else:
        inactivation = {
            wire.PAUSE_KIND_AUDIO: "audio-paused", wire.PAUSE_KIND_ALARM: "alarm-paused",
        }.get(alert.paused, "enabled")
    is_technical = alert.priority == wire.ALERT_PRIORITY_TECHNICAL
    return AlertState(
        _PHASES.get(alert.phase, "continue"), state, inactivation, _PRIORITIES.get(alert.priority, "PL"),
        "ST" if is_technical else "SP")


def identity(event: Event) -> str:
    """One alert's name through all its phases."""
    alert = event.alert
    return f"{event.stream}/{event.session}/{alert.kind}/{alert.basis}/{alert.number}"


def time_of(event: Event) -> datetime:
    """When the event's sample was taken, UTC; now, where the acquisition gave no time."""
    if event.acquisition_time_ns <= 0:
        return datetime.now(timezone.utc)
    return datetime.fromtimestamp(event.acquisition_time_ns / 1e9, timezone.utc)
