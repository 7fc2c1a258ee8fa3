# acquisition.py
import math, sys, time, zmq
from ecg_monitor_pb2 import SampleBlock

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5570"
push = zmq.Context().socket(zmq.PUSH)
push.connect(endpoint)
session, rate, index = time.time_ns(), 250, 0
while True:
    block = SampleBlock(schema_version=1, stream="bed-1", session=session, lead="II", sampling_rate=rate,
                        first_sample_index=index, acquisition_time_ns=session + index * 10**9 // rate)
    block.millivolts.extend(math.sin(2 * math.pi * n / rate) for n in range(index, index + 25))
    push.send(block.SerializeToString())
    index += 25
    time.sleep(25 / rate)
