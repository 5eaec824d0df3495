/// The sum of all elements as a tensor without dimensions, float32 (float64 for float64).
public func sum(_ x: Tensor) -> Tensor {
    Tensor([x.total()], shape: []).converted(to: x.elementType.accumulator)
        .recorded([x.tapeReference], Sum(shape: x.shape, type: x.elementType))
}

/// Every element gets the sum's gradient.
struct Sum: RecordedOperation {
    let shape: [Int]
    let type: ElementType

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let scalars = [Double](repeating: gradient.scalar, count: shape.reduce(1, *))
        pass.add(Tensor(scalars, shape: shape).converted(to: type), to: 0)
    }
}
