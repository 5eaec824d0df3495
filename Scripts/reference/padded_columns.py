"""Writes a Parquet and an Arrow file whose rows share one type, so that members are null where a row has none.

Usage: padded_columns.py OUTPUT_FOLDER    (Tests/DataTests/Fixtures/padded; pyarrow 26.0.1)
"""
import os, sys

import pyarrow as pa
import pyarrow.parquet as pq

call = lambda name, **arguments: {"type": "function", "function": {"name": name, "arguments": arguments}}
tool = lambda name, **properties: {"type": "function", "function": {
    "name": name, "parameters": {"type": "object", "properties": properties}}}
ROWS = [
    {"messages": [
        {"role": "user", "content": "Rome?"},
        {"role": "assistant", "content": None, "tool_calls": [call("sun", city="Rome"), call("rain", day=2)]},
        {"role": "tool", "content": "yes", "tool_call_id": "1"},
        {"role": "assistant", "content": "Sunny."}],
     "tools": [tool("sun", city={"type": "string"}), tool("rain", day={"type": "integer", "minimum": 0})]},
    {"messages": [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": "4", "thinking": "Easy.", "weight": 0.5}],
     "tools": None},
]
target = sys.argv[1]
os.makedirs(target, exist_ok=True)
table = pa.Table.from_pylist(ROWS)
pq.write_table(table, os.path.join(target, "padded.parquet"))
with pa.ipc.new_file(os.path.join(target, "padded.arrow"), table.schema) as writer:
    writer.write_table(table)
# A column beside those that are read.
more = table.append_column("context", pa.array([["A list.", "Of texts."], []]))
pq.write_table(more.append_column("id", pa.array([1, 2])), os.path.join(target, "beside.parquet"))
