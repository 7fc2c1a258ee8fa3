"""A monitor as one would write it in Python today: pyzmq, neurokit2 for the beats, ONNX Runtime for their classes,
SQLite.

Takes sample blocks on a PULL socket until it has had --samples of them, looks at the last ten seconds of each stream
once a second, classifies the new beats of all streams in one batch, stores them, and publishes them as JSON. Prints
what processor time that took, as JSON.
"""
import argparse
import collections
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")

import neurokit2
import numpy as np
import zmq

import discriminator

RATE, LENGTH = 360, 280
CLASSES = "NSVF"


class Stream:
    def __init__(self):
        self.samples = collections.deque(maxlen=10 * RATE)
        self.end = 0
        self.looked = 0
        self.last_beat = -RATE

    def add(self, block):
        millivolts = (np.asarray(block.counts, np.float32) - block.baseline) / block.gain
        self.samples.extend(millivolts)
        self.end = block.first_sample_index + len(millivolts)

    def new_beats(self):
        """Index and window of each beat found since the last look."""
        if self.end - self.looked < RATE or len(self.samples) < 4 * RATE:
            return
        self.looked = self.end
        signal = np.asarray(self.samples)
        clean = neurokit2.ecg_clean(signal, sampling_rate=RATE)
        peaks = neurokit2.ecg_peaks(clean, sampling_rate=RATE)[1]["ECG_R_Peaks"]
        first = self.end - len(signal)
        for peak in peaks:
            index = first + int(peak)
            if index <= self.last_beat + RATE // 5 or peak < LENGTH // 2 or peak + LENGTH // 2 > len(signal):
                continue
            self.last_beat = index
            window = signal[peak - LENGTH // 2:peak + LENGTH // 2]
            low, high = window.min(), window.max()
            yield index, (window - low) / max(high - low, 1e-6)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ingest", required=True)
    parser.add_argument("--events", required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--schema", required=True, help="ecg_monitor.proto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        schema = pathlib.Path(options.schema)
        subprocess.run(["protoc", f"--proto_path={schema.parent}", f"--python_out={folder}", schema.name], check=True)
        sys.path.insert(0, folder)
        import ecg_monitor_pb2

        session = discriminator.onnx_session(options.model)
        database = sqlite3.connect(folder + "/journal.sqlite")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE beat (stream TEXT, sample INTEGER, body TEXT)")
        context = zmq.Context()
        source, events = context.socket(zmq.PULL), context.socket(zmq.PUB)
        source.bind(options.ingest)
        events.bind(options.events)
        streams, taken, beats = {}, 0, 0
        print("ready", file=sys.stderr, flush=True)
        start = None
        while taken < options.samples:
            blocks = [source.recv()]
            start = start or time.process_time()
            while len(blocks) < 512:
                try:
                    blocks.append(source.recv(zmq.NOBLOCK))
                except zmq.Again:
                    break
            found = []
            for body in blocks:
                block = ecg_monitor_pb2.SampleBlock.FromString(body)
                stream = streams.setdefault(block.stream, Stream())
                stream.add(block)
                taken += len(block.counts)
                found += [(block.stream, index, window) for index, window in stream.new_beats()]
            if not found:
                continue
            windows = np.stack([window for _, _, window in found]).astype(np.float32)
            logits = session.run(["class", "attack"], {"windows": windows})[0]
            rows = []
            for (name, index, _), row in zip(found, logits):
                body = json.dumps({"stream": name, "sampleIndex": index, "beatClass": CLASSES[int(row.argmax())]})
                rows.append((name, index, body))
            database.executemany("INSERT INTO beat VALUES (?, ?, ?)", rows)
            database.commit()
            for name, _, body in rows:
                events.send_multipart([b"beat." + name.encode(), body.encode()])
            beats += len(rows)
        print(json.dumps({"processor_seconds": time.process_time() - start, "samples": taken, "beats": beats}))
        context.destroy(linger=0)


main()
