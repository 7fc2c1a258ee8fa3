# subscriber.py
import json, sys, zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5572"
subscriber = zmq.Context().socket(zmq.SUB)
subscriber.connect(endpoint)
subscriber.subscribe("alert.")
while True:
    topic, body = subscriber.recv_multipart()
    event = json.loads(body)
    print(topic.decode(), event["id"], event["alert"]["phase"], event["alert"]["text"], flush=True)
