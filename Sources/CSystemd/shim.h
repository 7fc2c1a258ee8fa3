#pragma once
// Only what writes to the journal. sd-daemon.h would bring <sys/socket.h> with it, whose names Swift would then find in
// this module instead of Glibc.
#include <systemd/sd-journal.h>
#include <sys/timex.h>
