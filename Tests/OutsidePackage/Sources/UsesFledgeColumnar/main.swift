import FledgeColumnar
import FledgeCore

/// Rows of somebody else's, beside those of Parquet and Arrow files.
struct Counted: RecordSource {
    let count = 3
    func record(at index: Int) -> Record { Record(["n": .integer(index)], at: location(at: index)) }
    func location(at index: Int) -> FledgeError.Location { .init(file: "counted", line: index + 1) }
}

let rows = ConcatenatedRecords([Counted(), Counted()])
let fifth = try rows.record(at: 4)
precondition(rows.count == 6 && fifth.value == ["n": 1])
print("FledgeColumnar: \(rows.count) rows")
do { _ = try ParquetRecords(path: "none.parquet") } catch { print("FledgeColumnar: \(error)") }
