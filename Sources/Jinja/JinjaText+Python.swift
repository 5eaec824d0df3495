package import FledgeCore

extension JinjaText {
    /// A value as Python's `str` and Jinja's `string` write it: texts as they are, and `True`, `None` and
    /// `{'a': [1]}`.
    ///
    /// - Throws: `FledgeError` for values that are nested too deeply.
    package static func python(_ value: JSONValue) throws -> String {
        do {
            return try JinjaPrinter.string(JinjaValue(value), limit: JinjaLimits().textBytes)
        } catch let error as JinjaError {
            throw FledgeError(
                .data, "A value cannot be written as Python writes it: \(error.message)",
                advice: "Nest it less deeply.")
        }
    }
}
