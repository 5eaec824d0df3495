import FledgeCore

/// Reads and checks the header of a safetensors file: eight bytes of length, then JSON.
struct SafetensorsHeader {
    /// The format's own limit on the header, against lengths that would make a reader allocate.
    static let greatestLength = 100_000_000

    private let mapping: MappedFile
    private let path: String

    init(_ mapping: MappedFile, path: String) { (self.mapping, self.path) = (mapping, path) }

    private func corrupt(_ message: String, cause: (any Error)? = nil) -> FledgeError {
        FledgeError(.fileCorrupt, message, at: .init(file: path), cause: cause)
    }

    private func cutOff(_ message: String) -> FledgeError {
        FledgeError(
            .fileCorrupt, message, advice: "Copy or download it again.", at: .init(file: path))
    }

    /// Whether what follows the length is a header, or nothing: then the file is one that ends early.
    private var beginsAsHeader: Bool {
        let start = mapping.bytes.dropFirst(8)
        return start.isEmpty || start.first == UInt8(ascii: "{")
    }

    func parse() throws -> (entries: [SafetensorsFile.Entry], metadata: [String: String]) {
        let bytes = mapping.bytes
        func refuseOtherFiles() throws {
            try ForeignContent.refuse(bytes, expected: "a safetensors file", at: .init(file: path))
        }
        guard bytes.count >= 8 else {
            try refuseOtherFiles()
            throw cutOff(
                "A safetensors file begins with 8 bytes that state the length of its header; this "
                    + "file has \(bytes.count).")
        }
        let stated = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard stated <= UInt64(Self.greatestLength) else {
            try refuseOtherFiles()
            throw corrupt(
                "The first 8 bytes state a header of \(stated) bytes, more than any has. It is no "
                    + "safetensors file.")
        }
        guard Int(stated) <= bytes.count - 8 else {
            if !beginsAsHeader { try refuseOtherFiles() }
            throw cutOff(
                "The first 8 bytes announce a header of \(stated) bytes, and the file has "
                    + "\(bytes.count): it is cut off.")
        }
        let dataStart = 8 + Int(stated)
        let text = UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart])
        guard text.first == UInt8(ascii: "{") else {
            throw corrupt("The header at byte 8 should begin with {.")
        }
        guard let members = try JSONValue(parsing: text, file: path).members else {
            throw corrupt("The header at byte 8 should be a JSON object.")
        }
        var metadata = [String: String]()
        var entries = [SafetensorsFile.Entry]()
        var names = Set<String>()
        for member in members {
            guard names.insert(member.key).inserted else {
                throw corrupt("The header lists \(member.key) twice.")
            }
            if member.key == "__metadata__" {
                guard let strings = member.value.members else {
                    throw corrupt("__metadata__ should be an object of strings.")
                }
                for entry in strings {
                    guard let value = entry.value.stringValue else {
                        throw corrupt("__metadata__.\(entry.key) should be a string.")
                    }
                    metadata[entry.key] = value
                }
            } else {
                entries.append(try entry(member, dataStart: dataStart))
            }
        }
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        try checkCover(entries, dataStart: dataStart)
        return (entries, metadata)
    }

    private func entry(
        _ member: JSONValue.Member, dataStart: Int
    ) throws -> SafetensorsFile.Entry {
        let name = member.key
        guard let typeName = member.value["dtype"]?.stringValue else {
            throw corrupt("\(name) has no dtype in the header.")
        }
        guard let type = SafetensorsType(rawValue: typeName) else {
            let known = SafetensorsType.allCases.map(\.rawValue).joined(separator: ", ")
            throw FledgeError(
                .unsupported, "\(name) is stored as \(typeName); known are \(known).",
                at: .init(file: path))
        }
        guard let shape = integers(member.value["shape"]) else {
            throw corrupt("The shape of \(name) should be an array of sizes.")
        }
        var size = type.byteCount
        for length in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: length)
            guard !overflow, length <= 1 << 48 else {
                throw corrupt("The shape of \(name), \(shape), is impossible.")
            }
            size = product
        }
        guard let offsets = integers(member.value["data_offsets"]), offsets.count == 2 else {
            throw corrupt("data_offsets of \(name) should be an array of two positions.")
        }
        let available = mapping.count - dataStart
        guard offsets[0] <= offsets[1], offsets[1] <= available else {
            throw cutOff(
                "\(name) lies at bytes \(offsets[0]) to \(offsets[1]) of the data, which begin at "
                    + "byte \(dataStart) and have \(available) bytes: the file is cut off.")
        }
        guard offsets[1] - offsets[0] == size else {
            throw corrupt(
                "\(name) has \(offsets[1] - offsets[0]) bytes at \(offsets[0]) of the data; "
                    + "\(typeName) of shape \(shape) needs \(size).")
        }
        return SafetensorsFile.Entry(
            name: name, type: type, shape: shape,
            range: (dataStart + offsets[0])..<(dataStart + offsets[1]))
    }

    private func integers(_ value: JSONValue?) -> [Int]? {
        guard let items = value?.arrayValue else { return nil }
        let numbers = items.compactMap(\.intValue)
        return numbers.count == items.count && numbers.allSatisfy { $0 >= 0 } ? numbers : nil
    }

    /// The ranges must follow each other and end where the file does.
    private func checkCover(_ entries: [SafetensorsFile.Entry], dataStart: Int) throws {
        var end = dataStart
        var previous = "the header"
        for entry in entries {
            guard entry.range.lowerBound == end else {
                let relation = entry.range.lowerBound < end ? "overlap" : "leave a gap between"
                throw corrupt(
                    "The data_offsets \(relation) \(previous) (up to byte \(end)) and "
                        + "\(entry.name) (from byte \(entry.range.lowerBound)).")
            }
            (end, previous) = (entry.range.upperBound, entry.name)
        }
        guard end == mapping.count else {
            throw corrupt(
                "The tensors end at byte \(end), the file at \(mapping.count); the header does "
                    + "not belong to these data.")
        }
    }
}
