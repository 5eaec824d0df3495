internal import FledgeCore
internal import FledgeModel

/// The value head that a run trains: that of the folder it begins with, or a new one.
struct ValueHeadChoice {
    let head: ValueHead
    /// Which it is, as a sentence.
    let note: String

    /// Chooses a head.
    ///
    /// - Throws: ``FledgeError`` when the folder's head is damaged or does not fit.
    init(_ side: ModelSide, _ configuration: RunConfiguration) throws {
        let channels = side.model.configuration.hiddenSize
        let folder = try configuration.valueHeadFolder()
        let dropout = Float(configuration.finetuning.valueHeadDropout)
        guard ValueHead.isPresent(in: folder) else {
            head = ValueHead(
                channels: channels, seed: configuration.training.seed, dropout: dropout)
            note = "The value head is new: \(folder) has none."
            return
        }
        head = try ValueHead(folder: folder, channels: channels, dropout: dropout)
        note = "The value head is that of \(folder)."
    }
}
