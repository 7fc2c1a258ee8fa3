"""Alerts as HL7 v2.6 messages ORU^R40 (IHE PCD-04 Report Alert) over MLLP.

    ecgmon-hl7 HOST PORT

The receiver must acknowledge each message (MSA-1 CA or AA) before the next one is sent. After AE or CE, and where no
answer comes, the message is sent again with the same control id; after AR or CR it is logged and left out.
"""
from __future__ import annotations

import hashlib
import socket
from datetime import datetime, timezone

from ..ecg_monitor_pb2 import Event
from . import codes, delivery
from .states import alert_state, identity, time_of

START, END = b"\x0b", b"\x1c\x0d"
_MAXIMUM_ACKNOWLEDGEMENT = 65_536
_PROFILE = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.4.1^ISO"
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "}


def escaped(text: str) -> str:
    """Text without HL7's separators."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def _time(when: datetime) -> str:
    return when.strftime("%Y%m%d%H%M%S.") + f"{when.microsecond // 1000:03d}+0000"


def _term(code: codes.Code) -> str:
    return f"{code.code}^{code.reference}^MDC"


def control_id(event: Event) -> str:
    """20 characters, the same whenever this event is sent."""
    return hashlib.sha256(event.id.encode()).hexdigest()[:20]


def message(event: Event, application: str = "ECGMON", facility: str = "", now: datetime | None = None) -> str:
    """The event of an alert as one message, segments ended by carriage returns.

    OBX-4 numbers the facets of an alert: 1 what, 2 source, 3 phase, 4 state, 5 inactivation, 6 priority, 7 type.
    """
    code, state = codes.alert_code(event.alert.kind), alert_state(event)
    stream, name = escaped(event.stream), escaped(application)
    taken = _time(time_of(event))
    what = f"{_term(code.mdc)}^^^^^^{escaped(event.alert.text or code.text)}"
    flags = f"{code.limit or 'A'}~{state.priority}~{state.type}"
    segments = [
        f"MSH|^~\\&|{name}|{escaped(facility)}|||{_time(now or datetime.now(timezone.utc))}||ORU^R40^ORU_R40|"
        f"{control_id(event)}|P|2.6|||AL|NE||UNICODE UTF-8|||{_PROFILE}",
        f"PID|||{stream}^^^{name}^PI||^^^^^^U",
        f"PV1|1|I|^^{stream}",
        f"OBR|1||{escaped(event.id)}^{name}|{_term(codes.ATTRIBUTES['alarm'])}|||{taken}"
        + "|" * 22 + f"^{escaped(identity(event))}&{name}",
        f"OBX|1|CWE|{_term(codes.ATTRIBUTES['alarm'])}|1.0.0.0.1|{what}|||{flags}|||F|||{taken}",
    ]
    if event.alert.heart_rate > 0:
        segments.append(f"OBX|2|NM|{_term(codes.HEART_RATE)}|1.0.0.0.2|{event.alert.heart_rate:.0f}|"
                        f"{_term(codes.PER_MINUTE)}|||||F|||{taken}")
    else:
        source = _term(codes.lead_code(""))
        segments.append(f"OBX|2|CWE|{_term(codes.ATTRIBUTES['source'])}|1.0.0.0.2|{source}||||||F|||{taken}")
    facets = ("phase", "state", "inactivation", "priority", "type")
    for number, facet in enumerate(facets, start=3):
        value = getattr(state, facet)
        segments.append(
            f"OBX|{number}|ST|{_term(codes.ATTRIBUTES[facet])}|1.0.0.0.{number}|{value}||||||F|||{taken}")
    return "".join(segment + "\r" for segment in segments)


class MLLPSender:
    """A connection to an MLLP receiver, opened when it is needed."""

    def __init__(self, host: str, port: int, timeout: float = 10.0) -> None:
        self._address, self._timeout = (host, port), timeout
        self._socket: socket.socket | None = None

    def send(self, text: str, control: str) -> None:
        """Sends a message and waits for its acknowledgement.

        Raises OSError if it should be sent again, `Refused` if not.
        """
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, self._timeout)
            self._socket.sendall(START + text.encode("utf-8") + END)
            code, reason = self._acknowledgement(control)
        except (OSError, ValueError) as error:
            self.close()
            raise OSError(str(error)) from error
        if code in ("AR", "CR"):
            raise delivery.Refused(reason)
        if code not in ("AA", "CA"):
            raise OSError(f"answered with {code}: {reason}")

    def _acknowledgement(self, control: str) -> tuple[str, str]:
        while True:  # until the answer to this message
            for segment in self._frame().decode("utf-8", "replace").replace("\n", "\r").split("\r"):
                fields = segment.split("|")
                if fields[0] == "MSA" and len(fields) > 2 and fields[2] == control:
                    return fields[1], fields[3] if len(fields) > 3 else ""

    def _frame(self) -> bytes:
        data = b""
        while not data.endswith(END):
            part = self._socket.recv(4096) if self._socket else b""
            if not part:
                raise ConnectionError("the receiver has closed the connection")
            data += part
            if len(data) > _MAXIMUM_ACKNOWLEDGEMENT:
                raise ValueError("the acknowledgement has no end")
        return data.strip(START + END)

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None


def main() -> None:
    """The command `ecgmon-hl7`."""
    parser = delivery.arguments(__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--application", default="ECGMON", help="MSH-3, the sending application")
    parser.add_argument("--facility", default="", help="MSH-4, the sending facility")
    options = parser.parse_args()
    sender = MLLPSender(options.host, options.port)
    delivery.main(lambda: delivery.hand_on(options, lambda event: sender.send(
        message(event, options.application, options.facility), control_id(event))))


if __name__ == "__main__":
    main()
