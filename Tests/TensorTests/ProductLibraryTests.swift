import FledgeCore
import FledgeTensor
import FledgeTesting
import Testing

/// Products by OpenBLAS: what they promise beside what every path's do.
@Suite(.serialized) struct ProductLibraryTests {
    private func bits(_ x: Tensor) -> [UInt8] { x.withUnsafeBytes { Array($0) } }

    /// Values and gradients of a product with everything that one can have.
    private func results(
        _ type: ElementType, weight: ElementType, _ tokens: Int, _ inputs: Int, _ outputs: Int,
        rank: Int = 20
    ) -> [Tensor] {
        let sums = type.accumulator
        let x = parameter([tokens, inputs], "x", type)
        let (w, bias) = (
            parameter([outputs, inputs], "w", weight), parameter([outputs], "c", sums)
        )
        let (a, b) = (parameter([rank, inputs], "a", sums), parameter([outputs, rank], "b", sums))
        var output: Tensor?
        let all = [x, w, bias, a, b]
        let gradients = valueAndGradients(of: all) {
            let y = linearProduct(
                x.tracked, .plain(w), bias: bias,
                lowRank: LowRankTerm(down: a, up: b, scaling: 2))
            output = y.detached
            // The gradient of x is then added to one that is there.
            return projected(y + linearProduct(x.tracked, w))
        }.gradients
        return [output].compactMap { $0 } + all.compactMap { gradients[$0] }
    }

    static let sizes = [
        (1, 16, 16), (3, 64, 33), (37, 65, 50), (64, 256, 256), (65, 257, 259), (130, 300, 200),
        (300, 577, 31), (20, 1030, 530),
    ]

    @Test(arguments: Kernels.availablePaths)
    func areThoseOfTheOwnKernels(path: String) {
        for (type, weight, tolerance) in [
            (ElementType.float32, ElementType.float32, 2e-6), (.float64, .float64, 1e-14),
            (.float32, .bfloat16, 1e-5), (.bfloat16, .bfloat16, 1.2e-2),
            (.bfloat16, .float32, 1.2e-2),
        ] {
            for (tokens, inputs, outputs) in Self.sizes {
                let found = Kernels.withPath(path) {
                    Kernels.withProducts(.openblas) {
                        results(type, weight: weight, tokens, inputs, outputs)
                    }
                }
                let expected = Kernels.withPath(path) {
                    Kernels.withProducts(.own) {
                        results(type, weight: weight, tokens, inputs, outputs)
                    }
                }
                #expect(found.count == 6)
                for (a, b) in zip(found, expected) {
                    let closeness = Closeness(a, b)
                    #expect(
                        closeness.isWithin(tolerance),
                        "\(path) \(type) \(weight) \(tokens)×\(inputs)×\(outputs): \(closeness)")
                }
            }
        }
    }

    @Test(arguments: [ElementType.float32, .float64, .bfloat16])
    func threadsChangeNoBit(type: ElementType) {
        let before = Kernels.threads
        defer { Kernels.threads = before }
        func run(_ threads: Int) -> [[UInt8]] {
            Kernels.threads = threads
            return Kernels.withProducts(.openblas) {
                results(type, weight: type, 530, 320, 300).map(bits)
            }
        }
        let alone = run(1)
        for count in [2, 3, 7] { #expect(run(count) == alone) }
    }

    /// Where the library is the path's own choice, a row has its bits beside any others; elsewhere the
    /// path does without the library.
    @Test(arguments: [ElementType.float32, .float64, .bfloat16])
    func neighboursChangeNoBit(type: ElementType) {
        Kernels.withPath("portable") {
            guard Kernels.products == .openblas else { return }
            for (inputs, outputs) in [(300, 130), (40, 33), (256, 520), (600, 20)] {
                let w = parameter([outputs, inputs], "w", type)
                let x = sample([210, inputs], "x", type)
                let term = LowRankTerm(
                    down: parameter([24, inputs], "a", type.accumulator),
                    up: parameter([outputs, 24], "b", type.accumulator), scaling: 2)
                let whole = bits(linearProduct(x, .plain(w), lowRank: term))
                let (size, rowBytes) = (inputs * type.byteCount, outputs * type.byteCount)
                for (begin, count) in [(0, 1), (3, 2), (63, 2), (17, 65), (1, 209), (100, 16)] {
                    var part = Tensor(zeros: [count, inputs], type)
                    part.withUnsafeMutableBytes { target in
                        x.withUnsafeBytes {
                            target.copyMemory(
                                from: .init(rebasing: $0[begin * size..<(begin + count) * size]))
                        }
                    }
                    #expect(
                        bits(linearProduct(part, .plain(w), lowRank: term))
                            == Array(whole[begin * rowBytes..<(begin + count) * rowBytes]),
                        "\(type) \(inputs)×\(outputs) rows \(begin)..<\(begin + count)")
                }
            }
        }
    }

    /// A mapped file's numbers may begin at any byte.
    @Test func operandsNeedNoAlignment() {
        final class Owner {}
        let values = sample([64, 80], "w", .float32).scalars()
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 64 * 80 * 4 + 1, alignment: 16)
        defer { memory.deallocate() }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[1...])
        values.withUnsafeBytes { bytes.copyMemory(from: $0) }
        let borrowed = Tensor(
            borrowing: UnsafeRawBufferPointer(bytes), owner: Owner(),
            shape: [64, 80], .float32)
        let x = sample([20, 80], "x", .float32)
        Kernels.withProducts(.openblas) {
            let found = linearProduct(x, Parameter("w", borrowed))
            let expected = linearProduct(x, Parameter("w", Tensor(values, shape: [64, 80])))
            #expect(found.scalars() == expected.scalars())
        }
    }

    @Test func theEnvironmentNamesALibraryOrIsReported() {
        #expect(Kernels.requestedProducts("own").0 == .own)
        #expect(Kernels.requestedProducts("openblas").0 == .openblas)
        let empty = Kernels.requestedProducts("")
        #expect(empty.0 == nil && empty.note == nil)
        for text in ["OPENBLAS", "mkl", "1", " own", String(repeating: "x", count: 9999)] {
            let (library, note) = Kernels.requestedProducts(text)
            #expect(library == nil && note?.hasSuffix("it can be own or openblas") == true)
            #expect((note?.count ?? 0) < 120)
        }
    }

    @Test func otherPathsMultiplyThemselves() {
        for path in Kernels.availablePaths where path != "portable" {
            Kernels.withPath(path) {
                #expect(Kernels.products == .own && Kernels.signature == path)
                #expect(Kernels.withProducts(.openblas) { Kernels.signature } != path)
                #expect(Kernels.withProducts(.openblas) { Kernels.products } == .openblas)
            }
        }
    }
}
