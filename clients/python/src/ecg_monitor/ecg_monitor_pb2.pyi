from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

ALERT_BASIS_SAMPLES: AlertBasis
ALERT_BASIS_UNSPECIFIED: AlertBasis
ALERT_BASIS_WALL_CLOCK: AlertBasis
ALERT_CHANGE_ACKNOWLEDGED: AlertChange
ALERT_CHANGE_CONDITION_BACK: AlertChange
ALERT_CHANGE_CONDITION_OVER: AlertChange
ALERT_CHANGE_FIGURES: AlertChange
ALERT_CHANGE_REMINDER: AlertChange
ALERT_CHANGE_UNSPECIFIED: AlertChange
ALERT_END_ACKNOWLEDGED: AlertEnd
ALERT_END_CLEARED: AlertEnd
ALERT_END_SESSION_ENDED: AlertEnd
ALERT_END_SHADOWED: AlertEnd
ALERT_END_SIGNAL_INTERRUPTED: AlertEnd
ALERT_END_SWITCHED_OFF: AlertEnd
ALERT_END_UNSPECIFIED: AlertEnd
ALERT_KIND_ASYSTOLE: AlertKind
ALERT_KIND_ATRIAL_FIBRILLATION: AlertKind
ALERT_KIND_ATTACK_SUSPECTED: AlertKind
ALERT_KIND_BIGEMINY: AlertKind
ALERT_KIND_BRADYCARDIA: AlertKind
ALERT_KIND_CLOCK_DISAGREES: AlertKind
ALERT_KIND_EXTREME_BRADYCARDIA: AlertKind
ALERT_KIND_EXTREME_TACHYCARDIA: AlertKind
ALERT_KIND_FREQUENT_VENTRICULAR_BEATS: AlertKind
ALERT_KIND_IDIOVENTRICULAR_RHYTHM: AlertKind
ALERT_KIND_LEAD_NOT_USABLE: AlertKind
ALERT_KIND_LEAD_OFF: AlertKind
ALERT_KIND_NOISY_SIGNAL: AlertKind
ALERT_KIND_PAUSE: AlertKind
ALERT_KIND_REPLAY_SUSPECTED: AlertKind
ALERT_KIND_R_ON_T: AlertKind
ALERT_KIND_SIGNAL_CHANGED: AlertKind
ALERT_KIND_SIGNAL_LOST: AlertKind
ALERT_KIND_SINGLE_VENTRICULAR_BEAT: AlertKind
ALERT_KIND_SUPRAVENTRICULAR_RUN: AlertKind
ALERT_KIND_SUPRAVENTRICULAR_TACHYCARDIA: AlertKind
ALERT_KIND_TACHYCARDIA: AlertKind
ALERT_KIND_TRIGEMINY: AlertKind
ALERT_KIND_UNSPECIFIED: AlertKind
ALERT_KIND_VENTRICULAR_COUPLET: AlertKind
ALERT_KIND_VENTRICULAR_FIBRILLATION: AlertKind
ALERT_KIND_VENTRICULAR_RUN: AlertKind
ALERT_KIND_VENTRICULAR_TACHYCARDIA: AlertKind
ALERT_PHASE_ENDED: AlertPhase
ALERT_PHASE_STARTED: AlertPhase
ALERT_PHASE_UNSPECIFIED: AlertPhase
ALERT_PHASE_UPDATED: AlertPhase
ALERT_PRIORITY_HIGH: AlertPriority
ALERT_PRIORITY_LOW: AlertPriority
ALERT_PRIORITY_MEDIUM: AlertPriority
ALERT_PRIORITY_TECHNICAL: AlertPriority
ALERT_PRIORITY_UNSPECIFIED: AlertPriority
BEAT_CLASS_FUSION: BeatClass
BEAT_CLASS_NORMAL: BeatClass
BEAT_CLASS_SUPRAVENTRICULAR: BeatClass
BEAT_CLASS_UNSPECIFIED: BeatClass
BEAT_CLASS_VENTRICULAR: BeatClass
COMMAND_RESULT_DONE: CommandResult
COMMAND_RESULT_INVALID: CommandResult
COMMAND_RESULT_NOTHING_TO_DO: CommandResult
COMMAND_RESULT_NOT_PERMITTED: CommandResult
COMMAND_RESULT_TOO_LONG: CommandResult
COMMAND_RESULT_UNAVAILABLE: CommandResult
COMMAND_RESULT_UNKNOWN_STREAM: CommandResult
COMMAND_RESULT_UNSPECIFIED: CommandResult
DESCRIPTOR: _descriptor.FileDescriptor
HEALTH_STATE_DEGRADED: HealthState
HEALTH_STATE_OK: HealthState
HEALTH_STATE_STARTING: HealthState
HEALTH_STATE_STOPPING: HealthState
HEALTH_STATE_UNSPECIFIED: HealthState
MONITOR_STATE_ENDED: MonitorState
MONITOR_STATE_LEARNING: MonitorState
MONITOR_STATE_MONITORING: MonitorState
MONITOR_STATE_UNSPECIFIED: MonitorState
NOT_CLASSIFIED_CAUSE_END_OF_SIGNAL: NotClassifiedCause
NOT_CLASSIFIED_CAUSE_FLAT_WINDOW: NotClassifiedCause
NOT_CLASSIFIED_CAUSE_GAP: NotClassifiedCause
NOT_CLASSIFIED_CAUSE_NO_CLASSIFIER: NotClassifiedCause
NOT_CLASSIFIED_CAUSE_POOR_SIGNAL: NotClassifiedCause
NOT_CLASSIFIED_CAUSE_UNSPECIFIED: NotClassifiedCause
PAUSE_KIND_ALARM: PauseKind
PAUSE_KIND_AUDIO: PauseKind
PAUSE_KIND_UNSPECIFIED: PauseKind
SIGNAL_CONDITION_FLAT_LINE: SignalCondition
SIGNAL_CONDITION_GOOD: SignalCondition
SIGNAL_CONDITION_INVALID_SAMPLES: SignalCondition
SIGNAL_CONDITION_LEAD_OFF: SignalCondition
SIGNAL_CONDITION_NOISY: SignalCondition
SIGNAL_CONDITION_NO_SIGNAL: SignalCondition
SIGNAL_CONDITION_SATURATION: SignalCondition
SIGNAL_CONDITION_UNSPECIFIED: SignalCondition
SUSPICION_CAUSE_PERTURBATION: SuspicionCause
SUSPICION_CAUSE_REPLAY: SuspicionCause
SUSPICION_CAUSE_UNSPECIFIED: SuspicionCause

