import FledgeCore
import FledgeTrain
import Foundation
import Testing

/// What TRL's trainers made of random numbers (`Scripts/reference/reinforcement.py`).
enum PolicyFixtures {
    static func named(_ name: String) throws -> JSONValue {
        try JSONValue(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "Fixtures/\(name).json").path)
    }
}

extension JSONValue {
    /// The numbers of a list; what is no number is none there either.
    var doubles: [Double] { (arrayValue ?? []).map { $0.doubleValue ?? .nan } }
    var rows: [[Double]] { (arrayValue ?? []).map(\.doubles) }
    var items: [JSONValue] { arrayValue ?? [] }

    func number(_ key: String) throws -> Double {
        try #require(self[key]?.doubleValue, "no number \(key)")
    }

    func rows(_ key: String) throws -> [[Double]] { try #require(self[key], "no \(key)").rows }
    func doubles(_ key: String) throws -> [Double] { try #require(self[key], "no \(key)").doubles }
    func items(_ key: String) throws -> [JSONValue] { try #require(self[key], "no \(key)").items }
}

/// Both to 1e-9 of the largest, which is how far sums in another order go.
func expectEqual(
    _ found: [Double], _ expected: [Double], _ what: String,
    location: SourceLocation = #_sourceLocation
) {
    let size = max(expected.reduce(0) { max($0, abs($1)) }, 1e-3)
    let isEqual =
        found.count == expected.count
        && zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-9 * size }
    #expect(isEqual, "\(what): \(found), \(expected)", sourceLocation: location)
}
