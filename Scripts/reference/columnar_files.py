"""Writes small Parquet and Arrow files of every form that published data sets use, and their rows.

Usage: columnar_files.py OUTPUT_FOLDER    (Tests/ColumnarTests/Fixtures)

Each file's rows are read back by pyarrow into `rows.json`; files with the same rows share them. Compressed
pieces of text for the decompressors are in `compressed.json`, with the SHA-256 of what they hold.
"""
import base64, gzip, hashlib, json, os, sys, zlib

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import snappy
import zstandard

WORDS = "the quick brown fox jumps over the lazy dog naïve café 你好 😀 \"quoted\" back\\slash".split()


def text(i):
    return " ".join(WORDS[(i * 7 + k * k) % len(WORDS)] for k in range(i % 6 + 1))


def row(i):
    return dict(
        id=i * i * 1001 - 5000 * i,
        text=None if i % 11 == 3 else text(i),
        kind=["alpha", "beta", "gamma"][i * i % 3],
        score=None if i % 7 == 2 else i / 8 - 2.5,
        small=None if i % 5 == 1 else (i * 37) % 128 - 64,
        flag=None if i % 9 == 4 else i % 3 == 0,
        tags=None if i % 6 == 5 else [None if k == 2 else text(i + k) for k in range(i % 4)],
        conversations=None if i % 13 == 7 else [
            {"from": "human" if k % 2 == 0 else "gpt", "value": None if (i + k) % 17 == 5 else text(i * 3 + k)}
            for k in range(i % 5)],
        meta=None if i % 8 == 6 else dict(a=i, b=None if i % 4 == 1 else dict(c=text(i + 2), d=[i, None, -i][: i % 4])),
        grid=[[10 * a + b for b in range((i + a) % 3)] if (i + a) % 5 else None for a in range(i % 4)],
        nothing=None,
    )


CONVERSATION = pa.struct([("from", pa.string()), ("value", pa.string())])
SCHEMA = pa.schema([
    ("id", pa.int64()), ("text", pa.string()), ("kind", pa.string()), ("score", pa.float64()), ("small", pa.int8()),
    ("flag", pa.bool_()), ("tags", pa.list_(pa.string())), ("conversations", pa.list_(CONVERSATION)),
    ("meta", pa.struct([("a", pa.int32()), ("b", pa.struct([("c", pa.string()), ("d", pa.list_(pa.int64()))]))])),
    ("grid", pa.list_(pa.list_(pa.int64()))), ("nothing", pa.null()),
])
ROWS = [row(i) for i in range(45)]
TABLE = pa.Table.from_pylist(ROWS, schema=SCHEMA)


