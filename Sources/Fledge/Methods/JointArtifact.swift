public import FledgeModel

/// Several things that training changes, saved into one folder: a model or adapter, and a head.
public struct JointArtifact: ModelArtifact {
    private let parts: [any ModelArtifact]

    /// Joins artifacts whose files have different names.
    public init(_ parts: any ModelArtifact...) { self.parts = parts }

    /// Writes the files of all parts; the last one's come last.
    public func save(to folder: String) throws {
        for part in parts { try part.save(to: folder) }
    }

    /// Takes over what ``save(to:)`` wrote.
    ///
    /// - Throws: What a part throws whose files are missing or do not fit.
    public func restore(from folder: String) throws {
        for part in parts { try part.restore(from: folder) }
    }
}
