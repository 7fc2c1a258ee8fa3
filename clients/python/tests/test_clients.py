"""Acquisition and Subscriber with a real daemon."""
import json
import math
import os
import subprocess
import unittest

from monitor import PATIENCE, PROGRAMS, ROOT, Daemon, DaemonTest, wait_until

import zmq
from ecg_monitor import (
    Acquisition, AlertKind, AlertPhase, CommandRefused, Commands, HealthSubscriber, KeyFileError, Keys, StaleSession)
from ecg_monitor.ecg_monitor_pb2 import IngestReply, SampleBlock
from ecg_monitor.unacknowledged import Block, Unacknowledged


def heartbeat(index, rate=250):
    """A sample in mV of a regular heartbeat at 60/min."""
    t = index / rate % 1
    waves = (0.1, 0.25, 0.03), (-0.15, 0.375, 0.01), (1, 0.4, 0.012), (-0.2, 0.425, 0.01), (0.25, 0.65, 0.05)
    return sum(height * math.exp(-(((t - centre) / width) ** 2)) for height, centre, width in waves)


def drain(subscriber, enough, seconds=PATIENCE):
    """Events until the condition holds of them."""
    events = []
    def more():
        event = subscriber.receive(0.05)
        if event is not None:
            events.append(event)
        return enough(events)
    wait_until(more, seconds)
    return events


