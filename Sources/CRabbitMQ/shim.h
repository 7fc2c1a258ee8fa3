#pragma once
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

// Swift cannot call functions of a variable number of arguments.
static inline amqp_rpc_reply_t amqp_login_plain(
    amqp_connection_state_t state, const char *virtual_host, int channels, int frame_bytes, int heartbeat_seconds,
    const char *connection_name, const char *user, const char *password) {
  // The broker says only to clients that ask to be told when it takes no more messages, and why a login is refused.
  amqp_table_entry_t capabilities[2] = {
      {amqp_cstring_bytes("connection.blocked"), {AMQP_FIELD_KIND_BOOLEAN, {1}}},
      {amqp_cstring_bytes("authentication_failure_close"), {AMQP_FIELD_KIND_BOOLEAN, {1}}}};
  amqp_table_entry_t entries[2];
  entries[0].key = amqp_cstring_bytes("capabilities");
  entries[0].value.kind = AMQP_FIELD_KIND_TABLE;
  entries[0].value.value.table.num_entries = 2;
  entries[0].value.value.table.entries = capabilities;
  entries[1].key = amqp_cstring_bytes("connection_name");
  entries[1].value.kind = AMQP_FIELD_KIND_UTF8;
  entries[1].value.value.bytes = amqp_cstring_bytes(connection_name);
  amqp_table_t properties = {2, entries};
  return amqp_login_with_properties(
      state, virtual_host, channels, frame_bytes, heartbeat_seconds, &properties, AMQP_SASL_METHOD_PLAIN, user,
      password);
}
