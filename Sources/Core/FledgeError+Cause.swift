internal import Foundation

extension FledgeError {
    /// What an error of another library says, in the words of the operating system where it has them.
    static func reason(of error: any Error) -> String {
        if let error = error as? FledgeError { return error.description }
        if let number = systemNumber(of: error) { return String(cString: strerror(number)) }
        if let error = error as? CocoaError { return error.localizedDescription }
        return "\(error)"
    }

    private static func systemNumber(of error: any Error) -> Int32? {
        if let error = error as? POSIXError { return error.code.rawValue }
        if let error = error as? CocoaError { return error.underlying.flatMap(systemNumber) }
        let error = error as NSError
        if error.domain == NSPOSIXErrorDomain { return Int32(error.code) }
        return (error.userInfo[NSUnderlyingErrorKey] as? any Error).flatMap(systemNumber)
    }
}
