import FledgeCore
import FledgeKernels

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Who multiplies matrices for many rows (``ProductOrder/blocks``).
///
/// Either gives the same bits for any number of threads. Bits differ between the two.
public enum ProductLibrary: String, Sendable, CaseIterable {
    /// The kernels of the path.
    case own
    /// OpenBLAS, in tiles of fixed sizes, each on one thread; bfloat16 is widened, sums are float32.
    case openblas
}

extension Kernels {
    /// Who multiplies: OpenBLAS on the path `portable`, the path's own kernels elsewhere, unless the
    /// environment's `FLEDGE_PRODUCTS` names one.
    ///
    /// On `portable` OpenBLAS is taken only where it has kernels wider than SSE, and a row's bits do not depend on its place in a tile,
    /// which is tried once; some of its kernels (those for Haswell and Zen) add the rows of a tile in
    /// more than one way. By `FLEDGE_PRODUCTS=openblas` it is taken there too: results still have the
    /// same bits for any number of threads, but a row's then depend on its neighbours.
    public static var products: ProductLibrary {
        if let library = productOverride ?? requestedProducts { return library }
        let isPortable = strcmp(fledge_kernels().pointee.name, "portable") == 0
        return isPortable && OpenBLAS.suitsPortablePath ? .openblas : .own
    }

    /// The path, and OpenBLAS where that multiplies: what bits depend on, and checkpoints record.
    public static var signature: String {
        products == .own ? path : "\(path) with OpenBLAS"
    }

    /// For tests: replaces the library for what is computed inside `body`.
    package static func withProducts<R>(_ library: ProductLibrary, _ body: () throws -> R) rethrows
        -> R
    {
        try $productOverride.withValue(library, operation: body)
    }

    @TaskLocal private static var productOverride: ProductLibrary?

    /// What the environment asks for; a value that is none of them is reported once and ignored.
    private static let requestedProducts: ProductLibrary? = {
        guard let value = getenv("FLEDGE_PRODUCTS") else { return nil }
        let text = String(cString: value)
        let (library, note) = requestedProducts(text)
        if let note { MessageStream.write(note + "\n") }
        return library
    }()

    /// The library that a text names, and what to say when it names none.
    package static func requestedProducts(_ text: String) -> (ProductLibrary?, note: String?) {
        if text.isEmpty { return (nil, nil) }
        if let library = ProductLibrary(rawValue: text) { return (library, nil) }
        let names = ProductLibrary.allCases.map(\.rawValue).joined(separator: " or ")
        return (
            nil, "Fledge: FLEDGE_PRODUCTS=\(text.prefix(40)) is ignored; it can be \(names)"
        )
    }
}
