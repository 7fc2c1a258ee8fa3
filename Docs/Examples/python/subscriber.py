# subscriber.py
from ecg_monitor import AlertPhase, Subscriber

for event in Subscriber("alert"):
    phase = AlertPhase.Name(event.alert.phase)
    print(f"alert.{event.stream}", event.id, phase, event.alert.text, flush=True)
