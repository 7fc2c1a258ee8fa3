"""Ours and others' programs on the same input, in turn, on one thread each: processor time and ratios.

Run by `make compare`. Processor time counts, so that other work on the machine disturbs less; the median of the rounds.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

# Before anything that starts threads is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
warnings.filterwarnings("ignore")

import numpy as np

import discriminator

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def processor_time(work, minimum=0.5):
    """Seconds of one call, from as many as take half a second."""
    work()
    calls, start = 0, time.process_time()
    while True:
        work()
        calls += 1
        taken = time.process_time() - start
        if taken >= minimum:
            return taken / calls


def ours(options):
    """Nanoseconds of a unit of each stage."""
    command = [options.ecgmon, "benchmark", "stages", "--record", options.record, "--model", options.model, "--json"]
    stages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {stage["name"]: stage["nanoseconds"] for stage in stages}


def peers(options):
    """Functions that time the peers, by the stage that they are compared with: nanoseconds of a unit."""
    import neurokit2
    import sleepecg
    import torch
    import wfdb
    from wfdb.processing import xqrs_detect

    torch.set_num_threads(1)
    record = wfdb.rdrecord(options.record)
    signal, rate = record.p_signal[:, 0], record.fs
    windows = np.random.default_rng(1).random((64, discriminator.LENGTH), np.float32)
    session, module = discriminator.onnx_session(options.model), discriminator.torch_module(options.model)
    expected = session.run(None, {"windows": windows})
    with torch.no_grad():
        got = module(torch.tensor(windows))
    for a, b in zip(expected, got):
        assert np.allclose(a, b.numpy(), atol=1e-3), "PyTorch and ONNX Runtime disagree"

    def run_onnx(batch):
        part = windows[:batch]
        return lambda: session.run(None, {"windows": part})

    def run_torch(batch):
        part = torch.tensor(windows[:batch])

        def work():
            with torch.inference_mode():
                module(part)
        return work

    def clean_and_detect():
        neurokit2.ecg_peaks(neurokit2.ecg_clean(signal, sampling_rate=rate), sampling_rate=rate)

    result = []
    for batch in (1, 64):
        stage = f"discriminator, batch {batch}"
        result.append((stage, "ONNX Runtime", lambda work=run_onnx(batch), n=batch: processor_time(work) / n * 1e9))
        result.append((stage, "PyTorch", lambda work=run_torch(batch), n=batch: processor_time(work) / n * 1e9))
    for name, work in (
        ("sleepecg", lambda: sleepecg.detect_heartbeats(signal, rate)),
        ("neurokit2", clean_and_detect),
        ("wfdb (xqrs)", lambda: xqrs_detect(signal, rate, verbose=False)),
    ):
        result.append(("detector", name, lambda work=work: processor_time(work) / len(signal) * 1e9))
    return result


def wait_for(path, process, limit=60):
    end = time.monotonic() + limit
    while not os.path.exists(path):
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"{process.args[0]} does not start")
        time.sleep(0.05)


def replay(options, endpoint, streams, seconds):
    subprocess.run([options.ecgmon, "replay", options.record, "--ingest", endpoint, "--streams", str(streams),
                    "--duration", str(seconds), "--speed", "max", "--connect-timeout", "30", "--block", "36"],
                   check=True, capture_output=True)


def our_daemon(options, streams, seconds):
    """Beds that one core serves, and beats."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = folder + "/ecgmond.toml"
        with open(configuration, "w") as file:
            file.write("[workers]\ncount = 1\n")
        command = [options.ecgmond, "--config", configuration, "--ingest", f"ipc://{folder}/i", "--events",
                   f"ipc://{folder}/e", "--commands", f"ipc://{folder}/c", "--journal", folder + "/journal.sqlite",
                   "--model", options.model, "--no-http", "--no-station"]
        with open(folder + "/log", "w") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=log)
            wait_for(folder + "/i", daemon)
            time.sleep(0.5)
            before = process_seconds(daemon.pid)
            replay(options, f"ipc://{folder}/i", streams, seconds)
            # Until it takes no more processor time, all is done.
            last = process_seconds(daemon.pid)
            while True:
                time.sleep(0.5)
                now = process_seconds(daemon.pid)
                if now - last < 0.02:
                    break
                last = now
            daemon.terminate()
            daemon.wait()
        text = open(folder + "/log").read()
        beats = int(text.split("beats=")[-1].split()[0])
        return streams * seconds / (now - before), beats


def python_monitor(options, streams, seconds):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, HERE + "/monitor.py", "--ingest", f"ipc://{folder}/i", "--events",
                   f"ipc://{folder}/e", "--samples", str(streams * seconds * 360), "--model", options.model,
                   "--schema", ROOT + "/Sources/ECGWire/ecg_monitor.proto"]
        monitor = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        wait_for(folder + "/i", monitor)
        replay(options, f"ipc://{folder}/i", streams, seconds)
        answer = json.loads(monitor.communicate(timeout=600)[0])
        return streams * seconds / answer["processor_seconds"], answer["beats"]


def process_seconds(process):
    with open(f"/proc/{process}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ecgmon", default=ROOT + "/.build/release/ecgmon")
    parser.add_argument("--ecgmond", default=ROOT + "/.build/release/ecgmond")
    parser.add_argument("--record", default=ROOT + "/Fixtures/208s")
    parser.add_argument("--model", default=ROOT + "/Config/models/default.safetensors")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-monitor", action="store_true", help="leave out the whole monitors")
    options = parser.parse_args()
    options.model = os.path.abspath(options.model)

    own, others = {}, {}
    timers = peers(options)
    for _ in range(options.rounds):
        for name, value in ours(options).items():
            own.setdefault(name, []).append(value)
        for stage, name, timer in timers:
            others.setdefault((stage, name), []).append(timer())
    print(f"{'processor time of a unit':<24}{'ours, ns':>12}  {'theirs':<14}{'theirs, ns':>12}{'ours : theirs':>15}")
    for (stage, name), values in others.items():
        mine, theirs = statistics.median(own[stage]), statistics.median(values)
        print(f"{stage:<24}{mine:>12.1f}  {name:<14}{theirs:>12.1f}{mine / theirs:>15.3f}")
    if options.no_monitor:
        return
    mine, theirs = [], []
    for _ in range(options.rounds):
        mine.append(our_daemon(options, streams=20, seconds=60))
        theirs.append(python_monitor(options, streams=4, seconds=30))
    a, b = (statistics.median(value for value, _ in values) for values in (mine, theirs))
    print(f"\nwhole monitor, beds on one core: ours {a:.0f}, pyzmq + neurokit2 + ONNX Runtime {b:.0f}, "
          f"ratio {a / b:.1f}")
    print(f"beats: ours {mine[0][1]} of 20 streams in 60 s, theirs {theirs[0][1]} of 4 streams in 30 s")


main()
