public import FledgeCore
import Foundation

/// Where the inputs that a search starts from are written: the folder that FUZZ_SEEDS names.
public struct SeedFolder {
    private let folder: String

    /// The folder; `nil` when no seeds are asked for.
    public init?() {
        guard let folder = ProcessInfo.processInfo.environment["FUZZ_SEEDS"] else { return nil }
        self.folder = folder
    }

    /// Writes a seed.
    public func write(_ bytes: [UInt8], _ name: String) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            try AtomicFile.write(bytes, to: folder + "/" + name)
        } catch { fatalError("\(error)") }
    }
}

/// The fixtures of the tests.
public enum Fixtures {
    private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Tests").path

    /// The path of a fixture.
    public static func path(_ tests: String, _ name: String) -> String {
        "\(Self.tests)/\(tests)/Fixtures/\(name)"
    }

    /// The content of a fixture in JSON.
    public static func json(_ tests: String, _ name: String) -> JSONValue {
        do { return try JSONValue(contentsOf: path(tests, name)) } catch { fatalError("\(error)") }
    }
}
