package import FledgeCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

extension Tensor {
    /// Normally distributed numbers, a pure function of the key (Box and Muller 1958).
    package init(gaussian shape: [Int], _ type: ElementType, _ key: RandomKey) {
        var generator = KeyedGenerator(key)
        let numbers = (0..<shape.reduce(1, *)).map { _ in
            let (radius, angle) = (1 - generator.uniform(), generator.uniform())
            return (-2 * log(radius)).squareRoot() * cos(2 * .pi * angle)
        }
        self = Tensor(numbers, shape: shape).converted(to: type)
    }
}
