/// How the processes of one run exchange sums.
///
/// Every number that depends on the samples of all ranks (loss, weight, gradient, norm) goes through
/// here, from one process on. All ranks call the same methods in the same order.
public protocol Communicator: Sendable {
    /// Index of this process.
    var rank: Int { get }
    /// Number of processes.
    var count: Int { get }
    /// Replaces the values by their sums over all ranks, added in the order of ranks.
    func sum(_ values: UnsafeMutableBufferPointer<Float>) throws
    /// Replaces the values by their sums over all ranks, added in the order of ranks.
    func sum(_ values: inout [Double]) throws
    /// Replaces the values by those of `root`.
    func broadcast(_ values: UnsafeMutableBufferPointer<Float>, from root: Int) throws
    /// Returns when every rank has called it.
    func barrier() throws
}

/// The communicator of a run in one process: nothing to exchange.
public struct SingleProcess: Communicator {
    /// Creates the communicator.
    public init() {}
    /// Always 0.
    public var rank: Int { 0 }
    /// Always 1.
    public var count: Int { 1 }
    /// Leaves the values as they are.
    public func sum(_ values: UnsafeMutableBufferPointer<Float>) {}
    /// Leaves the values as they are.
    public func sum(_ values: inout [Double]) {}
    /// Leaves the values as they are.
    public func broadcast(_ values: UnsafeMutableBufferPointer<Float>, from root: Int) {}
    /// Returns at once.
    public func barrier() {}
}
