"""The blocks of a stream that the daemon may still need. It has neither socket nor clock: it is told what came, and says
what to send. The rules are those under ACKNOWLEDGED INGEST in ecg_monitor.proto."""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .ecg_monitor_pb2 import IngestReply, SampleBlock

#: Causes after which a block may be sent again, once another hello has been answered.
RETRYABLE = frozenset({"hello_needed", "beyond_credit", "worker_queue_full", "too_many_streams", "stopping"})


@dataclass(frozen=True)
class Block:
    """One message: samples `first` to `end` - 1."""

    first: int
    end: int
    body: bytes


class Unacknowledged:
    """The state of the conversation about one session of one stream."""

    NEEDS_HELLO, AWAITS_ANSWER, SENDING = range(3)

    def __init__(self, stream: str, session: int) -> None:
        self.stream, self.session = stream, session
        # All blocks that are kept, in order: first those that were sent, then those that wait.
        self._sent: deque[Block] = deque()
        self._waiting: deque[Block] = deque()
        self.phase = self.NEEDS_HELLO
        self.samples = 0  # kept
        self.needed = 0  # the daemon will never need a sample before this one again
        self.expected = 0  # the daemon has every sample before this one, if only in memory
        self.limit = 0  # no sample at or beyond this one may be on its way
        self.hello_number = 0
        self.silences = 0
        self.is_stale = False

    @property
    def is_empty(self) -> bool:
        return not self._sent and not self._waiting

    def append(self, block: Block) -> None:
        if block.end <= self.needed:  # from a source that repeats itself: no answer would ever come
            return
        self._waiting.append(block)
        self.samples += block.end - block.first

    def drop_oldest(self) -> int:
        """Gives the oldest block up. Returns its number of samples."""
        block = (self._sent or self._waiting).popleft()
        self.samples -= block.end - block.first
        return block.end - block.first

    @property
    def awaits_reply(self) -> bool:
        """Whether the daemon owes an answer."""
        return self.phase == self.AWAITS_ANSWER or self._is_on_the_way

    @property
    def awaits_release(self) -> bool:
        """Whether the daemon has all that is kept, and has yet to say that it will not need it again. That word can get
        lost, or go to another source of the same stream."""
        return self.phase == self.SENDING and bool(self._sent) and not self._waiting and not self._is_on_the_way

    @property
    def _is_on_the_way(self) -> bool:
        return bool(self._sent) and self._sent[-1].end > self.expected

    def hello(self) -> bytes:
        """The next hello; call `said_hello` once it is sent."""
        return SampleBlock(
            schema_version=1, stream=self.stream, session=self.session, hello_number=self.hello_number + 1
        ).SerializeToString()

    def said_hello(self) -> None:
        self.hello_number += 1
        self.phase = self.AWAITS_ANSWER

    def connection_lost(self) -> None:
        self.phase = self.NEEDS_HELLO

    def was_silent(self) -> None:
        """Nothing came for long: ask again, and next time later, so as not to delay a daemon that is behind."""
        self.silences = min(self.silences + 1, 5)
        self.phase = self.NEEDS_HELLO

    def sendable(self) -> Block | None:
        """The next block that may be sent now; call `did_send` once it is."""
        if self.phase != self.SENDING or not self._waiting:
            return None
        # One block may always be on its way, or a window smaller than a block would stop everything.
        return self._waiting[0] if self._waiting[0].end <= self.limit or not self._is_on_the_way else None

    def did_send(self) -> None:
        self._sent.append(self._waiting.popleft())

    def take(self, reply: IngestReply) -> str | None:
        """Takes a reply. Returns why a block was refused for good, or None."""
        if reply.cause in RETRYABLE:
            # What was refused while a hello is unanswered was sent before that hello.
            if self.phase == self.SENDING:
                self.phase = self.NEEDS_HELLO
            return None
        refusal = self._drop_refused(reply) if reply.cause else None
        if reply.session > self.session:
            self.is_stale = True
            return refusal
        is_known = reply.session == self.session
        self.needed = reply.needed_from_sample_index if is_known else 0
        while (kept := self._sent or self._waiting) and kept[0].end <= self.needed:
            self.drop_oldest()
        # To a daemon that has nothing of this session yet, everything that is kept is new.
        kept = self._sent or self._waiting
        self.expected = reply.expected_sample_index if is_known else kept[0].first if kept else self.expected
        self.limit = self.expected + max(0, reply.send_up_to_sample_index - reply.expected_sample_index)
        # A daemon that sends no number does not know any.
        if reply.answers_hello and reply.hello_number in (0, self.hello_number) and self.phase == self.AWAITS_ANSWER:
            self.phase = self.SENDING
            self.silences = max(0, self.silences - 1)
            while self._sent and self._sent[-1].end > self.expected:
                self._waiting.appendleft(self._sent.pop())
            while self._waiting and self._waiting[0].end <= self.expected:
                self.did_send()
        return refusal

    def _drop_refused(self, reply: IngestReply) -> str | None:
        for block in self._sent:
            if block.first == reply.refused_sample_index:
                self._sent.remove(block)
                self.samples -= block.end - block.first
                return f"{reply.cause}: {reply.text}"
        return None
