import Foundation

/// 1/(1 + e⁻ˣ) of each element.
public func sigmoid(_ x: Tensor) -> Tensor {
    mapped(x) { x in
        let value = sigmoid(x)
        return (value, value * sigmoid(-x))
    }
}

/// ln 1/(1 + e⁻ˣ) of each element.
public func logSigmoid(_ x: Tensor) -> Tensor { mapped(x) { (logSigmoid($0), sigmoid(-$0)) } }

/// 1/(1 + e⁻ˣ).
public func sigmoid(_ x: Double) -> Double {
    x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
}

/// ln 1/(1 + e⁻ˣ), exact also where the sigmoid is nearly 0 or 1.
public func logSigmoid(_ x: Double) -> Double { min(x, 0) - log1p(exp(-abs(x))) }
