public import FledgeModel
public import FledgeTokenize

extension Checkpoint {
    /// The model's tokenizer and a chat template, fitted to each other.
    ///
    /// - Parameter template: A name of ``TemplateCatalog``.
    /// - Throws: ``FledgeError`` when there is no tokenizer or no such template.
    public func tokenizer(
        template name: String
    ) throws -> (tokenizer: TextTokenizer, template: ChatTemplate) {
        var tokenizer = try TokenizerFile.load(path)
        let template = try TemplateCatalog.named(name)
        _ = try template.prepare(&tokenizer)
        return (tokenizer, template)
    }
}
