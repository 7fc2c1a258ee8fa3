package import ToolSupport
package import ZeroMQ

extension ZeroMQContext {
    /// Creates a new context.
    /// - Throws: `ToolError` with the system's error message.
    package static func orToolError() throws(ToolError) -> ZeroMQContext {
        do {
            return try ZeroMQContext()
        } catch {
            throw ToolError("no ZeroMQ context can be made: \(error.text)", nextStep: "Raise the limit of open files")
        }
    }
}
