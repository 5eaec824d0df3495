/// Reads the header of a GGUF file in order, with an error for whatever does not fit.
struct GGUFParser {
    /// The bytes `GGUF` as a little-endian number.
    static let magic: UInt32 = 0x4655_4747
    /// ggml's own limit.
    static let mostDimensions = 4

    private var cursor: GGUFCursor
    private let path: String
    private var tensorCount = 0
    private var entryCount = 0

    init(_ mapping: MappedFile, path: String) {
        cursor = GGUFCursor(mapping)
        self.path = path
    }

    private func corrupt(_ message: String) -> FledgeError {
        FledgeError(.fileCorrupt, message, at: .init(file: path))
    }

    private func truncated(_ what: String) -> FledgeError {
        corrupt(
            "The file ends inside \(what): byte \(cursor.position) of \(cursor.mapping.count), "
                + "or a length there is damaged. Copy or download it again.")
    }

    private mutating func expect<T>(_ value: T?, _ what: @autoclosure () -> String) throws -> T {
        guard let value else { throw truncated(what()) }
        return value
    }

    /// Magic number, version and counts.
    mutating func header() throws -> Int {
        let size = cursor.mapping.count
        guard let magic = cursor.read(UInt32.self) else {
            throw corrupt("A GGUF file begins with 24 bytes; this file has \(size).")
        }
        guard magic == Self.magic else {
            try ForeignContent.refuse(
                cursor.mapping.bytes, expected: "a GGUF file", at: .init(file: path))
            let found = cursor.mapping.bytes.prefix(4).map {
                $0 >= 0x20 && $0 < 0x7F
                    ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16)
            }
            throw corrupt("A GGUF file begins with GGUF; this one with \(found.joined()).")
        }
        let version = try expect(cursor.read(UInt32.self), "the header")
        guard version == 2 || version == 3 else {
            let isSwapped = version.byteSwapped == 2 || version.byteSwapped == 3
            throw FledgeError(
                .unsupported,
                isSwapped
                    ? "The file is a big-endian GGUF; only little-endian ones are read."
                    : "The file is GGUF version \(version); versions 2 and 3 are read.",
                at: .init(file: path))
        }
        tensorCount = try expect(cursor.readLength(), "the header")
        entryCount = try expect(cursor.readLength(), "the header")
        return Int(version)
    }

    /// The key-value pairs.
    mutating func metadata() throws -> [String: GGUFValue] {
        var result = [String: GGUFValue]()
        for index in 0..<entryCount {
            let what = "metadata entry \(index + 1) of \(entryCount)"
            let key = try name(what)
            let tag = try expect(cursor.read(UInt32.self), what)
            guard let kind = GGUFValue.Kind(rawValue: tag) else {
                throw corrupt("The type of \(key) is \(tag); types 0 to 12 are known.")
            }
            let start = cursor.position
            guard cursor.skip(kind) else { throw truncated("the value of \(key)") }
            let value = GGUFValue(
                kind: kind, mapping: cursor.mapping, range: start..<cursor.position)
            guard result.updateValue(value, forKey: key) == nil else {
                throw corrupt("The metadata hold \(key) twice.")
            }
        }
        return result
    }

    /// The list of tensors, and where their bytes are.
    mutating func tensors(_ metadata: [String: GGUFValue]) throws -> [GGUFTensor] {
        var described: [(name: String, shape: [Int], type: GGUFBlockType, offset: Int, size: Int)] =
            []
        for index in 0..<tensorCount {
            described.append(try tensor("tensor \(index + 1) of \(tensorCount)"))
        }
        let alignment = metadata["general.alignment"]?.intValue ?? 32
        guard alignment > 0, alignment & (alignment - 1) == 0, alignment <= 1 << 30 else {
            throw corrupt("general.alignment is \(alignment); it should be a power of two.")
        }
        let start = (cursor.position + alignment - 1) & ~(alignment - 1)
        let bytes = cursor.mapping.bytes
        return try described.map { name, shape, type, offset, size in
            guard offset % alignment == 0 else {
                throw corrupt(
                    "The data of \(name) begin at \(offset), no multiple of \(alignment).")
            }
            let (first, firstOverflow) = start.addingReportingOverflow(offset)
            let (end, endOverflow) = first.addingReportingOverflow(size)
            guard !firstOverflow, !endOverflow, end <= bytes.count else {
                throw corrupt(
                    "The data of \(name) (\(type) \(shape), \(size) bytes from byte \(start) + "
                        + "\(offset)) go beyond the file's end at \(bytes.count). "
                        + "Copy or download it again.")
            }
            return GGUFTensor(
                name: name, shape: shape, type: type,
                bytes: UnsafeRawBufferPointer(rebasing: bytes[first..<end]),
                mapping: cursor.mapping)
        }
    }

    private mutating func tensor(
        _ what: String
    ) throws -> (name: String, shape: [Int], type: GGUFBlockType, offset: Int, size: Int) {
        let name = try name(what)
        let rank = try expect(cursor.read(UInt32.self), what)
        guard rank <= Self.mostDimensions else {
            throw corrupt("\(name) has \(rank) dimensions; the format allows 4.")
        }
        var dimensions = [Int]()
        var count = 1
        for _ in 0..<rank {
            let length = try expect(cursor.readLength(), what)
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            // A product of 0 hides later lengths, so every length is bounded by itself as well.
            guard !overflow, product <= 1 << 48, length <= 1 << 48 else {
                throw corrupt("\(name) states impossible lengths: \(dimensions + [length]).")
            }
            count = product
            dimensions.append(length)
        }
        let tag = try expect(cursor.read(UInt32.self), what)
        guard let type = GGUFBlockType(rawValue: tag) else {
            let known = GGUFBlockType.allCases.map { "\($0) (\($0.rawValue))" }
            throw FledgeError(
                .unsupported,
                "\(name) is stored as ggml type \(tag); known are \(known.joined(separator: ", ")).",
                at: .init(file: path))
        }
        guard (dimensions.first ?? 1) % type.blockCount == 0 else {
            throw corrupt(
                "\(name) has rows of \(dimensions.first ?? 1) elements; \(type) needs a multiple "
                    + "of \(type.blockCount).")
        }
        let offset = try expect(cursor.readLength(), what)
        return (
            name, dimensions.reversed(), type, offset, count / type.blockCount * type.blockByteCount
        )
    }

    private mutating func name(_ what: String) throws -> String {
        let bytes = try expect(cursor.readString(), what)
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw corrupt("The name of \(what) is not UTF-8 (before byte \(cursor.position)).")
        }
        return name
    }
}
