"""The bridges with a real daemon on one side, and other people's libraries on the other."""
import asyncio
import http.server
import importlib.util
import json
import logging
import math
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

from monitor import PATIENCE, ROOT, DaemonTest, wait_until

from ecg_monitor import Acquisition, Event
from ecg_monitor.bridges import codes, delivery, fhir, hl7
from ecg_monitor.ecg_monitor_pb2 import AlertKind
from test_clients import drain, heartbeat


def needs(*modules):
    missing = [name for name in modules if importlib.util.find_spec(name.split(".")[0]) is None]
    return unittest.skipIf(missing, f"needs {', '.join(missing)} (pip install 'clients/python[test]')")


def an_alert(**fields):
    event = Event(stream="bed-1", session=7, sequence=3, id="bed-1/7/alert/500/700/asystole/1/started",
                  sample_index=500, acquisition_time_ns=1_700_000_000_250_000_000)
    event.alert.kind, event.alert.phase, event.alert.priority = 1, 1, 4
    event.alert.number, event.alert.basis, event.alert.text = 1, 1, "asystole: no beat for 4.6 s"
    for name, value in fields.items():
        setattr(event.alert, name, value)
    return event


class Bridge:
    """A bridge's command as a process of its own."""

    def __init__(self, daemon, module, *arguments):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src"),
                       "ECGMON_EVENTS": daemon.endpoints["events"], "ECGMON_HISTORY": daemon.endpoints["history"],
                       "ECGMON_ACKNOWLEDGED": daemon.endpoints["acknowledged"]}
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"ecg_monitor.bridges.{module}", *map(str, arguments)], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class CodeTests(unittest.TestCase):
    def test_every_kind_of_alert_has_codes_with_a_source(self):
        for kind in AlertKind.values():
            if kind == AlertKind.ALERT_KIND_UNSPECIFIED:
                continue
            name = AlertKind.Name(kind)[len("ALERT_KIND_"):]
            entry = codes.TABLE["alerts"][name]
            self.assertEqual(entry["mdc"]["code"] >> 16, 3, "the partition of events")
            self.assertLess(entry["mdc"]["code"] & 0xFFFF, 0xF000, "no private code")
            self.assertTrue(set(entry["mdc"]["source"]) <= set(codes.TABLE["sources"]))
        self.assertEqual(len(codes.TABLE["alerts"]), len(AlertKind.values()) - 1)

    def test_a_kind_that_is_not_known_is_an_alarm_all_the_same(self):
        self.assertEqual(codes.alert_code(9999).mdc.reference, "MDC_EVT_ALARM")


class MLLPReceiver:
    """python-hl7's own server, in a thread. It answers as it is told, and with AA after that."""

    def __init__(self, port=0, answers=()):
        self.messages, self.answers = [], list(answers)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._port = port
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait(PATIENCE)

    def _run(self):
        import hl7.mllp

        async def serve(reader, writer):
            try:
                while True:
                    message = await reader.readmessage()
                    self.messages.append(message)
                    answer = self.answers.pop(0) if self.answers else "AA"
                    if answer == "close":
                        break
                    writer.writemessage(message.create_ack(answer))
                    await writer.drain()
            except asyncio.IncompleteReadError:
                pass
            writer.close()

        async def start():
            self._server = await hl7.mllp.start_hl7_server(serve, "127.0.0.1", self._port, encoding="utf-8")
            self.port = self._server.sockets[0].getsockname()[1]
            self._ready.set()

        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(start())
        self._loop.run_forever()

    def stop(self):
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)