class AlarmLimits(_message.Message):
    __slots__ = ["configured", "current", "set_at_time_ns", "set_by"]
    class ConfiguredEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class CurrentEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    CONFIGURED_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    SET_AT_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    configured: _containers.ScalarMap[str, float]
    current: _containers.ScalarMap[str, float]
    set_at_time_ns: int
    set_by: str
    def __init__(self, current: _Optional[_Mapping[str, float]] = ..., configured: _Optional[_Mapping[str, float]] = ..., set_by: _Optional[str] = ..., set_at_time_ns: _Optional[int] = ...) -> None: ...

class AlarmPause(_message.Message):
    __slots__ = ["by", "kind", "remaining_seconds"]
    BY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REMAINING_SECONDS_FIELD_NUMBER: _ClassVar[int]
    by: str
    kind: PauseKind
    remaining_seconds: float
    def __init__(self, kind: _Optional[_Union[PauseKind, str]] = ..., remaining_seconds: _Optional[float] = ..., by: _Optional[str] = ...) -> None: ...

class Alert(_message.Message):
    __slots__ = ["acknowledged", "acknowledged_by", "basis", "beat_count", "change", "duration_seconds", "ended_because", "heart_rate", "kind", "latched", "number", "onset_sample_index", "paused", "phase", "priority", "text"]
    ACKNOWLEDGED_BY_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    BEAT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ENDED_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    HEART_RATE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LATCHED_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ONSET_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    acknowledged: bool
    acknowledged_by: str
    basis: AlertBasis
    beat_count: int
    change: AlertChange
    duration_seconds: float
    ended_because: AlertEnd
    heart_rate: float
    kind: AlertKind
    latched: bool
    number: int
    onset_sample_index: int
    paused: PauseKind
    phase: AlertPhase
    priority: AlertPriority
    text: str
    def __init__(self, kind: _Optional[_Union[AlertKind, str]] = ..., phase: _Optional[_Union[AlertPhase, str]] = ..., priority: _Optional[_Union[AlertPriority, str]] = ..., number: _Optional[int] = ..., onset_sample_index: _Optional[int] = ..., heart_rate: _Optional[float] = ..., beat_count: _Optional[int] = ..., text: _Optional[str] = ..., duration_seconds: _Optional[float] = ..., basis: _Optional[_Union[AlertBasis, str]] = ..., ended_because: _Optional[_Union[AlertEnd, str]] = ..., change: _Optional[_Union[AlertChange, str]] = ..., acknowledged: bool = ..., acknowledged_by: _Optional[str] = ..., latched: bool = ..., paused: _Optional[_Union[PauseKind, str]] = ...) -> None: ...

