import FledgeCore
import FledgeTensor
import FledgeTesting
import Testing

@Suite struct TensorTests {
    @Test func copiesAreValues() {
        let a = Tensor([1, 2, 3] as [Float], shape: [3])
        var b = a
        b.withMutableFloats { $0[1] = 7 }
        #expect(a.scalars() == [1, 2, 3] && b.scalars() == [1, 7, 3])
        #expect(a.reshaped([3, 1]).shape == [3, 1])
    }

    @Test func borrowedBytesAreNeverWritten() {
        final class Owner { var bytes: [Float] = [1, 2, 3, 4] }
        let owner = Owner()
        let address = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4)
        defer { address.deallocate() }
        _ = address.initialize(from: owner.bytes)
        var x = Tensor(
            borrowing: UnsafeRawBufferPointer(address), owner: owner, shape: [2, 2], .float32)
        x.withMutableFloats { $0[0] = 9 }
        #expect(address[0] == 1 && x.scalars() == [9, 2, 3, 4])
    }

    @Test(arguments: Kernels.availablePaths) func roundingToBfloat16(path: String) {
        // Halfway cases go to even; infinities and NaN stay what they are.
        let bits: [UInt32] = [
            0x3F80_8000, 0x3F81_8000, 0x3F80_8001, 0x7F80_0000, 0xFF80_0000, 0x7F80_0001,
            0x7FFF_FFFF, 0x0000_0001, 0x8000_0000, 0x7F7F_FFFF, 0x3F80_7FFF,
        ]
        let x = Tensor(bits.map { Float(bitPattern: $0) }, shape: [bits.count])
        let rounded = Kernels.withPath(path) { x.converted(to: .bfloat16) }
        let halves = rounded.withUnsafeBytes { $0.withMemoryRebound(to: UInt16.self) { Array($0) } }
        #expect(
            halves == [
                0x3F80, 0x3F82, 0x3F81, 0x7F80, 0xFF80, 0x7FC0, 0x7FFF, 0, 0x8000, 0x7F80, 0x3F80,
            ])
        #expect(rounded.converted(to: .float32).scalars()[0] == 1)
    }

    @Test func emptyRuns() {
        let (x, w) = (Tensor(zeros: [0, 4]), parameter([3, 4], "w", .float32))
        let gradients = valueAndGradients(of: [w]) {
            let y = linearProduct(x, w)
            #expect(y.shape == [0, 3])
            let z = causalAttention(
                y, y, y, layout: SequenceLayout(lengths: [0, 0]), heads: 1, keyValueHeads: 1,
                options: .init(scale: 1))
            return tokenCrossEntropy(
                z, head: .plain(parameter([5, 3], "h", .float32)), Supervision())
        }.gradients
        #expect(gradients[w]?.scalars() == Array(repeating: 0, count: 12))
    }

    @Test func nothingIsTrackedOutside() {
        let (x, w) = (sample([2, 4], "x"), parameter([3, 4], "w"))
        #expect(!linearProduct(x, w).isTracked && !w.tracked.isTracked)
        var escaped: Tensor?
        _ = valueAndGradients(of: [w]) {
            let y = linearProduct(x, w)
            #expect(y.isTracked && !y.detached.isTracked)
            escaped = y
            return sum(y)
        }
        #expect(escaped?.isTracked == false)
    }

    @Test func gradientsAddUp() {
        let (a, b) = (parameter([2], "a"), parameter([2], "b"))
        func gradients(_ factor: Double) -> Gradients {
            valueAndGradients(of: [a, b]) { sum(a.tracked * factor) }.gradients
        }
        var total = gradients(1)
        total += gradients(2)
        #expect(total[a]?.doubles() == [3, 3] && total[b] == nil)
        total.scale(by: 0.5)
        #expect(total[a]?.doubles() == [1.5, 1.5] && total.squaredNorm(of: [a, b]) == 4.5)
        total[b] = Tensor([1.0, 2.0], shape: [2])
        #expect(total.squaredNorm(of: [b, a]) == 9.5)
    }

    @Test func memoryComesBack() {
        let w = parameter([64, 64], "w", .float32)
        let x = sample([32, 64], "x", .float32)
        func step() {
            _ = valueAndGradients(of: [w]) { sum(linearProduct(linearProduct(x, w), w)) }
        }
        step()
        let before = BufferPool.currentBytes
        for _ in 0..<5 { step() }
        // Other tests allocate at the same time, so this is a bound against leaks of every step.
        #expect(BufferPool.currentBytes < before + 64 << 20)
        #expect(BufferPool.peakBytes >= BufferPool.currentBytes)
    }

    @Test func changingSizesDoNotPileUp() {
        for count in stride(from: 1 << 20, through: 32 << 20, by: 1 << 20) {
            _ = Tensor(zeros: [count])
        }
        // Kept buffers of all sizes would be over two gigabytes. What tensors of other tests hold at
        // the same time only raises the bound.
        #expect(BufferPool.isWithinLimit)
    }

    @Test func deepTapesAreReleasedFlat() {
        let a = parameter([1], "a")
        let gradient = valueAndGradients(of: [a]) {
            var x = a.tracked
            for _ in 0..<100_000 { x = x + a.value }
            return x
        }.gradients[a]
        #expect(gradient?.doubles() == [1])
    }

    @Test func closenessFindsWhatIsWrong() {
        #expect(Closeness([1, 2], [1, 2]).isWithin(0))
        #expect(!Closeness([1, 2.1], [1, 2]).isWithin(0.01))
        #expect(!Closeness([1, .nan], [1, 2]).isWithin(1))
        #expect(!Closeness([1], [1, 2]).isWithin(1))
    }

    @Test func dropoutKeepsTheMean() {
        let keys = (0..<100).map { RandomKey(seed: $0).bits }
        let ones = Tensor(Array(repeating: 1 as Float, count: 100 * 101), shape: [100, 101])
        let mean =
            dropout(ones, Dropout(probability: 0.3, rowKeys: keys)).scalars()
            .reduce(0, +) / 10100
        // Standard deviation of the mean: sqrt(0.3 / 0.7 / 10100) = 0.0065.
        #expect(abs(mean - 1) < 0.03)
    }
}
