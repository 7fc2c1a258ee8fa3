#pragma once
#include <stdbool.h>

// Keeps a peer from ending the process through libzmq, and libzmq from spinning or ending it when file descriptors are used up. Programs that
// link this have `epoll_ctl`, `epoll_wait`, `accept` and `accept4` of their own, which libzmq's network threads then use instead of
// the C library's; see guard.c.

// Whether libzmq found them when it was loaded: false where the program was linked in a way that hides them.
bool czeromq_guard_is_in_place(void);

// How often a connection could not be accepted because no file descriptor was free.
unsigned long long czeromq_guard_failed_accepts(void);
