package import FledgeCore
package import FledgeTensor

/// States of sequences in a file, known by the tokens and positions that they follow from.
package final class KeptStates {
    /// The SHA-256 digest of a sequence.
    private struct Key: Hashable {
        let words: (UInt64, UInt64, UInt64, UInt64)

        static func == (left: Key, right: Key) -> Bool { left.words == right.words }
        // The words of a digest are as good as random.
        func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
    }

    /// Rows that lie one after another in the file.
    private struct Extent {
        var start: Int
        var rows: Int
    }

    private let folder: String
    private var file: ScratchFile?
    private var extents: [Key: [Extent]] = [:]
    private var rowShape: (columns: Int, type: ElementType)?
    /// Whether what is kept is used and added to; for measurements of a run without.
    package var isActive = true
    /// Whether several models compute with what is kept.
    package var isShared = false
    /// What went wrong; from then on states are computed.
    package private(set) var failure: FledgeError?
    /// Tokens whose states were computed.
    package private(set) var computedTokens = 0
    /// Tokens whose states were read.
    package private(set) var readTokens = 0

    /// Creates a table without anything in it; the file comes with the first sequence.
    package init(folder: String) { self.folder = folder }

    /// Creates a table over a file that is there.
    package init(file: ScratchFile) { (folder, self.file) = ("", file) }

    /// The size of the file, in bytes.
    package var byteCount: Int { file?.count ?? 0 }

    /// The states of a run of sequences: read where they are known, else computed and kept.
    ///
    /// - Parameter compute: The states of a run, shape `[tokens, channels]`, outside of any tape.
    package func states(
        _ ids: [Int32], layout: SequenceLayout,
        _ compute: (_ ids: [Int32], _ layout: SequenceLayout) -> Tensor
    ) -> Tensor {
        func computed(_ ids: [Int32], _ layout: SequenceLayout) -> Tensor {
            computedTokens += ids.count
            return compute(ids, layout).detached
        }
        guard isActive, failure == nil, !ids.isEmpty else { return computed(ids, layout) }
        do {
            let sequences = layout.leaves.map { (leaf: $0, key: Self.key(ids, layout, $0)) }
            let missing = sequences.filter { extents[$0.key] == nil }
            guard !missing.isEmpty else { return try assembled(layout, sequences, nil) }
            // Parents have smaller indices than their children, so sorting keeps the order.
            let segments = Set(missing.flatMap { layout.path(to: $0.leaf) }).sorted()
            let isWhole = segments.count == layout.segments.count
            let part = isWhole ? layout : layout.taking(segments)
            let fresh = computed(
                isWhole ? ids : segments.flatMap { ids[layout.segments[$0].range] }, part)
            let places = Dictionary(uniqueKeysWithValues: zip(segments, part.segments.map(\.start)))
            try keep(fresh, at: places, missing, layout)
            return isWhole ? fresh : try assembled(layout, sequences, (fresh, places))
        } catch {
            failure = Self.failure(error)
            return computed(ids, layout)
        }
    }

    private static func failure(_ error: any Error) -> FledgeError {
        var failure =
            error as? FledgeError
            ?? FledgeError(.fileAccess, "A file cannot be used.", cause: error)
        failure.message += " Activations of frozen blocks are kept there."
        failure.advice =
            "Free some space, choose an output_dir on another disk, or leave cache_frozen_activations out."
        return failure
    }

    /// Writes the states of sequences behind what the file holds, those of a segment once.
    ///
    /// - Parameter places: The row of `states` that each segment begins at.
    private func keep(
        _ states: Tensor, at places: [Int: Int], _ sequences: [(leaf: Int, key: Key)],
        _ layout: SequenceLayout
    ) throws {
        rowShape = (states.shape[1], states.elementType)
        let row = states.shape[1] * states.elementType.byteCount
        let file = try self.file ?? ScratchFile(folder: folder)
        self.file = file
        var written: [Int: Int] = [:]
        for (leaf, key) in sequences where extents[key] == nil {
            var sequence: [Extent] = []
            for segment in layout.path(to: leaf) {
                let count = layout.segments[segment].length
                guard count > 0, let place = places[segment] else { continue }
                let start =
                    try written[segment]
                    ?? states.withUnsafeBytes { bytes in
                        try file.append(
                            UnsafeRawBufferPointer(
                                rebasing: bytes[(place * row)..<((place + count) * row)]))
                    }
                written[segment] = start
                sequence.append(Extent(start: start, rows: count))
            }
            extents[key] = sequence
        }
    }

    /// The states of a run of which some are computed and the others known.
    private func assembled(
        _ layout: SequenceLayout, _ sequences: [(leaf: Int, key: Key)],
        _ fresh: (states: Tensor, places: [Int: Int])?
    ) throws -> Tensor {
        guard let file, let (columns, type) = rowShape else {
            preconditionFailure("KeptStates: known sequences without a file")
        }
        let row = columns * type.byteCount
        var result = Tensor(uninitialized: [layout.count, columns], type)
        var isSet = [Bool](repeating: false, count: layout.segments.count)
        try result.withUnsafeMutableBytes { target in
            func rows(_ segment: Int) -> UnsafeMutableRawBufferPointer {
                let range = layout.segments[segment].range
                return UnsafeMutableRawBufferPointer(
                    rebasing: target[(range.lowerBound * row)..<(range.upperBound * row)])
            }
            fresh?.states.withUnsafeBytes { source in
                for (segment, place) in fresh?.places ?? [:] {
                    let into = rows(segment)
                    into.copyMemory(
                        from: UnsafeRawBufferPointer(
                            rebasing: source[(place * row)..<(place * row + into.count)]))
                    isSet[segment] = true
                }
            }
            for (leaf, key) in sequences {
                var first = 0
                for segment in layout.path(to: leaf) {
                    defer { first += layout.segments[segment].length }
                    guard !isSet[segment] else { continue }
                    try read(extents[key] ?? [], from: first, into: rows(segment), row, file)
                    isSet[segment] = true
                    readTokens += layout.segments[segment].length
                }
            }
        }
        return result
    }

    /// Reads rows of a sequence, counted from its first.
    private func read(
        _ extents: [Extent], from first: Int, into target: UnsafeMutableRawBufferPointer,
        _ row: Int, _ file: ScratchFile
    ) throws {
        var (skipped, done) = (first * row, 0)
        for extent in extents where done < target.count {
            let bytes = extent.rows * row
            guard skipped < bytes else {
                skipped -= bytes
                continue
            }
            let end = min(target.count, done + bytes - skipped)
            try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: target[done..<end]),
                at: extent.start + skipped)
            (done, skipped) = (end, 0)
        }
    }

    /// The digest of a sequence: each of its tokens with its position, from the root on.
    private static func key(_ ids: [Int32], _ layout: SequenceLayout, _ leaf: Int) -> Key {
        var numbers: [Int32] = []
        for segment in layout.path(to: leaf).map({ layout.segments[$0] }) {
            for (offset, id) in ids[segment.range].enumerated() {
                numbers += [id, Int32(truncatingIfNeeded: segment.firstPosition + offset)]
            }
        }
        var digest = SHA256()
        numbers.withUnsafeBytes { digest.update($0) }
        let words = digest.finalized().withUnsafeBytes { bytes in
            (0..<4).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
        }
        return Key(words: (words[0], words[1], words[2], words[3]))
    }
}
