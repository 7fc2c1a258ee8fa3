"""Send ECG to ecgmond and receive what it publishes.

    from ecg_monitor import Acquisition, Commands, Subscriber

`Acquisition` sends samples; by default nothing is lost, whatever breaks on the way. `Subscriber` yields events, also
those published while the connection was broken. `Commands` acknowledges and pauses alarms and sets their limits. All take
`Keys` where the daemon asks for them. The message types (`Event`, `Alert`, `SampleBlock`, ...) are generated from the
schema, Sources/ECGWire/ecg_monitor.proto, which documents every field.
"""
from .acquisition import Acquisition, StaleSession
from .commands import CommandRefused, Commands
from .ecg_monitor_pb2 import (
    Alert,
    AlertKind,
    AlertPhase,
    AlertPriority,
    Beat,
    BeatClass,
    CommandReply,
    Event,
    Health,
    PauseKind,
    SampleBlock,
    SignalCondition,
    Status,
    Suspicion,
    Waveform,
)
from .keys import Keys, KeyFileError
from .subscriber import HealthSubscriber, Subscriber

__all__ = [
    "Acquisition", "Alert", "AlertKind", "AlertPhase", "AlertPriority", "Beat", "BeatClass", "CommandRefused",
    "CommandReply", "Commands", "Event", "Health", "HealthSubscriber", "KeyFileError", "Keys", "PauseKind",
    "SampleBlock", "SignalCondition", "StaleSession", "Status", "Subscriber", "Suspicion", "Waveform",
]
__version__ = "0.1.0"