class AcquisitionTests(DaemonTest):
    def send(self, bed, seconds, rate=250):
        for _ in range(round(seconds * 10)):
            bed.send([heartbeat(n, rate) for n in range(bed.position, bed.position + rate // 10)])

    def test_millivolts_arrive_as_they_were_sent(self):
        with self.daemon.subscriber("waveform", history="") as subscriber:
            with Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"]) as bed:
                # Waveforms are sent only while somebody subscribes.
                self.assertTrue(wait_until(lambda: self.send(bed, 0.1) or subscriber.receive(0.02)))
                start = bed.position
                self.send(bed, 5)
                events = drain(subscriber, lambda events: events and events[-1].sample_index + len(
                    events[-1].waveform.millivolts) >= bed.position)
        values = {event.sample_index + i: value for event in events
                  for i, value in enumerate(event.waveform.millivolts)}
        self.assertTrue(set(range(start, bed.position)) <= set(values))
        self.assertTrue(all(abs(value - heartbeat(n)) < 1e-6 for n, value in values.items()))

    def test_counts_and_several_leads_arrive(self):
        with self.daemon.subscriber("status", "waveform", history="") as subscriber:
            with Acquisition("bed-2", 250, leads=("II", "V5"), gain=200, baseline=10, converter_range=(-2048, 2047),
                             endpoint=self.daemon.endpoints["acknowledged"]) as bed:
                def send():
                    beat = [round(200 * heartbeat(n) + 10) for n in range(bed.position, bed.position + 25)]
                    bed.send({"II": beat, "V5": [20 - count for count in beat]})
                    return subscriber.receive(0.02)
                wait_until(send)
                events = drain(subscriber, lambda events: send() and any(
                    event.HasField("waveform") for event in events))
                wave = next(event for event in events if event.HasField("waveform"))
        self.assertEqual(wave.waveform.further_leads[0].name, "V5")
        for first, second in zip(wave.waveform.millivolts, wave.waveform.further_leads[0].millivolts):
            self.assertAlmostEqual(first, -second, places=5)

    def test_pushed_samples_arrive_without_acknowledgement(self):
        with self.daemon.subscriber("beat") as subscriber:
            bed = Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["ingest"], acknowledged=False)
            self.send(bed, 10)
            self.assertGreaterEqual(len(drain(subscriber, lambda events: len(events) >= 5)), 5)
            bed.close()

    def test_nothing_is_lost_in_kills(self):
        bed = Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"])
        for _ in range(3):
            self.send(bed, 12)
            wait_until(lambda: bed.service(0.05) or bed.unacknowledged_samples < 2500)
            self.daemon.kill()
            self.send(bed, 6)
            self.daemon.start()
        self.send(bed, 6)
        self.assertTrue(bed.flush(PATIENCE))
        bed.close()
        self.assertEqual((bed.position, bed.lost_samples, len(bed.refusals)), (15000, 0, 0))
        with self.daemon.subscriber("beat", "status", start="beginning") as subscriber:
            events = drain(subscriber, lambda events: sum(e.HasField("beat") for e in events) >= 57, seconds=20)
        self.assertFalse(any(event.status.HasField("gap") for event in events))
        peaks = [event.sample_index for event in events if event.HasField("beat")]
        self.assertGreaterEqual(len(peaks), 55)
        self.assertTrue(all(abs(peak % 250 - 100) <= 3 for peak in peaks))
        self.assertTrue(all(247 <= b - a <= 253 for a, b in zip(peaks, peaks[1:])))

    def test_where_one_endpoint_is_gone_the_next_takes_everything(self):
        other = Daemon()
        self.addCleanup(other.end)
        first, second = (daemon.endpoints["acknowledged"] for daemon in (self.daemon, other))
        self.daemon.kill()
        with Acquisition("bed-1", 250, "II", endpoint=f"{first},{second}") as bed:
            self.send(bed, 10)
            self.assertTrue(bed.flush(PATIENCE))
            # Back to the first when the second is gone: it begins anew with what was not acknowledged.
            self.daemon.start()
            other.kill()
            self.send(bed, 10)
            self.assertTrue(bed.flush(PATIENCE))
            self.assertEqual((bed.lost_samples, len(bed.refusals)), (0, 0))
        with self.daemon.subscriber("beat", start="beginning") as subscriber:
            self.assertTrue(drain(subscriber, lambda events: len(events) >= 5))

    def test_one_endpoint_alone_takes_what_is_not_acknowledged(self):
        with self.assertRaises(ValueError):
            Acquisition("bed-1", 250, endpoint="tcp://127.0.0.1:1,tcp://127.0.0.1:2", acknowledged=False)

    def test_samples_left_out_are_a_gap(self):
        with self.daemon.subscriber("status") as subscriber:
            with Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"]) as bed:
                self.send(bed, 2)
                bed.send([0.0] * 25, at=bed.position + 1000)
                self.send(bed, 2)
                self.assertTrue(bed.flush(PATIENCE))
                events = drain(subscriber, lambda events: any(e.status.HasField("gap") for e in events))
        gap = next(event.status.gap for event in events if event.status.HasField("gap"))
        self.assertEqual((gap.first_missing_sample_index, gap.missing_sample_count), (500, 1000))

    def test_an_older_session_is_told_that_it_is_over(self):
        endpoint = self.daemon.endpoints["acknowledged"]
        old = Acquisition("bed-1", 250, "II", session=1, endpoint=endpoint)
        with Acquisition("bed-1", 250, "II", session=2, endpoint=endpoint) as new:
            self.send(new, 1)
            self.assertTrue(new.flush(PATIENCE))
        with self.assertRaises(StaleSession):
            wait_until(lambda: self.send(old, 0.1))
        old.close()

    def test_a_refused_block_is_told_and_the_rest_is_taken(self):
        with Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"]) as bed:
            self.send(bed, 1)
            self.assertTrue(bed.flush(PATIENCE))
            bed.send([0.0] * 25, at=10**12)
            wait_until(lambda: bed.service(0.05) or bed.refusals)
            self.assertIn("index_too_far_ahead", bed.refusals[0])
            self.assertEqual(bed.unacknowledged_samples, 0)
            bed.position = 250
            self.send(bed, 1)
            self.assertTrue(bed.flush(PATIENCE))

    def test_samples_that_make_no_sense_are_refused_at_once(self):
        bed = Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"])
        for samples in [], {"II": [1.0]}:
            with self.assertRaises(ValueError):
                bed.send(samples)
        with self.assertRaises(ValueError):
            Acquisition("bed-1", 50)
        with self.assertRaises(ValueError):
            Acquisition("bed-1", 250, leads=("II", "II"))
        with self.assertRaises(ValueError):
            Acquisition("bed 1", 250)
        with self.assertRaises(ValueError):
            Acquisition("bed-1", 250, gain=200, converter_range=(5, -5))
        bed.close()


class CommandTests(DaemonTest):
    def setUp(self):
        super().setUp()
        with Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"]) as bed:
            for _ in range(30):
                bed.send([heartbeat(n) for n in range(bed.position, bed.position + 250)])
        self.commands = Commands(by="nurse 4711", endpoint=self.daemon.endpoints["command"], timeout=PATIENCE)
        self.addCleanup(self.commands.close)

    def test_limits_are_set_and_taken_back(self):
        reply = self.commands.set_limits("bed-1", tachycardia_above=130, pause_seconds=2.5)
        self.assertEqual(reply.limits.set_by, "nurse 4711")
        limits = self.commands.limits("bed-1")
        self.assertEqual((limits["tachycardia_above"], limits["pause_seconds"], limits["asystole_seconds"]), (130, 2.5, 4))
        with self.assertRaisesRegex(CommandRefused, "the time to asystole must be"):
            self.commands.set_limits("bed-1", asystole_seconds=60)
        with self.assertRaisesRegex(CommandRefused, "no such limit"):
            self.commands.set_limits("bed-1", hunger=1)
        self.assertEqual(self.commands.limits("bed-1"), limits)
        self.commands.reset_limits("bed-1")
        self.assertEqual(self.commands.limits("bed-1")["tachycardia_above"], 120)

    def test_alarms_are_paused_acknowledged_and_listed(self):
        self.assertAlmostEqual(self.commands.pause("bed-1", 20).pause.remaining_seconds, 20)
        self.assertTrue(self.commands.list("bed-1").HasField("pause"))
        self.assertFalse(self.commands.resume("bed-1").HasField("pause"))
        self.assertEqual(self.commands.acknowledge("bed-1").acknowledged, 0)
        with self.assertRaisesRegex(CommandRefused, "no samples of this stream"):
            self.commands.list("nobody")

    def test_a_daemon_that_is_away_is_told(self):
        with Commands(by="x", endpoint=f"ipc://{self.daemon.folder}/nobody", timeout=0.2) as commands:
            with self.assertRaises(TimeoutError):
                commands.list("bed-1")


class SubscriberTests(DaemonTest):
    def journal(self):
        """Every alert as `ecgmon history` has it: topic and sequence."""
        with self.daemon.subscriber("alert", start="beginning") as subscriber:
            return [(e.stream, e.sequence) for e in drain(subscriber, lambda _: False, seconds=2)]

    def test_alerts_come_once_and_in_order_across_a_kill(self):
        self.daemon.replay("sinus@75:20,asystole:12,sinus@75", "before")
        got = []
        with self.daemon.subscriber("alert", start="beginning") as subscriber:
            got += drain(subscriber, lambda events: len(events) >= 2)
            self.daemon.replay("sinus@75:20,asystole:12,sinus@75", "during")
            got += drain(subscriber, lambda events: len(events) >= 2)
            self.daemon.kill()
            self.daemon.start()
            self.daemon.replay("sinus@75:20,vt@170:15,sinus@75", "after")
            got += drain(subscriber, lambda events: len([e for e in events if e.stream == "after"]) >= 2)
            got += drain(subscriber, lambda _: False, seconds=2)
            self.assertEqual(subscriber.missed, 0)
        found = [(event.stream, event.sequence) for event in got]
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(sorted(found), sorted(self.journal()))
        for stream in "before", "during", "after":
            numbers = [sequence for name, sequence in found if name == stream]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_a_subscriber_that_starts_now_gets_what_is_on(self):
        self.daemon.replay("sinus@75:20,asystole", "still", 40)
        self.daemon.replay("sinus@75:20,asystole:12,sinus@75", "over", 60)
        with self.daemon.subscriber("alert") as subscriber:
            events = drain(subscriber, lambda _: False, seconds=2)
        on = [(event.stream, event.alert.kind) for event in events]
        self.assertIn(("still", AlertKind.ALERT_KIND_ASYSTOLE), on)
        self.assertNotIn(("over", AlertKind.ALERT_KIND_ASYSTOLE), on)

    def test_what_was_handled_is_remembered_from_run_to_run(self):
        memory = self.daemon.folder / "seen.json"
        self.daemon.replay("sinus@75:20,asystole:12,sinus@75", "one")
        with self.daemon.subscriber("alert", start="beginning", remember=memory) as subscriber:
            first = drain(subscriber, lambda events: len(events) >= 2)
            first += drain(subscriber, lambda _: False, seconds=1)
        self.daemon.replay("sinus@75:20,asystole:12,sinus@75", "two")
        with self.daemon.subscriber("alert", remember=memory) as subscriber:
            second = drain(subscriber, lambda _: False, seconds=2)
        self.assertEqual({event.stream for event in first}, {"one"})
        self.assertEqual({event.stream for event in second}, {"two"})
        self.assertEqual(sorted(json.loads(memory.read_text())), ["alert.one", "alert.two"])

    def test_a_bed_whose_name_begins_alike_is_left_out(self):
        for stream in "bed-1", "bed-10", "icu-1":
            self.daemon.replay("sinus@75:20,asystole:12,sinus@75", stream)
        for topic, streams in ("alert.bed-1", {"bed-1"}), ("alert.bed-*", {"bed-1", "bed-10"}):
            with self.daemon.subscriber(topic, start="beginning") as subscriber:
                found = drain(subscriber, lambda _: False, seconds=2)
            self.assertEqual({event.stream for event in found}, streams)

    def test_topics_that_are_none_are_refused(self):
        for topic in "alarm", "health", "", ".bed-1":
            with self.assertRaises(ValueError):
                self.daemon.subscriber(topic)

    def test_the_daemons_health_comes(self):
        subscriber = HealthSubscriber(self.daemon.endpoints["events"])
        health = subscriber.receive(PATIENCE)
        subscriber.close()
        self.assertEqual(health.schema_version, 1)
        self.assertEqual(len(health.model_sha256), 64)


class BinarySubscriberTests(DaemonTest):
    configuration = "[log]\nlevel = \"info\"\n"

    def setUp(self):
        super().setUp()
        self.daemon.kill()
        path = self.daemon.folder / "ecgmond.toml"
        path.write_text(path.read_text().replace("[events]", "[events]\nencoding = \"binary\""))
        self.daemon.start()

    def test_binary_bodies_are_read(self):
        with self.daemon.subscriber("alert") as subscriber:
            subscriber.receive(1)
            self.daemon.replay("sinus@75:20,asystole:12,sinus@75")
            events = drain(subscriber, lambda events: any(
                e.alert.phase == AlertPhase.ALERT_PHASE_ENDED and e.alert.kind == AlertKind.ALERT_KIND_ASYSTOLE
                for e in events))
        self.assertIn("asystole", [event.alert.text.split()[0].strip(":") for event in events])


class KeyTests(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon.kill()
        folder = self.daemon.folder
        def keys(*arguments):
            subprocess.run([PROGRAMS / "ecgmon", "keys", *map(str, arguments)], check=True, capture_output=True)
        for name in "server", "bed", "desk":
            keys("generate", folder / f"{name}.key")
        table = folder / "authorized_keys.toml"
        keys("authorize", table, "bed", folder / "bed.key.pub", "--push", "bed-*")
        keys("authorize", table, "desk", folder / "desk.key.pub", "--read", "alert.bed-*", "--history")
        path = folder / "ecgmond.toml"
        path.write_text(path.read_text() + f"""
[security]
server_key = "{folder}/server.key"
authorized_keys = "{table}"
""")
        self.daemon.start()

    def test_keys_from_files_open_what_they_may(self):
        folder = self.daemon.folder
        bed_keys = Keys.load(folder / "bed.key", folder / "server.key.pub")
        desk_keys = Keys.load(folder / "desk.key", folder / "server.key.pub")
        with self.daemon.subscriber("alert", keys=desk_keys) as subscriber:
            with Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"], keys=bed_keys) as bed:
                for start in range(0, 6000, 250):
                    bed.send([heartbeat(n) if n < 2500 else 0.001 * (n % 7) for n in range(start, start + 250)])
                self.assertTrue(bed.flush(PATIENCE))
                alerts = drain(subscriber, lambda events: len(events) >= 1)
        self.assertTrue(alerts)
        self.assertNotIn(bed_keys.secret, repr(bed_keys))

    def test_keys_are_taken_from_the_environment(self):
        folder = self.daemon.folder
        os.environ["ECGMON_KEY"], os.environ["ECGMON_SERVER_KEY"] = f"{folder}/bed.key", f"{folder}/server.key.pub"
        try:
            with Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"]) as bed:
                bed.send([0.0] * 25)
                self.assertTrue(bed.flush(PATIENCE))
            del os.environ["ECGMON_SERVER_KEY"]
            with self.assertRaises(KeyFileError):
                Keys.from_environment()
        finally:
            os.environ.pop("ECGMON_KEY", None), os.environ.pop("ECGMON_SERVER_KEY", None)

    def test_a_key_file_that_others_can_read_is_refused(self):
        path = self.daemon.folder / "bed.key"
        path.chmod(0o644)
        with self.assertRaises(KeyFileError):
            Keys.load(path, self.daemon.folder / "server.key.pub")

    def test_without_a_key_nothing_is_taken(self):
        bed = Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"])
        bed.send([0.0] * 25)
        self.assertFalse(bed.flush(1.0))
        bed.close()


class ConversationTests(unittest.TestCase):
    """What is sent and kept, with neither socket nor daemon."""

    def reply(self, **fields):
        fields = {"stream": "s", "session": 9, "send_up_to_sample_index": 100, **fields}
        return IngestReply(schema_version=1, **fields)

    def started(self, blocks=4):
        kept = Unacknowledged("s", 9)
        for n in range(blocks):
            kept.append(Block(n * 25, n * 25 + 25, b"%d" % n))
        kept.said_hello()
        kept.take(self.reply(answers_hello=True, hello_number=1, session=0))
        return kept

    def send_all(self, kept):
        sent = []
        while block := kept.sendable():
            sent.append(block.first)
            kept.did_send()
        return sent

    def test_the_answer_to_an_earlier_hello_is_ignored(self):
        kept = Unacknowledged("s", 9)
        kept.append(Block(0, 25, b""))
        kept.said_hello()
        kept.was_silent()
        kept.said_hello()
        kept.take(self.reply(answers_hello=True, hello_number=1))
        self.assertIsNone(kept.sendable())
        kept.take(self.reply(answers_hello=True, hello_number=2))
        self.assertEqual(kept.sendable().first, 0)

    def test_no_more_is_sent_than_there_is_room_for(self):
        kept = self.started(blocks=10)
        self.assertEqual(self.send_all(kept), [0, 25, 50, 75])
        kept.take(self.reply(expected_sample_index=50, send_up_to_sample_index=150))
        self.assertEqual(self.send_all(kept), [100, 125])

    def test_a_block_larger_than_the_room_is_sent_alone(self):
        kept = self.started()
        kept.limit = 10
        self.assertEqual(self.send_all(kept), [0])
        kept.take(self.reply(expected_sample_index=25, send_up_to_sample_index=30))
        self.assertEqual(self.send_all(kept), [25])

    def test_after_a_break_it_goes_on_where_the_daemon_is(self):
        kept = self.started()
        self.send_all(kept)
        kept.connection_lost()
        self.assertIsNone(kept.sendable())
        kept.said_hello()
        kept.take(self.reply(answers_hello=True, hello_number=2, expected_sample_index=50,
                             needed_from_sample_index=25, send_up_to_sample_index=150))
        self.assertEqual(kept.samples, 75)
        self.assertEqual(self.send_all(kept), [50, 75])

    def test_samples_the_daemon_never_needs_again_are_not_kept(self):
        kept = self.started()
        self.send_all(kept)
        kept.take(self.reply(expected_sample_index=100, needed_from_sample_index=100))
        kept.append(Block(50, 75, b"again"))
        self.assertTrue(kept.is_empty)
        # A daemon that has forgotten the stream needs them.
        kept.take(self.reply(session=0))
        kept.append(Block(50, 75, b"again"))
        self.assertEqual(kept.samples, 25)

    def test_the_release_of_what_the_daemon_has_is_waited_for(self):
        kept = self.started()
        self.assertFalse(kept.awaits_release)
        self.send_all(kept)
        self.assertTrue(kept.awaits_reply and not kept.awaits_release)
        kept.take(self.reply(expected_sample_index=100, needed_from_sample_index=50))
        self.assertTrue(kept.awaits_release and not kept.awaits_reply)
        kept.take(self.reply(expected_sample_index=100, needed_from_sample_index=100))
        self.assertFalse(kept.awaits_release)

    def test_numbers_without_sense_do_no_harm(self):
        kept = self.started()
        for number in -2**63, -1, 2**63 - 1:
            kept.take(self.reply(expected_sample_index=number, send_up_to_sample_index=-number - 1,
                                 needed_from_sample_index=-number - 1, refused_sample_index=number, cause="x"))
            kept.sendable()


class SchemaTests(unittest.TestCase):
    def test_the_generated_types_are_those_of_the_schema(self):
        import shutil
        import tempfile

        if not shutil.which("protoc"):
            self.skipTest("needs protoc (Debian: protobuf-compiler)")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["protoc", f"--descriptor_set_out={folder}/set", "-I", ROOT / "Sources/ECGWire",
                            "ecg_monitor.proto"], check=True)
            from google.protobuf.descriptor_pb2 import FileDescriptorSet, FileDescriptorProto
            with open(f"{folder}/set", "rb") as file:
                expected = FileDescriptorSet.FromString(file.read()).file[0]
        found = FileDescriptorProto()
        SampleBlock.DESCRIPTOR.file.CopyToProto(found)
        def clear_names(messages):
            for message in messages:
                for field in message.field:
                    field.ClearField("json_name")
                clear_names(message.nested_type)

        for proto in expected, found:
            clear_names(proto.message_type)
        self.assertEqual(found, expected, "run `make proto`")


if __name__ == "__main__":
    unittest.main(verbosity=2)
