/// Ends the program when what has to hold does not: the fuzzer then keeps the input.
@inline(__always)
public func demand(_ condition: Bool, _ message: @autoclosure () -> String) {
    guard !condition else { return }
    fatalError(message())
}
