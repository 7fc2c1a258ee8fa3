"""CURVE keys, in the files that `ecgmon keys generate` makes."""
from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

import zmq


class KeyFileError(Exception):
    """A key file cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Keys:
    """The key of this program and the public key of the daemon, each 40 characters of Z85."""

    public: str
    secret: str = field(repr=False)
    server: str

    @classmethod
    def load(cls, own: str | os.PathLike[str], server: str | os.PathLike[str]) -> Keys:
        """Reads the files made by `ecgmon keys generate`.

        own: this program's key file, which only its owner may read.
        server: the daemon's public key, as 40 characters or as the path of its .pub file.
        Raises KeyFileError, OSError.
        """
        if stat.S_IMODE(os.stat(own).st_mode) & 0o077:
            raise KeyFileError(f"{own} can be read by others; chmod 600 it, or make a new key if others have read it")
        secret = _value("secret", own)
        try:
            public = zmq.curve_public(secret.encode()).decode()
        except (ValueError, zmq.ZMQError) as error:
            raise KeyFileError(f"{own} holds no valid secret key; make one with `ecgmon keys generate FILE`") from error
        text = os.fspath(server)
        return cls(public, secret, text if _is_key(text) else _value("public", text))

    @classmethod
    def from_environment(cls) -> Keys | None:
        """The keys that ECGMON_KEY and ECGMON_SERVER_KEY name; None where neither is set."""
        own, server = os.environ.get("ECGMON_KEY"), os.environ.get("ECGMON_SERVER_KEY")
        if not own and not server:
            return None
        if not own or not server:
            raise KeyFileError("ECGMON_KEY and ECGMON_SERVER_KEY belong together; set both or neither")
        return cls.load(own, server)

    def apply(self, socket: zmq.Socket) -> None:
        """Makes the socket use these keys; before it connects."""
        socket.curve_publickey = self.public.encode()
        socket.curve_secretkey = self.secret.encode()
        socket.curve_serverkey = self.server.encode()


def _is_key(text: str) -> bool:
    return len(text) == 40 and not os.path.exists(text)


def _value(name: str, path: str | os.PathLike[str]) -> str:
    """The value of `name = "..."`, of which each file has one to a line."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition("=")
            # Z85 may contain "=", but neither quotes nor backslashes.
            value = value.strip()
            if key.strip() == name and len(value) == 42 and value[0] == value[-1] == '"':
                return value[1:-1]
    raise KeyFileError(f"{path} holds no {name} key; make one with `ecgmon keys generate FILE`")
