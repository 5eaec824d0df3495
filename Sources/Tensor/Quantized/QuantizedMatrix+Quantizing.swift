extension QuantizedMatrix {
    /// Quantises a matrix as bitsandbytes 0.50 does.
    ///
    /// - Parameters:
    ///   - name: The plain matrix's name.
    ///   - matrix: `[rows, columns]`, in any element type.
    ///   - format: Four bits or int8; ``QuantizedFormat/ggml(_:)`` is only read.
    public convenience init(_ name: String, quantizing matrix: Tensor, as format: QuantizedFormat) {
        precondition(matrix.shape.count == 2, "\(name): shape \(matrix.shape)")
        let plain = matrix.detached.converted(to: .float32)
        switch format {
        case .fourBit(let code, let hasNestedScales):
            let (data, scales) = Self.fourBit(plain, code)
            guard hasNestedScales else {
                self.init(name, shape: matrix.shape, format, data: data, scales: scales)
                return
            }
            let (nested, groupScales) = Self.nested(scales)
            self.init(
                name, shape: matrix.shape, format, data: data, scales: groupScales, nested: nested)
        case .int8:
            let (data, scales) = Self.int8(plain)
            self.init(name, shape: matrix.shape, format, data: data, scales: scales)
        case .ggml(let type):
            preconditionFailure("\(name): nothing quantises to \(type)")
        }
    }

    private static let blockCount = 64
    private static let nestedBlockCount = 256

    /// Codes, two in a byte with the first in the high half, and the largest magnitude of each block
    /// of 64 elements counted through all rows.
    private static func fourBit(
        _ matrix: Tensor, _ code: FourBitCode
    ) -> (data: Storage, scales: Tensor) {
        let (count, source) = (matrix.count, matrix.floats)
        let blocks = (count + blockCount - 1) / blockCount
        // A whole number of blocks, since kernels read them whole.
        let data = Storage(byteCount: blocks * blockCount / 2)
        let scales = Tensor(uninitialized: [blocks], .float32)
        let target = data.pointer.assumingMemoryBound(to: UInt8.self)
        let largest = scales.freshPointer.assumingMemoryBound(to: Float.self)
        let (order, middles) = code.thresholds
        parallelRows(blocks, columns: blockCount) { range in
            var (numbers, places) = ([Float](), [UInt8]())
            for block in range {
                let begin = block * blockCount
                let size = min(blockCount, count - begin)
                let values = UnsafeBufferPointer(start: source + begin, count: size)
                var magnitude: Float = 0
                for value in values { magnitude = max(magnitude, abs(value)) }
                largest[block] = magnitude
                // The reference divides in a last block that is not full, and multiplies elsewhere.
                let divisor = max(magnitude, 1e-38)
                let factor = 1 / divisor
                numbers = values.map {
                    min(max(size == blockCount ? $0 * factor : $0 / divisor, -1), 1)
                }
                numbers += [Float](repeating: 0, count: blockCount - size)
                places = [UInt8](repeating: 0, count: blockCount)
                for middle in middles {
                    for index in 0..<blockCount where numbers[index] > middle { places[index] += 1 }
                }
                for pair in 0..<(blockCount / 2) {
                    target[begin / 2 + pair] =
                        order[Int(places[2 * pair])] << 4 | order[Int(places[2 * pair + 1])]
                }
            }
        }
        withExtendedLifetime(matrix) {}
        return (data, scales)
    }

    /// Scales less their mean, each the nearest of the dynamic map's values times the largest
    /// magnitude among 256.
    private static func nested(_ scales: Tensor) -> (NestedScales, Tensor) {
        let values = scales.scalars()
        let offset = Float(values.reduce(0.0) { $0 + Double($1) } / Double(max(values.count, 1)))
        let bytes = Storage(byteCount: values.count)
        let target = bytes.pointer.assumingMemoryBound(to: UInt8.self)
        let map = DynamicMap.values
        var groups: [Float] = []
        for begin in stride(from: 0, to: values.count, by: nestedBlockCount) {
            let group = values[begin..<min(values.count, begin + nestedBlockCount)].map {
                $0 - offset
            }
            let largest = group.reduce(0) { max($0, abs($1)) }
            groups.append(largest)
            let factor = largest > 0 ? 1 / largest : 0
            for (index, value) in group.enumerated() {
                target[begin + index] = nearest(min(max(value * factor, -1), 1), in: map)
            }
        }
        return (
            NestedScales(bytes: bytes, offset: offset), Tensor(groups, shape: [groups.count])
        )
    }

    /// The place of the nearest of sorted values; of the lower one in the middle between two.
    private static func nearest(_ value: Float, in sorted: [Float]) -> UInt8 {
        var (low, high) = (0, sorted.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if sorted[middle] <= value { low = middle } else { high = middle }
        }
        return UInt8(value - sorted[low] <= sorted[high] - value ? low : high)
    }

    /// `round(w·127/s)` with s the largest magnitude of a row, of weights rounded to float16 first.
    private static func int8(_ matrix: Tensor) -> (data: Storage, scales: Tensor) {
        let (rows, columns, source) = (matrix.shape[0], matrix.shape[1], matrix.floats)
        let data = Storage(byteCount: rows * columns)
        let target = data.pointer.assumingMemoryBound(to: Int8.self)
        let scales = Tensor(uninitialized: [rows], .float32)
        let factors = scales.freshPointer.assumingMemoryBound(to: Float.self)
        parallelRows(rows, columns: columns) { range in
            for row in range {
                let values = UnsafeBufferPointer(start: source + row * columns, count: columns)
                    .map { Float(Float16($0)) }
                let largest = values.reduce(0) { max($0, abs($1)) }
                let factor = 1 / largest * 127  // rounded twice, as in the reference
                for (column, value) in values.enumerated() {
                    target[row * columns + column] =
                        largest > 0 ? Int8((value * factor).rounded(.toNearestOrEven)) : 0
                }
                factors[row] = largest * (1 / 127)
            }
        }
        withExtendedLifetime(matrix) {}
        return (data, scales)
    }
}

extension Tensor {
    fileprivate var floats: UnsafePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }
}
