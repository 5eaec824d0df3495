public import FledgeTensor

/// Keys and values of the tokens that a model has seen, one block a layer.
public final class KeyValueCache {
    var blocks: [KeyValueBlock]

    /// Creates an empty cache for up to `capacity` tokens.
    public init(for configuration: DecoderConfiguration, capacity: Int, _ type: ElementType) {
        let channels = configuration.keyValueHeadCount * configuration.headDimension
        blocks = (0..<configuration.layerCount).map { _ in
            KeyValueBlock(channels: channels, capacity: capacity, type)
        }
    }

    /// Number of tokens held.
    public var length: Int { blocks.first?.length ?? 0 }

    /// Forgets everything after the first `length` tokens.
    public func truncate(to length: Int) {
        for index in blocks.indices { blocks[index].truncate(to: length) }
    }
}