def parquet(folder):
    def write(name, table=TABLE, **options):
        pq.write_table(table, os.path.join(folder, name), **options)

    write("default.parquet")
    write("groups.parquet", row_group_size=16, data_page_size=200, write_page_checksum=True, write_batch_size=4)
    write("pages_v2.parquet", data_page_version="2.0", compression="gzip", data_page_size=300, write_batch_size=4)
    write("pages_v2_snappy.parquet", data_page_version="2.0", data_page_size=300, write_batch_size=4)
    write("plain.parquet", use_dictionary=False, compression="none", version="1.0")
    write("zstd.parquet", compression="zstd", data_page_version="2.0")
    write("two_levels.parquet", use_compliant_nested_type=False, compression="gzip")
    write("lz4.parquet", compression="lz4", table=TABLE.select(["id"]))
    delta = {"id": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY", "kind": "DELTA_LENGTH_BYTE_ARRAY",
             "score": "BYTE_STREAM_SPLIT", "small": "DELTA_BINARY_PACKED", "flag": "RLE",
             "tags.list.element": "DELTA_BYTE_ARRAY", "conversations.list.element.value": "DELTA_LENGTH_BYTE_ARRAY"}
    write("delta.parquet", use_dictionary=False, column_encoding=delta, data_page_version="2.0", version="2.6",
          compression="snappy")
    # Numbers over several blocks of differences, with all widths.
    many = pa.table({"n": pa.array([(i * 2654435761 >> (i % 30)) % (1 << 32) - (1 << 31) for i in range(700)], pa.int64()),
                     "m": pa.array([i * 3 for i in range(700)], pa.int32())})
    write("delta_numbers.parquet", table=many, use_dictionary=False,
          column_encoding={"n": "DELTA_BINARY_PACKED", "m": "DELTA_BINARY_PACKED"}, compression="gzip")
    kinds = pa.table({
        "u8": pa.array([0, 255, None], pa.uint8()), "u32": pa.array([0, 4294967295, None], pa.uint32()),
        "u64": pa.array([0, 18446744073709551615, None], pa.uint64()), "i16": pa.array([-32768, 32767, None], pa.int16()),
        "f32": pa.array([0.5, -1.25, None], pa.float32()), "f16": pa.array([0.5, -2.0, None], pa.float16()),
        "large": pa.array(["a", "é", None], pa.large_string()), "bytes": pa.array([b"abc", b"", None], pa.binary()),
        "few": pa.array(["x", "y", "x"]).dictionary_encode(),
        "day": pa.array([0, 19000, None], pa.date32()), "time": pa.array([0, 1, None], pa.timestamp("us")),
        "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "pair": pa.array([[1, 2], [3, None], None], pa.list_(pa.int32(), 2)),
    })
    write("types.parquet", table=kinds)
    write("empty.parquet", table=TABLE.slice(0, 0))
    write("images.parquet", table=pa.table({
        "text": ["a", "b"], "image": pa.array([{"bytes": b"\xff\xd8\x00", "path": "p"}, None])}))
    write("decimal.parquet", table=pa.table({"text": ["a"], "price": pa.array([1], pa.decimal128(9, 2))}))
    flat = TABLE.drop_columns(["nothing"])
    duckdb.sql("COPY (SELECT * FROM flat) TO '%s' (FORMAT parquet)" % os.path.join(folder, "duckdb.parquet"))
    duckdb.sql("COPY (SELECT id, text, kind, score, tags FROM flat) TO '%s' (FORMAT parquet, PARQUET_VERSION v2, "
               "COMPRESSION gzip)" % os.path.join(folder, "duckdb_v2.parquet"))
    polars.from_arrow(flat).write_parquet(os.path.join(folder, "polars.parquet"), compression="snappy",
                                          row_group_size=32)


def arrow(folder):
    def write(name, table=TABLE, stream=False, size=16, options=None):
        with pa.OSFile(os.path.join(folder, name), "wb") as sink:
            new = pa.ipc.new_stream if stream else pa.ipc.new_file
            with new(sink, table.schema, options=options) as writer:
                writer.write_table(table, max_chunksize=size)

    write("file.arrow")
    write("stream.arrow", stream=True)
    write("sliced.arrow", TABLE.slice(5, 30), size=100)
    kinds = pa.table({
        "large": pa.array(["a", None, "é"], pa.large_string()), "view": pa.array(
            ["short", None, "longer than twelve bytes"], pa.string_view()),
        "few": pa.array(["x", None, "x"]).dictionary_encode(), "u8": pa.array([1, None, 255], pa.uint8()),
        "u64": pa.array([1, None, 18446744073709551615], pa.uint64()), "i16": pa.array([-1, None, 7], pa.int16()),
        "f32": pa.array([0.5, None, -1.25], pa.float32()), "f16": pa.array([0.5, None, -2.0], pa.float16()),
        "day": pa.array([0, None, 19000], pa.date32()), "time": pa.array([0, None, 1], pa.timestamp("us")),
        "bytes": pa.array([b"abc", None, b""], pa.binary()), "fixed": pa.array([b"abc", None, b"xyz"], pa.binary(3)),
        "pair": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int32(), 2)),
        "long": pa.array([["a"], None, ["b", None]], pa.large_list(pa.string())),
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
    })
    write("types.arrow", kinds)
    write("types_stream.arrow", kinds, stream=True, size=2)
    write("empty.arrow", TABLE.slice(0, 0))
    write("lz4.arrow", TABLE.select(["text"]), options=pa.ipc.IpcWriteOptions(compression="lz4"))
    write("decimal.arrow", pa.table({"text": ["a"], "price": pa.array([1], pa.decimal128(9, 2))}))


