/// Short texts that are looked for all at once, by their bytes.
struct ByteMarks: Sendable {
    private let marks: [[UInt8]]
    /// Whether a mark begins with a byte.
    private let begins: [Bool]

    init(_ marks: [String]) {
        self.marks = marks.map { Array($0.utf8) }
        var begins = [Bool](repeating: false, count: 256)
        for mark in self.marks { if let first = mark.first { begins[Int(first)] = true } }
        self.begins = begins
    }

    /// Whether one of the marks occurs in a text.
    func occur(in text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            for start in bytes.indices where begins[Int(bytes[start])] {
                for mark in marks where start + mark.count <= bytes.count {
                    if bytes[start..<start + mark.count].elementsEqual(mark) { return true }
                }
            }
            return false
        }
    }
}
