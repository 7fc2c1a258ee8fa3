"""What the bridges of alerts share: their options, and the loop that hands one alert after the other on."""
from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable

from ..ecg_monitor_pb2 import Event
from ..keys import Keys
from ..subscriber import Subscriber

log = logging.getLogger("ecg_monitor.bridge")


class Refused(Exception):
    """The other side has understood the message and will never take it."""


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the options of every subscribing bridge."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stream", action="append", metavar="NAME",
                        help="a stream, or a prefix followed by *; may be repeated (default: all)")
    parser.add_argument("--events", metavar="ENDPOINT", help="the daemon's events endpoint")
    parser.add_argument("--history", metavar="ENDPOINT", help="the daemon's history endpoint, so that nothing is missed")
    parser.add_argument("--key", metavar="FILE", help="this program's key, made by `ecgmon keys generate`")
    parser.add_argument("--server-key", metavar="KEY", help="the daemon's public key, or its .pub file")
    parser.add_argument("--remember", metavar="FILE",
                        help="keeps which alerts were handed on, so that a restart neither loses nor repeats any")
    parser.add_argument("--count", type=int, metavar="N", help="stop after N alerts")
    return parser


def keys_of(options: argparse.Namespace) -> Keys | None:
    if bool(options.key) != bool(options.server_key):
        raise SystemExit("give --key and --server-key, or neither")
    return Keys.load(options.key, options.server_key) if options.key else None


def subscriber_of(options: argparse.Namespace, *kinds: str) -> Subscriber:
    topics = [f"{kind}.{stream}" for kind in kinds for stream in options.stream or [""]]
    return Subscriber(
        *(topic.rstrip(".") for topic in topics), events=options.events, history=options.history, keys=keys_of(options),
        remember=options.remember)


def hand_on(options: argparse.Namespace, deliver: Callable[[Event], None], retry_seconds: float = 1.0) -> None:
    """Hands every alert on, in order. One that cannot be delivered is tried again until it can.

    deliver: raises OSError if it should be tried again, `Refused` if not.
    """
    with subscriber_of(options, "alert") as subscriber:
        for number, event in enumerate(subscriber, start=1):
            wait = retry_seconds
            while True:
                try:
                    deliver(event)
                    log.info("handed on: %s: %s", event.stream, event.alert.text)
                    break
                except Refused as refusal:
                    log.error("refused by the receiver: %s: %s (%s)", event.stream, event.alert.text, refusal)
                    break
                except OSError as error:
                    log.warning("the receiver does not take alerts (%s); trying again", error)
                    time.sleep(wait)
                    wait = min(2 * wait, 30.0)
            if number == options.count:
                return


def main(run: Callable[[], None]) -> None:
    """Runs a bridge until it ends or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("sdc").setLevel(logging.WARNING)
    try:
        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
