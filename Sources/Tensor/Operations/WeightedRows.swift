import FledgeKernels

/// What several layers gave for some tokens each, added up: `Σ weight·output`.
///
/// - Parameters:
///   - outputs: What each layer gave, `[rows, channels]`.
///   - places: For each row of each output the place of its weight, `token·count + place`.
///   - weights: `[tokens, count]`.
/// - Returns: `[tokens, channels]`; terms of a token are added in the order of the outputs, in the type of
///   sums.
public func weightedRows(_ outputs: [Tensor], _ places: [[Int32]], _ weights: Tensor) -> Tensor {
    precondition(
        outputs.count == places.count && !outputs.isEmpty && weights.shape.count == 2
            && zip(outputs, places).allSatisfy { $0.shape[0] == $1.count },
        "weightedRows: \(outputs.count) outputs, \(places.count) lists, weights \(weights.shape)")
    let operation = WeightedRows(
        outputs: outputs.map(\.detached), places: places, weights: weights.detached,
        count: weights.shape[1])
    return operation.sum().recorded(
        outputs.map(\.tapeReference) + [weights.tapeReference], operation)
}

/// doutput = weight·dy, dweight = dy·output.
struct WeightedRows: RecordedOperation {
    let outputs: [Tensor]
    let places: [[Int32]]
    let weights: Tensor
    let count: Int

    private var tokens: Int { weights.shape[0] }
    private var channels: Int { outputs[0].shape[1] }
    private var type: ElementType { outputs[0].elementType }

    func sum() -> Tensor {
        var terms = [[(output: Int, row: Int, place: Int)]](repeating: [], count: tokens)
        for (output, places) in places.enumerated() {
            for (row, place) in places.enumerated() {
                terms[Int(place) / count].append((output, row, Int(place)))
            }
        }
        let (channels, sums) = (channels, type.accumulator)
        let size = channels * sums.byteCount
        let factors = weights.doubles()
        let total = Tensor(zeros: [tokens, channels], sums)
        let wide = outputs.map { $0.converted(to: sums) }
        let kernels = Kernels.of(sums)
        let target = total.freshPointer
        parallelRows(tokens, columns: channels) { rows in
            for token in rows {
                let sum = target + token * size
                for term in terms[token] {
                    kernels.scale_add(
                        sum, wide[term.output].pointer + term.row * size,
                        factors[term.place], channels)
                }
            }
        }
        withExtendedLifetime((wide, total)) {}
        return total.converted(to: type)
    }

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient.converted(to: type.accumulator)
        let (channels, sums) = (channels, type.accumulator)
        let size = channels * sums.byteCount
        let factors = weights.doubles()
        var slopes = [Double](repeating: 0, count: factors.count)
        let kernels = Kernels.of(sums)
        for (index, (output, places)) in zip(outputs, places).enumerated() {
            if pass.wants(index) {
                let part = Tensor(uninitialized: output.shape, sums)
                let target = part.freshPointer
                parallelRows(places.count, columns: channels) { rows in
                    for row in rows {
                        let place = Int(places[row])
                        kernels.scale(
                            target + row * size, dy.pointer + place / count * size, factors[place],
                            channels)
                    }
                }
                pass.add(part.converted(to: type), to: index)
            }
            guard pass.wants(outputs.count) else { continue }
            let wide = output.converted(to: sums)
            let products = Tensor(uninitialized: [max(places.count, 1), channels], sums)
            slopes.withUnsafeMutableBufferPointer { slopes in
                let slopes = slopes
                parallelRows(places.count, columns: channels) { rows in
                    for row in rows {
                        let place = Int(places[row])
                        let product = products.freshPointer + row * size
                        kernels.multiply(
                            product, dy.pointer + place / count * size, wide.pointer + row * size,
                            channels)
                        slopes[place] = kernels.sum(product, channels)
                    }
                }
            }
            withExtendedLifetime((wide, products)) {}
        }
        withExtendedLifetime(dy) {}
        if pass.wants(outputs.count) {
            pass.add(
                Tensor(slopes, shape: weights.shape).converted(to: weights.elementType),
                to: outputs.count)
        }
    }
}
