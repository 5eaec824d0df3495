import Foundation

/// The files that the tests of columnar data read.
enum ColumnarFixtures {
    /// Their folder, with a slash at its end.
    static let folder =
        URL(filePath: #filePath).deletingLastPathComponent().path + "/Fixtures/"
}
