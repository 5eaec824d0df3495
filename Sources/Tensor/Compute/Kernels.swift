import FledgeKernels

/// Which instruction set the kernels use, and how many threads.
public enum Kernels {
    /// `avx512-bf16`, `avx512-bf16-widened`, `avx512`, `avx2` or `portable`: the best for the CPU,
    /// unless the environment's `FLEDGE_KERNELS` names one.
    ///
    /// Results have the same bits on the same path and with the same ``products``; checkpoints record
    /// both.
    public static var path: String { String(cString: fledge_kernels().pointee.name) }

    /// Number of threads that compute; `FLEDGE_THREADS`, or else as many as the affinity mask allows.
    ///
    /// Results have the same bits for any number.
    public static var threads: Int {
        get { fledge_threads() }
        set { fledge_set_threads(newValue) }
    }

    /// The paths that this CPU runs, an emulated one for tests included.
    package static var availablePaths: [String] {
        var names: [String] = []
        var index = 0
        while let name = fledge_kernels_name(index) {
            if fledge_kernels_named(name) != nil { names.append(String(cString: name)) }
            index += 1
        }
        return names
    }

    /// Runs `body` with another path on this thread.
    package static func withPath<R>(_ name: String, _ body: () throws -> R) rethrows -> R {
        guard let table = fledge_kernels_named(name) else {
            preconditionFailure("Kernels: no path \(name) on this CPU")
        }
        fledge_override_kernels(table)
        defer { fledge_override_kernels(nil) }
        return try body()
    }

    /// Columns in which the gradients of an attention head of `dimension` channels are summed.
    package static func attentionGradientWidth(of dimension: Int, _ type: ElementType) -> Int {
        of(type).attention_width(dimension)
    }

    /// The kernels for elements of a type.
    static func of(_ type: ElementType) -> fledge_element_kernels {
        fledge_kernels_of(fledge_kernels(), Int32(type.rawValue)).pointee
    }
}

/// Runs `body(0) ... body(count - 1)` on the pool of threads; returns when all have run.
///
/// The caller takes part. Calls from inside a body, and calls while another thread holds the pool,
/// run serially. What a body computes must not depend on which others have run.
package func parallelFor(_ count: Int, _ body: (Int) -> Void) {
    guard count > 1 else {
        if count == 1 { body(0) }
        return
    }
    withoutActuallyEscaping(body) { body in
        withUnsafePointer(to: body) { pointer in
            fledge_parallel_for(
                count,
                { context, index in
                    guard let context else { return }
                    context.assumingMemoryBound(to: ((Int) -> Void).self).pointee(index)
                }, UnsafeMutableRawPointer(mutating: pointer))
        }
    }
}

/// Runs `body` on chunks of `size` out of `count`, whose bounds do not depend on the threads.
package func parallelChunks(_ count: Int, size: Int, _ body: (Range<Int>) -> Void) {
    parallelFor((count + size - 1) / size) { chunk in
        body(chunk * size..<min(count, (chunk + 1) * size))
    }
}

/// Chunks of rows with about as many elements as the first-level cache holds.
func parallelRows(_ rows: Int, columns: Int, _ body: (Range<Int>) -> Void) {
    parallelChunks(rows, size: max(1, 16384 / max(1, columns)), body)
}
