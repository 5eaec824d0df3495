import FledgeCore
import FledgeJinja

/// A text that a model's own template wrote, with the ids of all of it.
///
/// Control strings that messages brought along stay text: they were broken by a mark before the
/// rendering, and at the places of the marks no control token may stand.
struct ModelText {
    /// The bytes, without marks.
    let bytes: [UInt8]
    /// What the template says that the model writes, as ranges of ``bytes``.
    let generated: [Range<Int>]
    /// Where control strings were broken.
    private let breaks: [Int]

    /// - Parameter mark: The character at which control strings were broken; nil where none was.
    init(_ rendering: JinjaTemplate.Rendering, mark: String?) {
        guard let mark else {
            (bytes, generated, breaks) = (Array(rendering.text.utf8), rendering.generated, [])
            return
        }
        let markBytes = Array(mark.utf8)
        let all = Array(rendering.text.utf8)
        var (kept, breaks, places) = ([UInt8](), [Int](), [Int]())
        var index = 0
        while index < all.count {
            if all[index...].starts(with: markBytes) {
                breaks.append(kept.count)
                places += repeatElement(kept.count, count: markBytes.count)
                index += markBytes.count
            } else {
                places.append(kept.count)
                kept.append(all[index])
                index += 1
            }
        }
        places.append(kept.count)
        bytes = kept
        self.breaks = breaks
        generated = rendering.generated.map { places[$0.lowerBound]..<places[$0.upperBound] }
    }

    private init(_ bytes: [UInt8], _ generated: [Range<Int>], _ breaks: [Int]) {
        (self.bytes, self.generated, self.breaks) = (bytes, generated, breaks)
    }

    /// The text without an end, where it ends so.
    func dropping(end: [UInt8]) -> ModelText {
        guard !end.isEmpty, bytes.count >= end.count, bytes.suffix(end.count).elementsEqual(end)
        else { return self }
        let count = bytes.count - end.count
        return ModelText(
            Array(bytes.prefix(count)), generated.map { $0.clamped(to: 0..<count) },
            breaks.filter { $0 < count })
    }

    /// This text, and behind it another one from some place on. What is generated is not kept.
    func appending(_ other: ModelText, from start: Int) -> ModelText {
        ModelText(
            bytes + other.bytes[start...], [],
            breaks + other.breaks.filter { $0 > start }.map { $0 - start + bytes.count })
    }

    /// Whether another text begins with this one.
    func begins(_ other: ModelText) -> Bool { other.bytes.starts(with: bytes) }

    /// The ids of a part of the text, tokenised by itself.
    func ids(_ range: Range<Int>, _ tokenizer: some Tokenizer) -> [Int32] {
        let text = String(decoding: bytes[range], as: UTF8.self)
        let inside = breaks.filter { range.lowerBound < $0 && $0 < range.upperBound }
            .map { $0 - range.lowerBound }
        guard !inside.isEmpty else { return tokenizer.encode(text, specials: .parse) }
        let borders = [0] + inside + [range.count]
        return tokenizer.encode(
            text, specials: .parseWithin(zip(borders, borders.dropFirst()).map { $0..<$1 }))
    }

    /// The ids of all of it.
    func ids(_ tokenizer: some Tokenizer) -> [Int32] { ids(0..<bytes.count, tokenizer) }

    /// The ranges of ids that hold something of ranges of bytes, as transformers finds the tokens of
    /// characters.
    func places(
        of ranges: [Range<Int>], in ids: [Int32], _ tokenizer: some Tokenizer
    ) -> [Range<Int>] {
        if let ends = ends(of: ids, tokenizer) {
            return ranges.map { range in
                let start = ends.partition { $0 > range.lowerBound }
                let last = ends.partition { $0 >= range.upperBound }
                return start..<max(start, range.isEmpty ? start : min(last + 1, ids.count))
            }
        }
        // What bytes tokens stand for is not known: tokens that a beginning of the text has too lie
        // before its end.
        return ranges.map { range in
            let start = shared(self.ids(0..<range.lowerBound, tokenizer), ids).same
            let (same, isWhole) = shared(self.ids(0..<range.upperBound, tokenizer), ids)
            return start..<max(start, min(isWhole ? same : same + 1, ids.count))
        }
    }

    private func shared(_ part: [Int32], _ ids: [Int32]) -> (same: Int, isWhole: Bool) {
        let same = zip(part, ids).prefix { $0 == $1 }.count
        return (same, same == part.count)
    }

    /// Where each token ends; nil where tokens are more or less than the bytes of the text.
    private func ends(of ids: [Int32], _ tokenizer: some Tokenizer) -> [Int]? {
        guard tokenizer.decodesEachTokenAlone else { return nil }
        var (ends, place) = ([Int](), 0)
        ends.reserveCapacity(ids.count)
        for id in ids {
            let token = tokenizer.bytes(of: id)
            guard bytes[place...].starts(with: token) else { return nil }
            place += token.count
            ends.append(place)
        }
        return place == bytes.count ? ends : nil
    }
}

extension [Int] {
    /// The first index of a sorted list whose element fulfils what all later ones do, too.
    fileprivate func partition(_ isBehind: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