@needs("hl7")
class HL7MessageTests(unittest.TestCase):
    def parsed(self, event):
        import hl7 as python_hl7

        return python_hl7.parse(hl7.message(event, facility="ICU"))

    def facets(self, message):
        return {segment[4][0]: segment for segment in message.segments("OBX")}

    def test_the_message_is_a_report_alert(self):
        message = self.parsed(an_alert())
        header = message.segment("MSH")
        self.assertEqual(str(header[9]), "ORU^R40^ORU_R40")
        self.assertEqual(str(header[12]), "2.6")
        self.assertEqual(str(header[21][0][0]), "IHE_PCD_ACM_001")
        self.assertEqual(str(message.segment("PID")[3][0][0]), "bed-1")
        self.assertEqual(str(message.segment("OBR")[4]), "196616^MDC_EVT_ALARM^MDC")
        self.assertEqual(str(message.segment("OBR")[7]), "20231114221320.250+0000")
        self.assertEqual(str(message.segment("OBR")[29][0][1][0]), "bed-1/7/1/1/1")
        self.assertEqual([segment[0][0] for segment in message], ["MSH", "PID", "PV1", "OBR"] + ["OBX"] * 7)
        facets = self.facets(message)
        self.assertEqual(str(facets["1.0.0.0.1"][5][0][0]), "199684")
        self.assertEqual(str(facets["1.0.0.0.1"][5][0][1]), "MDC_EVT_ECG_ASYSTOLE")
        self.assertEqual([str(flag) for flag in facets["1.0.0.0.1"][8]], ["A", "PH", "SP"])
        values = [str(facets[f"1.0.0.0.{n}"][5]) for n in range(3, 8)]
        self.assertEqual(values, ["start", "active", "enabled", "PH", "SP"])

    def test_phase_acknowledgement_and_rate_are_told(self):
        message = self.parsed(an_alert(kind=4, phase=2, priority=3, heart_rate=143.4, acknowledged=True, latched=True))
        facets = self.facets(message)
        self.assertEqual(str(facets["1.0.0.0.2"][5]), "143")
        self.assertEqual(str(facets["1.0.0.0.2"][6]), "264864^MDC_DIM_BEAT_PER_MIN^MDC")
        self.assertEqual([str(flag) for flag in facets["1.0.0.0.1"][8]], ["H", "PM", "SP"])
        values = [str(facets[f"1.0.0.0.{n}"][5]) for n in range(3, 6)]
        self.assertEqual(values, ["continue", "latched", "alert-acknowledged"])
        self.assertEqual(str(self.facets(self.parsed(an_alert(paused=1)))["1.0.0.0.5"][5]), "audio-paused")

    def test_separators_in_a_text_stay_text(self):
        import hl7 as python_hl7

        text = "lead V|5^ \\ & ~ is\roff"
        message = self.parsed(an_alert(text=text))
        self.assertEqual(len(list(message.segments("OBX"))), 7)
        found = str(self.facets(message)["1.0.0.0.1"][5][0][8])
        self.assertEqual(python_hl7.parse("MSH|^~\\&|").unescape(found), text.replace("\r", " "))

    def test_a_control_id_belongs_to_the_event(self):
        self.assertEqual(hl7.control_id(an_alert()), hl7.control_id(an_alert()))
        other = an_alert()
        other.id += "2"
        self.assertNotEqual(hl7.control_id(an_alert()), hl7.control_id(other))


@needs("hl7")
class HL7BridgeTests(DaemonTest):
    def test_alerts_reach_the_receiver_once_and_in_order(self):
        # The receiver is too busy once, and breaks the connection once, and refuses one for good.
        receiver = MLLPReceiver(answers=["AA", "AE", "AA", "close", "AA", "AR"])
        self.addCleanup(receiver.stop)
        bridge = Bridge(self.daemon, "hl7", "127.0.0.1", receiver.port, "--remember", self.daemon.folder / "seen")
        self.addCleanup(bridge.end)
        time.sleep(3)  # it starts with what is on now
        self.daemon.replay("sinus@75:20,asystole:12,sinus@75:20,vt@170:20,sinus@75", seconds=120)
        with self.daemon.subscriber("alert", start="beginning") as subscriber:
            expected = drain(subscriber, lambda _: False, seconds=3)
        self.assertGreaterEqual(len(expected), 6)
        repeated = 2  # the busy answer and the broken connection
        wait_until(lambda: len(receiver.messages) >= len(expected) + repeated)
        texts = []
        for message in receiver.messages:
            entry = (str(message.segment("MSH")[10]), str(message.segment("OBX")[5][0][8]))
            if entry not in texts:
                texts.append(entry)
        self.assertEqual(texts, [(hl7.control_id(event), hl7.escaped(event.alert.text)) for event in expected])
        # Another run has nothing left to say.
        wait_until(lambda: (self.daemon.folder / "seen").exists())
        time.sleep(1)
        bridge.end()
        count = len(receiver.messages)
        again = Bridge(self.daemon, "hl7", "127.0.0.1", receiver.port, "--remember", self.daemon.folder / "seen")
        time.sleep(3)
        again.end()
        self.assertLessEqual(len(receiver.messages), count + 1)  # the last one counts as handled when the next is asked for

    def test_answers_without_sense_are_no_acknowledgement(self):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        answers = [b"\x0bMSH|^~\\&\rMSA|AA|other\r\x1c\x0d", b"nonsense", b"x" * 100_000]

        def serve():
            for answer in answers:
                connection, _ = server.accept()
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()
        threading.Thread(target=serve, daemon=True).start()
        sender = hl7.MLLPSender("127.0.0.1", server.getsockname()[1], timeout=2)
        for _ in answers:
            with self.assertRaises(OSError):
                sender.send(hl7.message(an_alert()), hl7.control_id(an_alert()))