UNREADABLE = ["lz4.parquet", "images.parquet", "decimal.parquet", "lz4.arrow", "decimal.arrow"]


def plain(value):
    """A value in the form that JSON has for it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value


def numbered(table):
    """Dates and times as the numbers that the files hold; maps as lists of key and value."""
    columns = {}
    for name, column in zip(table.column_names, table.columns):
        if pa.types.is_date32(column.type):
            column = column.cast(pa.int32())
        elif pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        values = column.to_pylist()
        if pa.types.is_map(column.type):
            values = [None if v is None else [{"key": k, "value": x} for k, x in v] for v in values]
        columns[name] = plain(values)
    count = table.num_rows
    return [{name: values[i] for name, values in columns.items()} for i in range(count)]


def expected(folder):
    sets, files = [], {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name in UNREADABLE or not name.endswith((".parquet", ".arrow")):
            continue
        if name.endswith(".parquet"):
            table = pq.read_table(path)
        else:
            with pa.memory_map(path) as source:
                try:
                    table = pa.ipc.open_file(source).read_all()
                except pa.ArrowInvalid:
                    table = pa.ipc.open_stream(source).read_all()
        rows = numbered(table)
        if rows not in sets:
            sets.append(rows)
        files[name] = sets.index(rows)
    with open(os.path.join(folder, "rows.json"), "w", encoding="utf-8") as file:
        json.dump(dict(writers=f"pyarrow {pa.__version__}, duckdb {duckdb.__version__}, polars {polars.__version__}",
                       files=files, rows=sets), file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


def pieces():
    """Texts that exercise all kinds of blocks: nothing, noise, repetition, far and overlapping copies."""
    state, noise = 1, bytearray()
    for _ in range(3000):
        state = (state * 1103515245 + 12345) % (1 << 31)
        noise.append(state >> 16 & 255)
    english = " ".join(text(i) for i in range(400)).encode()
    return dict(nothing=b"", one=b"x", run=b"a" * 70000, noise=bytes(noise), text=english,
                far=bytes(noise) + b"-" * 30000 + bytes(noise[:2000]), mixed=english[:3000] + bytes(noise[:500]) + english)


def compressed(folder):
    result = []

    def add(kind, name, data, content):
        result.append(dict(kind=kind, name=name, data=base64.b64encode(data).decode(), count=len(content),
                           sha256=hashlib.sha256(content).hexdigest()))

    def deflate(content, level, strategy):
        stream = zlib.compressobj(level, zlib.DEFLATED, 31, 9, strategy)
        return stream.compress(content) + stream.flush()

    for name, content in pieces().items():
        for level, strategy in [(1, zlib.Z_DEFAULT_STRATEGY), (9, zlib.Z_DEFAULT_STRATEGY), (6, zlib.Z_FIXED)]:
            add("gzip", f"{name} {level} {strategy}", deflate(content, level, strategy), content)
        add("snappy", name, snappy.compress(content), content)
    for name in ["one", "noise"]:
        add("gzip", f"{name} 0", deflate(pieces()[name], 0, zlib.Z_DEFAULT_STRATEGY), pieces()[name])
    english = pieces()["text"]
    add("gzip", "text", gzip.compress(english, mtime=0), english)
    add("gzip", "two members", gzip.compress(english[:500], mtime=0) + gzip.compress(english[500:], mtime=0), english)
    add("gzip", "nothing", gzip.compress(b"", mtime=0), b"")
    named = bytearray(gzip.compress(english, mtime=0))
    named[3] = 0x1E  # a header with an extra field, a name, a comment and a check sum
    header = bytes(named[:10]) + b"\x03\x00abc" + b"name\0" + b"comment\0"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    add("gzip", "long header", header + bytes(named[10:]), english)
    for name in ["nothing", "text", "far"]:
        add("zstd", name, zstandard.ZstdCompressor(level=9).compress(pieces()[name]), pieces()[name])
    with open(os.path.join(folder, "compressed.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=0)
        file.write("\n")


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        if name.endswith((".parquet", ".arrow")):
            os.remove(os.path.join(folder, name))
    parquet(folder)
    arrow(folder)
    expected(folder)
    compressed(folder)


if __name__ == "__main__":
    main()
