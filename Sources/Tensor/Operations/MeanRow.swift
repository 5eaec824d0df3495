import FledgeKernels

extension LinearMatrix {
    /// The mean of all rows, `[1, columns]`, float32 (float64 for float64): a head times it is the mean
    /// of all logits.
    public func meanRow() -> Tensor {
        let (rows, columns) = (shape[0], shape[1])
        let type = parameter?.value.elementType ?? .float32
        var sum = Tensor(zeros: [columns], type.accumulator)
        // A few rows at a time: blocks are expanded, and sums of float32 stay short.
        for begin in stride(from: 0, to: rows, by: 1024) {
            let picked = (begin..<min(rows, begin + 1024)).map { Int32($0) }
            sum.add(gatheredRows(picked, as: type).summedRows())
        }
        sum.scale(by: 1 / Double(max(rows, 1)))
        return sum.reshaped([1, columns])
    }
}