@needs("fhir.resources")
class FHIRTests(DaemonTest):
    def check(self, body):
        from fhir.resources.R4B.bundle import Bundle

        return Bundle.model_validate(body)

    def test_bundles_are_valid_for_every_kind_and_phase(self):
        for kind in AlertKind.values():
            for phase in 1, 2, 3:
                bundle = self.check(fhir.bundle(an_alert(kind=kind, phase=phase, heart_rate=61.25, duration_seconds=3)))
                observation = bundle.entry[0].resource
                self.assertEqual(observation.status, "final" if phase == 3 else "preliminary")
                self.assertEqual(observation.effectivePeriod.end is None, phase != 3)
                self.assertEqual(bundle.entry[0].request.url, f"Observation/{observation.id}")

    def test_an_alert_keeps_its_id_through_its_phases(self):
        ids = {fhir.observation_id(an_alert(phase=phase)) for phase in (1, 2, 3)}
        self.assertEqual(len(ids), 1)
        self.assertNotEqual(ids, {fhir.observation_id(an_alert(number=2))})

    def test_alerts_reach_a_server_which_is_busy_at_first(self):
        got, answers = [], [503, 200, 422]

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                code = answers.pop(0) if answers else 200
                got.append((code, self.headers["Content-Type"], body))
                self.send_response(code)
                self.end_headers()

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        bridge = Bridge(self.daemon, "fhir", "--server", f"http://127.0.0.1:{server.server_address[1]}/fhir")
        self.addCleanup(bridge.end)
        time.sleep(2)  # it starts with what is on now
        self.daemon.replay("sinus@75:20,asystole:12,sinus@75")
        wait_until(lambda: sum("asystole" in json.dumps(body) for _, _, body in got) >= 2)
        resources = [self.check(body).entry[0].resource for _, _, body in got]
        self.assertEqual({kind for _, kind, _ in got}, {"application/fhir+json"})
        self.assertEqual(resources[0].id, resources[1].id, "what was not taken comes again")
        asystole = [item for item in resources if item.valueCodeableConcept.coding[0].code == "199684"]
        self.assertEqual(asystole[-1].status, "final")
        self.assertEqual(asystole[-1].subject.identifier.value, "bed-1")

    def test_without_a_server_a_bundle_is_printed_to_a_line(self):
        self.daemon.replay("sinus@75:20,asystole", seconds=40)
        bridge = Bridge(self.daemon, "fhir", "--count", 1)
        self.addCleanup(bridge.end)
        self.check(json.loads(bridge.process.stdout.readline()))
        self.assertEqual(bridge.process.wait(PATIENCE), 0)


@needs("pylsl")
class LSLTests(DaemonTest):
    def test_samples_of_an_outlet_arrive_in_millivolts(self):
        try:
            import pylsl
        except RuntimeError as error:  # the library under it cannot be loaded
            self.skipTest(str(error).splitlines()[0])
        name = f"amplifier-{os.getpid()}"
        info = pylsl.StreamInfo(name, "ECG", 2, 250, "float32", name)
        channels = info.desc().append_child("channels")
        for label in "II", "V5":
            channels.append_child("channel").append_child_value("label", label).append_child_value("unit", "microvolts")
        outlet = pylsl.StreamOutlet(info)
        bridge = Bridge(self.daemon, "lsl", "--name", name, "--channel", "II", "--channel", "V5", "--stream", "bed-1")
        self.addCleanup(bridge.end)
        if not wait_until(outlet.have_consumers, 30):
            self.skipTest("LSL finds no stream on this machine's network")
        with self.daemon.subscriber("waveform", "status", history="") as subscriber:
            start, sent, events = pylsl.local_clock(), 0, []
            def more():
                nonlocal sent
                for _ in range(25):
                    # Two seconds are missing after four.
                    late = 2.0 if sent >= 1000 else 0.0
                    millivolts = heartbeat(sent)
                    outlet.push_sample([1000 * millivolts, -500 * millivolts], start + sent / 250 + late)
                    sent += 1
                event = subscriber.receive(0.05)
                if event is not None:
                    events.append(event)
                return any(event.status.HasField("gap") for event in events)
            wait_until(more)
            events += drain(subscriber, lambda events: len(events) >= 20, seconds=5)
        gap = next(event.status.gap for event in events if event.status.HasField("gap"))
        self.assertEqual((gap.first_missing_sample_index, gap.missing_sample_count), (1000, 500))
        waves = [event for event in events if event.HasField("waveform") and event.sample_index < 900]
        self.assertTrue(waves)
        for event in waves:
            self.assertEqual(event.waveform.further_leads[0].name, "V5")
            for n, (first, second) in enumerate(
                    zip(event.waveform.millivolts, event.waveform.further_leads[0].millivolts)):
                self.assertAlmostEqual(first, heartbeat(event.sample_index + n), places=4)
                self.assertAlmostEqual(second, -0.5 * first, places=4)


