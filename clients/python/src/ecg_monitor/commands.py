"""What a display wants done about a stream's alarms."""
from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Optional

import zmq

from .ecg_monitor_pb2 import AlertKind, Command, CommandReply, CommandResult, PauseKind
from .endpoints import endpoint as default_endpoint
from .keys import Keys


class CommandRefused(Exception):
    """The daemon did not do it. `reply` says why."""

    def __init__(self, reply: CommandReply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class Commands:
    """Acknowledges and pauses a stream's alarms, and sets their limits.

        commands = Commands(by="nurse 4711")
        commands.acknowledge("bed-1")
        commands.set_limits("bed-1", tachycardia_above=130)

    Every method waits for the daemon's reply and returns it. It raises CommandRefused if the daemon did not obey, and
    TimeoutError if no reply came; it is then unknown whether the command took effect.

    It belongs to the thread that made it.
    """

    def __init__(
        self, by: str, *, endpoint: Optional[str] = None, keys: Optional[Keys] = None, timeout: float = 3.0
    ) -> None:
        """
        by: who gives the commands, 1 to 64 printable characters, for the log and for every subscriber.
        endpoint: default: $ECGMON_COMMANDS or the daemon's default.
        keys: default: those that $ECGMON_KEY and $ECGMON_SERVER_KEY name, or none.
        timeout: seconds to wait for a reply.
        """
        self.by, self.timeout = by, timeout
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger = 0
        socket.immediate = True  # no command waits for a daemon that is away
        keys = keys or Keys.from_environment()
        if keys:
            keys.apply(socket)
        socket.connect(endpoint or default_endpoint("COMMANDS"))
        self._socket = socket
        self._number = 0

    def __enter__(self) -> Commands:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def list(self, stream: str) -> CommandReply:
        """The alerts that are on (`alerts`), the pause (`pause`) and the limits that hold (`limits`)."""
        return self._send(Command(stream=stream, list=Command.List()))

    def acknowledge(
        self, stream: str, kind: AlertKind = AlertKind.ALERT_KIND_UNSPECIFIED, alert_number: int = 0
    ) -> CommandReply:
        """Acknowledges the alerts of a kind, or all that are on; `acknowledged` says how many."""
        return self._send(
            Command(stream=stream, acknowledge=Command.Acknowledge(kind=kind, alert_number=alert_number)))

    def pause(self, stream: str, seconds: float = 0, kind: PauseKind = PauseKind.PAUSE_KIND_AUDIO) -> CommandReply:
        """Pauses sounds, or with PAUSE_KIND_ALARM lights too. seconds: 0: as the daemon is configured."""
        return self._send(Command(stream=stream, pause=Command.Pause(kind=kind, seconds=seconds)))

    def resume(self, stream: str) -> CommandReply:
        """Ends a pause early."""
        return self._send(Command(stream=stream, resume=Command.Resume()))

    def limits(self, stream: str) -> Mapping[str, float]:
        """The limits that hold, by the names of the configuration file, such as "tachycardia_above"."""
        return dict(self.list(stream).limits.current)

    def set_limits(self, stream: str, **limits: float) -> CommandReply:
        """Sets limits; those that are not named stay. They hold until they are set anew or the stream is forgotten."""
        if not limits:
            raise ValueError("name a limit, such as tachycardia_above=130")
        return self._send(Command(stream=stream, set_limits=Command.SetLimits(limits=limits)))

    def reset_limits(self, stream: str) -> CommandReply:
        """Lets the limits of the daemon's configuration hold again."""
        return self._send(Command(stream=stream, set_limits=Command.SetLimits(as_configured=True)))

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def _send(self, command: Command) -> CommandReply:
        self._number += 1
        command.schema_version, command.number, command.by = 1, self._number, self.by
        end = time.monotonic() + self.timeout
        if self._socket.poll(round(self.timeout * 1000), zmq.POLLOUT):
            self._socket.send(command.SerializeToString(), zmq.NOBLOCK)
        while self._socket.poll(round(max(0.0, end - time.monotonic()) * 1000)):
            reply = CommandReply.FromString(self._socket.recv_multipart()[-1])
            if reply.number not in (0, self._number):
                continue  # the late reply to an earlier command
            if reply.result not in (
                CommandResult.COMMAND_RESULT_DONE, CommandResult.COMMAND_RESULT_NOTHING_TO_DO
            ):
                raise CommandRefused(reply)
            return reply
        raise TimeoutError("no daemon has answered the command")
