import Foundation

/// What happens to a text before its words are cut.
enum Normalizer: Hashable, Sendable {
    case none
    /// Unicode's composed canonical form.
    case composed

    /// Calls with the normalised text.
    func withNormalized(
        _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        // Everything below U+0300 is composed already.
        guard self == .composed, text.contains(where: { $0 >= 0xCC }) else { return body(text) }
        var composed = String(decoding: text, as: UTF8.self).precomposedStringWithCanonicalMapping
        composed.withUTF8(body)
    }
}