class Beat(_message.Message):
    __slots__ = ["amplitude_millivolts", "atrial_pacing", "attack_suspicion", "beat_class", "found_by_search_back", "lead", "not_classified_because", "probabilities", "rr_interval_seconds", "ventricular_pacing"]
    class Probabilities(_message.Message):
        __slots__ = ["fusion", "normal", "supraventricular", "ventricular"]
        FUSION_FIELD_NUMBER: _ClassVar[int]
        NORMAL_FIELD_NUMBER: _ClassVar[int]
        SUPRAVENTRICULAR_FIELD_NUMBER: _ClassVar[int]
        VENTRICULAR_FIELD_NUMBER: _ClassVar[int]
        fusion: float
        normal: float
        supraventricular: float
        ventricular: float
        def __init__(self, normal: _Optional[float] = ..., supraventricular: _Optional[float] = ..., ventricular: _Optional[float] = ..., fusion: _Optional[float] = ...) -> None: ...
    AMPLITUDE_MILLIVOLTS_FIELD_NUMBER: _ClassVar[int]
    ATRIAL_PACING_FIELD_NUMBER: _ClassVar[int]
    ATTACK_SUSPICION_FIELD_NUMBER: _ClassVar[int]
    BEAT_CLASS_FIELD_NUMBER: _ClassVar[int]
    FOUND_BY_SEARCH_BACK_FIELD_NUMBER: _ClassVar[int]
    LEAD_FIELD_NUMBER: _ClassVar[int]
    NOT_CLASSIFIED_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    RR_INTERVAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    VENTRICULAR_PACING_FIELD_NUMBER: _ClassVar[int]
    amplitude_millivolts: float
    atrial_pacing: bool
    attack_suspicion: float
    beat_class: BeatClass
    found_by_search_back: bool
    lead: str
    not_classified_because: NotClassifiedCause
    probabilities: Beat.Probabilities
    rr_interval_seconds: float
    ventricular_pacing: bool
    def __init__(self, beat_class: _Optional[_Union[BeatClass, str]] = ..., not_classified_because: _Optional[_Union[NotClassifiedCause, str]] = ..., probabilities: _Optional[_Union[Beat.Probabilities, _Mapping]] = ..., attack_suspicion: _Optional[float] = ..., rr_interval_seconds: _Optional[float] = ..., amplitude_millivolts: _Optional[float] = ..., found_by_search_back: bool = ..., ventricular_pacing: bool = ..., atrial_pacing: bool = ..., lead: _Optional[str] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ["acknowledge", "by", "list", "number", "pause", "resume", "schema_version", "set_limits", "stream"]
    class Acknowledge(_message.Message):
        __slots__ = ["alert_number", "kind"]
        ALERT_NUMBER_FIELD_NUMBER: _ClassVar[int]
        KIND_FIELD_NUMBER: _ClassVar[int]
        alert_number: int
        kind: AlertKind
        def __init__(self, kind: _Optional[_Union[AlertKind, str]] = ..., alert_number: _Optional[int] = ...) -> None: ...
    class List(_message.Message):
        __slots__ = []
        def __init__(self) -> None: ...
    class Pause(_message.Message):
        __slots__ = ["kind", "seconds"]
        KIND_FIELD_NUMBER: _ClassVar[int]
        SECONDS_FIELD_NUMBER: _ClassVar[int]
        kind: PauseKind
        seconds: float
        def __init__(self, kind: _Optional[_Union[PauseKind, str]] = ..., seconds: _Optional[float] = ...) -> None: ...
    class Resume(_message.Message):
        __slots__ = []
        def __init__(self) -> None: ...
    class SetLimits(_message.Message):
        __slots__ = ["as_configured", "limits"]
        class LimitsEntry(_message.Message):
            __slots__ = ["key", "value"]
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: float
            def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
        AS_CONFIGURED_FIELD_NUMBER: _ClassVar[int]
        LIMITS_FIELD_NUMBER: _ClassVar[int]
        as_configured: bool
        limits: _containers.ScalarMap[str, float]
        def __init__(self, limits: _Optional[_Mapping[str, float]] = ..., as_configured: bool = ...) -> None: ...
    ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SET_LIMITS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    acknowledge: Command.Acknowledge
    by: str
    list: Command.List
    number: int
    pause: Command.Pause
    resume: Command.Resume
    schema_version: int
    set_limits: Command.SetLimits
    stream: str
    def __init__(self, schema_version: _Optional[int] = ..., number: _Optional[int] = ..., stream: _Optional[str] = ..., by: _Optional[str] = ..., acknowledge: _Optional[_Union[Command.Acknowledge, _Mapping]] = ..., pause: _Optional[_Union[Command.Pause, _Mapping]] = ..., resume: _Optional[_Union[Command.Resume, _Mapping]] = ..., list: _Optional[_Union[Command.List, _Mapping]] = ..., set_limits: _Optional[_Union[Command.SetLimits, _Mapping]] = ...) -> None: ...

class CommandReply(_message.Message):
    __slots__ = ["acknowledged", "alerts", "applied_at_sample_index", "limits", "number", "pause", "result", "schema_version", "session", "text"]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    APPLIED_AT_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    acknowledged: int
    alerts: _containers.RepeatedCompositeFieldContainer[Alert]
    applied_at_sample_index: int
    limits: AlarmLimits
    number: int
    pause: AlarmPause
    result: CommandResult
    schema_version: int
    session: int
    text: str
    def __init__(self, schema_version: _Optional[int] = ..., number: _Optional[int] = ..., result: _Optional[_Union[CommandResult, str]] = ..., text: _Optional[str] = ..., session: _Optional[int] = ..., applied_at_sample_index: _Optional[int] = ..., acknowledged: _Optional[int] = ..., alerts: _Optional[_Iterable[_Union[Alert, _Mapping]]] = ..., pause: _Optional[_Union[AlarmPause, _Mapping]] = ..., limits: _Optional[_Union[AlarmLimits, _Mapping]] = ...) -> None: ...

class ConverterRange(_message.Message):
    __slots__ = ["invalid_count", "maximum_count", "minimum_count"]
    INVALID_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_COUNT_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_COUNT_FIELD_NUMBER: _ClassVar[int]
    invalid_count: int
    maximum_count: int
    minimum_count: int
    def __init__(self, minimum_count: _Optional[int] = ..., maximum_count: _Optional[int] = ..., invalid_count: _Optional[int] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ["acquisition_time_ns", "alert", "beat", "decided_at_sample_index", "id", "sample_index", "schema_version", "sequence", "session", "status", "stream", "suspicion", "waveform"]
    ACQUISITION_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    BEAT_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SUSPICION_FIELD_NUMBER: _ClassVar[int]
    WAVEFORM_FIELD_NUMBER: _ClassVar[int]
    acquisition_time_ns: int
    alert: Alert
    beat: Beat
    decided_at_sample_index: int
    id: str
    sample_index: int
    schema_version: int
    sequence: int
    session: int
    status: Status
    stream: str
    suspicion: Suspicion
    waveform: Waveform
    def __init__(self, schema_version: _Optional[int] = ..., stream: _Optional[str] = ..., session: _Optional[int] = ..., sequence: _Optional[int] = ..., id: _Optional[str] = ..., sample_index: _Optional[int] = ..., decided_at_sample_index: _Optional[int] = ..., acquisition_time_ns: _Optional[int] = ..., beat: _Optional[_Union[Beat, _Mapping]] = ..., alert: _Optional[_Union[Alert, _Mapping]] = ..., suspicion: _Optional[_Union[Suspicion, _Mapping]] = ..., status: _Optional[_Union[Status, _Mapping]] = ..., waveform: _Optional[_Union[Waveform, _Mapping]] = ...) -> None: ...

class Health(_message.Message):
    __slots__ = ["beats_detected", "daemon_version", "degraded_because", "events_dropped", "events_published", "messages_received", "model_name", "model_sha256", "rejected_by_cause", "same_heartbeat", "samples_accepted", "schema_version", "sequence", "state", "streams", "time_ns", "uptime_seconds"]
    class RejectedByCauseEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class StreamPair(_message.Message):
        __slots__ = ["other_stream", "stream"]
        OTHER_STREAM_FIELD_NUMBER: _ClassVar[int]
        STREAM_FIELD_NUMBER: _ClassVar[int]
        other_stream: str
        stream: str
        def __init__(self, stream: _Optional[str] = ..., other_stream: _Optional[str] = ...) -> None: ...
    BEATS_DETECTED_FIELD_NUMBER: _ClassVar[int]
    DAEMON_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    EVENTS_PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    REJECTED_BY_CAUSE_FIELD_NUMBER: _ClassVar[int]
    SAME_HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    UPTIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    beats_detected: int
    daemon_version: str
    degraded_because: str
    events_dropped: int
    events_published: int
    messages_received: int
    model_name: str
    model_sha256: str
    rejected_by_cause: _containers.ScalarMap[str, int]
    same_heartbeat: _containers.RepeatedCompositeFieldContainer[Health.StreamPair]
    samples_accepted: int
    schema_version: int
    sequence: int
    state: HealthState
    streams: int
    time_ns: int
    uptime_seconds: float
    def __init__(self, schema_version: _Optional[int] = ..., sequence: _Optional[int] = ..., time_ns: _Optional[int] = ..., daemon_version: _Optional[str] = ..., uptime_seconds: _Optional[float] = ..., state: _Optional[_Union[HealthState, str]] = ..., model_name: _Optional[str] = ..., model_sha256: _Optional[str] = ..., streams: _Optional[int] = ..., messages_received: _Optional[int] = ..., samples_accepted: _Optional[int] = ..., beats_detected: _Optional[int] = ..., events_published: _Optional[int] = ..., events_dropped: _Optional[int] = ..., rejected_by_cause: _Optional[_Mapping[str, int]] = ..., degraded_because: _Optional[str] = ..., same_heartbeat: _Optional[_Iterable[_Union[Health.StreamPair, _Mapping]]] = ...) -> None: ...

class HistoryReply(_message.Message):
    __slots__ = ["error", "events", "more", "number", "place", "positions", "schema_version"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    error: str
    events: _containers.RepeatedCompositeFieldContainer[Event]
    more: bool
    number: int
    place: int
    positions: _containers.RepeatedCompositeFieldContainer[TopicPosition]
    schema_version: int
    def __init__(self, schema_version: _Optional[int] = ..., number: _Optional[int] = ..., error: _Optional[str] = ..., positions: _Optional[_Iterable[_Union[TopicPosition, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., more: bool = ..., place: _Optional[int] = ...) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ["after", "find", "number", "positions", "schema_version"]
    class After(_message.Message):
        __slots__ = ["limit", "positions"]
        LIMIT_FIELD_NUMBER: _ClassVar[int]
        POSITIONS_FIELD_NUMBER: _ClassVar[int]
        limit: int
        positions: _containers.RepeatedCompositeFieldContainer[TopicPosition]
        def __init__(self, positions: _Optional[_Iterable[_Union[TopicPosition, _Mapping]]] = ..., limit: _Optional[int] = ...) -> None: ...
    class Find(_message.Message):
        __slots__ = ["after_place", "from_time_ns", "kind", "limit", "newest_first", "stream", "until_time_ns"]
        AFTER_PLACE_FIELD_NUMBER: _ClassVar[int]
        FROM_TIME_NS_FIELD_NUMBER: _ClassVar[int]
        KIND_FIELD_NUMBER: _ClassVar[int]
        LIMIT_FIELD_NUMBER: _ClassVar[int]
        NEWEST_FIRST_FIELD_NUMBER: _ClassVar[int]
        STREAM_FIELD_NUMBER: _ClassVar[int]
        UNTIL_TIME_NS_FIELD_NUMBER: _ClassVar[int]
        after_place: int
        from_time_ns: int
        kind: str
        limit: int
        newest_first: bool
        stream: str
        until_time_ns: int
        def __init__(self, kind: _Optional[str] = ..., stream: _Optional[str] = ..., from_time_ns: _Optional[int] = ..., until_time_ns: _Optional[int] = ..., after_place: _Optional[int] = ..., limit: _Optional[int] = ..., newest_first: bool = ...) -> None: ...
    class Positions(_message.Message):
        __slots__ = ["active_alerts", "prefixes", "since_place"]
        ACTIVE_ALERTS_FIELD_NUMBER: _ClassVar[int]
        PREFIXES_FIELD_NUMBER: _ClassVar[int]
        SINCE_PLACE_FIELD_NUMBER: _ClassVar[int]
        active_alerts: bool
        prefixes: _containers.RepeatedScalarFieldContainer[str]
        since_place: int
        def __init__(self, prefixes: _Optional[_Iterable[str]] = ..., since_place: _Optional[int] = ..., active_alerts: bool = ...) -> None: ...
    AFTER_FIELD_NUMBER: _ClassVar[int]
    FIND_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    after: HistoryRequest.After
    find: HistoryRequest.Find
    number: int
    positions: HistoryRequest.Positions
    schema_version: int
    def __init__(self, schema_version: _Optional[int] = ..., number: _Optional[int] = ..., positions: _Optional[_Union[HistoryRequest.Positions, _Mapping]] = ..., after: _Optional[_Union[HistoryRequest.After, _Mapping]] = ..., find: _Optional[_Union[HistoryRequest.Find, _Mapping]] = ...) -> None: ...

class IngestReply(_message.Message):
    __slots__ = ["answers_hello", "cause", "durable", "expected_sample_index", "hello_number", "needed_from_sample_index", "refused_sample_index", "schema_version", "send_up_to_sample_index", "session", "stream", "text"]
    ANSWERS_HELLO_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    HELLO_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NEEDED_FROM_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    REFUSED_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEND_UP_TO_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    answers_hello: bool
    cause: str
    durable: bool
    expected_sample_index: int
    hello_number: int
    needed_from_sample_index: int
    refused_sample_index: int
    schema_version: int
    send_up_to_sample_index: int
    session: int
    stream: str
    text: str
    def __init__(self, schema_version: _Optional[int] = ..., stream: _Optional[str] = ..., session: _Optional[int] = ..., needed_from_sample_index: _Optional[int] = ..., expected_sample_index: _Optional[int] = ..., send_up_to_sample_index: _Optional[int] = ..., durable: bool = ..., answers_hello: bool = ..., cause: _Optional[str] = ..., text: _Optional[str] = ..., refused_sample_index: _Optional[int] = ..., hello_number: _Optional[int] = ...) -> None: ...

class SampleBlock(_message.Message):
    __slots__ = ["acquisition_time_ns", "baseline", "converter_range", "counts", "first_sample_index", "gain", "hello_number", "lead", "lead_off", "leads", "millivolts", "sampling_rate", "schema_version", "session", "stream"]
    class Lead(_message.Message):
        __slots__ = ["baseline", "converter_range", "counts", "gain", "lead_off", "millivolts", "name"]
        BASELINE_FIELD_NUMBER: _ClassVar[int]
        CONVERTER_RANGE_FIELD_NUMBER: _ClassVar[int]
        COUNTS_FIELD_NUMBER: _ClassVar[int]
        GAIN_FIELD_NUMBER: _ClassVar[int]
        LEAD_OFF_FIELD_NUMBER: _ClassVar[int]
        MILLIVOLTS_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        baseline: int
        converter_range: ConverterRange
        counts: _containers.RepeatedScalarFieldContainer[int]
        gain: float
        lead_off: bool
        millivolts: _containers.RepeatedScalarFieldContainer[float]
        name: str
        def __init__(self, name: _Optional[str] = ..., gain: _Optional[float] = ..., baseline: _Optional[int] = ..., counts: _Optional[_Iterable[int]] = ..., millivolts: _Optional[_Iterable[float]] = ..., lead_off: bool = ..., converter_range: _Optional[_Union[ConverterRange, _Mapping]] = ...) -> None: ...
    ACQUISITION_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    CONVERTER_RANGE_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    HELLO_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    LEAD_FIELD_NUMBER: _ClassVar[int]
    LEAD_OFF_FIELD_NUMBER: _ClassVar[int]
    MILLIVOLTS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_RATE_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    acquisition_time_ns: int
    baseline: int
    converter_range: ConverterRange
    counts: _containers.RepeatedScalarFieldContainer[int]
    first_sample_index: int
    gain: float
    hello_number: int
    lead: str
    lead_off: bool
    leads: _containers.RepeatedCompositeFieldContainer[SampleBlock.Lead]
    millivolts: _containers.RepeatedScalarFieldContainer[float]
    sampling_rate: float
    schema_version: int
    session: int
    stream: str
    def __init__(self, schema_version: _Optional[int] = ..., stream: _Optional[str] = ..., session: _Optional[int] = ..., first_sample_index: _Optional[int] = ..., sampling_rate: _Optional[float] = ..., acquisition_time_ns: _Optional[int] = ..., lead: _Optional[str] = ..., gain: _Optional[float] = ..., baseline: _Optional[int] = ..., counts: _Optional[_Iterable[int]] = ..., millivolts: _Optional[_Iterable[float]] = ..., lead_off: bool = ..., hello_number: _Optional[int] = ..., converter_range: _Optional[_Union[ConverterRange, _Mapping]] = ..., leads: _Optional[_Iterable[_Union[SampleBlock.Lead, _Mapping]]] = ...) -> None: ...

class Status(_message.Message):
    __slots__ = ["condition", "condition_since_sample_index", "gap", "heart_rate", "leads", "paced", "pacing_pulses", "pause", "state"]
    class Gap(_message.Message):
        __slots__ = ["first_missing_sample_index", "missing_sample_count"]
        FIRST_MISSING_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
        MISSING_SAMPLE_COUNT_FIELD_NUMBER: _ClassVar[int]
        first_missing_sample_index: int
        missing_sample_count: int
        def __init__(self, first_missing_sample_index: _Optional[int] = ..., missing_sample_count: _Optional[int] = ...) -> None: ...
    class Lead(_message.Message):
        __slots__ = ["classified", "condition", "name", "used"]
        CLASSIFIED_FIELD_NUMBER: _ClassVar[int]
        CONDITION_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        USED_FIELD_NUMBER: _ClassVar[int]
        classified: bool
        condition: SignalCondition
        name: str
        used: bool
        def __init__(self, name: _Optional[str] = ..., condition: _Optional[_Union[SignalCondition, str]] = ..., used: bool = ..., classified: bool = ...) -> None: ...
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    CONDITION_SINCE_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    HEART_RATE_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    PACED_FIELD_NUMBER: _ClassVar[int]
    PACING_PULSES_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    condition: SignalCondition
    condition_since_sample_index: int
    gap: Status.Gap
    heart_rate: float
    leads: _containers.RepeatedCompositeFieldContainer[Status.Lead]
    paced: bool
    pacing_pulses: int
    pause: AlarmPause
    state: MonitorState
    def __init__(self, condition: _Optional[_Union[SignalCondition, str]] = ..., condition_since_sample_index: _Optional[int] = ..., state: _Optional[_Union[MonitorState, str]] = ..., heart_rate: _Optional[float] = ..., gap: _Optional[_Union[Status.Gap, _Mapping]] = ..., pause: _Optional[_Union[AlarmPause, _Mapping]] = ..., pacing_pulses: _Optional[int] = ..., paced: bool = ..., leads: _Optional[_Iterable[_Union[Status.Lead, _Mapping]]] = ...) -> None: ...

class Suspicion(_message.Message):
    __slots__ = ["active", "beats_considered", "cause", "first_sample_index", "last_sample_index", "score"]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    BEATS_CONSIDERED_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    FIRST_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_SAMPLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    active: bool
    beats_considered: int
    cause: SuspicionCause
    first_sample_index: int
    last_sample_index: int
    score: float
    def __init__(self, active: bool = ..., score: _Optional[float] = ..., beats_considered: _Optional[int] = ..., first_sample_index: _Optional[int] = ..., last_sample_index: _Optional[int] = ..., cause: _Optional[_Union[SuspicionCause, str]] = ...) -> None: ...

class TopicPosition(_message.Message):
    __slots__ = ["sequence", "topic"]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    topic: str
    def __init__(self, topic: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...

class Waveform(_message.Message):
    __slots__ = ["further_leads", "lead", "millivolts", "sampling_rate"]
    class Lead(_message.Message):
        __slots__ = ["millivolts", "name"]
        MILLIVOLTS_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        millivolts: _containers.RepeatedScalarFieldContainer[float]
        name: str
        def __init__(self, name: _Optional[str] = ..., millivolts: _Optional[_Iterable[float]] = ...) -> None: ...
    FURTHER_LEADS_FIELD_NUMBER: _ClassVar[int]
    LEAD_FIELD_NUMBER: _ClassVar[int]
    MILLIVOLTS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_RATE_FIELD_NUMBER: _ClassVar[int]
    further_leads: _containers.RepeatedCompositeFieldContainer[Waveform.Lead]
    lead: str
    millivolts: _containers.RepeatedScalarFieldContainer[float]
    sampling_rate: float
    def __init__(self, sampling_rate: _Optional[float] = ..., lead: _Optional[str] = ..., millivolts: _Optional[_Iterable[float]] = ..., further_leads: _Optional[_Iterable[_Union[Waveform.Lead, _Mapping]]] = ...) -> None: ...

class BeatClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class NotClassifiedCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AlertKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AlertChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class PauseKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AlertBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AlertEnd(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AlertPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AlertPriority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SuspicionCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SignalCondition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class MonitorState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class HealthState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class CommandResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
