"""A real daemon for the tests, in a folder of its own.

The programs are those in $ECGMON_PROGRAMS (default: .build/release of the checkout).
"""
from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = pathlib.Path(os.environ.get("ECGMON_PROGRAMS") or ROOT / ".build/release")
sys.path.insert(0, str(ROOT / "clients/python/src"))

#: Half a minute is for ever on a machine that works; a busy one may take a while.
PATIENCE = 60.0


def wait_until(condition, seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


class Daemon:
    """`ecgmond` on ipc endpoints, with a journal."""

    def __init__(self, configuration: str = "") -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="py-"))
        names = "ingest acknowledged events history command".split()
        self.endpoints = {name: f"ipc://{self.folder}/{name}" for name in names}
        (self.folder / "ecgmond.toml").write_text(f"""
[ingest]
endpoints = ["{self.endpoints['ingest']}"]
acknowledged_endpoints = ["{self.endpoints['acknowledged']}"]
[events]
endpoints = ["{self.endpoints['events']}"]
[history]
endpoints = ["{self.endpoints['history']}"]
[commands]
endpoints = ["{self.endpoints['command']}"]
[journal]
path = "{self.folder}/journal.sqlite"
[model]
path = "{ROOT}/Config/models/default.safetensors"
[http]
enabled = false
[station]
enabled = false
[streams]
silent_after_seconds = 600
{configuration}
""")
        self.start()

    def start(self) -> None:
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAMS / "ecgmond", "--config", self.folder / "ecgmond.toml"], stderr=log)
        sockets = [pathlib.Path(path[6:]) for path in self.endpoints.values()]
        if not wait_until(lambda: self.process.poll() is not None or all(path.exists() for path in sockets)):
            raise AssertionError("the daemon does not start")
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """As a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for path in self.endpoints.values():
            pathlib.Path(path[6:]).unlink(missing_ok=True)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def subscriber(self, *topics, **options):
        from ecg_monitor import Subscriber

        options.setdefault("history", self.endpoints["history"])
        return Subscriber(*topics, events=self.endpoints["events"], **options)

    def replay(self, script: str, stream: str = "bed-1", seconds: float = 60) -> None:
        """Simulated ECG, as fast as the daemon takes it, and acknowledged."""
        subprocess.run(
            [PROGRAMS / "ecgmon", "replay", "--simulate", script, "--duration", str(seconds), "--stream", stream,
             "--speed", "max", "--acknowledged", self.endpoints["acknowledged"], "--quiet"], check=True, timeout=300)


class DaemonTest(unittest.TestCase):
    """A test with a daemon of its own."""

    configuration = ""

    def setUp(self) -> None:
        self.daemon = Daemon(self.configuration)
        self.addCleanup(self.daemon.end)