@needs("sdc11073")
class SDCTests(DaemonTest):
    def test_a_consumer_sees_waveform_rate_and_alerts(self):
        from sdc11073 import observableproperties as properties
        from sdc11073.consumer.consumerimpl import SdcConsumer
        from sdc11073.definitions_sdc import SdcV1Definitions
        from sdc11073.mdib import ConsumerMdib
        from sdc11073.wsdiscovery import WSDiscovery
        from ecg_monitor.bridges import sdc, sdc_mdib

        logging.getLogger("sdc").setLevel(logging.ERROR)
        beds, stop = [], threading.Event()

        def provide():
            topics = "alert.bed-1", "status.bed-1", "waveform.bed-1"
            with self.daemon.subscriber(*topics) as subscriber, WSDiscovery("127.0.0.1") as discovery:
                sdc.serve(subscriber, discovery, until=stop.is_set, started=beds.append)
        provider = threading.Thread(target=provide, daemon=True)
        provider.start()
        self.addCleanup(provider.join, 30)
        self.addCleanup(stop.set)
        bed = Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"])
        self.addCleanup(bed.close)

        def send(seconds, beating=True):
            for _ in range(round(seconds * 10)):
                bed.send([heartbeat(n) if beating else 0.02 * math.sin(n * n) for n in range(bed.position, bed.position + 25)])
            bed.service(0.05)
        self.assertTrue(wait_until(lambda: send(0.5) or beds))
        consumer = SdcConsumer(beds[0].provider.get_xaddrs()[0], SdcV1Definitions, None, validate=True)
        consumer.start_all()
        self.addCleanup(consumer.stop_all)
        mdib = ConsumerMdib(consumer)
        samples = []

        def collect(states):
            state = (states or {}).get(sdc_mdib.waveform_handle(0))
            if state is not None and state.MetricValue is not None:
                samples.extend(float(sample) for sample in state.MetricValue.Samples)
        properties.strongbind(mdib, waveform_by_handle=collect)
        mdib.init_mdib()

        descriptor = mdib.descriptions.handle.get_one(sdc_mdib.waveform_handle(0))
        self.assertEqual((descriptor.Type.Code, descriptor.Unit.Code), ("131330", "266418"))
        self.assertAlmostEqual(descriptor.SamplePeriod, 1 / 250)
        self.assertTrue(wait_until(lambda: send(0.5) or len(samples) > 750))
        values = samples[:500]
        wave = [round(heartbeat(n), 3) for n in range(250)]
        offset = max(range(250), key=lambda shift: sum(
            value * wave[(n + shift) % 250] for n, value in enumerate(values)))
        off = sum(abs(value - wave[(n + offset) % 250]) > 0.0015 for n, value in enumerate(values))
        self.assertEqual(off, 0, "the waveform is the one that was sent")

        rate = lambda: mdib.states.descriptor_handle.get_one(sdc_mdib.RATE).MetricValue
        self.assertTrue(wait_until(lambda: send(1) or (rate() and rate().Value)))
        self.assertAlmostEqual(float(rate().Value), 60, delta=2)

        condition = sdc_mdib.condition_handle(AlertKind.ALERT_KIND_ASYSTOLE)
        state = lambda handle: mdib.states.descriptor_handle.get_one(handle)
        sound = sdc_mdib.signal_handle(AlertKind.ALERT_KIND_ASYSTOLE, "Aud")
        self.assertFalse(state(condition).Presence)
        self.assertTrue(wait_until(lambda: send(1, beating=False) or state(condition).Presence))
        self.assertEqual(state(sound).Presence, "On")
        self.assertEqual(mdib.descriptions.handle.get_one(condition).Type.Code, "199684")
        self.assertIn(condition, state(sdc_mdib.ALERTS).PresentPhysiologicalAlarmConditions)
        self.assertTrue(wait_until(lambda: send(1) or not state(condition).Presence))
        self.assertEqual(state(sound).Presence, "Off")
        self.assertGreaterEqual(state(sdc_mdib.ALERTS).SelfCheckCount, 1)

    def test_beyond_loopback_it_needs_certificates(self):
        run = subprocess.run(
            [sys.executable, "-m", "ecg_monitor.bridges.sdc", "--stream", "bed-1", "--adapter", "192.0.2.1"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src")}, capture_output=True, text=True)
        self.assertEqual(run.returncode, 1)
        self.assertIn("certificates", run.stderr)


class DeliveryTests(unittest.TestCase):
    def test_one_key_without_the_other_is_refused(self):
        options = delivery.arguments("").parse_args(["--key", "x"])
        with self.assertRaises(SystemExit):
            delivery.keys_of(options)


if __name__ == "__main__":
    unittest.main(verbosity=2)
