package import FledgeCore
package import FledgeTensor

extension FledgeError.Code {
    /// A weight that is no finite number.
    package static let weightNotFinite: FledgeError.Code = "model.notFinite"
}

extension Tensor {
    /// Refuses weights that are no finite numbers: everything computed from them would be none.
    ///
    /// - Throws: ``FledgeError`` that names the first of them.
    package func requireFinite(_ name: String, at path: String) throws {
        guard let index = firstNonFinite else { return }
        throw FledgeError.notFinite(name, shape, index, at: path)
    }
}

extension QuantizedMatrix {
    /// Refuses blocks that stand for numbers that are not finite, without expanding more than some
    /// rows at a time.
    func requireFinite(_ name: String, at path: String) throws {
        let rowsAtOnce = max(1, (1 << 20) / max(shape[1], 1))
        var row = 0
        while row < shape[0] {
            let rows = row..<min(row + rowsAtOnce, shape[0])
            if let index = expanded(rows: rows, as: .float32).firstNonFinite {
                throw FledgeError.notFinite(
                    name, shape, rows.lowerBound * shape[1] + index, at: path)
            }
            row = rows.upperBound
        }
    }
}

extension FledgeError {
    fileprivate static func notFinite(
        _ name: String, _ shape: [Int], _ index: Int, at path: String
    ) -> FledgeError {
        var (rest, place) = (index, [Int]())
        for size in shape.reversed() {
            place.insert(rest % size, at: 0)
            rest /= size
        }
        return FledgeError(
            .weightNotFinite,
            "The tensor \(name) holds a number that is not finite (NaN or infinite), the first at "
                + "\(place).",
            advice:
                "The weights were spoiled before they were saved, or the file is damaged: take an "
                + "earlier one or download it again.", at: .init(file: path))
    }
}
