/// What a run produces and a checkpoint keeps: an adapter, or a whole model.
public protocol ModelArtifact {
    /// Writes the artifact's files into a folder that exists.
    func save(to folder: String) throws
    /// Takes over the values that ``save(to:)`` wrote, into the parameters that there are.
    func restore(from folder: String) throws
}
