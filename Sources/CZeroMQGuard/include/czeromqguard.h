#pragma once
#include <stdbool.h>

// Keeps a peer from ending the process through libzmq. Programs that link this have `epoll_ctl` and `epoll_wait` of their own, which
// libzmq's network threads then use instead of the C library's; see guard.c.

// Whether libzmq found them when it was loaded: false where the program was linked in a way that hides them.
bool czeromq_guard_is_in_place(void);
