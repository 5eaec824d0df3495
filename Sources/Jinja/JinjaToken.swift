/// A piece of a template.
struct JinjaToken {
    enum Kind: Equatable {
        case data, variableBegin, variableEnd, blockBegin, blockEnd
        case name, text, integer, float, symbol, end
    }

    var kind: Kind
    /// The name, the characters or the digits.
    var value: String
    /// The byte of the source where it begins.
    var offset: Int

    func isName(_ name: String) -> Bool { kind == .name && JinjaText.equal(value, name) }
    func isSymbol(_ symbol: String) -> Bool { kind == .symbol && value == symbol }

    /// What messages call the token.
    var description: String {
        switch kind {
        case .data: "template data / text"
        case .variableBegin: "begin of print statement"
        case .variableEnd: "end of print statement"
        case .blockBegin: "begin of statement block"
        case .blockEnd: "end of statement block"
        case .name, .symbol: value
        case .text: "string"
        case .integer: "integer"
        case .float: "float"
        case .end: "end of template"
        }
    }
}
