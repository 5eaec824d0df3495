/// One message of a dialogue.
public struct Message: Hashable, Sendable {
    /// Who speaks.
    public enum Role: String, Hashable, Sendable, CaseIterable {
        /// The person who asks.
        case user
        /// The model that answers.
        case assistant
        /// The instructions before a dialogue.
        case system
        /// A call of a tool by the model, as JSON.
        case function
        /// What a tool returned.
        case observation
    }

    /// Who speaks.
    public var role: Role
    /// What is said.
    public var content: String

    /// Creates a message.
    public init(_ role: Role, _ content: String) { (self.role, self.content) = (role, content) }
}
