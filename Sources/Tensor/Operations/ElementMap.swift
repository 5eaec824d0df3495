/// Applies a function of one number to each element: for objectives, whose tensors are small.
///
/// - Parameter body: The function's value and its derivative.
public func mapped(
    _ x: Tensor, _ body: (Double) -> (value: Double, derivative: Double)
) -> Tensor {
    let results = x.doubles().map(body)
    return Tensor(results.map(\.value), shape: x.shape).converted(to: x.elementType)
        .recorded(
            [x.tapeReference],
            ElementMap(derivatives: Tensor(results.map(\.derivative), shape: x.shape)))
}

/// dx = dy·f'(x).
struct ElementMap: RecordedOperation {
    let derivatives: Tensor

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let type = gradient.elementType
        pass.add(
            (gradient.converted(to: .float64) * derivatives).converted(to: type), to: 0)
    }
}
