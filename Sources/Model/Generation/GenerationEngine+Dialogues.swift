/// Sequences that grow turn by turn.
extension GenerationEngine {
    /// Begins a dialogue, which holds nothing yet.
    public func makeDialogue() -> Dialogue {
        count += 1
        dialogues[count] = KeptDialogue(branch: madeCache().branch())
        return Dialogue(number: count)
    }

    /// Gives back what a dialogue holds; a request of it that is under way goes on to its end.
    public func close(_ dialogue: Dialogue) {
        guard let kept = dialogues.removeValue(forKey: dialogue.number), !kept.isBusy else {
            return
        }
        cache?.release(kept.branch)
    }

    /// Forgets all keys and values, which is needed when the model's weights have changed; dialogues go
    /// on, and compute their next prompt from its beginning.
    ///
    /// - Precondition: Nothing is under way.
    public func forget() {
        precondition(live.isEmpty, "GenerationEngine: \(live.count) answers are under way")
        cache = nil
        for number in dialogues.keys {
            dialogues[number]?.branch = madeCache().branch()
            dialogues[number]?.ids = []
        }
    }
}
