internal import FledgeModel
internal import FledgeTensor

/// The loss that keeps the routers of experts balanced, added to that of an objective (reference: 03 §7).
///
/// It is a function of all tokens of a micro-batch, so its mean over an optimizer step is that of the
/// micro-batches', each by the weight that its objective's loss has.
struct AuxiliaryLoss {
    /// What it is multiplied by; 0 for none.
    let coefficient: Double

    /// The name that it is reported by.
    static let name = "aux_loss"

    /// Lets a pass count its routers.
    func begin(_ pass: inout ForwardPass) {
        if coefficient != 0 { pass.routers = RouterBalance() }
    }

    /// Ends the counting, before anything is derived, and adds the loss to a report.
    func add(to report: inout LossReport, from pass: ForwardPass) {
        guard let routers = pass.routers else { return }
        let scale = coefficient * report.weight
        let loss = routers.close(scale: scale)
        report.sum += scale * loss
        report.metrics[Self.name] = Metric(sum: loss * report.weight, weight: report.weight)
    }
}
