/// Where a text occurs, asked for from front to back: all searches together walk over the bytes once,
/// whatever is asked how often.
struct Occurrences {
    private let bytes: [UInt8]
    private let end: Int
    private let part: [UInt8]
    private let accepts: (Int) -> Bool
    private var place = -1

    /// - Parameter accepts: Whether an occurrence counts, told the place behind it.
    init(
        of part: String, in text: AnswerText, _ range: Range<Int>? = nil,
        where accepts: @escaping (Int) -> Bool = { _ in true }
    ) {
        bytes = text.bytes
        end = range?.upperBound ?? text.bytes.count
        self.part = Array(part.utf8)
        self.accepts = accepts
    }

    /// The first occurrence at or behind a place that is not before the last one asked for.
    mutating func next(from start: Int) -> Int? {
        if place >= start { return place == Int.max ? nil : place }
        place = start
        while place + part.count <= end {
            if bytes[place] == part[0], bytes[place..<place + part.count].elementsEqual(part),
                accepts(place + part.count)
            {
                return place
            }
            place += 1
        }
        place = Int.max
        return nil
    }
}
