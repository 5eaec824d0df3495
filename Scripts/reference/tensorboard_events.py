"""Writes an event file as PyPI's tensorboard does, or prints the numbers that it reads from a folder.

Usage: tensorboard_events.py write OUTPUT_FILE
       tensorboard_events.py read FOLDER

Needs an environment of its own: pip install tensorboard==2.20.0 setuptools==75.8.0
"""
import sys

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


def write(path):
    def summary(values):
        return summary_pb2.Summary(
            value=[summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values])

    events = [
        event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2"),
        event_pb2.Event(wall_time=1700000001.5, step=1, summary=summary([("train/loss", 2.5)])),
        event_pb2.Event(wall_time=1700000001.5, step=1, summary=summary([("train/learning_rate", 1e-05)])),
        event_pb2.Event(wall_time=1700000002.0, step=70000, summary=summary([("eval/loss", 0.1)])),
        event_pb2.Event(wall_time=1700000003.0, step=301,
                        session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
        event_pb2.Event(wall_time=1700000004.0, step=301, summary=summary([("train/gr\u00f6\u00dfe", -0.0)])),
    ]
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(folder)
    events.Reload()
    for tag in sorted(events.Tags()["scalars"]):
        print(tag, [(event.step, event.value) for event in events.Scalars(tag)])


{"write": write, "read": read}[sys.argv[1]](sys.argv[2])
