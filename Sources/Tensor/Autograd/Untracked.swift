/// Runs `body` with parameters seen as constants: nothing that it computes from them is recorded.
///
/// - Parameter parameters: What the ``valueAndGradients(of:_:)`` around it may track.
public func untracked<Result>(
    _ parameters: [Parameter], _ body: () throws -> Result
) rethrows -> Result {
    let outer = parameters.map(\.reference)
    for parameter in parameters { parameter.reference = nil }
    defer { for (parameter, old) in zip(parameters, outer) { parameter.reference = old } }
    return try body()
}
