"""Sends samples to the acknowledged endpoint and loses none, whatever breaks on the way.

    python3 acknowledged.py [ENDPOINT] [SECONDS]

It follows the four rules of ACKNOWLEDGED INGEST in ecg_monitor.proto: a hello after every connect, blocks are kept
until the daemon no longer needs them, no more is sent than the daemon has room for, and after a refusal or a long
silence another hello tells where to go on. It stops after SECONDS of signal (default: never), once everything is
acknowledged. A source that must survive its own restart would keep the blocks in a file.
"""
import math, sys, time, zmq
from ecg_monitor_pb2 import IngestReply, SampleBlock

STREAM, RATE, SIZE = "bed-1", 250, 25  # blocks of 0.1 s
KEPT_BLOCKS = 36_000  # at most an hour; a longer outage leaves a gap
RETRY = {"hello_needed", "beyond_credit", "worker_queue_full", "too_many_streams", "stopping"}


def converter(index):
    """Stands in for your converter: a sample in mV, of a regular heartbeat at 60/min."""
    t = index / RATE % 1
    waves = (0.1, 0.25, 0.03), (-0.15, 0.375, 0.01), (1, 0.4, 0.012), (-0.2, 0.425, 0.01), (0.25, 0.65, 0.05)
    return sum(height * math.exp(-(((t - centre) / width) ** 2)) for height, centre, width in waves)


class Source:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.immediate = True  # nothing waits in a queue for a connection that is not there
        self.socket.tcp_keepalive = 1  # notices a daemon that vanished without a word
        self.socket.tcp_keepalive_idle = self.socket.tcp_keepalive_intvl = 5
        self.socket.tcp_keepalive_cnt = 2
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.socket.connect(endpoint)
        self.session = time.time_ns()
        self.kept = {}  # first sample index: the block's bytes, in order
        self.taken = 0  # samples taken from the converter
        self.next = 0  # first sample of the next block to send
        self.confirmed = 0  # the daemon has every sample before this one, if only in memory
        self.limit = 0  # no sample at or beyond this index may be sent yet
        self.ready = False  # the hello has been answered
        self.hello_number = 0
        self.hello_at = 0.0  # when to say hello, on the monotonic clock
        self.heard_at = 0.0
        self.patience = 2.0  # seconds; doubled with every hello that goes unanswered

    def take_block(self):
        block = SampleBlock(schema_version=1, stream=STREAM, session=self.session, lead="II", sampling_rate=RATE,
                            first_sample_index=self.taken,
                            acquisition_time_ns=self.session + self.taken * 10**9 // RATE)
        block.millivolts.extend(converter(index) for index in range(self.taken, self.taken + SIZE))
        self.kept[self.taken] = block.SerializeToString()
        self.taken += SIZE
        if len(self.kept) > KEPT_BLOCKS:
            del self.kept[next(iter(self.kept))]

    def work(self, milliseconds):
        """Reads what the daemon has answered, and sends what may be sent."""
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        poller.poll(milliseconds)
        while self.monitor.poll(0):
            self.monitor.recv_multipart()  # rule 1: after every connect
            self.ready, self.hello_at = False, 0.0
        while self.socket.poll(0):
            self.take_reply(IngestReply.FromString(self.socket.recv_multipart()[-1]))
        now = time.monotonic()
        if self.ready and self.confirmed < self.next and now - self.heard_at > self.patience:
            self.ready, self.hello_at = False, now
        try:
            if not self.ready and self.kept and now >= self.hello_at:
                self.say_hello(now)
            while self.ready and self.next < self.taken and self.next + SIZE <= self.limit:  # rule 3
                if self.next in self.kept:
                    self.socket.send(self.kept[self.next], zmq.NOBLOCK)
                self.next += SIZE
        except zmq.Again:
            pass  # no connection; the next one begins with a hello

    def say_hello(self, now):
        hello = SampleBlock(schema_version=1, stream=STREAM, session=self.session,
                            hello_number=self.hello_number + 1)
        self.socket.send(hello.SerializeToString(), zmq.NOBLOCK)
        self.hello_number += 1
        self.hello_at = now + self.patience
        self.patience = min(2 * self.patience, 64)

    def take_reply(self, reply):
        self.heard_at = time.monotonic()
        if reply.cause in RETRY:  # rule 4, but not at once: the daemon may be busy
            if self.ready:
                self.ready, self.hello_at = False, self.heard_at + 0.1
            return
        if reply.cause:
            self.kept.pop(reply.refused_sample_index, None)
            print("refused:", reply.cause, reply.text, file=sys.stderr, flush=True)
        if reply.session > self.session:
            sys.exit(f"another source has begun a later session of {STREAM}")
        is_known = reply.session == self.session
        for first in list(self.kept) if is_known else []:
            if first + SIZE > reply.needed_from_sample_index:
                break
            del self.kept[first]  # rule 2
        # To a daemon that has nothing of this session yet, everything that is kept is new.
        expected = reply.expected_sample_index if is_known else next(iter(self.kept), self.taken)
        self.limit = expected + reply.send_up_to_sample_index - reply.expected_sample_index
        self.confirmed = expected
        if reply.answers_hello and reply.hello_number == self.hello_number:
            self.ready, self.patience = True, 2.0
            self.next = next((first for first in self.kept if first + SIZE > expected), self.taken)


source = Source(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5571")
samples = float(sys.argv[2]) * RATE if len(sys.argv) > 2 else math.inf
start = time.monotonic()
while source.taken < samples or source.kept:
    while source.taken < samples and source.taken <= (time.monotonic() - start) * RATE - SIZE:
        source.take_block()
    source.work(20)
print(f"{source.taken} samples sent, all acknowledged")
