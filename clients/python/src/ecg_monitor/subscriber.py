"""The subscriber's side: what the daemon publishes, and what was missed of it."""
from __future__ import annotations

import json
import logging
import os
import time
from collections import deque
from collections.abc import Iterator
from typing import Optional, Union

import zmq
from google.protobuf import json_format
from google.protobuf.message import Message

from .ecg_monitor_pb2 import Event, Health, HistoryReply, HistoryRequest
from .endpoints import endpoint, history_for
from .history import History
from .keys import Keys

_log = logging.getLogger("ecg_monitor")

_KINDS = ("alert", "beat", "suspicion", "status", "waveform")
_KEPT = ("alert", "beat", "suspicion", "status")
_LOOK_SECONDS = 10.0  # a broken connection may have swallowed events without leaving a hole
_SILENCE_SECONDS = 30.0  # after that it goes on without a history


def topic_of(event: Event) -> str:
    """The topic on which an event is published, such as "alert.bed-1"."""
    return f"{event.WhichOneof('payload')}.{event.stream}"


class Subscriber:
    """Yields the daemon's events, each topic in order and every event once.

        for event in Subscriber("alert", "status"):
            print(event.stream, event.alert.text)

    What is published while the connection is broken, or while the daemon restarts, is fetched from the daemon's history.
    Where there is no history to ask (the daemon keeps no journal), `missed` counts what was lost.

    It belongs to the thread that made it.
    """

    def __init__(
        self,
        *topics: str,
        events: Optional[str] = None,
        history: Optional[str] = None,
        keys: Optional[Keys] = None,
        start: str = "now",
        remember: Union[str, os.PathLike[str], None] = None,
    ) -> None:
        """
        topics: kinds ("alert", "beat", "suspicion", "status", "waveform"), topics ("alert.bed-1") or prefixes
            ("alert.icu-*"). Default: alert, beat, suspicion and status of every stream.
        events: the daemon's events endpoint. Default: $ECGMON_EVENTS or the daemon's default.
        history: its history endpoint, "" for none. Default: $ECGMON_HISTORY, or the daemon's default if `events` is.
        keys: default: those that $ECGMON_KEY and $ECGMON_SERVER_KEY name, or none.
        start: "now": the alerts that are on, then what is published from now on (for which the daemon is asked, for half
            a second at most); "beginning": everything that the
            daemon still has.
        remember: a file that keeps, from run to run, what has been yielded; `start` counts for the first run only. An
            event is remembered when the next one is asked for. So if the program is killed while it handles an
            event, the event comes again.
        Raises ValueError for a topic that cannot be.
        """
        if start not in ("now", "beginning"):
            raise ValueError('start is "now" or "beginning"')
        self._filters = [_filter(topic) for topic in topics or _KEPT]
        keys = keys or Keys.from_environment()
        self._socket = _subscriber_socket([prefix for prefix, _ in self._filters], keys)
        self._monitor: zmq.Socket[bytes] = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._socket.connect(events or endpoint("EVENTS"))
        address = history_for(events) if history is None else history
        self._history = History(address, keys) if address else None
        self._has_history = self._history is not None and start == "beginning"
        self._from_beginning = start == "beginning"
        self._last: dict[str, int] = {}
        self._ready: deque[Event] = deque()
        self._place = 0
        self._knows_start = False
        self._look_at = 0.0
        self._silent_since: Optional[float] = None
        self._given: Optional[tuple[str, int]] = None
        #: Events that were published and can no longer be had.
        self.missed = 0
        self._memory = remember
        self._remembered: dict[str, int] = {}
        if remember is not None and os.path.exists(remember):
            with open(remember, encoding="utf-8") as file:
                self._remembered = {str(topic): int(number) for topic, number in json.load(file).items()}
            self._last = dict(self._remembered)
            self._from_beginning = True
            self._has_history = self._history is not None
        if self._history:
            self._look()  # now is now, not when the first event is asked for

    def __iter__(self) -> Iterator[Event]:
        while True:
            event = self.receive()
            if event is not None:
                yield event

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event. None if there is none for `timeout` seconds."""
        self._remember_given()
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._ready:
                return self._give(self._ready.popleft())
            while self._monitor.poll(0):
                self._monitor.recv_multipart()
                self._look_at = 0.0
            if self._history and time.monotonic() >= self._look_at:
                self._look()
                continue
            left = 0.1 if end is None else min(0.1, end - time.monotonic())
            if self._socket.poll(round(max(0.0, left) * 1000)):
                self._take(*self._socket.recv_multipart()[:2])
            elif left <= 0:
                return None

    def close(self) -> None:
        """Closes the connections. The event that came last counts as handled."""
        self._remember_given()
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close()
        if self._history:
            self._history.close()

    # Memory

    def _give(self, event: Event) -> Event:
        self._given = (topic_of(event), event.sequence)
        return event

    def _remember_given(self) -> None:
        if self._given is None:
            return
        topic, sequence = self._given
        self._given = None
        if self._memory is None or topic.partition(".")[0] not in _KEPT:
            return
        self._remembered[topic] = sequence
        with open(f"{self._memory}.new", "w", encoding="utf-8") as file:
            json.dump(self._remembered, file)
        os.replace(f"{self._memory}.new", self._memory)

    # Published

    def _wants(self, topic: str) -> bool:
        return any(topic.startswith(prefix) if is_prefix else topic == prefix for prefix, is_prefix in self._filters)

    def _take(self, name: bytes, body: bytes) -> None:
        topic = name.decode("ascii", "replace")
        if not self._wants(topic):
            return
        message = Event()
        if not _parse(body, message):
            _log.warning("a message on %s cannot be read", topic)
            return
        self._judge(topic, message)

    def _judge(self, topic: str, event: Event) -> None:
        sequence, before = event.sequence, self._last.get(topic, 0)
        if topic.partition(".")[0] not in _KEPT or not self._has_history:
            # Without a history, a fall of the numbers tells that the daemon has restarted.
            if topic in self._last and sequence > before + 1:
                self.missed += sequence - before - 1
            self._deliver(topic, event)
            return
        if sequence <= before:
            return
        if sequence > before + 1:
            # Everything published is in the history, too. So if it does not answer now, this event waits there.
            if not self._fetch([topic]) and self._has_history:
                return
            before = self._last.get(topic, 0)
            if sequence <= before:
                return
            self.missed += sequence - before - 1
        self._deliver(topic, event)

    def _deliver(self, topic: str, event: Event) -> None:
        self._ready.append(event)
        self._last[topic] = event.sequence

    # History

    def _look(self) -> None:
        """Compares with the journal, topic by topic, and fetches what is missing."""
        is_first = not self._knows_start
        behind: list[str] = []
        more = True
        while more:
            request = HistoryRequest()
            request.positions.prefixes.extend(sorted({prefix for prefix, _ in self._filters})[:256])
            request.positions.since_place = self._place
            request.positions.active_alerts = is_first and self._place == 0 and not self._from_beginning
            reply = self._ask(request)
            if reply is None:
                return
            for position in reply.positions:
                if not self._wants(position.topic):
                    continue
                if is_first and not self._from_beginning:
                    self._last.setdefault(position.topic, position.sequence)
                delivered = self._last.get(position.topic, 0)
                if position.sequence < delivered:
                    self._last[position.topic] = 0  # a new journal, which counts from 1
                if position.sequence != delivered:
                    behind.append(position.topic)
            if request.positions.active_alerts:
                self._ready.extend(event for event in reply.events if self._wants(topic_of(event)))
            # A journal with a lower place is a new one. One that says more and makes no progress is not asked on.
            more = reply.more and reply.place > self._place or reply.place < self._place
            self._place = 0 if reply.place < self._place else reply.place
        self._look_at = time.monotonic() + (1.0 if is_first else _LOOK_SECONDS)
        self._knows_start = True
        if behind:
            self._fetch(behind)

    def _fetch(self, topics: list[str]) -> bool:
        """Fetches the events after the last of each topic. False: the history does not answer."""
        for start in range(0, len(topics), 256):
            part = topics[start:start + 256]
            more = True
            while more:
                request = HistoryRequest()
                request.after.limit = 1000
                for topic in part:
                    request.after.positions.add(topic=topic, sequence=self._last.get(topic, 0))
                reply = self._ask(request)
                if reply is None:
                    return False
                progress = False
                for event in reply.events:
                    topic, before = topic_of(event), self._last.get(topic_of(event), 0)
                    if event.sequence <= before:
                        continue
                    self.missed += event.sequence - before - 1
                    self._deliver(topic, event)
                    progress = True
                more = reply.more and progress
        return True

    def _ask(self, request: HistoryRequest) -> Optional[HistoryReply]:
        if self._history is None:
            return None
        reply = self._history.ask(request, 0.5 if self._has_history or not self._knows_start else 0.1)
        now = time.monotonic()
        if reply is not None:
            self._silent_since, self._has_history = None, True
            return reply
        # A restarted daemon answers soon; until then its journal holds what was published.
        self._silent_since = self._silent_since or now
        if now - self._silent_since > _SILENCE_SECONDS:
            self._has_history = False
        self._look_at = now + (0.2 if self._has_history else 1.0)
        return None


class HealthSubscriber:
    """Yields the daemon's own state, every few seconds and when it changes."""

    def __init__(self, events: Optional[str] = None, keys: Optional[Keys] = None) -> None:
        """events, keys: as those of `Subscriber`."""
        self._socket = _subscriber_socket(["health"], keys or Keys.from_environment())
        self._socket.connect(events or endpoint("EVENTS"))

    def __iter__(self) -> Iterator[Health]:
        while True:
            health = self.receive()
            if health is not None:
                yield health

    def receive(self, timeout: Optional[float] = None) -> Optional[Health]:
        """The next state; None if there is none for `timeout` seconds."""
        if not self._socket.poll(None if timeout is None else round(timeout * 1000)):
            return None
        frames = self._socket.recv_multipart()
        health = Health()
        return health if frames[0] == b"health" and _parse(frames[-1], health) else None

    def close(self) -> None:
        self._socket.close()


def _subscriber_socket(prefixes: list[str], keys: Optional[Keys]) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    socket.linger = 0
    socket.rcvhwm = 100_000
    socket.tcp_keepalive = 1
    socket.tcp_keepalive_idle = socket.tcp_keepalive_intvl = 5
    socket.tcp_keepalive_cnt = 2
    socket.reconnect_ivl, socket.reconnect_ivl_max = 50, 1000
    if keys:
        keys.apply(socket)
    for prefix in prefixes:
        socket.subscribe(prefix)
    return socket


def _parse(body: bytes, message: Message) -> bool:
    """Fills a message from JSON or binary protobuf, whichever it is. False: it is neither."""
    try:
        if body[:1] == b"{":
            json_format.Parse(body, message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except Exception:  # neither library names all that it raises
        return False
    return True


def _filter(topic: str) -> tuple[str, bool]:
    """The prefix to subscribe to, and whether other topics with it are wanted, too."""
    kind, _, stream = topic.partition(".")
    if kind not in _KINDS:
        raise ValueError(f"{topic!r} is not a topic; the kinds are {', '.join(_KINDS)}")
    if not stream:
        return kind + ".", True
    return (topic[:-1], True) if topic.endswith("*") else (topic, False)
