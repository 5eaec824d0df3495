package import FledgeCore

/// Expands the raw format of Snappy, which Parquet pages use.
package enum Snappy {
    /// The bytes that a block stands for.
    ///
    /// - Parameters:
    ///   - limit: The most bytes that may come out.
    ///   - fail: Makes the error of a damaged block.
    package static func expand(
        _ input: UnsafeRawBufferPointer, limit: Int, fail: (String) -> FledgeError
    ) throws -> [UInt8] {
        var position = 0
        var (count, shift) = (0, 0)
        while true {
            guard position < input.count, shift < 35 else { throw fail("no length") }
            let byte = input[position]
            position += 1
            count |= Int(byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 { break }
        }
        // Three bytes copy at most 64.
        guard count <= limit, count <= (input.count + 1) * 64 else {
            throw fail("a length of \(count), which cannot be")
        }
        return try [UInt8](unsafeUninitializedCapacity: count) { output, written in
            var end = 0
            while position < input.count {
                let tag = Int(input[position])
                position += 1
                if tag & 3 == 0 {
                    var length = tag >> 2
                    if length >= 60 {
                        let size = length - 59
                        guard position + size <= input.count else { throw fail("too early an end") }
                        length = 0
                        for index in 0..<size {
                            length |= Int(input[position + index]) << (8 * index)
                        }
                        position += size
                    }
                    length += 1
                    guard length <= input.count - position, length <= count - end else {
                        throw fail("a literal that is too long")
                    }
                    UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(output)[end...]
                    )
                    .copyMemory(
                        from: UnsafeRawBufferPointer(
                            rebasing: input[position..<position + length]))
                    position += length
                    end += length
                    continue
                }
                let size = tag & 3 == 3 ? 4 : tag & 3
                guard position + size <= input.count else { throw fail("too early an end") }
                var distance = 0
                for index in 0..<size { distance |= Int(input[position + index]) << (8 * index) }
                position += size
                let length = size == 1 ? tag >> 2 & 7 + 4 : tag >> 2 + 1
                if size == 1 { distance |= (tag >> 5) << 8 }
                guard distance > 0, distance <= end, length <= count - end else {
                    throw fail("a copy from or to outside")
                }
                for index in end..<end + length { output[index] = output[index - distance] }
                end += length
            }
            guard end == count else { throw fail("\(end) bytes instead of \(count)") }
            written = end
        }
    }
}
