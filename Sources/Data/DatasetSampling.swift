public import FledgeCore

/// Which rows of a data set are used, in which order, as the reference draws them.
public enum DatasetSampling {
    /// The rows of `num_samples`: a random selection, or all of them and more drawn again.
    ///
    /// - Parameter generator: Shared by all data sets of a run in their order.
    public static func selection(
        of count: Int, wanted: Int, _ generator: inout MersenneTwister
    ) -> [Int] {
        let order = generator.legacyPermutation(count)
        guard wanted > count, count > 0 else { return Array(order.prefix(max(wanted, 0))) }
        return order + generator.legacyChoice(count, draws: wanted - count)
    }

    /// The rows for training and for validation of `val_size`: a fraction below 1, else a number.
    public static func split(
        _ count: Int, validation size: Double, seed: UInt64
    ) throws -> (train: [Int], validation: [Int]) {
        let wanted = try validationCount(count, size: size)
        guard wanted > 0 else { return (Array(0..<count), []) }
        var generator = PermutedCongruential(seed: seed)
        let order = generator.permutation(count)
        return (Array(order[wanted...]), Array(order[..<wanted]))
    }

    /// The number of rows that `val_size` sets aside.
    ///
    /// - Throws: ``FledgeError`` when none would be left.
    static func validationCount(_ count: Int, size: Double) throws -> Int {
        guard size > 1e-6 else { return 0 }
        guard size.isFinite, size < 1e15 else {
            throw FledgeError(.configuration, "val_size cannot be \(size).")
        }
        let wanted = size < 1 ? Int((size * Double(count)).rounded(.up)) : Int(size)
        guard wanted < count else {
            throw FledgeError(
                .configuration,
                "val_size takes \(wanted) of \(count) samples, which leaves none for training.",
                advice: "Make val_size smaller.")
        }
        return wanted
    }
}
