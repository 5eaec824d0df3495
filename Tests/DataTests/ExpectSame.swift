import Testing

/// Expects two large values to be equal, without printing them when they are not.
func expectSame<Value: Equatable>(
    _ found: Value, _ expected: Value, _ comment: Comment = "the values differ",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if found != expected { Issue.record(comment, sourceLocation: sourceLocation) }
}
