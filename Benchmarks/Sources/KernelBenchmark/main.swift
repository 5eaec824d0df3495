@preconcurrency import Benchmark
import Fledge

// Kernels at the sizes of SmolLM2-135M and 512 tokens, by themselves: what a step is measured against.
//
// Usage: KernelBenchmark [--filter NAME] [--format json] [--min-time SECONDS]

/// Benchmarks with the floating-point operations of one call, for the column of rates.
var operations: [String: Double] = [:]

@MainActor func measure(
    _ name: String, operations count: Double = 0, _ body: @escaping () -> Void
) {
    operations[name] = count
    benchmark(
        name, settings: Columns(["name", "time", "std", "iterations", "GFLOP/s"]),
        MinTime(seconds: 0.5)
    ) { body() }
}

func sample(_ shape: [Int], _ type: ElementType = .float32, scale: Float = 1) -> Tensor {
    var generator = KeyedGenerator(RandomKey(seed: UInt64(shape.reduce(1, +))))
    let count = shape.reduce(1, *)
    let values = (0..<count).map { _ in Float.random(in: -scale...scale, using: &generator) }
    return Tensor(values, shape: shape).converted(to: type)
}

let (tokens, channels, inner, vocabulary) = (512, 576, 1536, 49152)
let layout = SequenceLayout(lengths: [tokens])

for type in [ElementType.float32, .bfloat16] {
    // A layer's products forward are those of its activation gradients with the sizes exchanged.
    for (rows, inputs, outputs) in [
        (tokens, channels, channels), (tokens, channels, 192), (tokens, 192, channels),
        (tokens, channels, inner), (tokens, inner, channels), (256, channels, vocabulary),
        (256, vocabulary, channels),
    ] {
        let (x, w) = (
            sample([rows, inputs], type), Parameter("w", sample([outputs, inputs], type))
        )
        measure(
            "product \(rows)x\(inputs)x\(outputs) \(type)",
            operations: 2 * Double(rows * inputs * outputs)
        ) {
            _ = linearProduct(x, w)
        }
    }
    let x = sample([tokens, channels], type)
    let w = Parameter("w", sample([inner, channels], type, scale: 0.05))
    let down = Parameter("a", sample([8, channels]))
    let up = Parameter("b", sample([inner, 8]))
    measure(
        "product \(tokens)x\(channels)x\(inner) with rank 8 \(type)",
        operations: 2 * Double(tokens * (channels * inner + 8 * (channels + inner)))
    ) {
        _ = linearProduct(
            x, .plain(w), lowRank: LowRankTerm(down: down, up: up, scaling: 2))
    }
    let blocks = QuantizedMatrix(
        "w", quantizing: w.value.converted(to: .float32),
        as: .fourBit(.nf4, hasNestedScales: true))
    measure(
        "product \(tokens)x\(channels)x\(inner) NF4 \(type)",
        operations: 2 * Double(tokens * channels * inner)
    ) {
        _ = linearProduct(x, .quantized(blocks))
    }
    for rows in [1, 32] {
        let few = sample([rows, channels], type)
        let count = 2 * Double(rows * channels * inner)
        measure("lanes \(rows)x\(channels)x\(inner) \(type)", operations: count) {
            _ = linearProduct(few, .plain(w), order: .lanes)
        }
        measure("lanes \(rows)x\(channels)x\(inner) NF4 \(type)", operations: count) {
            _ = linearProduct(few, .quantized(blocks), order: .lanes)
        }
    }
    for length in [512, 2048] {
        let layout = SequenceLayout(lengths: [length])
        let q = Parameter("q", sample([length, channels], type), isTrainable: true)
        let k = Parameter("k", sample([length, 192], type), isTrainable: true)
        let v = Parameter("v", sample([length, 192], type), isTrainable: true)
        let forward = 2 * Double(length * (length + 1) * channels)
        measure("attention \(length) \(type)", operations: forward) {
            _ = causalAttention(
                q.value, k.value, v.value, layout: layout, heads: 9, keyValueHeads: 3,
                options: .init(scale: 0.125))
        }
        measure("attention with gradients \(length) \(type)", operations: 3.5 * forward) {
            _ = valueAndGradients(of: [q, k, v]) {
                sum(
                    causalAttention(
                        q.tracked, k.tracked, v.tracked, layout: layout, heads: 9, keyValueHeads: 3,
                        options: .init(scale: 0.125)))
            }
        }
    }
    let norm = Parameter("n", sample([channels]))
    measure("RMS norm \(type)") { _ = rmsNormalized(x, norm, epsilon: 1e-5) }
    let (gate, raised) = (sample([tokens, inner], type), sample([tokens, inner], type))
    measure("gated activation \(type)") { _ = gatedActivation(gate, raised, .silu) }
    let hidden = Parameter("h", sample([tokens, channels], type), isTrainable: true)
    let head = Parameter("head", sample([vocabulary, channels], type, scale: 0.05))
    var supervision = Supervision()
    for row in 0..<tokens { supervision.append(row: row, target: Int32(row), sample: 0) }
    measure(
        "head and cross-entropy with gradients \(type)",
        operations: 4 * Double(tokens * channels * vocabulary)
    ) {
        _ = valueAndGradients(of: [hidden]) {
            tokenCrossEntropy(hidden.tracked, head: .plain(head), supervision)
        }
    }
}

let weights = Parameter("w", sample([inner, channels]), isTrainable: true)
let gradient = sample([inner, channels])
var first = Tensor(zeros: [inner, channels]), second = Tensor(zeros: [inner, channels])
measure("AdamW of \(inner * channels) weights") {
    adamWUpdate(
        weights, gradient: gradient, first: &first, second: &second, rate: 1e-4, beta1: 0.9,
        beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step: 1)
}

let counts = operations
BenchmarkColumn.register(
    BenchmarkColumn(
        name: "GFLOP/s",
        value: { result in
            let times = result.measurements.sorted()
            return (counts[result.benchmarkName] ?? 0) / times[times.count / 2]
        },
        formatter: { value, _ in value == 0 ? "" : "\((value * 10).rounded() / 10)" }))
Benchmark.main()
