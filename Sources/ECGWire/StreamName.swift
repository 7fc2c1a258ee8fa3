/// Valid stream names: short, and safe in topics, log lines, metrics, file names and terminals.
public enum StreamName {
    /// Maximum length in characters.
    public static let maximumLength = 64

    /// Whether `name` consists of 1 to 64 characters from A-Z a-z 0-9 _ - . : and starts with a letter, a digit or _.
    public static func isValid(_ name: some StringProtocol) -> Bool {
        var length = 0
        for character in name.utf8 {
            length += 1
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                break
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"):
                if length == 1 { return false }
            default:
                return false
            }
            if length > maximumLength { return false }
        }
        return length > 0
    }
}
