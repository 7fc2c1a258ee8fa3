"""EDF+ and CSV: what the tool writes is read by pyedflib, and what pyedflib writes is read by the tool."""
import importlib.util
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from monitor import PATIENCE, PROGRAMS, ROOT, DaemonTest, wait_until

from ecg_monitor import Acquisition
from test_clients import drain, heartbeat

HAS_PYEDFLIB = importlib.util.find_spec("pyedflib") is not None
needs_pyedflib = unittest.skipUnless(HAS_PYEDFLIB, "needs pyedflib (pip install 'clients/python[test]')")


def ecgmon(*arguments):
    return subprocess.run(
        [PROGRAMS / "ecgmon", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300)


class RecordingTests(DaemonTest):
    def recorded(self, send):
        """The file of `ecgmon record` while samples are sent."""
        path = self.daemon.folder / "out.edf"
        recorder = subprocess.Popen(
            [PROGRAMS / "ecgmon", "record", "bed-1", "-o", path, "--events", self.daemon.endpoints["events"]],
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(recorder.kill)
        bed = Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"])
        self.addCleanup(bed.close)
        recorder.stderr.readline()
        # Waveforms are published once the subscription is there; the file begins with the first.
        self.assertTrue(wait_until(lambda: self.send(bed, 0.2) or time.sleep(0.05) or path.exists()))
        send(bed)
        self.assertTrue(bed.flush(PATIENCE))
        time.sleep(1)
        recorder.send_signal(2)
        recorder.wait(PATIENCE)
        return path

    def send(self, bed, seconds):
        for _ in range(max(1, round(seconds * 10))):
            bed.send([heartbeat(n) for n in range(bed.position, bed.position + 25)])

    @needs_pyedflib
    def test_a_recording_is_read_by_pyedflib(self):
        import pyedflib

        path = self.recorded(lambda bed: self.send(bed, 30))
        with pyedflib.EdfReader(str(path)) as file:
            self.assertEqual(file.getSignalLabels(), ["ECG II"])
            self.assertEqual(file.getSampleFrequency(0), 250)
            self.assertEqual(file.getPhysicalDimension(0), "uV")
            values = file.readSignal(0) / 1000
            onsets, _, texts = file.readAnnotations()
        # The file begins somewhere in the heartbeat, and then follows it sample by sample.
        wave = [round(heartbeat(n), 3) for n in range(250)]
        offset = min(range(250), key=lambda shift: sum(
            abs(values[n] - wave[(n + shift) % 250]) for n in range(500)))
        good = len(values) - 250  # the last record may be filled up
        self.assertGreaterEqual(good, 25 * 250)
        self.assertLess(max(abs(values[n] - wave[(n + offset) % 250]) for n in range(good)), 0.0015)
        beats = [onset for onset, text in zip(onsets, texts) if text == "beat N"]
        self.assertGreaterEqual(len(beats), 20)
        for onset in beats:
            self.assertAlmostEqual((onset * 250 + offset) % 250, 100, delta=4)

    def test_a_gap_of_whole_seconds_is_left_out(self):
        def send(bed):
            self.send(bed, 10)
            bed.send([heartbeat(n) for n in range(25)], at=bed.position + 5000)
            self.send(bed, 10)
        path = self.recorded(send)
        data = path.read_bytes()
        self.assertEqual(data[192:236].strip(), b"EDF+D")
        out = tempfile.mkdtemp()
        run = ecgmon("annotate", path, "-o", out)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("beats", run.stdout)
        self.assertTrue((Path(out) / "out.ecgmon").exists())

    def test_a_file_that_exists_is_left_alone(self):
        path = self.daemon.folder / "mine.edf"
        path.write_text("mine")
        recorder = subprocess.Popen(
            [PROGRAMS / "ecgmon", "record", "bed-1", "-o", path, "--events", self.daemon.endpoints["events"]],
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(recorder.kill)
        bed = Acquisition("bed-1", 250, "II", endpoint=self.daemon.endpoints["acknowledged"])
        self.addCleanup(bed.close)
        wait_until(lambda: self.send(bed, 0.2) or time.sleep(0.05) or recorder.poll() is not None)
        self.assertEqual(recorder.returncode, 1)
        self.assertIn("exists", recorder.stderr.read())
        self.assertEqual(path.read_text(), "mine")


class ReadingTests(DaemonTest):
    def replayed(self, path, *options):
        """The waveform that the daemon publishes of a file that is replayed, and its leads."""
        with self.daemon.subscriber("waveform", history="") as subscriber:
            replay = subprocess.Popen(
                [PROGRAMS / "ecgmon", "replay", path, "--stream", "bed-1", "--acknowledged",
                 self.daemon.endpoints["acknowledged"], "--speed", "4", "--loop", *map(str, options)],
                stderr=subprocess.DEVNULL)
            self.addCleanup(replay.kill)
            events = drain(subscriber, lambda events: len(events) >= 3)
            replay.kill()
        return events

    @needs_pyedflib
    def test_a_file_of_pyedflib_is_replayed_and_annotated(self):
        import numpy
        import pyedflib

        path = self.daemon.folder / "in.edf"
        count = 250 * 40
        columns = [numpy.array([1000 * heartbeat(n) for n in range(count)]),
                   numpy.array([500 * heartbeat(n) for n in range(count)])]
        writer = pyedflib.EdfWriter(str(path), 2, file_type=pyedflib.FILETYPE_EDFPLUS)
        for number, label in enumerate(("ECG II", "ECG V5")):
            writer.setSignalHeader(number, {
                "label": label, "dimension": "uV", "sample_frequency": 250, "physical_max": 5000,
                "physical_min": -5000, "digital_max": 32767, "digital_min": -32768, "transducer": "", "prefilter": ""})
        writer.writeSamples(columns)
        writer.writeAnnotation(1.0, -1, "ignored here")
        writer.close()
        events = self.replayed(path, "--lead", "all", "--millivolts")
        wave = next(event for event in events if event.HasField("waveform")).waveform
        self.assertEqual((wave.lead, wave.further_leads[0].name, wave.sampling_rate), ("II", "V5", 250))
        start = next(event for event in events if event.HasField("waveform")).sample_index
        for n, (first, second) in enumerate(zip(wave.millivolts, wave.further_leads[0].millivolts)):
            self.assertAlmostEqual(first, heartbeat(start + n), delta=0.001)
            self.assertAlmostEqual(second, 0.5 * heartbeat(start + n), delta=0.001)
        out = tempfile.mkdtemp()
        run = ecgmon("annotate", path, "-o", out)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("in.ecgmon:", run.stdout)
        self.assertRegex(run.stdout, r"(3[5-9]|40) beats")

    def test_a_table_is_annotated(self):
        path = self.daemon.folder / "table.csv"
        path.write_text("time (s),II (mV)\n" + "".join(
            f"{n / 250:.3f},{heartbeat(n):.3f}\n" for n in range(250 * 40)))
        out = tempfile.mkdtemp()
        run = ecgmon("annotate", path, "-o", out)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"table.ecgmon: (3[5-9]|40) beats")
        events = self.replayed(path)
        self.assertEqual(events[0].waveform.lead, "II")

    def test_what_is_no_recording_is_told(self):
        path = self.daemon.folder / "bad.edf"
        path.write_bytes(b"not a recording" * 100)
        run = ecgmon("annotate", path, "-o", tempfile.mkdtemp())
        self.assertEqual(run.returncode, 1)
        self.assertIn("byte 0: not an EDF file", run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
