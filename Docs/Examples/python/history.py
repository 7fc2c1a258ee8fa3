"""Prints every alert exactly once, also those published while this program was away.

    python3 history.py [EVENTS] [HISTORY] [FILE]

It subscribes first, then asks the daemon's journal for what it has missed, and recognises by the sequence numbers what
it has already and where something is missing. FILE keeps the last sequence number of each topic from run to run.
"""
import json, os, sys, time, zmq

arguments = dict(enumerate(sys.argv))
events_endpoint = arguments.get(1, "tcp://127.0.0.1:5572")
history_endpoint = arguments.get(2, "tcp://127.0.0.1:5573")
path = arguments.get(3, "alerts-seen.json")
PREFIX = "alert."

context = zmq.Context()
subscriber = context.socket(zmq.SUB)
subscriber.subscribe(PREFIX)
subscriber.connect(events_endpoint)
history = context.socket(zmq.DEALER)
history.immediate = True  # no question waits for a daemon that is away
history.connect(history_endpoint)

last = {}  # topic: the last sequence number that was printed
if os.path.exists(path):
    with open(path) as file:
        last = json.load(file)
number = 0


def ask(question):
    """The journal's reply; None if it does not answer within two seconds."""
    global number
    number += 1
    request = {"schemaVersion": 1, "number": str(number), **question}
    try:
        history.send_json(request, zmq.NOBLOCK)
    except zmq.Again:
        return None
    while history.poll(2000):
        reply = json.loads(history.recv_multipart()[-1])
        if int(reply.get("number", 0)) == number:  # else a late reply to an earlier question
            return None if reply.get("error") else reply
    return None


def deliver(topic, event):
    """Prints the event, then remembers it: if killed in between, it is printed twice rather than never."""
    sequence = int(event["sequence"])
    if sequence <= last.get(topic, 0):
        return  # printed already
    skip_to(topic, sequence - 1)
    print(topic, event["id"], event["alert"]["phase"], event["alert"]["text"], flush=True)
    last[topic] = sequence
    with open(path + ".new", "w") as file:
        json.dump(last, file)
    os.replace(path + ".new", path)


def skip_to(topic, sequence):
    """Says so if the events up to this one can no longer be had."""
    if sequence > last.get(topic, 0):
        print(f"{topic}: {sequence - last.get(topic, 0)} events are no longer kept", file=sys.stderr, flush=True)
        last[topic] = sequence


def catch_up():
    """Prints what the journal has and this program has not. Returns False if the journal does not answer."""
    place, more = 0, True
    while more:
        reply = ask({"positions": {"prefixes": [PREFIX], "sincePlace": str(place)}})
        if reply is None:
            return False
        for position in reply.get("positions", []):
            if not fetch(position["topic"], int(position.get("sequence", 0))):
                return False
        place, more = int(reply.get("place", 0)), reply.get("more", False)
    return True


def fetch(topic, sequence):
    """Prints the topic's events up to this one."""
    if sequence < last.get(topic, 0):
        last[topic] = 0  # a new journal, which counts from 1
    while (before := last.get(topic, 0)) < sequence:
        reply = ask({"after": {"positions": [{"topic": topic, "sequence": str(before)}]}})
        if reply is None:
            return False
        for first_kept in reply.get("positions", []):
            skip_to(topic, int(first_kept.get("sequence", 0)))
        for event in reply.get("events", []):
            deliver(topic, event)
        if last.get(topic, 0) == before:
            break
    return True


look_at = 0.0
while True:
    # A broken connection may have swallowed events without leaving a hole: look again from time to time.
    if time.monotonic() >= look_at:
        look_at = time.monotonic() + (5 if catch_up() else 0.5)
    if subscriber.poll(200):
        topic, body = subscriber.recv_multipart()
        topic, event = topic.decode(), json.loads(body)
        # Everything published is in the journal, too. So if it does not answer now, this event waits there.
        if int(event["sequence"]) <= last.get(topic, 0) + 1 or catch_up():
            deliver(topic, event)
        else:
            look_at = 0.0
