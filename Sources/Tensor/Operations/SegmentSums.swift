/// Sums of the elements of a vector by segment: Σ weightᵢ·valueᵢ over `segments[i] == s`.
///
/// Elements are added in their order and in float64, so a segment's sum depends on nothing else.
///
/// - Parameters:
///   - values: `[n]`.
///   - segments: The segment of each element.
///   - count: Number of segments; one without elements has the sum zero.
///   - weights: How much each element counts; 1 when left out.
/// - Returns: `[count]` in the type of the values.
public func segmentSums(
    _ values: Tensor, _ segments: [Int32], count: Int, weights: [Float]? = nil
) -> Tensor {
    precondition(
        values.shape == [segments.count] && weights.map { $0.count == segments.count } ?? true,
        "segmentSums: values \(values.shape), \(segments.count) segments, "
            + "\(weights?.count ?? segments.count) weights")
    precondition(
        segments.allSatisfy { $0 >= 0 && $0 < count },
        "segmentSums: a segment is outside \(count) segments")
    var sums = [Double](repeating: 0, count: count)
    for (index, (segment, value)) in zip(segments, values.doubles()).enumerated() {
        sums[Int(segment)] += weights.map { Double($0[index]) * value } ?? value
    }
    return Tensor(sums, shape: [count]).converted(to: values.elementType)
        .recorded([values.tapeReference], SegmentSums(segments: segments, weights: weights))
}

/// dvalueᵢ = weightᵢ·dy of its segment.
struct SegmentSums: RecordedOperation {
    let segments: [Int32]
    let weights: [Float]?

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let (dy, type) = (gradient.doubles(), gradient.elementType)
        let parts = segments.enumerated().map { index, segment in
            dy[Int(segment)] * (weights.map { Double($0[index]) } ?? 1)
        }
        pass.add(Tensor(parts, shape: [parts.count]).converted(to: type), to: 0)
    }
}
