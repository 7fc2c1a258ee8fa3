internal import CRabbitMQ
import Glibc

extension String {
    init(_ bytes: amqp_bytes_t) { self.init(decoding: [UInt8](bytes), as: UTF8.self) }

    /// Lends the text to the library for the time of a call.
    func withBytes<Result>(_ body: (amqp_bytes_t) -> Result) -> Result { Array(utf8).withBytes(body) }
}

extension [UInt8] {
    /// Lends the bytes to the library for the time of a call; it does not change them.
    func withBytes<Result>(_ body: (amqp_bytes_t) -> Result) -> Result {
        withUnsafeBytes { body(amqp_bytes_t(len: $0.count, bytes: UnsafeMutableRawPointer(mutating: $0.baseAddress))) }
    }
}

extension AMQPProperties {
    init(_ raw: amqp_basic_properties_t) {
        func has(_ flag: Int32) -> Bool { raw._flags & amqp_flags_t(flag) != 0 }
        self.init(
            type: has(AMQP_BASIC_TYPE_FLAG) ? String(raw.type) : "",
            replyTo: has(AMQP_BASIC_REPLY_TO_FLAG) ? String(raw.reply_to) : "",
            correlationID: has(AMQP_BASIC_CORRELATION_ID_FLAG) ? [UInt8](raw.correlation_id) : [],
            isPersistent: has(AMQP_BASIC_DELIVERY_MODE_FLAG) && raw.delivery_mode == 2)
    }

    /// Lends them to the library for the time of a call.
    func withRaw<Result>(_ body: (amqp_basic_properties_t) -> Result) -> Result {
        var raw = amqp_basic_properties_t()
        raw._flags = amqp_flags_t(
            AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TYPE_FLAG
                | (replyTo.isEmpty ? 0 : AMQP_BASIC_REPLY_TO_FLAG)
                | (correlationID.isEmpty ? 0 : AMQP_BASIC_CORRELATION_ID_FLAG))
        raw.delivery_mode = isPersistent ? 2 : 1
        return type.withBytes { type in
            replyTo.withBytes { replyTo in
                correlationID.withBytes { correlationID in
                    raw.type = type
                    raw.reply_to = replyTo
                    raw.correlation_id = correlationID
                    return body(raw)
                }
            }
        }
    }
}

/// Arguments in the library's form. It owns their texts.
final class ArgumentTable {
    private var entries: [amqp_table_entry_t] = []
    private var texts: [UnsafeMutablePointer<CChar>] = []

    init(_ arguments: [AMQPArgument]) {
        for argument in arguments {
            var entry = amqp_table_entry_t()
            switch argument {
            case .text(let name, let text):
                entry.key = keep(name)
                entry.value.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
                entry.value.value.bytes = keep(text)
            case .number(let name, let number):
                entry.key = keep(name)
                entry.value.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
                entry.value.value.i64 = number
            case .flag(let name, let flag):
                entry.key = keep(name)
                entry.value.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
                entry.value.value.boolean = flag ? 1 : 0
            }
            entries.append(entry)
        }
    }

    deinit { for text in texts { free(text) } }

    private func keep(_ text: String) -> amqp_bytes_t {
        guard let copy = strdup(text) else { return amqp_empty_bytes }
        texts.append(copy)
        return amqp_bytes_t(len: strlen(copy), bytes: copy)
    }

    func withTable<Result>(_ body: (amqp_table_t) -> Result) -> Result {
        entries.withUnsafeMutableBufferPointer {
            body(amqp_table_t(num_entries: Int32($0.count), entries: $0.baseAddress))
        }
    }
}
