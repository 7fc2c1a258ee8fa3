"""A stream of the Lab Streaming Layer to the daemon.

    ecgmon-lsl --name "my amplifier" --stream bed-1

It needs pylsl (pip install 'clients/python[lsl]').
"""
from __future__ import annotations

import argparse
import logging
import time

from ..acquisition import Acquisition
from . import delivery

log = logging.getLogger("ecg_monitor.bridge")

#: Millivolts to a unit, by the name that a stream's description gives it; lower case.
_UNITS = {
    "microvolts": 1e-3, "microvolt": 1e-3, "uv": 1e-3, "µv": 1e-3, "millivolts": 1.0, "millivolt": 1.0, "mv": 1.0,
    "volts": 1e3, "volt": 1e3, "v": 1e3,
}
#: A jump of the time stamps beyond this is a gap; below, it is jitter.
_GAP_SECONDS = 0.5


def channels_of(info) -> list[tuple[str, str]]:
    """Label and unit of each channel, as far as the stream describes them."""
    found = []
    channel = info.desc().child("channels").child("channel")
    for _ in range(info.channel_count()):
        found.append((channel.child_value("label"), channel.child_value("unit")))
        channel = channel.next_sibling()
    return found


class Bridge:
    """Pulls from an LSL inlet and pushes to the daemon."""

    def __init__(self, inlet, acquisition: Acquisition, columns: list[int], scale: float) -> None:
        self.inlet, self.acquisition, self.columns, self.scale = inlet, acquisition, columns, scale
        self._origin: float | None = None
        self._first = acquisition.position

    def step(self, timeout: float = 0.2) -> int:
        """Hands the samples that have come on. Returns how many."""
        samples, stamps = self.inlet.pull_chunk(timeout=timeout, max_samples=1000)
        if not stamps:
            self.acquisition.service()
            return 0
        rate = self.acquisition.sampling_rate
        if self._origin is None:
            self._origin = stamps[0]
        start = 0
        for index in range(len(stamps) + 1):
            # A chunk may hold a gap: what is before it is sent first.
            if index < len(stamps):
                due = self._first + round((stamps[index] - self._origin) * rate)
                ahead = due - (self.acquisition.position + index - start)
                if ahead <= _GAP_SECONDS * rate:
                    continue
            if index > start:
                self._send(samples[start:index])
            if index < len(stamps):
                log.warning("%d samples are missing", ahead)
                self.acquisition.position += ahead
            start = index
        return len(stamps)

    def _send(self, samples) -> None:
        columns = [[sample[column] * self.scale for sample in samples] for column in self.columns]
        leads = self.acquisition.leads
        self.acquisition.send(dict(zip(leads, columns)) if leads else columns[0])


def connect(name: str | None, kind: str, timeout: float):
    """An inlet from the first stream of that name, or of that type."""
    import pylsl

    found = pylsl.resolve_byprop("name" if name else "type", name or kind, 1, timeout)
    if not found:
        raise SystemExit(f"no LSL stream {'named ' + name if name else 'of type ' + kind} was found in {timeout:g} s")
    inlet = pylsl.StreamInlet(found[0], max_buflen=360, recover=True)
    inlet.open_stream(timeout)
    return inlet


def main() -> None:
    """The command `ecgmon-lsl`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", help="the LSL stream's name (default: the first of --type)")
    parser.add_argument("--type", default="ECG", help="the LSL stream's type")
    parser.add_argument("--channel", action="append", metavar="LABEL",
                        help="a channel by its label or number from 0; may be repeated (default: the first)")
    parser.add_argument("--unit", choices=sorted({"uV", "mV", "V"}), help="unit, where the stream does not say")
    parser.add_argument("--stream", required=True, help="the stream's name at the daemon, such as bed-1")
    parser.add_argument("--acknowledged", metavar="ENDPOINT", help="the daemon's acknowledged ingest endpoint")
    parser.add_argument("--key", metavar="FILE", help="this program's key, made by `ecgmon keys generate`")
    parser.add_argument("--server-key", metavar="KEY", help="the daemon's public key, or its .pub file")
    parser.add_argument("--wait", type=float, default=60.0, metavar="SECONDS", help="how long to look for the stream")
    parser.add_argument("--seconds", type=float, metavar="SECONDS", help="stop after that long")
    options = parser.parse_args()
    try:
        import pylsl  # noqa: F401
    except (ImportError, RuntimeError) as error:
        raise SystemExit(f"pylsl cannot be used ({error}); pip install pylsl") from error
    delivery.main(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    inlet = connect(options.name, options.type, options.wait)
    info = inlet.info()
    channels = channels_of(info)
    labels = [label or str(number) for number, (label, _) in enumerate(channels)]
    columns = []
    for wanted in options.channel or ["0"]:
        if wanted in labels:
            columns.append(labels.index(wanted))
        elif wanted.isdigit() and int(wanted) < len(labels):
            columns.append(int(wanted))
        else:
            raise SystemExit(f"the stream has no channel {wanted}; it has {', '.join(labels)}")
    unit = (options.unit or channels[columns[0]][1]).lower()
    if unit not in _UNITS:
        raise SystemExit(f"the stream does not say its unit ({unit or 'none'}); give --unit uV, mV or V")
    names = [labels[column] for column in columns]
    with Acquisition(
        options.stream, info.nominal_srate(), names[0] if len(names) == 1 else "",
        leads=names if len(names) > 1 else (), endpoint=options.acknowledged, keys=delivery.keys_of(options),
    ) as acquisition:
        log.info("%s of %s at %g Hz as %s", ", ".join(names), info.name(), info.nominal_srate(), options.stream)
        bridge = Bridge(inlet, acquisition, columns, _UNITS[unit])
        end = time.monotonic() + options.seconds if options.seconds else None
        while end is None or time.monotonic() < end:
            bridge.step()


if __name__ == "__main__":
    main()
