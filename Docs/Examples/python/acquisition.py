# acquisition.py
import math
from ecg_monitor import Acquisition

with Acquisition("bed-1", sampling_rate=250, lead="II") as bed:
    while True:  # a sine wave; put your converter here
        bed.send([math.sin(2 * math.pi * n / 250) for n in range(bed.position, bed.position + 25)], pace=True)
