"""Questions about the past, which the daemon answers from its journal."""
from __future__ import annotations

import time
from typing import Optional

import zmq

from .ecg_monitor_pb2 import HistoryReply, HistoryRequest
from .keys import Keys


class History:
    """A connection to the daemon's history endpoint. It belongs to the thread that made it."""

    def __init__(self, endpoint: str, keys: Optional[Keys] = None) -> None:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger = 0
        socket.immediate = True  # no question waits for a daemon that is away
        socket.tcp_keepalive = 1
        socket.tcp_keepalive_idle = socket.tcp_keepalive_intvl = 5
        socket.tcp_keepalive_cnt = 2
        socket.reconnect_ivl, socket.reconnect_ivl_max = 50, 1000
        if keys:
            keys.apply(socket)
        socket.connect(endpoint)
        self._socket = socket
        self._number = 0

    def ask(self, request: HistoryRequest, timeout: float = 0.5) -> Optional[HistoryReply]:
        """The daemon's answer; None if there is none in this time (s), or the daemon could not give one."""
        self._number += 1
        request.schema_version, request.number = 1, self._number
        end = time.monotonic() + timeout
        if not self._socket.poll(round(timeout * 1000), zmq.POLLOUT):
            return None
        try:
            self._socket.send(request.SerializeToString(), zmq.NOBLOCK)
        except zmq.Again:
            return None
        while self._socket.poll(round(max(0.0, end - time.monotonic()) * 1000)):
            try:
                reply = HistoryReply.FromString(self._socket.recv_multipart()[-1])
            except Exception:
                return None
            if reply.number == self._number:  # else the late answer to an earlier question
                return None if reply.error else reply
        return None

    def close(self) -> None:
        self._socket.close()
