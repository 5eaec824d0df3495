/// A layer that sends each token to some of several others, and counts it in ``ForwardPass/routers``.
public protocol RoutedModule: Module {}

extension CausalLM {
    /// Whether there is a layer that sends tokens to experts.
    public var routesTokens: Bool {
        ModuleDescription(of: self).modules.contains { $0 is any RoutedModule }
    }
}
