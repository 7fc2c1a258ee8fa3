"""The acquisition side: samples to the daemon."""
from __future__ import annotations

import logging
import math
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Optional, Union

import zmq
import zmq.utils.monitor

from .ecg_monitor_pb2 import ConverterRange, IngestReply, SampleBlock
from .endpoints import endpoint as default_endpoint
from .keys import Keys
from .unacknowledged import Block, Unacknowledged

_log = logging.getLogger("ecg_monitor")

#: Samples of one lead, or of each lead by its name.
Samples = Union[Sequence[float], Mapping[str, Sequence[float]]]

_STREAM_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}")
_BLOCK_LIMIT = 120_000  # values of all leads in one block
_PATIENCE = 2.0  # seconds without an answer until another hello
#: Seconds without a connection after which the next endpoint is tried.
_MOVE_PATIENCE = 2.0
_RELEASE_PATIENCE = 10.0  # the same where only the release of blocks is waited for


class StaleSession(Exception):
    """Another source has begun a later session of this stream; the daemon takes no more samples of this one."""


class Acquisition:
    """Sends the samples of one stream.

        with Acquisition("bed-1", sampling_rate=250, lead="II") as bed:
            for millivolts in converter:
                bed.send(millivolts)

    By default to the acknowledged endpoint: every block is kept until the daemon says that it will never need it again,
    and sent again after a broken connection or a restart of the daemon. `send` does that work and does not wait, so
    call it, or `service`, at least about once a second. With `acknowledged=False` a block is sent once, and what the
    daemon has not read when it stops is lost.

    It belongs to the thread that made it.
    """

    def __init__(
        self,
        stream: str,
        sampling_rate: float,
        lead: str = "",
        *,
        leads: Sequence[str] = (),
        gain: Optional[float] = None,
        baseline: int = 0,
        converter_range: Optional[tuple[int, int]] = None,
        session: Optional[int] = None,
        first_sample_index: int = 0,
        endpoint: Optional[str] = None,
        acknowledged: bool = True,
        keys: Optional[Keys] = None,
        keep_seconds: float = 3600.0,
    ) -> None:
        """
        stream: the bed, patient or device: 1 to 64 of A-Z a-z 0-9 _ - . : beginning with a letter, a digit or _.
        sampling_rate: samples per second of each lead, 100 to 2000.
        lead: the lead's name, such as "II".
        leads: the names of 2 to 12 leads of one patient, instead of `lead`; the one that shows QRS complexes best first.
        gain: counts per millivolt. With it, `send` takes the converter's counts; without, millivolts.
        baseline: the count of 0 mV.
        converter_range: the least and the greatest count that the converter gives.
        session: names this run of the acquisition; greater than that of the run before. Default: the time in ns.
        first_sample_index: index of the first sample to send, for a source that goes on with a session of its own.
        endpoint: default: $ECGMON_ACKNOWLEDGED or $ECGMON_INGEST, or the daemon's default. Of a cluster, those of
            several gateways, separated by commas: where one gives no connection for two seconds, the next is tried, and
            nothing is lost.
        keys: default: those that $ECGMON_KEY and $ECGMON_SERVER_KEY name, or none.
        keep_seconds: how much is kept for a daemon that is away. After that the oldest samples are given up
            (`lost_samples`), and the daemon reports a gap.
        """
        if leads and (lead or len(leads) < 2 or len(set(leads)) != len(leads)):
            raise ValueError("give either lead, or leads with two or more different names")
        if not _STREAM_NAME.fullmatch(stream):
            raise ValueError(f"{stream!r} is no stream's name: 1 to 64 of A-Z a-z 0-9 _ - . :")
        if not 100 <= sampling_rate <= 2000:
            raise ValueError(f"the sampling rate is {sampling_rate}; the daemon takes 100 to 2000 per second")
        if gain is not None and (not math.isfinite(gain) or gain == 0):
            raise ValueError("the gain is the number of counts per millivolt, and not 0")
        if converter_range and not -2**31 <= converter_range[0] < converter_range[1] < 2**31:
            raise ValueError("converter_range is the least and the greatest count")
        if any(len(name) > 32 for name in (lead, *leads)) or len(leads) > 12:
            raise ValueError("at most 12 leads, whose names have at most 32 characters")
        self.stream, self.sampling_rate, self.lead, self.leads = stream, float(sampling_rate), lead, tuple(leads)
        self.gain, self.baseline, self.converter_range = gain, baseline, converter_range
        self.start_time_ns = time.time_ns()
        self.session = self.start_time_ns if session is None else session
        #: Index of the next sample to send.
        self.position = first_sample_index
        self._first_index = first_sample_index
        self._pace_start = time.monotonic()
        #: Samples given up because the daemon was away for longer than `keep_seconds`.
        self.lost_samples = 0
        #: The last 1000 refusals, of blocks that the daemon will never take, as "cause: text".
        self.refusals: deque[str] = deque(maxlen=1000)
        self._keep_samples = int(keep_seconds * sampling_rate)
        self._kept = Unacknowledged(stream, self.session) if acknowledged else None
        self._is_connected = False
        self._heard_at = 0.0
        self._hello_after = 0.0
        name = "ACKNOWLEDGED" if acknowledged else "INGEST"
        self._endpoints = (endpoint or default_endpoint(name)).split(",")
        if len(self._endpoints) > 1 and not acknowledged:
            raise ValueError("without acknowledgement give one endpoint")
        self._move_at = time.monotonic() + _MOVE_PATIENCE
        self._connect(keys or Keys.from_environment())

    def _connect(self, keys: Optional[Keys]) -> None:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUSH if self._kept is None else zmq.DEALER)
        socket.tcp_keepalive = 1  # notices a daemon that vanished without a word
        socket.tcp_keepalive_idle = socket.tcp_keepalive_intvl = 5
        socket.tcp_keepalive_cnt = 2
        socket.reconnect_ivl, socket.reconnect_ivl_max = 50, 1000
        if self._kept is not None:
            socket.linger = 0
            # What waits in a queue when a connection breaks must not precede the hello on the next one.
            socket.immediate = True
            self._monitor: zmq.Socket[bytes] = socket.get_monitor_socket(
                zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        if keys:
            keys.apply(socket)
        socket.connect(self._endpoints[0])
        self._socket = socket

    def _move_on(self, now: float) -> None:
        """Connects to the next endpoint instead."""
        self._socket.disconnect(self._endpoints[0])
        self._endpoints.append(self._endpoints.pop(0))
        self._socket.connect(self._endpoints[0])
        self._move_at = now + _MOVE_PATIENCE

    def __enter__(self) -> Acquisition:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is None and not self.flush(30):
            _log.warning("%s: %d samples were not acknowledged", self.stream, self.unacknowledged_samples)
        self.close()

    @property
    def is_connected(self) -> bool:
        """Whether the acknowledged connection is up."""
        return self._is_connected

    @property
    def unacknowledged_samples(self) -> int:
        """Samples that are still kept, for each lead."""
        return self._kept.samples if self._kept else 0

    def send(
        self, samples: Samples, *, lead_off: bool = False, at: Optional[int] = None,
        time_ns: Optional[int] = None, pace: bool = False, timeout: float = 30.0,
    ) -> None:
        """Sends the next samples.

        samples: millivolts (NaN: no valid sample), or counts if there is a gain. With several leads, those of each lead
            by its name, all of the same length.
        lead_off: the electrode is off during these samples; their values are not looked at.
        at: index of the first of them, if samples before it are missing. The daemon reports a gap.
        time_ns: when the first was taken, ns since 1970 UTC. Default: the start of this object plus the samples since.
        pace: sleep until these samples would have been taken, for a program without a converter.
        timeout: without acknowledgement, seconds to wait for the daemon.
        Raises ValueError, StaleSession, TimeoutError.
        """
        columns = self._columns(samples)
        count = len(next(iter(columns.values())))
        if at is not None:
            if at < self.position:
                raise ValueError(f"sample {at} has been sent; the next one is {self.position}")
            self.position = at
        step = max(1, _BLOCK_LIMIT // len(columns))
        for start in range(0, count, step):
            part = {name: values[start:start + step] for name, values in columns.items()}
            size = len(next(iter(part.values())))
            offset_ns = round((self.position - self._first_index) * 1e9 / self.sampling_rate)
            stamp = self.start_time_ns + offset_ns if time_ns is None else time_ns + round(
                start * 1e9 / self.sampling_rate)
            self._send_block(self._block(part, lead_off, stamp), size, timeout)
        if pace:
            due = self._pace_start + (self.position - self._first_index) / self.sampling_rate
            while (left := due - time.monotonic()) > 0:
                if self._kept is None:
                    time.sleep(left)
                else:
                    self.service(left)

    def _columns(self, samples: Samples) -> dict[str, Sequence[float]]:
        if self.leads:
            if not isinstance(samples, Mapping) or set(samples) != set(self.leads):
                raise ValueError(f"give the samples of {', '.join(self.leads)} by the lead's name")
            columns = {name: samples[name] for name in self.leads}
        else:
            if isinstance(samples, Mapping):
                raise ValueError("a stream of one lead takes a sequence of samples")
            columns = {self.lead: samples}
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError("every lead needs the same number of samples, at least one")
        return columns

    def _block(self, columns: Mapping[str, Sequence[float]], lead_off: bool, time_ns: int) -> SampleBlock:
        block = SampleBlock(
            schema_version=1, stream=self.stream, session=self.session, sampling_rate=self.sampling_rate,
            first_sample_index=self.position, acquisition_time_ns=time_ns)
        for name, values in columns.items():
            target = block.leads.add(name=name) if self.leads else block
            if not self.leads:
                block.lead = name
            target.lead_off = lead_off
            if self.gain is None:
                target.millivolts.extend(values)
                continue
            target.gain, target.baseline = self.gain, self.baseline
            target.counts.extend(int(value) for value in values)
            if self.converter_range:
                target.converter_range.CopyFrom(ConverterRange(
                    minimum_count=self.converter_range[0], maximum_count=self.converter_range[1]))
        return block

    def _send_block(self, block: SampleBlock, count: int, timeout: float) -> None:
        body = block.SerializeToString()
        if self._kept is None:
            if not self._socket.poll(round(timeout * 1000), zmq.POLLOUT):
                raise TimeoutError(f"no daemon has taken the samples of {self.stream} for {timeout:g} s")
            self._socket.send(body)
        else:
            self._kept.append(Block(self.position, self.position + count, body))
            while self._kept.samples > max(self._keep_samples, count):
                if self.lost_samples == 0:
                    _log.warning("%s: the daemon is away for too long; the oldest samples are given up", self.stream)
                self.lost_samples += self._kept.drop_oldest()
        self.position += count
        if self._kept is not None:
            self.service(0)

    def service(self, timeout: float = 0.0) -> None:
        """Reads the daemon's answers and sends what may be sent.

        timeout: seconds to wait for something to do. Raises StaleSession.
        """
        if self._kept is None:
            return
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        poller.poll(round(max(0.0, min(timeout, 0.05)) * 1000))
        while self._monitor.poll(0):
            event = zmq.utils.monitor.recv_monitor_message(self._monitor)["event"]
            self._is_connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self._kept.connection_lost()
            self._hello_after = 0.0
            self._move_at = time.monotonic() + _MOVE_PATIENCE
        while self._socket.poll(0):
            self._take(self._kept, self._socket.recv_multipart()[-1])
        now = time.monotonic()
        if not self._is_connected and len(self._endpoints) > 1 and now >= self._move_at:
            self._move_on(now)
        patience = _PATIENCE if self._kept.awaits_reply else _RELEASE_PATIENCE if self._kept.awaits_release else math.inf
        if now - self._heard_at > patience * 2**self._kept.silences:
            self._kept.was_silent()
            self._heard_at = now
        if self._is_connected:
            self._send_what_may_be_sent(self._kept, now)

    def _send_what_may_be_sent(self, kept: Unacknowledged, now: float) -> None:
        try:
            if kept.phase == kept.NEEDS_HELLO and not kept.is_empty and now >= self._hello_after:
                self._socket.send(kept.hello(), zmq.NOBLOCK)
                kept.said_hello()
                self._heard_at = now
            while block := kept.sendable():
                self._socket.send(block.body, zmq.NOBLOCK)
                kept.did_send()
        except zmq.Again:
            pass  # the connection is full or gone; the next one begins with a hello

    def _take(self, kept: Unacknowledged, body: bytes) -> None:
        try:
            reply = IngestReply.FromString(body)
        except Exception:  # protobuf's DecodeError, of which older versions have another name
            _log.warning("an answer of the daemon cannot be read")
            return
        if reply.stream != self.stream:
            if reply.cause and not reply.stream:  # about a block that the daemon did not look into
                self._note_refusal(f"{reply.cause}: {reply.text}")
            return
        self._heard_at = time.monotonic()
        was_sending = kept.phase == kept.SENDING
        refusal = kept.take(reply)
        if was_sending and kept.phase == kept.NEEDS_HELLO:
            self._hello_after = self._heard_at + 0.1  # not at once: the daemon may be busy
        if refusal:
            self._note_refusal(refusal)
        if kept.is_stale:
            raise StaleSession(f"another source has begun a later session of {self.stream}")

    def _note_refusal(self, refusal: str) -> None:
        if refusal not in self.refusals:
            _log.warning("%s: the daemon refuses samples: %s", self.stream, refusal)
        self.refusals.append(refusal)

    def flush(self, timeout: Optional[float] = None) -> bool:
        """Waits until the daemon no longer needs any of the samples sent. Returns False if the time passed before."""
        end = None if timeout is None else time.monotonic() + timeout
        while self._kept is not None and not self._kept.is_empty:
            left = 1.0 if end is None else end - time.monotonic()
            if left <= 0:
                return False
            self.service(left)
        return True

    def close(self) -> None:
        """Closes the connection; samples that are still kept are given up."""
        if self._kept is not None:
            self._socket.disable_monitor()
            self._monitor.close(0)
        self._socket.close()
